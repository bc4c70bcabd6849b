"""Pages of real users: vitals, pages, path rules, sessions, users; and without Elasticsearch."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.dashboard import links
from app.stores import open_stores
from config.settings import Secret, Settings
from tests.contract import rum_samples as real
from tests.integration.api_world import World, open_world
from tests.integration.browsing import Browser, signed_in
from tests.integration.visits import crashed, visit

ODD = "a/b <i>.json"


@pytest.fixture(scope="module")
def world(module_settings: Settings) -> Iterator[World]:
    """A shop with visits of two people, of which one crashed."""
    with open_world(module_settings) as world:
        first = [
            real.start(),
            real.view("/cart", 900.0, real.loaded("/api/cart", 2220.0, "x"), request="r1"),
            real.vital("LCP", 4100.0, "/cart", request="r1"),
            real.view("/product/7", 600.0, request="r2"),
        ]
        named = {"session": "~odd/1", "user": ODD}
        visit(world, first, seconds=400)
        visit(world, [real.start(**named), real.view("/product/8", 5000.0, **named)], seconds=0)
        crashed(world, "/cart", 450)
        yield world


@pytest.fixture
def browser(world: World) -> Browser:
    return signed_in(world.stores)


@pytest.fixture
def blind(world: World, module_settings: Settings) -> Browser:
    """Pages without Elasticsearch."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    return signed_in(open_stores(replace(module_settings, elasticsearch_url=Secret(url))))


class TestRum:
    def test_vitals_and_pages(self, browser: Browser) -> None:
        view = browser.view("/p/shop/rum")
        assert (view["views"], view["sessions"], view["users"]) == (3, 2, 2)
        [lcp] = [one for one in view["vitals"] if one["name"] == "lcp"]
        assert (lcp["shown"], lcp["word"], lcp["poor"]) == ("4.1 s", "poor", 1)
        pages = {page["page"]: page for page in view["pages"]}
        assert (pages["/cart"]["errors"], pages["/cart"]["lcp"]["tone"]) == (1, "bad")
        page = browser.page("/p/shop/rum")
        assert "/p/shop/rum/page?page=%2Fcart" in page
        assert "100 % poor" in page

    def test_a_query_a_span_and_none(self, browser: Browser) -> None:
        assert browser.view("/p/shop/rum?q=path:/cart&days=1")["views"] == 1
        assert "No view matches" in browser.page("/p/shop/rum?q=country:xx")
        assert "No page view in this span" in browser.page("/p/blog/rum")
        for bad in ("q=%22", "days=5", "from=nix", "page=7"):
            assert browser.get(f"/p/shop/rum?{bad}").status_code == 400, bad

    def test_one_page(self, browser: Browser) -> None:
        view = browser.view("/p/shop/rum/page?page=/cart")
        assert (view["views"], view["errors"]) == (1, 1)
        [resource] = view["resources"]
        assert (resource["kind"], resource["median"]) == ("request", "2.2 s")
        page = browser.page("/p/shop/rum/page?page=/cart")
        assert "the server" in page
        assert "No view of this page" in browser.page("/p/shop/rum/page?page=/nix")
        assert browser.get("/p/shop/rum/page").status_code == 400

    def test_without_elasticsearch_the_ledgers_count_is_left(self, blind: Browser) -> None:
        view = blind.view("/p/shop/rum")
        assert (view["known"], view["stored"]) == (False, 6)
        page = blind.page("/p/shop/rum")
        assert "only this is known" in page
        assert "Elasticsearch" in page
        assert blind.get("/p/shop/rum/page?page=/cart").status_code == 503


class TestPathRules:
    def test_a_draft_is_tried_then_applied_then_stale(self, browser: Browser) -> None:
        tried = browser.view("/p/shop/rum/rules?rules=/product/*")
        assert (tried["looked_at"], tried["pages"], tried["changed"]) == (3, 2, True)
        assert browser.view("/p/shop/rum/rules")["rules"] == []
        page = browser.page("/p/shop/rum/rules?rules=/product/*")
        assert "Apply these rules" in page
        path = "/p/shop/rum/rules"
        led = browser.send(path, rules="/product/*\r\n\r\n", version="0")
        assert "1 rule applies now" in browser.follow(led)
        pages = {page["page"] for page in browser.view("/p/shop/rum")["pages"]}
        assert pages == {"/cart", "/product/*"}
        stale = browser.send(path, rules="/x/*", version="0")
        assert stale.status_code == 409
        assert "Somebody changed the rules meanwhile" in stale.text
        assert browser.send(path, rules="", version="1").status_code == 303
        assert browser.view(path)["rules"] == []

    def test_a_draft_that_is_none_says_why(self, browser: Browser) -> None:
        page = browser.page("/p/shop/rum/rules?rules=nix")
        assert 'role="alert"' in page
        assert "Apply these rules" not in page
        assert browser.send("/p/shop/rum/rules", rules="nix", version="0").status_code == 400

    def test_without_elasticsearch_the_rules_are_shown(self, blind: Browser) -> None:
        view = blind.view("/p/shop/rum/rules")
        assert (view["looked_at"], view["effects"]) == (None, [])
        assert blind.page("/p/shop/rum/rules")


class TestSessions:
    def test_the_list_and_one_of_it(self, browser: Browser) -> None:
        view = browser.view("/p/shop/sessions")
        sessions = {one["id"]: one for one in view["sessions"]}
        assert (sessions["s1"]["views"], sessions["s1"]["crashes"]) == (2, 1)
        shown = browser.view(sessions["s1"]["href"])
        what = [step["what"] for step in shown["steps"]]
        assert what == ["session begins", "page", "crash", "page"]
        crash = shown["steps"][2]
        assert (crash["title"], crash["linked_by"]) == (
            *("TypeError: boom on /cart", "user and time"),
        )
        assert shown["steps"][1]["pause_seconds"] == 400.0
        page = browser.page(sessions["s1"]["href"])
        assert "nothing for 6 min 40 s" in page
        assert "TypeError: boom on /cart" in page

    def test_one_with_an_odd_id(self, browser: Browser) -> None:
        href = links.session("~odd/1")
        view = browser.view(href)
        assert (view["id"], view["user"]) == ("~odd/1", ODD)
        assert "&lt;i&gt;" in browser.page(href)

    @pytest.mark.parametrize("path", ["/s/nix", "/s/~zz", "/s/~00", "/p/shop/sessions?cursor=x"])
    def test_what_is_none(self, browser: Browser, path: str) -> None:
        assert browser.get(path).status_code in (400, 404)

    def test_without_elasticsearch(self, blind: Browser) -> None:
        assert blind.view("/p/shop/sessions")["known"] is False
        assert "Unknown: Elasticsearch" in blind.page("/p/shop/sessions")
        assert blind.get("/s/s1?project=shop").status_code == 503


class TestUsers:
    def test_what_they_met(self, browser: Browser) -> None:
        view = browser.view("/p/shop/users/ann")
        assert (view["crashes"], view["rum_events"]) == (1, 4)
        assert [group["title"] for group in view["groups"]] == ["TypeError: boom on /cart"]
        assert [one["href"] for one in view["sessions"]] == ["/s/s1?project=shop"]
        assert "Chrome" in browser.page("/p/shop/users/ann")

    def test_one_with_an_odd_name(self, browser: Browser) -> None:
        led = browser.get("/p/shop/users?user=a/b%20%3Ci%3E.json")
        assert led.status_code == 303
        view = browser.view(led.location)
        assert view["user"] == ODD
        assert "<i>" not in browser.page(led.location).replace("<i></i>", "")

    def test_an_export(self, browser: Browser) -> None:
        answer = browser.get("/p/shop/users/ann/export")
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert len([json.loads(line) for line in answer.data.splitlines()]) == 6

    def test_an_erasure_asks_for_the_name_once_more(self, world: World, browser: Browser) -> None:
        path = "/p/shop/users/ann/erase"
        refused = browser.send(path, again="Ann")
        assert refused.status_code == 400
        assert 'value="Ann"' in refused.text
        assert world.stores.erasing.erasures.list().items == []
        assert "is under way" in browser.follow(browser.send(path, again="ann"))
        [erasure] = world.stores.erasing.erasures.list().items
        assert (erasure.kind, erasure.actor) == ("user", "test")

    def test_one_that_is_none(self, browser: Browser) -> None:
        assert browser.get("/p/shop/users/nix").status_code == 404
        assert browser.get("/p/shop/users/~zz").status_code == 404


def test_a_token_of_one_project_sees_its_own_alone(world: World) -> None:
    token = world.stores.tokens.create("narrow", project_id=world.numbers["blog"])
    browser = signed_in(world.stores, token)
    for path in (
        *("/p/shop/rum", "/p/shop/rum/page?page=/cart", "/p/shop/rum/rules"),
        *("/p/shop/sessions", "/s/s1", "/s/s1?project=shop", "/p/shop/users/ann"),
        "/p/shop/users/ann/export",
    ):
        assert browser.get(path).status_code == 404, path
    assert browser.page("/p/blog/rum")
    assert browser.send("/p/shop/users/ann/erase", again="ann").status_code == 404
