"""Accounts by hand: joining, settings and setting up, without script too."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Looking
from tests.browser.site import Site
from tests.integration.api_world import crash
from tests.integration.people import PASSWORD


@pytest.mark.parametrize("script", [True, False])
def test_somebody_is_invited_joins_and_sees_the_project(
    looking: Looking, site: Site, script: bool
) -> None:
    email = f"bob-{script}@example.com".lower()
    with looking("/p/shop/settings/members", java_script_enabled=script) as look:
        page = look.page
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Name", exact=False).last.fill("Bob")
        page.get_by_role("button", name="Add").click()
        link = page.locator("#made").inner_text()
    path = link.removeprefix(site.url)
    assert path.startswith("/join/")
    with looking(path, signed_in=False, java_script_enabled=script) as look:
        page = look.page
        page.get_by_role("textbox", name="Password").fill(PASSWORD)
        page.get_by_role("button", name="Save and sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Projects")
        page.get_by_role("link", name="shop", exact=True).last.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Groups")
        expect(page.get_by_role("link", name="blog")).to_have_count(0)


def test_a_page_of_setting_up_sees_the_first_event_come(looking: Looking, site: Site) -> None:
    site.world.add_project("fresh")
    with looking("/setup/fresh", clock=True) as look:
        page = look.page
        expect(page.get_by_text("waiting for the first event")).to_be_visible()
        expect(page.get_by_label("Refresh")).to_have_value("5")
        page.locator("#sdk-3 summary").click()
        key = page.locator("#key").inner_text()
        expect(page.locator("#snippet-3")).to_contain_text(key)
        page.locator("h1").click()
        site.world.seed([crash("first", "FirstError")], "fresh")
        page.clock.run_for(6_000)
        expect(page.get_by_text("events arrive")).to_be_visible()
        expect(page.locator("#snippet-3")).to_be_visible()  # what was open stays open


def test_redaction_rules_are_tried_before_they_are_saved(looking: Looking, site: Site) -> None:
    with looking("/p/shop/settings/redaction", java_script_enabled=False) as look:
        page = look.page
        page.get_by_label("Further names").fill("basket")
        page.get_by_label("Id of an event").fill(site.event)
        page.get_by_role("button", name="Show what").click()
        preview = page.get_by_role("region", name="Preview")
        expect(preview.get_by_role("heading")).to_have_text(re.compile("places would be blanked"))
        expect(preview).to_contain_text("name:basket")
        expect(page.get_by_label("Further names")).to_have_value("basket")
        page.goto("/p/shop/settings/redaction")
        expect(page.get_by_label("Further names")).to_have_value("")


def test_a_key_is_made_named_and_revoked_by_keyboard(looking: Looking) -> None:
    with looking("/p/empty/settings") as look:
        page = look.page
        page.get_by_label("Name", exact=False).last.focus()
        page.keyboard.type("till")
        page.keyboard.press("Enter")
        shown = page.locator("#made").inner_text()
        row = page.get_by_role("row").filter(has_text=shown[:6])
        row.get_by_role("textbox").fill("second till")
        row.get_by_role("button", name="Save").press("Enter")
        row = page.get_by_role("row").filter(has_text=shown[:6])
        expect(row.get_by_role("textbox")).to_have_value("second till")
        row.locator("summary").press("Enter")
        row.get_by_role("button", name=re.compile("Revoke")).press("Enter")
        expect(page.get_by_role("row").filter(has_text=shown[:6])).to_contain_text("revoked")
