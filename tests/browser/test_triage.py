"""Triage, as people do it: by keys, with the mouse, without script; and text that is hostile."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from storage.sql.group_filter import GroupFilter
from tests.browser.conftest import Looking
from tests.browser.site import Site
from tests.integration.api_world import crash

LISTED = 3


@pytest.fixture
def project(site: Site, request: pytest.FixtureRequest) -> str:
    """A project of one's own, with groups of one, two and three occurrences."""
    name = re.sub(r"\W+", "-", request.node.name)
    site.world.add_project(name)
    for number in range(1, LISTED + 1):
        site.world.seed(
            [crash(f"boom {n}", f"E{number}Error", version=f"1.{n}") for n in range(number)], name
        )
    return name


def test_triage_by_keys(looking: Looking, site: Site, project: str) -> None:
    """Open, next occurrence, resolve, undo."""
    with looking(f"/p/{project}/groups?sort=count") as look:
        page = look.page
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("E3Error")
        first = page.get_by_role("link", name="Permanent link").get_attribute("href")
        page.keyboard.press("]")
        page.wait_for_url("**/o/*")
        second = page.get_by_role("link", name="Permanent link").get_attribute("href")
        assert second != first
        page.keyboard.press("[")
        page.wait_for_url(f"**{first}")
        page.keyboard.press("e")
        expect(page.locator(".notice[role=status]")).to_contain_text("Resolved #")
        expect(page.locator(".trail .chip")).to_have_text("resolved")
        page.wait_for_url(f"**{first}")
        page.keyboard.press("u")
        expect(page.locator(".notice[role=status]")).to_contain_text("Undone")
        expect(page.locator(".trail .chip")).to_have_text("new")
        page.keyboard.press("i")
        expect(page.locator(".trail .chip")).to_have_text("ignored")


def test_rows_are_selected_and_decided_on_by_keys(looking: Looking, project: str) -> None:
    with looking(f"/p/{project}/groups?sort=count") as look:
        page = look.page
        chips = page.locator("[data-row] .chip")
        page.keyboard.press("e")  # nothing is chosen yet
        expect(chips).to_have_text(["new"] * LISTED)
        page.keyboard.press("j")
        page.keyboard.press("x")
        page.keyboard.press("j")
        page.keyboard.press("x")
        page.keyboard.press("e")
        expect(page.locator(".notice[role=status]")).to_contain_text("Resolved 2 groups")
        expect(chips).to_have_text(["resolved", "resolved", "new"])
        page.keyboard.press("u")
        expect(chips).to_have_text(["new"] * LISTED)
        page.keyboard.press("j")
        page.keyboard.press("i")  # the row that has the focus
        expect(chips).to_have_text(["ignored", "new", "new"])


def test_enter_in_a_field_of_a_decision_decides_nothing(looking: Looking, project: str) -> None:
    with looking(f"/p/{project}/groups") as look:
        page = look.page
        page.get_by_label("Select all on this page").check()
        expect(page.locator("[data-row] input:checked")).to_have_count(LISTED)
        page.get_by_role("main").get_by_text("More", exact=True).click()
        page.get_by_label("Version").fill("2.0")
        page.keyboard.press("Enter")
        expect(page.locator("[data-row] .chip")).to_have_text(["new"] * LISTED)
        page.get_by_role("button", name="Resolve in it").click()
        expect(page.locator("[data-row] .standing")).to_have_text(
            [re.compile("resolved in 2.0")] * LISTED
        )


def test_all_that_match_are_confirmed_by_verb_number_and_query(
    looking: Looking, site: Site, project: str
) -> None:
    site.world.seed([crash("more", f"More{n}Error") for n in range(30)], project)
    with looking(f"/p/{project}/groups?status=new&limit=25", java_script_enabled=False) as look:
        page = look.page
        page.get_by_label("all 33 matching").check()
        page.get_by_role("button", name="Resolve", exact=True).click()
        said = "Resolve 33 groups matching is:new"
        expect(page.get_by_role("heading", level=1)).to_have_text(said)
        page.get_by_role("button", name=said).click()
        expect(page.locator(".notice[role=status]")).to_contain_text("Resolved 33 groups.")
        page.get_by_role("button", name="Undo").first.click()
        expect(page.get_by_role("main")).to_contain_text("undone")


def test_a_decision_in_many_parts_shows_how_far_it_is(
    looking: Looking, site: Site, project: str
) -> None:
    triage, number = site.world.stores.triage, site.world.numbers[project]
    site.world.seed([crash("part", f"Kind{n}Error") for n in range(250)], project)
    ids = site.world.stores.groups.ids(GroupFilter(datetime.now(UTC), number), 1000)
    action = triage.actions.freeze(number, "ignore", {}, ids, "ann", "")
    triage.actions.start(action.id, "ann")
    with looking(f"/p/{project}/decisions/{action.id}", clock=True) as look:
        page = look.page
        expect(page.get_by_role("main")).to_contain_text("running")
        page.get_by_label("Refresh").select_option("5")
        page.locator("h1").click()
        while triage.actions.step(action.id).state == "running":
            pass
        page.clock.run_for(6_000)
        expect(page.get_by_role("main")).to_contain_text("finished")


def test_the_filter_is_kept_from_occurrence_to_occurrence(
    looking: Looking, site: Site, project: str
) -> None:
    with looking(f"/p/{project}/groups?sort=count") as look:
        page = look.page
        page.locator("[data-row] a").first.click()
        box = page.get_by_label("Only occurrences that match")
        box.fill("!version:1.1")
        box.press("Enter")
        expect(page.get_by_text("The newest that the filter finds.")).to_be_visible()
        for key in ("]", "["):
            page.keyboard.press(key)
            page.wait_for_url("**/o/*q=*")
            expect(box).to_have_value("!version:1.1")
        page.get_by_role("link", name="All occurrences").click()
        expect(page.locator("[data-row]")).to_have_count(2)


def test_the_stack_is_copied_as_text(looking: Looking, site: Site) -> None:
    with looking(f"/o/{site.event}", permissions=["clipboard-read", "clipboard-write"]) as look:
        look.page.keyboard.press("c")
        expect(look.page.get_by_role("status").last).to_have_text("Copied")
        text = look.page.evaluate("navigator.clipboard.readText()")
        assert "    at total (/app/cart.js:7)" in text


def test_a_crash_is_read_without_script(looking: Looking, site: Site) -> None:
    path = f"/p/shop/g/{site.group}/o/{site.event}"
    with looking(path, java_script_enabled=False) as look:
        page = look.page
        page.get_by_role("link", name="warning and above").click()
        expect(page.get_by_text("None of them is of this level")).to_be_visible()
        page.get_by_role("link", name="All frames").click()
        expect(page.get_by_role("link", name="Application's frames only")).to_be_visible()
        page.get_by_text("Stack as text").click()
        expect(page.locator("#stack-text")).to_be_visible()
        page.get_by_role("link", name="Older").click()
        expect(page.get_by_role("link", name="Application's frames only")).to_be_visible()
        expect(page.get_by_text("None of them is of this level")).to_be_visible()


def test_fingerprints_are_merged_and_split_off(looking: Looking, project: str) -> None:
    with looking(f"/p/{project}/groups?sort=count") as look:
        page = look.page
        for row in (0, 1):
            page.locator("[data-row] input").nth(row).check()
        page.get_by_role("button", name="Merge").click()
        expect(page.locator("[data-row]")).to_have_count(2)
        page.get_by_role("link", name=re.compile("Error")).first.click()
        expect(page.get_by_text("2 fingerprints")).to_be_visible()
        page.get_by_label(re.compile("E2Error")).check()
        page.get_by_role("button", name="Split off").click()
        expect(page.locator(".notice[role=status]")).to_contain_text("Split off 1 fingerprint")
        page.get_by_role("button", name="Undo").click()
        page.goto(f"/p/{project}/groups?sort=count")
        expect(page.locator("[data-row]")).to_have_count(2)


HOSTILE_PAGES = (
    "/p/shop/groups",
    "/p/shop/g/{hostile_group}",
    "/p/shop/g/{hostile_group}?show=all&frames=all",
    "/p/shop/g/{hostile_group}/occurrences",
    "/p/shop/g/{merged}",
    "/p/shop/g/{merged}/activity",
    "/p/shop/discarded",
    "/o/{hostile}",
)


@pytest.mark.parametrize("path", HOSTILE_PAGES)
def test_hostile_text_runs_nothing_and_turns_nothing(
    looking: Looking, site: Site, path: str
) -> None:
    values = {"hostile": site.hostile, "hostile_group": site.hostile_group, "merged": site.merged}
    with looking(path.format(**values)) as look:
        raised: list[str] = []
        look.page.on("dialog", lambda dialog: raised.append(dialog.message))
        main = look.page.get_by_role("main")
        assert "<script>alert(1)</script>" in main.inner_text()
        assert main.locator("script, img, iframe, object, a[href^=javascript]").count() == 0
        assert "\u202e" not in look.page.content()
        assert look.probe("overflow") <= 0
        assert raised == []
        assert look.complaints == []


def test_300_equal_frames_are_one_line(looking: Looking, site: Site) -> None:
    with looking(f"/o/{site.hostile}") as look:
        expect(look.page.get_by_text("300 times in a row")).to_have_count(1)


def test_a_megabyte_of_data_is_told_and_kept_off_the_page(looking: Looking, site: Site) -> None:
    with looking(f"/o/{site.heavy}") as look:
        expect(look.page.get_by_text("200 keys")).to_be_visible()
        expect(look.page.get_by_text("more are in the raw bytes")).to_have_count(1)
        assert len(look.page.content()) < 90_000


@pytest.fixture
def evidence(site: Site, reader: httpx.Client, tmp_path: Path) -> Path:
    answer = reader.get(f"/o/{site.hostile}/evidence")
    assert answer.status_code == 200
    path = tmp_path / "evidence.html"
    path.write_bytes(answer.content)
    return path


def test_the_evidence_file_opens_offline_and_is_inert(looking: Looking, evidence: Path) -> None:
    with looking("/") as look:
        page = look.page
        page.goto("about:blank")
        page.context.set_offline(True)
        asked = len(look.requests)
        page.goto(evidence.as_uri())
        assert "<script>alert(1)</script>" in page.inner_text("body")
        assert page.locator("script, img, iframe, link, form").count() == 0
        assert [one.url for one in look.requests[asked:]] == [evidence.as_uri()]
        assert "b>@example.com" not in page.content()
