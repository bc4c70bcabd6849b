"""Operators at work: a dead letter is replayed by keyboard alone, and without a script."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from storage.sql.letter_filter import LetterFilter
from tests.browser.conftest import Looking
from tests.browser.site import Site
from tests.integration.api_world import crash


def fresh_letter(site: Site, name: str) -> tuple[str, str]:
    """The path of a dead letter of a project of its own, and its event's id."""
    world = site.world
    world.add_project(name)
    [sent] = world.envelopes([crash()], name)
    world.accept([sent])
    world.kill(sent)
    [letter] = world.stores.dead_letters.list(LetterFilter(name)).items
    return f"/ops/dead/{letter.cluster}?project={name}", str(sent.id)


def replayed(page: Page, site: Site, name: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text("Replay of 1 dead letter")
    [letter] = site.world.stores.dead_letters.list(LetterFilter(name, status=None)).items
    assert letter.status == "replaying"


def test_a_dead_letter_is_replayed_by_keyboard(looking: Looking, site: Site) -> None:
    path, _ = fresh_letter(site, "keyboard")
    with looking(path) as look:
        page = look.page
        page.keyboard.press("j")
        page.keyboard.press("x")
        expect(page.locator("[data-row] input:checked")).to_have_count(1)
        page.keyboard.press("p")
        expect(page.get_by_role("heading", level=1)).to_have_text("Replay 1 dead letter")
        expect(page.get_by_role("button", name="Replay 1 dead letter")).to_be_focused()
        page.keyboard.press("Enter")
        replayed(page, site, "keyboard")


def test_a_dead_letter_is_replayed_without_script(looking: Looking, site: Site) -> None:
    path, event = fresh_letter(site, "scriptless")
    with looking(path, java_script_enabled=False) as look:
        page = look.page
        page.get_by_label(f"Select the letter of {event}").check()
        page.get_by_role("button", name="Replay selected").click()
        page.get_by_label(re.compile("^Why")).fill("the fix is out")
        page.get_by_role("button", name="Replay 1 dead letter").click()
        replayed(page, site, "scriptless")
        expect(page.get_by_role("main")).to_contain_text("the fix is out")


def test_a_letter_is_tried_edited_and_tried_again(looking: Looking, site: Site) -> None:
    world = site.world
    world.add_project("mending")
    [sent] = world.envelopes([b'{"details": '], "mending")
    world.accept([sent])
    world.kill(sent)
    [letter] = world.stores.dead_letters.list(LetterFilter("mending")).items
    with looking(f"/ops/dead/{letter.cluster}/{letter.id}") as look:
        page = look.page
        page.keyboard.press("t")
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_have_text("Dry run: it would die again", timeout=30_000)
        page.get_by_role("link", name="Back to the letter").click()
        page.get_by_role("link", name="Edit the payload").click()
        page.get_by_role("textbox", name="Payload").fill(crash().decode())
        page.get_by_role("button", name="Keep this payload").click()
        expect(page.get_by_role("heading", name="What edits changed")).to_be_visible()
        page.get_by_role("button", name="Dry run").click()
        expect(heading).to_have_text("Dry run: it would be stored", timeout=30_000)


def test_a_queue_is_paused_and_that_is_undone_by_a_key(looking: Looking, site: Site) -> None:
    with looking("/ops/queues/crash.search") as look:
        page = look.page
        page.get_by_label("Reason").fill("vacuum")
        page.get_by_role("button", name="Pause crash.search").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("paused")
        page.get_by_role("heading", level=1).click()
        page.keyboard.press("u")
        expect(page.get_by_role("button", name="Pause crash.search")).to_be_visible()
        assert not site.world.json("/api/v1/queues/crash.search")["paused"]


def test_path_rules_are_tried_before_they_apply(looking: Looking, site: Site) -> None:
    with looking("/p/shop/rum/rules", java_script_enabled=False) as look:
        page = look.page
        page.get_by_label("Rules, one a line").fill("/product/*")
        page.get_by_role("button", name="Try them").click()
        expect(page.get_by_role("main")).to_contain_text("What the draft would do")
        assert site.world.json("/api/v1/projects/shop/path-rules")["rules"] == []
        page.get_by_role("button", name="Apply these rules").click()
        expect(page.get_by_role("main")).to_contain_text("1 rule applies now")
        page.get_by_role("link", name="Pages", exact=True).click()
        expect(page.get_by_role("link", name="/product/*")).to_be_visible()
