"""Every page, as people with different screens, eyes, hands and browsers meet it."""

from __future__ import annotations

import gzip
import re
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.browser.conftest import Looking
from tests.browser.rows import ROWS, Row
from tests.browser.site import Site

WIDE, NARROW = 1400, 320
HTML_PACKED_BYTES = 20_000
CSS_PACKED_BYTES = 10_000
SCRIPT_PACKED_BYTES = 8_000
COLD_REQUESTS = 4
LAYOUT_SHIFT = 0.02
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

every_page = pytest.mark.parametrize("row", ROWS, ids=str)


def own_complaints(row: Row, complaints: list[str]) -> list[str]:
    """Complaints but for the one that Chromium makes of a page whose status is an error."""
    told = f"the server responded with a status of {row.status}"
    return [one for one in complaints if row.status == 200 or told not in one]


@every_page
@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_is_sound(
    looking: Looking, site: Site, axe: str, row: Row, width: int, scheme: str
) -> None:
    """No fault that axe knows, no sideways scrolling, nothing from elsewhere, nothing unasked."""
    with looking(row.path(site), width=width, color_scheme=scheme, signed_in=row.signed_in) as look:
        assert look.response.status == row.status
        policy = look.response.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert look.probe("overflow") <= 0
        look.page.evaluate(axe)
        assert look.probe("faults", TAGS) == []
        assert own_complaints(row, look.complaints) == []
        elsewhere = [one.url for one in look.requests if not one.url.startswith(site.url)]
        assert elsewhere == []
        assert len(look.requests) <= COLD_REQUESTS
        assert look.layout_shift <= LAYOUT_SHIFT


@every_page
def test_tab_reaches_every_control_and_is_seen_there(
    looking: Looking, site: Site, row: Row
) -> None:
    with looking(row.path(site), signed_in=row.signed_in) as look:
        controls: list[str] = look.probe("controls")
        assert len(controls) > 3
        reached: dict[str, dict[str, Any]] = {}
        for _ in range(len(controls) + 2):
            look.page.keyboard.press("Tab")
            focus = look.probe("focus")
            if focus["probe"] is not None:
                reached[focus["probe"]] = focus
        missed = [html for number, html in enumerate(controls) if str(number) not in reached]
        assert missed == []
        unseen = [f for f in reached.values() if not (f["outlined"] and f["uncovered"])]
        assert unseen == []


@every_page
def test_a_page_says_the_same_without_script(looking: Looking, site: Site, row: Row) -> None:
    said = []
    for enabled in (True, False):
        with looking(row.path(site), java_script_enabled=enabled, signed_in=row.signed_in) as look:
            assert look.page.get_by_role("heading", level=1).first.is_visible()
            said.append(look.probe("says"))
            assert enabled or look.probe("needScript") == []
    assert said[0] == said[1]


@every_page
def test_a_page_keeps_its_shape_in_forced_colours(looking: Looking, site: Site, row: Row) -> None:
    with looking(row.path(site), forced_colors="active", signed_in=row.signed_in) as look:
        assert look.probe("unbordered") == []


@every_page
def test_nothing_moves_for_who_wants_no_motion(looking: Looking, site: Site, row: Row) -> None:
    with looking(row.path(site), reduced_motion="reduce", signed_in=row.signed_in) as look:
        assert look.probe("moving") == []


@every_page
def test_text_may_be_twice_as_large(looking: Looking, site: Site, row: Row) -> None:
    with looking(row.path(site), signed_in=row.signed_in) as look:
        look.page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert look.probe("overflow") <= 0
        assert look.probe("clipped") == []


@every_page
def test_a_page_is_light(reader: httpx.Client, site: Site, row: Row) -> None:
    whole = ask(reader, site, row, "identity")
    assert whole.status_code == row.status
    assert int(whole.headers["Content-Length"]) <= row.bytes
    packed = ask(reader, site, row, "gzip")
    if row.status == 200:  # an error is not compressed
        assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) <= HTML_PACKED_BYTES


@every_page
def test_a_page_asks_the_stores_little(reader: httpx.Client, site: Site, row: Row) -> None:
    timing = ask(reader, site, row).headers["Server-Timing"]
    asked = {store: int(count) for store, count in re.findall(r'(\w+);desc="(\d+)"', timing)}
    assert asked or not row.signed_in, "whoever is signed in has a list of projects"
    over = {store: count for store, count in asked.items() if count > row.asks.get(store, 0)}
    assert over == {}


def ask(reader: httpx.Client, site: Site, row: Row, coding: str = "identity") -> httpx.Response:
    headers = {"Accept-Encoding": coding, **({} if row.signed_in else {"Cookie": ""})}
    return reader.get(row.path(site), headers=headers)


def test_the_stylesheet_and_the_script_are_small(reader: httpx.Client) -> None:
    paths = re.findall(r'(?:href|src)="(/assets/[^"]+)"', reader.get("/login").text)
    assert {urlsplit(path).path.rpartition(".")[2] for path in paths} == {"css", "js", "svg"}
    for path in paths:
        packed = gzip.compress(reader.get(path).content)
        bound = CSS_PACKED_BYTES if path.endswith(".css") else SCRIPT_PACKED_BYTES
        assert len(packed) <= bound, path
