"""What surrounds every page: keys, menus, switches, copying and refreshing."""

from __future__ import annotations

import re

import httpx
from playwright.sync_api import expect

from tests.browser.conftest import Looking
from tests.browser.site import Site
from tests.integration.api_world import crash


def test_keys_go_through_a_list_and_open_it(looking: Looking, site: Site) -> None:
    with looking("/p/shop/groups") as look:
        page = look.page
        rows = page.locator("[data-row]")
        page.keyboard.press("j")
        expect(rows.nth(0).get_by_role("link").first).to_be_focused()
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        expect(rows.nth(1).get_by_role("link").first).to_be_focused()
        title = rows.nth(1).get_by_role("link").first.inner_text()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        page.keyboard.press("g")
        page.keyboard.press("g")
        expect(page.get_by_role("heading", level=1)).to_have_text("Groups")


def test_the_search_box_and_the_help_have_keys_and_buttons(looking: Looking) -> None:
    with looking("/p/shop/groups") as look:
        page = look.page
        page.keyboard.press("/")
        expect(page.get_by_label("Search groups")).to_be_focused()
        page.keyboard.type("?j/")  # typing is not pressing keys
        expect(page.get_by_label("Search groups")).to_have_value("?j/")
        page.keyboard.press("Tab")
        for open_help in (
            lambda: page.keyboard.press("?"),
            lambda: page.get_by_role("button", name="Keys").click(),
        ):
            open_help()
            expect(page.get_by_role("dialog")).to_be_visible()
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_be_hidden()


def test_single_keys_can_be_turned_off(looking: Looking) -> None:
    with looking("/p/shop/groups") as look:
        page = look.page
        page.get_by_role("banner").get_by_text("View", exact=True).click()
        page.get_by_role("group", name="Single keys").get_by_role("button", name="Off").click()
        page.keyboard.press("?")
        page.keyboard.press("j")
        expect(page.get_by_role("dialog")).to_be_hidden()
        assert page.evaluate("document.activeElement === document.body")


def test_the_theme_is_there_with_the_first_byte(looking: Looking, reader: httpx.Client) -> None:
    with looking("/", color_scheme="light") as look:
        page = look.page
        page.get_by_role("banner").get_by_text("View", exact=True).click()
        page.get_by_role("button", name="Dark").click()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == "rgb(20, 24, 29)"
        cookie = {one["name"]: one for one in page.context.cookies()}["sluice_view"]
        first = reader.get("/login", headers={"Cookie": f"sluice_view={cookie['value']}"}).text
        assert 'data-theme="dark"' in first.split("<head>")[0]


def test_times_switch_between_utc_and_the_browsers_zone(looking: Looking) -> None:
    with looking("/", timezone_id="Asia/Tokyo") as look:
        page = look.page
        clock = page.locator(".as-of")
        expect(clock).to_contain_text("UTC")
        page.get_by_role("button", name="Local").click()
        expect(clock).to_contain_text("JST")
        page.get_by_role("button", name="UTC").click()
        expect(clock).to_contain_text("UTC")


def test_the_project_menu_closes_by_itself(looking: Looking) -> None:
    with looking("/p/shop/groups") as look:
        page = look.page
        menu = page.locator("details.menu").first
        menu.locator("summary").click()
        expect(menu.get_by_role("link", name="blog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(menu.get_by_role("link", name="blog")).to_be_hidden()
        menu.locator("summary").click()
        page.get_by_role("heading", level=1).click()
        expect(menu.get_by_role("link", name="blog")).to_be_hidden()
        menu.locator("summary").click()
        menu.get_by_role("link", name="blog").click()
        page.wait_for_url("**/p/blog/groups")


def test_copying_works_without_the_clipboard_of_secure_pages(looking: Looking, site: Site) -> None:
    for permissions in ([], ["clipboard-read", "clipboard-write"]):
        with looking(f"/o/{site.event}", permissions=permissions) as look:
            page = look.page
            if not permissions:
                page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
            page.evaluate(
                "document.addEventListener('copy', () => { window.copied = String(getSelection())"
                " || document.activeElement.value; })"
            )
            page.get_by_role("button", name="Copy id").click()
            expect(page.get_by_role("status").last).to_have_text("Copied")
            text = "navigator.clipboard.readText()" if permissions else "window.copied"
            assert page.evaluate(text) == site.event


def test_the_link_that_is_copied_leads_back(looking: Looking) -> None:
    path = "/p/shop/groups?sort=users"
    with looking(path, permissions=["clipboard-read", "clipboard-write"]) as look:
        look.page.keyboard.press("y")
        expect(look.page.get_by_role("status").last).to_have_text("Copied")
        assert look.page.evaluate("navigator.clipboard.readText()") == look.page.url


def test_a_page_refreshes_unless_somebody_is_at_it(looking: Looking, site: Site) -> None:
    site.world.add_project("live")
    with looking("/p/live/groups", clock=True) as look:
        page = look.page
        page.get_by_label("Refresh").select_option("5")
        page.locator("h1").click()
        site.world.seed([crash("first", "FirstError")], "live")
        page.clock.run_for(6_000)
        expect(page.get_by_role("link", name=re.compile("FirstError"))).to_be_visible()
        page.keyboard.press("j")  # the focus is inside: nothing is taken from under it
        asked = len(look.requests)
        site.world.seed([crash("second", "SecondError")], "live")
        page.clock.run_for(30_000)
        assert len(look.requests) == asked
        page.evaluate("document.activeElement.blur()")
        page.clock.run_for(6_000)
        expect(page.get_by_role("link", name=re.compile("SecondError"))).to_be_visible()
        page.keyboard.press("r")
        expect(page.get_by_label("Refresh")).to_have_value("0")


def test_preferences_work_without_script(looking: Looking) -> None:
    with looking("/preferences", java_script_enabled=False) as look:
        page = look.page
        page.get_by_label("Time zone").select_option("Europe/Berlin")
        page.get_by_role("button", name="Save").click()
        expect(page.locator(".as-of")).to_contain_text(re.compile("CES?T"))
        page.get_by_role("banner").get_by_text("View", exact=True).click()
        page.get_by_role("button", name="Dense").click()
        expect(page.locator("html")).to_have_attribute("data-density", "dense")
