"""The checks themselves: each finds the fault that it is for, on a page that has them all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.looking import Look
from tests.browser.test_pages import TAGS

FAULTY = """<!doctype html><html><head><style>
  :focus { outline: none; }
  .wide { width: 2000px; } .moving { transition: width 1s; }
  .cut { width: 50px; overflow: hidden; white-space: nowrap; }
  .bare { border: 0; } .over { position: fixed; inset: 0; }
</style></head><body><main>
  <input><div class="wide moving">wide</div><div class="cut">much longer than its box is</div>
  <button class="bare">bare</button><p class="needs-script">needs it</p>
  <a href="/x" tabindex="-1">not reached</a><span style="color: #bbb">faint</span>
</main><div class="over"></div></body></html>"""


@pytest.fixture
def faulty(chromium: Browser) -> Iterator[Look]:
    with chromium.new_context(viewport={"width": 320, "height": 600}) as context:
        page = context.new_page()
        response = page.goto("data:text/html,")
        page.set_content(FAULTY)
        yield Look(page, response)  # type: ignore[arg-type]


def test_faults_are_found(faulty: Look, axe: str) -> None:
    faulty.page.evaluate(axe)
    found = {rule for rule, _ in faulty.probe("faults", TAGS)}
    assert {"label", "color-contrast", "html-has-lang", "document-title"} <= found
    assert faulty.probe("overflow") > 1000
    assert ["bare" in html for html in faulty.probe("unbordered")] == [True]
    assert ["moving" in html for html in faulty.probe("moving")] == [True]
    assert ["cut" in html for html in faulty.probe("clipped")] == [True]
    assert ["needs it" in html for html in faulty.probe("needScript")] == [True]


def test_a_focus_that_cannot_be_seen_is_found(faulty: Look) -> None:
    controls = faulty.probe("controls")
    assert len(controls) == 3
    seen = []
    for _ in range(4):
        faulty.page.keyboard.press("Tab")
        seen.append(faulty.probe("focus"))
    assert {one["probe"] for one in seen} == {"0", "1", None}  # the link is not reached
    assert not any(one["outlined"] for one in seen if one["probe"])
    assert not any(one["uncovered"] for one in seen if one["probe"])


def test_what_only_the_script_says_is_told_apart(faulty: Look) -> None:
    before = faulty.probe("says")
    faulty.page.evaluate("document.querySelector('main').append('more')")
    assert faulty.probe("says") != before
