"""Real users over HTTP: pages and vitals, path rules, sessions, users and what is theirs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.api import rum_answers, session_answers
from app.api.routes import PREFIX
from config.settings import Settings
from tests.contract import rum_samples as real
from tests.integration.api_world import TOKEN, World, open_world
from tests.integration.visits import START, crashed, visit

HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def world(module_settings: Settings) -> Iterator[World]:
    """A shop with two visits, of which one crashed, and a visit of the same id elsewhere."""
    with open_world(module_settings) as world:
        first = [
            real.start(),
            real.view("/cart", 900.0, real.loaded("/api/cart", 220.0, "x"), request="r1"),
            real.vital("LCP", 2100.0, "/cart", request="r1"),
            real.view("/product/7", 600.0, request="r2"),
        ]
        visit(world, first)
        visit(world, [real.view("/product/8", 5000.0, session="s2", user="bob")])
        visit(world, [real.start()], project="blog")
        crashed(world, "/cart", 15)
        yield world


def send(world: World, method: str, path: str, body: object = None) -> TestResponse:
    data = b"" if body is None else json.dumps(body).encode()
    return world.client.open(f"{PREFIX}{path}", method=method, data=data, headers=HEADERS)


def rum(world: World, query: str = "") -> dict[str, Any]:
    found: dict[str, Any] = world.json(f"{PREFIX}/projects/shop/rum{query}")
    assert rum_answers.Overview().validate(found) == {}
    return found


class TestPages:
    def test_the_overview(self, world: World) -> None:
        found = rum(world)
        assert (found["views"], found["sessions"], found["users"]) == (3, 2, 2)
        pages = {row["page"]: row for row in found["pages"]}
        assert set(pages) == {"/cart", "/product/7", "/product/8"}
        assert (pages["/cart"]["errors"], pages["/product/7"]["errors"]) == (1, 0)
        lcp = next(vital for vital in found["vitals"] if vital["name"] == "lcp")
        assert (lcp["p75"], lcp["rating"], lcp["samples"]) == (2100.0, "good", 1)

    def test_a_query_and_a_span_narrow_it(self, world: World) -> None:
        assert rum(world, "?q=user:bob")["views"] == 1
        later = (START + timedelta(minutes=30)).isoformat().replace("+", "%2B")
        assert rum(world, f"?from={later}")["views"] == 0
        for bad in ("?q=%22", "?from=nix", "?from=2020-01-01T00:00:00Z"):
            assert world.get(f"{PREFIX}/projects/shop/rum{bad}").status_code == 400, bad

    def test_one_page(self, world: World) -> None:
        found = world.json(f"{PREFIX}/projects/shop/rum/page?page=/cart")
        assert rum_answers.PageDetail().validate(found) == {}
        assert (found["views"], found["errors"]["errors"]) == (1, 1)
        assert {row["name"] for row in found["resources"]} == {"https://shop.example.test/api/cart"}

    def test_another_projects_are_not_told(self, world: World) -> None:
        assert world.json(f"{PREFIX}/projects/blog/rum")["views"] == 0
        assert world.get(f"{PREFIX}/projects/nix/rum").status_code == 404


class TestPathRules:
    PATH = "/projects/shop/path-rules"

    def test_a_preview_changes_nothing_and_a_change_applies_to_what_is_stored(
        self, world: World
    ) -> None:
        drafted = send(world, "POST", f"{self.PATH}/preview", {"rules": ["/product/*"]}).get_json()
        assert (drafted["rows_before"], drafted["rows_after"]) == (3, 2)
        [effect] = drafted["effects"]
        assert (effect["rule"], effect["paths"], effect["views"]) == ("/product/*", 2, 2)
        assert "/product/7" in {row["page"] for row in rum(world)["pages"]}

        changed = send(world, "PUT", self.PATH, {"rules": ["/product/*"], "version": 0})
        assert (changed.status_code, changed.get_json()["version"]) == (200, 1)
        rows = {row["page"]: row for row in rum(world)["pages"]}
        assert set(rows) == {"/cart", "/product/*"}
        assert (rows["/product/*"]["rule"], rows["/product/*"]["views"]) == (True, 2)
        page = world.json(f"{PREFIX}/projects/shop/rum/page?page=/product/*")
        assert (page["views"], page["rule"]) == (2, True)

        stale = send(world, "PUT", self.PATH, {"rules": [], "version": 0})
        assert (stale.status_code, stale.get_json()["error"]["code"]) == (409, "rules_changed")
        assert send(world, "PUT", self.PATH, {"rules": [], "version": 1}).status_code == 200
        assert world.json(f"{PREFIX}{self.PATH}")["rules"] == []

    @pytest.mark.parametrize("rules", [["nix"], ["/a/*"] * 2, ["/" + "a" * 600], 7, [7]])
    def test_rules_that_are_none(self, world: World, rules: object) -> None:
        assert send(world, "PUT", self.PATH, {"rules": rules}).status_code == 400


class TestSessions:
    def test_a_list(self, world: World) -> None:
        found = world.json(f"{PREFIX}/projects/shop/sessions")
        [row] = found["items"]  # the other visit has no beginning
        assert session_answers.SessionRow().validate(row) == {}
        assert (row["session_id"], row["user"], row["views"]) == ("s1", "ann", 2)
        assert (row["entry"], row["crashes"], row["requests"]) == ("/cart", 1, 0)

    def test_one_with_its_crash_in_its_place(self, world: World) -> None:
        found = world.json(f"{PREFIX}/sessions/s1?project=shop")
        assert session_answers.Session().validate(found) == {}
        kinds = [
            "crash" if entry["crash"] else entry["step"]["kind"] for entry in found["timeline"]
        ]
        assert kinds == ["session_start", "page", "crash", "page"]
        [crash] = [entry["crash"] for entry in found["timeline"] if entry["crash"]]
        assert crash["linked_by"] == "user and time"
        [view] = [e for e in found["timeline"] if e["step"] and e["step"]["path"] == "/cart"]
        assert view["vitals"] == {"lcp": 2100.0}

    def test_an_id_of_two_projects_must_be_told_with_one(self, world: World) -> None:
        answer = world.get(f"{PREFIX}/sessions/s1")
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (
            *(409, "session_ambiguous"),
        )
        assert world.json(f"{PREFIX}/sessions/s2")["project"] == "shop"

    @pytest.mark.parametrize("session", ["nix", "%00", "x" * 300])
    def test_one_that_is_none(self, world: World, session: str) -> None:
        assert world.get(f"{PREFIX}/sessions/{session}").status_code == 404

    def test_a_cursor_that_is_none(self, world: World) -> None:
        assert world.get(f"{PREFIX}/projects/shop/sessions?cursor=nix").status_code == 400


class TestUsers:
    def test_what_they_met(self, world: World) -> None:
        found = world.json(f"{PREFIX}/projects/shop/user?user=ann")
        assert session_answers.AppUser().validate(found) == {}
        assert (found["crashes"], found["rum_events"]) == (1, 4)
        assert [group["title"] for group in found["groups"]] == ["TypeError: boom on /cart"]
        assert [session["session_id"] for session in found["sessions"]] == ["s1"]
        assert found["devices"]["browser"][0]["value"] == "Chrome"

    def test_everything_to_take_along(self, world: World) -> None:
        answer = world.get(f"{PREFIX}/projects/shop/user/export?user=ann")
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.content_type == "application/x-ndjson"
        first, *events = [json.loads(line) for line in answer.data.splitlines()]
        assert first["user"] == "ann"
        assert sorted(event["type"] for event in events) == ["crash", *["rum"] * 4]
        assert all(event["problem"] is None for event in events)
        bodies = [json.loads(event["payload"]["data"]) for event in events]
        assert sum("sessionId" in body for body in bodies) == 4

    @pytest.mark.parametrize("path", ["user", "user/export"])
    def test_one_that_is_none(self, world: World, path: str) -> None:
        assert world.get(f"{PREFIX}/projects/shop/{path}?user=nix").status_code == 404
        assert world.get(f"{PREFIX}/projects/shop/{path}").status_code == 400
