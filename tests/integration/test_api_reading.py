"""What was stored is read back: events, raw bytes, receipts, groups, search, dead letters."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any
from uuid import UUID

import pytest
from marshmallow import Schema

from app.api import answers, letter_answers
from app.api.routes import PREFIX
from events.ids import new_id, now_ms
from tests.integration.api_world import HOSTILE, World, crash, wait_until

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")


def fits(schema: type[Schema], data: Any) -> None:
    """The answer has the shape that OpenAPI promises."""
    assert schema().validate(data) == {}


def test_the_full_picture(world: World) -> None:
    (event_id,) = world.seed([crash("cannot total", machineName="till-3")], "shop")
    event = world.json(f"{PREFIX}/events/{event_id}")
    fits(answers.Event, event)
    assert (event["id"], event["project"], event["type"]) == (str(event_id), "shop", "crash")
    assert ISO.match(event["received_at"])
    assert event["occurred_at"] == "2026-11-22T22:35:07.088Z"
    assert UUID(event["group_id"])
    assert event["error"]["class_name"] == "ValueError"
    assert event["error"]["message"] == "cannot total"
    assert event["error"]["frames"][0]["method"] == "total"
    assert event["error"]["frames"][0]["line"] == 7
    assert event["user"]["identifier"] == "ann@example.com"
    assert event["tags"] == ["red", "blue"]
    assert event["custom"] == {"basket": {"items": 3}}
    assert event["version"] == "1.2.3"
    assert event["breadcrumbs"] is None


def test_raw_is_exactly_the_bytes(world: World) -> None:
    body = crash(HOSTILE).replace(b'": "', b'" :\t"')
    (event_id,) = world.seed([body], "shop")
    answer = world.get(f"{PREFIX}/events/{event_id}/raw")
    assert answer.data == body
    assert answer.content_type == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_hostile_text_is_readable_in_the_record(world: World) -> None:
    (event_id,) = world.seed([crash(HOSTILE, userCustomData={"a\x00b": "\ud800"})], "shop")
    event = world.json(f"{PREFIX}/events/{event_id}")
    assert "\u2400" in event["error"]["message"]
    assert "\ufffd" in event["error"]["message"]
    assert event["custom"] == {"a\u2400b": "\ufffd"}


def test_a_lost_pack_is_told(world: World) -> None:
    (event_id,) = world.seed([crash()], "shop")
    event = world.stores.events.find(event_id)
    assert event is not None
    with world.stores.database.transaction() as cursor:
        cursor.execute("UPDATE crash_events SET checksum = 1 WHERE id = %s", [str(event_id)])
    answer = world.get(f"{PREFIX}/events/{event_id}")
    assert answer.status_code == 500
    assert answer.get_json()["error"]["code"] == "payload_unreadable"


def test_a_receipt_tells_the_stages(world: World) -> None:
    (event_id,) = world.seed([crash()], "shop")
    receipt = world.json(f"{PREFIX}/receipts/{event_id}")
    fits(answers.Receipt, receipt)
    assert receipt["id"] == str(event_id)
    assert all(ISO.match(receipt[name]) for name in ("accepted_at", "files", "sql", "search"))


def test_a_receipt_before_search(world: World) -> None:
    (event_id,) = world.store(world.envelopes([crash()], "shop"), searched=False)
    receipt = world.json(f"{PREFIX}/receipts/{event_id}")
    assert receipt["files"]
    assert receipt["sql"]
    assert receipt["search"] is None


def test_a_receipt_of_a_dead_letter(world: World) -> None:
    (envelope,) = world.envelopes([crash()], "blog")
    world.accept([envelope])
    world.kill(envelope, stage="sql")
    receipt = world.json(f"{PREFIX}/receipts/{envelope.id}")
    letter = world.json(f"{PREFIX}/dead-letters/{receipt['sql']['dead_letter']}")
    fits(letter_answers.FullDeadLetter, letter)
    assert letter["event_id"] == str(envelope.id)
    assert (letter["code"], letter["stage"], letter["attempts"]) == ("malformed", "sql", 3)
    assert receipt["search"] is None


@pytest.mark.parametrize(
    ("age_ms", "status"),
    [(0, 200), (23 * 3_600_000, 200), (25 * 3_600_000, 404), (-30_000, 200), (-120_000, 404)],
)
def test_an_id_without_a_row(world: World, age_ms: int, status: int) -> None:
    event_id = new_id(now_ms() - age_ms)
    answer = world.get(f"{PREFIX}/receipts/{event_id}")
    assert answer.status_code == status
    if status == 200:
        nulls = {"files": None, "sql": None, "search": None}
        assert nulls.items() <= answer.get_json().items()


def test_groups_and_their_occurrences(world: World) -> None:
    world.add_project("grouped")
    ids = world.seed([crash("first bug", "FirstError") for _ in range(3)], "grouped")
    world.seed([crash("second bug", "SecondError")], "grouped")
    page = world.json(f"{PREFIX}/groups?project=grouped&sort=count")
    fits(answers.GroupPage, page)
    assert [group["count"] for group in page["items"]] == [3, 1]
    first = page["items"][0]
    assert "FirstError" in first["title"]
    assert (first["project"], first["type"], first["users"]) == ("grouped", "crash", 1)
    assert world.json(f"{PREFIX}/groups/{first['id']}") == first
    events = world.json(f"{PREFIX}/groups/{first['id']}/events")
    fits(answers.page_of(answers.Occurrence), events)
    assert [item["id"] for item in events["items"]] == sorted(map(str, ids), reverse=True)
    assert events["items"][0]["message"] == "first bug"
    assert events["next_cursor"] is None
    found = world.json(f"{PREFIX}/groups?project=grouped&query=seconderror")
    assert ["SecondError" in group["title"] for group in found["items"]] == [True]


def walk(world: World, path: str) -> list[str]:
    """The ids of all pages, each asked for with the cursor of the one before."""
    ids: list[str] = []
    page = world.json(path)
    while True:
        ids += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            return ids
        page = world.json(f"{path}&cursor={page['next_cursor']}")


def test_pages_miss_and_repeat_nothing(world: World) -> None:
    world.add_project("paged")
    ids = world.seed([crash("same", f"Error{n % 7}") for n in range(21)], "paged")
    groups = walk(world, f"{PREFIX}/groups?project=paged&limit=2")
    assert len(groups) == len(set(groups)) == 7
    events = [walk(world, f"{PREFIX}/groups/{group}/events?limit=2") for group in groups]
    assert sorted(chain(*events)) == sorted(map(str, ids))
    path = f"{PREFIX}/search?project=paged&limit=4"
    wait_until(lambda: len(world.json(f"{PREFIX}/search?project=paged")["items"]) == 21)
    assert walk(world, path) == sorted(map(str, ids), reverse=True)


def test_search(world: World) -> None:
    world.add_project("sought")
    (event_id,) = world.seed([crash("needle in hay", "NeedleError")], "sought")
    path = f"{PREFIX}/search?project=sought&q=needle"
    page = wait_until(lambda: (got := world.json(path))["items"] and got)
    fits(answers.page_of(answers.Occurrence), page)
    (hit,) = page["items"]
    assert (hit["id"], hit["project"], hit["type"]) == (str(event_id), "sought", "crash")
    assert ISO.match(hit["received_at"])
    assert "project_id" not in hit
    later = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    assert world.json(f"{path}&from={later}")["items"] == []
    assert world.json(f"{PREFIX}/search?project=blog&q=needle")["items"] == []
    assert world.json(f"{PREFIX}/search?project=sought&type=rum")["items"] == []


def test_a_rum_event(world: World) -> None:
    body = json.dumps(
        {
            "sessionId": "s" * 32,
            "timestamp": "2026-11-22T22:35:07.088Z",
            "type": "session_start",
            "user": {"Identifier": "ann"},
            "version": "4.5",
        }
    ).encode()
    (event_id,) = world.seed([body], "shop", "rum")
    event = world.json(f"{PREFIX}/events/{event_id}")
    assert (event["type"], event["rum"]["kind"]) == ("rum", "session_start")
    assert event["error"] is None
    assert event["group_id"] is None


def test_dead_letters(world: World) -> None:
    world.add_project("deadly")
    envelopes = world.envelopes([crash()] * 5, "deadly")
    world.accept(envelopes)
    for envelope in envelopes:
        world.kill(envelope, stage="files")
    page = world.json(f"{PREFIX}/dead-letters?project=deadly")
    fits(answers.page_of(letter_answers.DeadLetter), page)
    assert [item["project"] for item in page["items"]] == ["deadly"] * 5
    assert len(set(walk(world, f"{PREFIX}/dead-letters?project=deadly&limit=2"))) == 5
    assert world.json(f"{PREFIX}/dead-letters?project=deadly&stage=search")["items"] == []
    assert len(world.json(f"{PREFIX}/dead-letters?type=crash&stage=files")["items"]) >= 5


def test_projects(world: World) -> None:
    page = world.json(f"{PREFIX}/projects")
    fits(answers.page_of(answers.Project), page)
    assert {"shop", "blog"} <= {item["name"] for item in page["items"]}
