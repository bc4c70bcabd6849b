"""Groups through the API: searched, decided on, undone; and what there is to one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from werkzeug.test import TestResponse

from app.factory import create_app
from app.stores import open_stores
from config.settings import Secret, Settings
from events.ids import now_ms
from storage.sql.triage_actions import PART
from storage.sql.triage_upkeep import TriageUpkeep
from tasks.triage import TriageDesk, keep_triage
from tests.integration.api_world import TOKEN, World, crash, wait_until

V1 = "/api/v1"


def post(world: World, path: str, body: Any = None) -> TestResponse:
    data = orjson.dumps({} if body is None else body)
    return world.client.post(f"{V1}{path}", data=data, headers={"Authorization": f"Bearer {TOKEN}"})


def done(world: World, path: str, body: Any = None) -> Any:
    answer = post(world, path, body)
    assert answer.status_code == 200, (path, answer.status_code, answer.text)
    return answer.get_json()


def groups(world: World, project: str, **asked: Any) -> dict[str, Any]:
    query = {"project": project, "sort": "first_seen", **asked}
    answer = world.client.get(
        f"{V1}/groups", query_string=query, headers={"Authorization": f"Bearer {TOKEN}"}
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def classes(world: World, project: str, query: str, **asked: Any) -> list[str]:
    items = groups(world, project, query=query, **asked)["items"]
    return sorted(item["title"].split(":")[0] for item in items)


def seed(world: World, project: str, *names: str, **details: Any) -> list[str]:
    """Crashes of these classes; the ids of their groups, in order."""
    ids = world.seed([crash("boom", class_name=name, **details) for name in names], project)
    return [world.json(f"{V1}/events/{event}")["group_id"] for event in ids]


@pytest.fixture
def shop(world: World, project: str) -> dict[str, str]:
    """Three groups of a project, by class."""
    names = ("CartError", "PayError", "MailError")
    return dict(zip(names, seed(world, project, *names), strict=True))


def test_a_group_has_all_that_a_list_shows(
    world: World, project: str, shop: dict[str, str]
) -> None:
    group = world.json(f"{V1}/groups/{shop['CartError']}")
    assert (group["status"], group["new"]) == ("open", True)
    assert group["number"] in (1, 2, 3)
    assert (group["members"], group["discarded"], group["assignee"]) == (1, False, None)
    page = groups(world, project)
    assert page["notices"] == []
    assert group in page["items"]


def test_groups_are_searched_by_what_sql_knows(
    world: World, project: str, shop: dict[str, str]
) -> None:
    done(world, f"/groups/{shop['PayError']}/resolve")
    done(world, f"/groups/{shop['MailError']}/assign", {"assignee": "me"})
    seed(world, project, "PayError", "CartError", "CartError", version="2.0")

    def found(query: str, **asked: Any) -> list[str]:
        return classes(world, project, query, **asked)

    assert found("is:new") == ["CartError"]
    assert found("is:regressed") == found("", status="regressed") == ["PayError"]
    assert found("assigned:me") == found("assigned:test") == ["MailError"]
    assert found("assigned:nobody") == ["CartError", "PayError"]
    assert found("count:>2") == ["CartError"]
    assert found("!count:>2 error") == ["MailError", "PayError"]
    assert found("release:1.2.3") == ["CartError", "MailError", "PayError"]
    assert found("release:>1.9") == found("release:2.*") == ["CartError", "PayError"]
    assert found("introduced:1.2.3") == ["CartError", "MailError", "PayError"]
    assert found("introduced:2.0") == found("first:>1d") == []
    assert found("seen:<1h") == ["CartError", "MailError", "PayError"]
    number = world.json(f"{V1}/groups/{shop['PayError']}")["number"]
    assert found(f"number:{number}") == ["PayError"]
    assert found("carterror -pay") == ["CartError"]


def test_groups_are_searched_by_what_their_events_hold(
    world: World, project: str, shop: dict[str, str]
) -> None:
    seed(world, project, "CartError", environment={"browser": "Chrome"}, machineName="till-1")
    seed(world, project, "PayError", environment={"browser": "Firefox"}, machineName="till-1")

    def found(query: str) -> list[str]:
        return classes(world, project, query)

    wait_until(lambda: found("machine:till-1") == ["CartError", "PayError"])
    assert found("env.browser:chrome") == found("browser:Chrome") == ["CartError"]
    assert found("!env.browser:chrome machine:till-1") == ["PayError"]
    assert found("is:open env.browser:* -carterror") == ["PayError"]
    assert found("has:env.browser") == ["CartError", "PayError"]
    assert found("custom.basket.items:3") == ["CartError", "MailError", "PayError"]


def test_what_a_query_cannot_mean_is_told_with_its_place(world: World, project: str) -> None:
    answer = world.get(f"{V1}/groups?project={project}&query=is:odd")
    assert answer.status_code == 400
    assert "is knows new, open" in answer.get_json()["error"]["message"]
    assert "(at character 4)" in answer.get_json()["error"]["message"]
    answer = world.get(f"{V1}/search?q=count:>3")
    assert "asked of groups" in answer.get_json()["error"]["message"]


def test_without_search_the_list_comes_from_sql_and_says_what_it_lacks(
    without_search: World, project: str, shop: dict[str, str]
) -> None:
    page = groups(without_search, project, query="env.browser:chrome carterror")
    assert [item["id"] for item in page["items"]] == [shop["CartError"]]
    (notice,) = page["notices"]
    assert notice["code"] == "search_away"
    assert "env.browser" in notice["message"]
    body = {"project": project, "verb": "resolve", "query": "env.browser:chrome"}
    assert post(without_search, "/triage", body).status_code == 503
    assert post(without_search, "/triage", {**body, "query": "carterror"}).status_code == 200


@pytest.fixture
def without_search(world: World, module_settings: Settings) -> Iterator[World]:
    """The same world, but for a search that nobody answers."""
    settings = replace(module_settings, elasticsearch_url=Secret("http://127.0.0.1:1"))
    stores = open_stores(settings)
    yield World(stores, create_app(settings, stores).test_client(), world.keys, world.numbers)
    stores.database.close()


def test_statuses_are_counted_for_the_tabs(
    world: World, project: str, shop: dict[str, str]
) -> None:
    done(world, f"/groups/{shop['PayError']}/resolve")
    done(world, f"/groups/{shop['MailError']}/ignore", {"count": 5})
    counts = world.json(f"{V1}/projects/{project}/statuses")
    assert counts == {
        **{"new": 1, "open": 1, "regressed": 0, "resolved": 1, "ignored": 1, "total": 3},
        "notices": [],
    }
    assert world.json(f"{V1}/projects/{project}/statuses?query=pay")["total"] == 1


@pytest.mark.parametrize(
    ("verb", "body", "shown"),
    [
        ("resolve", {}, {"status": "resolved", "resolved_in": None}),
        ("resolve", {"version": "9"}, {"resolved_in": "9", "resolved_after": False}),
        ("resolve", {"version": "1.2.3"}, {"resolved_in": "1.2.3", "resolved_after": True}),
        ("resolve", {"next": True}, {"resolved_in": "1.2.3", "resolved_after": True}),
        ("ignore", {}, {"status": "ignored", "ignored_until": None}),
        ("ignore", {"count": 4, "users": 2}, {"ignored_until_count": 5, "ignored_until_users": 3}),
        (
            "ignore",
            {"until": "2030-01-01T00:00:00Z"},
            {"ignored_until": "2030-01-01T00:00:00.000Z"},
        ),
        ("assign", {"assignee": "ann"}, {"status": "open", "assignee": "ann"}),
        ("assign", {"assignee": "nobody"}, {"assignee": None}),
        ("reopen", {}, {"status": "open"}),
        ("discard", {"reason": "noise"}, {"status": "ignored", "discarded": True}),
        ("undiscard", {}, {"status": "open", "discarded": False}),
    ],
)
def test_a_decision_on_one_group_and_its_undo(
    world: World, project: str, verb: str, body: dict[str, Any], shown: dict[str, Any]
) -> None:
    (group_id,) = seed(world, project, "CartError")
    before = world.json(f"{V1}/groups/{group_id}")
    answer = done(world, f"/groups/{group_id}/{verb}", body)
    assert {name: answer["group"][name] for name in shown} == shown
    assert answer["group"] == world.json(f"{V1}/groups/{group_id}")
    action = answer["action"]
    assert (action["state"], action["counts"], action["actor"]) == ("finished", {"done": 1}, "test")
    undone = done(world, f"/triage/{action['id']}/undo")
    assert (undone["state"], undone["undone_by"]) == ("undone", "test")
    assert world.json(f"{V1}/groups/{group_id}") == before
    again = post(world, f"/triage/{action['id']}/undo")
    assert (again.status_code, again.get_json()["error"]["code"]) == (409, "action_not_open")


@pytest.mark.parametrize(
    ("path", "body", "part"),
    [
        ("resolve", {"version": ""}, "version"),
        ("resolve", {"version": "1", "next": True}, "next"),
        ("ignore", {"count": 0}, "count"),
        ("ignore", {"until": "tomorrow"}, "until"),
        ("ignore", {"count": "5"}, "count"),
        ("merge", {"groups": []}, "groups"),
        ("merge", {"groups": ["x"]}, "groups"),
        ("merge", {}, "groups"),
        ("split", {"fingerprints": ["018f0000-0000-7000-8000-000000000000"]}, "fingerprint"),
        ("comments", {"text": ""}, "text"),
        ("assign", {"who": "x"}, "who"),
    ],
)
def test_what_a_decision_cannot_be_is_told(
    world: World, project: str, path: str, body: dict[str, Any], part: str
) -> None:
    (group_id,) = seed(world, project, "CartError")
    answer = post(world, f"/groups/{group_id}/{path}", body)
    assert answer.status_code == 400, answer.text
    assert part in answer.get_json()["error"]["message"]


def test_groups_are_merged_and_split(world: World, project: str, shop: dict[str, str]) -> None:
    before = world.json(f"{V1}/groups/{shop['CartError']}")
    others = [shop["PayError"], shop["MailError"]]
    answer = done(world, f"/groups/{shop['CartError']}/merge", {"groups": others})
    merge = answer["group"]
    assert (merge["count"], merge["users"], merge["members"]) == (3, 1, 3)
    assert merge["number"] == before["number"]
    assert groups(world, project)["items"] == [merge]
    assert world.json(f"{V1}/groups/{shop['PayError']}") == merge
    events = world.json(f"{V1}/groups/{merge['id']}/events")["items"]
    assert {event["group_id"] for event in events} == set(shop.values())
    parts = world.json(f"{V1}/groups/{merge['id']}/fingerprints")["items"]
    assert {part["id"] for part in parts} == set(shop.values())
    split = done(world, f"/groups/{merge['id']}/split", {"fingerprints": [shop["PayError"]]})
    assert split["group"]["members"] == 2
    refused = post(world, f"/groups/{shop['PayError']}/split", {"fingerprints": [shop["PayError"]]})
    assert refused.status_code in (400, 409)
    done(world, f"/triage/{split['action']['id']}/undo")
    done(world, f"/triage/{answer['action']['id']}/undo")
    assert [item["members"] for item in groups(world, project)["items"]] == [1, 1, 1]


def test_many_are_decided_on_as_they_were_frozen_and_told_of(
    world: World, project: str, shop: dict[str, str]
) -> None:
    body = {"project": project, "verb": "resolve", "query": "error", "start": False}
    action = done(world, "/triage", body)
    assert (action["state"], action["total"]) == ("frozen", 3)
    assert action["sentence"] == "Resolve 3 groups matching error"
    assert action["undo_until"] is None
    seed(world, project, "LateError")
    assert world.json(f"{V1}/projects/{project}/statuses")["resolved"] == 0
    started = done(world, f"/triage/{action['id']}/start")
    assert (started["state"], started["counts"]) == ("finished", {"done": 3})
    assert classes(world, project, "is:open") == ["LateError"]
    assert world.json(f"{V1}/triage?project={project}")["items"] == [started]
    assert world.json(f"{V1}/triage/{action['id']}") == started
    assert post(world, f"/triage/{action['id']}/start").status_code == 409
    done(world, f"/triage/{action['id']}/undo")
    assert world.json(f"{V1}/projects/{project}/statuses")["resolved"] == 0


def test_an_action_says_when_others_are_meant_than_were_shown(
    world: World, project: str, shop: dict[str, str]
) -> None:
    body = {"project": project, "verb": "ignore", "query": "error", "expected": 2}
    answer = post(world, "/triage", body)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (409, "scope_changed")
    assert done(world, "/triage", {**body, "expected": 3})["counts"] == {"done": 3}
    picked = {"project": project, "verb": "reopen", "ids": [shop["PayError"]]}
    assert done(world, "/triage", picked)["counts"] == {"done": 1}


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ({"verb": "resolve"}, "ids"),
        ({"verb": "resolve", "ids": ["018f0000-0000-7000-8000-000000000000"]}, "no group"),
        ({"verb": "resolve", "query": "nothing-matches-this"}, "not 0"),
        ({"verb": "resolve", "query": "is:odd"}, "is knows"),
        ({"verb": "explode", "query": ""}, "verb"),
        ({"verb": "split", "query": ""}, "merge"),
    ],
)
def test_what_an_action_cannot_be_is_told(
    world: World, project: str, body: dict[str, Any], part: str
) -> None:
    answer = post(world, "/triage", {"project": project, **body})
    assert answer.status_code == 400, answer.text
    assert part in answer.get_json()["error"]["message"]


def test_workers_go_on_with_what_a_request_began(world: World, project: str) -> None:
    names = [
        f"{'abcdefghij'[n // 100]}{'abcdefghij'[n // 10 % 10]}{'abcdefghij'[n % 10]}Error"
        for n in range(2 * PART)
    ]
    seed(world, project, *names)
    stores = world.stores
    wanted = {"project": project, "verb": "resolve", "query": "error", "start": False}
    action = done(world, "/triage", wanted)
    stores.triage.actions.start(UUID(action["id"]), "test")
    keep_triage(TriageDesk(stores.triage.actions, TriageUpkeep(stores.database), now_ms))
    assert world.json(f"{V1}/triage/{action['id']}")["counts"] == {"done": 2 * PART}


def test_a_discarded_fingerprint_is_listed_and_stored_again(
    world: World, project: str, shop: dict[str, str]
) -> None:
    done(world, f"/groups/{shop['MailError']}/discard", {"reason": "a probe"})
    (left_out,) = world.seed([crash("boom", class_name="MailError")], project)
    receipt = world.json(f"{V1}/receipts/{left_out}")
    assert (receipt["sql"], receipt["search"]) == (None, None)
    assert receipt["filtered"] is not None
    (listed,) = world.json(f"{V1}/discarded-fingerprints?project={project}")["items"]
    assert (listed["id"], listed["reason"], listed["filtered"]) == (shop["MailError"], "a probe", 1)
    ledger = world.json(f"{V1}/ledger?project={project}")["totals"]
    assert (ledger["stored"], ledger["filtered"], ledger["in_flight"]) == (3, 1, 0)
    done(world, f"/discarded-fingerprints/{shop['MailError']}/stop")
    assert world.json(f"{V1}/discarded-fingerprints?project={project}")["items"] == []
    assert seed(world, project, "MailError") == [shop["MailError"]]


def test_the_history_has_decisions_comments_and_regressions(
    world: World, project: str, shop: dict[str, str]
) -> None:
    group_id = shop["CartError"]
    done(world, f"/groups/{group_id}/comments", {"text": "<b>seen</b> \u202e"})
    done(world, f"/groups/{group_id}/resolve")
    seed(world, project, "CartError")
    items = world.json(f"{V1}/groups/{group_id}/history")["items"]
    assert [(item["action"], item["actor"]) for item in items] == [
        ("regressed", None),
        ("resolved", "test"),
        ("commented", "test"),
    ]
    assert items[2]["detail"] == {"text": "<b>seen</b> \u202e"}
    page = world.json(f"{V1}/groups/{group_id}/history?limit=2")
    rest = world.json(f"{V1}/groups/{group_id}/history?cursor={page['next_cursor']}")
    assert page["items"] + rest["items"] == items
    done(world, f"/groups/{group_id}/comments/{items[2]['id']}/take-back")
    assert post(world, f"/groups/{group_id}/comments/{items[1]['id']}/take-back").status_code == 404
    assert post(world, f"/groups/{group_id}/comments/{10**30}/take-back").status_code == 404


def test_the_trend_is_exact_by_hour_and_version_with_releases(
    world: World, project: str, shop: dict[str, str]
) -> None:
    group_id = shop["CartError"]
    seed(world, project, "CartError", "CartError", version="2.0")
    trend = world.json(f"{V1}/groups/{group_id}/trend?spans=3&hours=1")
    assert (sum(trend["counts"]), len(trend["counts"])) == (3, 3)
    by_version = {one["version"]: sum(one["counts"]) for one in trend["versions"]}
    assert list(by_version.items()) == [("2.0", 2), ("1.2.3", 1)]
    assert [mark["version"] for mark in trend["releases"]] == ["1.2.3", "2.0"]
    versions = world.json(f"{V1}/groups/{group_id}/versions")["items"]
    assert [(one["version"], one["events"]) for one in versions] == [("1.2.3", 1), ("2.0", 2)]
    daily = world.json(f"{V1}/groups/{group_id}/trend?spans=14&hours=24")
    assert daily["counts"][-1] == 3
    assert daily["start"].endswith("T00:00:00.000Z")


def test_facets_tell_what_is_unusual(world: World, project: str) -> None:
    def some(name: str, count: int, **details: Any) -> Sequence[str]:
        return seed(world, project, *[name] * count, **details)

    group_id = some("CartError", 8, environment={"browser": "Chrome", "osVersion": "W"})[0]
    some("PayError", 10, environment={"browser": "Firefox", "osVersion": "W"})

    def counted() -> Any:
        found = world.json(f"{V1}/groups/{group_id}/facets")
        return (
            found
            if (found["events"], found["unusual"]) == (8, found["unusual"])
            and any(one["other_of"] == 10 for one in found["unusual"])
            else None
        )

    found = wait_until(counted)
    values = {one["facet"]: one["values"] for one in found["facets"]}
    assert values["browser"] == [{"value": "Chrome", "events": 8}]
    assert values["version"] == [{"value": "1.2.3", "events": 8}]
    assert {one["value"] for one in values["tag"]} == {"red", "blue"}
    assert found["unusual"] == [
        {
            **{"facet": "browser", "value": "Chrome", "events": 8, "of": 8},
            **{"other_events": 0, "other_of": 10},
        }
    ]
    assert (found["sampled"], found["other_sampled"], found["notices"]) == (1, 1, [])


def test_facets_are_503_while_search_is_away(without_search: World, shop: dict[str, str]) -> None:
    assert without_search.get(f"{V1}/groups/{shop['CartError']}/facets").status_code == 503


def test_releases_tell_what_is_new_what_came_back_and_what_is_solved(
    world: World, project: str, shop: dict[str, str]
) -> None:
    done(world, f"/groups/{shop['PayError']}/resolve", {"version": "1.2.3"})
    done(world, f"/groups/{shop['MailError']}/resolve", {"version": "1.2.3"})
    seed(world, project, "NewError", "PayError", version="2.0")

    def releases() -> Any:
        found = world.json(f"{V1}/projects/{project}/releases")["items"]
        return found if [one["users"] for one in found] == [1, 1] else None

    latest, earlier = wait_until(releases)
    assert (latest["version"], latest["events"], latest["groups"]) == ("2.0", 2, 2)
    assert (latest["new"], latest["regressed"], latest["resolved"]) == (1, 1, 0)
    assert (earlier["new"], earlier["regressed"], earlier["resolved"]) == (3, 0, 1)
    assert (latest["adoption"], latest["crash_free"]) == (0.4, None)
    assert classes(world, project, "introduced:2.0") == ["NewError"]
    assert classes(world, project, "fixed:1.2.3") == ["MailError"]
    one = world.json(f"{V1}/projects/{project}/releases?version=2.0")["items"]
    assert one == [latest]
    assert world.json(f"{V1}/projects/{project}/releases?version=3.0")["items"] == []


def test_views_are_shared_or_ones_own(world: World, project: str) -> None:
    path = f"/projects/{project}/views"
    mine = done(world, path, {"name": "mine", "query": "assigned:me"})
    ours = done(world, path, {"name": "ours", "query": "is:new", "sort": "users", "shared": True})
    assert (mine["owner"], ours["owner"]) == ("test", None)
    assert world.json(f"{V1}{path}")["items"] == [ours, mine]
    changed = done(world, path, {"name": "mine", "query": "is:open"})
    assert (changed["id"], changed["query"]) == (mine["id"], "is:open")
    other = world.stores.tokens.create(f"other {project}", project_id=world.numbers[project])
    seen = world.get(f"{V1}{path}", token=other).get_json()["items"]
    assert [view["name"] for view in seen] == ["ours"]
    assert post(world, path, {"name": "bad", "query": "is:odd"}).status_code == 400
    assert post(world, path, {"name": " "}).status_code == 400
    done(world, f"{path}/{mine['id']}/remove")
    assert post(world, f"{path}/{mine['id']}/remove").status_code == 404


def test_ignoring_until_a_time_ends_without_an_event(world: World, shop: dict[str, str]) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=0.2)).isoformat()
    done(world, f"/groups/{shop['CartError']}/ignore", {"until": soon})
    triage = TriageDesk(world.stores.triage.actions, TriageUpkeep(world.stores.database), now_ms)

    def opened() -> bool:
        keep_triage(triage)
        return bool(world.json(f"{V1}/groups/{shop['CartError']}")["status"] == "open")

    wait_until(opened)
