"""The workbench over HTTP: filters, payloads, actions, exchange, and each one's failure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from werkzeug.test import TestResponse

from app.api.routes import PREFIX
from app.factory import create_app
from app.stores import open_stores
from broker import keys
from broker.connection import connect
from broker.handoff import Handoff
from broker.message import pack_message
from config.settings import Secret, Settings
from events.envelope import Envelope
from events.ids import new_id, now_ms
from storage.model import DeadLetter, EventLocation
from storage.sql.letter_filter import LetterFilter
from tests.integration.api_world import TOKEN, World, crash, open_world

HEADERS = {"Authorization": f"Bearer {TOKEN}"}
MISSING = "01a1ee56-5e00-7458-b0bb-96c8945ed372"


@pytest.fixture(scope="module")
def shared(module_settings: Settings) -> Iterator[World]:
    with open_world(module_settings) as world:
        yield world


@pytest.fixture
def world(shared: World) -> World:
    shared.add_project(f"p-{uuid4().hex}")
    return shared


def project_of(world: World) -> str:
    return list(world.keys)[-1]


def dead(world: World, *bodies: bytes, stage: str = "sql") -> list[dict[str, Any]]:
    """Dead letters of accepted events that no pack holds; oldest first."""
    envelopes = world.envelopes(bodies or (crash(),), project_of(world))
    world.accept(envelopes)
    for envelope in envelopes:
        world.kill(envelope, stage)
    listed = world.json(f"{PREFIX}/dead-letters?project={project_of(world)}&limit=500")
    return list(reversed(listed["items"]))


def send(world: World, method: str, path: str, **kwargs: Any) -> TestResponse:
    return world.client.open(PREFIX + path, method=method, headers=HEADERS, **kwargs)


def error(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["error"]["code"]


def letter_of(world: World, letter: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = world.json(f"{PREFIX}/dead-letters/{letter['id']}")
    return found


def audit_of(world: World, subject: str) -> list[tuple[str, str]]:
    items = world.json(f"{PREFIX}/audit?subject={subject}")["items"]
    return [(item["actor"], item["action"]) for item in items]


def ledger(world: World) -> dict[str, int]:
    found: dict[str, int] = world.json(f"{PREFIX}/ledger?project={project_of(world)}")["totals"]
    return found


@pytest.mark.parametrize("body", [b'{"a": "\xc3\xa9\\u0000"}', b"\xff\xfe\x00<script>", b"x"])
def test_a_letter_shows_its_payload_whatever_it_is(world: World, body: bytes) -> None:
    (letter,) = dead(world, body)
    payload = letter_of(world, letter)["payload"]
    shown = payload["data"]
    raw = base64.b64decode(shown) if payload["encoding"] == "base64" else shown.encode()
    assert (raw, payload["bytes"]) == (body, len(body))
    answer = send(world, "GET", f"/dead-letters/{letter['id']}/payload")
    assert answer.data == body
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.content_type == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_a_letter_is_shown_while_its_pack_is_gone(world: World) -> None:
    (envelope,) = world.envelopes([crash()], project_of(world))
    where = EventLocation("crash/2026/01/01/nowhere.pack", 0, 10, 0, 5, 1)
    world.stores.dead_letters.add(
        [
            DeadLetter(
                *(envelope.id, envelope.project_id, "crash", "sql", "raygun.entry", "E", "r", "t"),
                attempts=1,
                at=datetime.now(UTC),
                location=where,
                payload=None,
            )
        ]
    )
    (letter,) = world.json(f"{PREFIX}/dead-letters?project={project_of(world)}")["items"]
    shown = letter_of(world, letter)
    assert shown["payload"] is None
    assert shown["payload_problem"]
    assert error(send(world, "GET", f"/dead-letters/{letter['id']}/payload")) == (
        500,
        "payload_unreadable",
    )
    replay = send(world, "POST", f"/dead-letters/{letter['id']}/replay").get_json()
    assert (replay["status"], replay["counts"]["skipped"]) == ("finished", 1)
    assert letter_of(world, letter)["status"] == "open"


def test_an_edit_keeps_the_original_and_says_what_is_wrong_with_it(
    world: World, settings: Settings
) -> None:
    (letter,) = dead(world, crash("original"))
    path = f"/dead-letters/{letter['id']}/payload"
    bad = send(world, "PUT", path, data=b"{").get_json()
    assert bad["letter"]["edits"] == 1
    assert bad["problem"]
    good = send(world, "PUT", path, data=crash("edited")).get_json()
    assert (good["letter"]["edits"], good["problem"]) == (2, None)
    assert send(world, "GET", path).data == crash("edited")
    assert send(world, "GET", f"{path}?version=original").data == crash("original")
    assert audit_of(world, letter["id"]) == [("test", "edit")] * 2
    assert error(send(world, "PUT", path, data=b"")) == (400, "bad_argument")
    too_large = b"x" * (settings.max_event_bytes + 1)
    assert error(send(world, "PUT", path, data=too_large)) == (413, "payload_too_large")
    assert letter_of(world, letter)["edits"] == 2


def test_a_discard_needs_a_reason_and_an_open_letter(world: World) -> None:
    (letter,) = dead(world)
    path = f"/dead-letters/{letter['id']}/discard"
    assert error(send(world, "POST", path, json={})) == (400, "bad_argument")
    done = send(world, "POST", path, json={"reason": "useless"}).get_json()
    assert (done["status"], done["status_by"], done["status_reason"]) == (
        "discarded",
        "test",
        "useless",
    )
    for method, action, body in (
        ("POST", "discard", {"json": {"reason": "again"}}),
        ("POST", "replay", {}),
        ("PUT", "payload", {"data": b"{}"}),
    ):
        answer = send(world, method, f"/dead-letters/{letter['id']}/{action}", **body)
        assert error(answer) == (409, "letter_not_open")
    assert (ledger(world)["dead"], ledger(world)["discarded"]) == (0, 1)
    assert audit_of(world, letter["id"]) == [("test", "discard")]


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", f"/dead-letters/{MISSING}", "letter_not_found"),
        ("GET", "/dead-letters/nonsense", "letter_not_found"),
        ("GET", f"/dead-letters/{MISSING}/payload", "letter_not_found"),
        ("PUT", f"/dead-letters/{MISSING}/payload", "letter_not_found"),
        ("POST", f"/dead-letters/{MISSING}/discard", "letter_not_found"),
        ("POST", f"/dead-letters/{MISSING}/replay", "letter_not_found"),
        ("GET", f"/replays/{MISSING}", "replay_not_found"),
        ("POST", f"/replays/{MISSING}/cancel", "replay_not_found"),
        ("POST", "/parked/crash.files:00/replay", "message_not_parked"),
        ("POST", f"/parked/crash.files:{'0' * 40}/discard", "message_not_parked"),
    ],
)
def test_what_is_not_there_is_named(world: World, method: str, path: str, code: str) -> None:
    body: dict[str, Any] = {"data": b"{}"} if method == "PUT" else {"json": {}}
    if path.endswith("discard"):
        body = {"json": {"reason": "none"}}
    if method == "GET":
        body = {}
    assert error(send(world, method, path, **body)) == (404, code)


@pytest.mark.parametrize(
    ("path", "body", "names"),
    [
        ("/replays", {}, "all"),
        ("/replays", {"all": False}, "all"),
        ("/replays", {"project": "nowhere"}, "project"),
        ("/replays", {"all": True, "rate": 0}, "rate"),
        ("/replays", {"all": True, "rate": "NaN"}, "rate"),
        ("/replays", {"all": True, "canary": -1}, "canary"),
        ("/replays", {"code": "E", "colour": "red"}, "colour"),
        ("/replays", {"ids": ["x"]}, "ids"),
        ("/dead-letters/discard", {"reason": "no filter"}, "all"),
        ("/dead-letters/discard", {"all": True}, "reason"),
        ("/dead-letters/discard", {"all": True, "reason": ""}, "reason"),
    ],
)
def test_a_bad_field_is_named(world: World, path: str, body: dict[str, Any], names: str) -> None:
    answer = send(world, "POST", path, json=body)
    assert error(answer) == (400, "bad_argument")
    assert answer.get_json()["error"]["message"].startswith(f"{names}: ")


@pytest.mark.parametrize(
    "query",
    ["status=dead", "stage=fright", "code=", "from=never", "cluster=" + "x" * 99, "limit=0"],
)
def test_filters_of_a_list(world: World, query: str) -> None:
    dead(world)
    answer = send(world, "GET", f"/dead-letters?{query}")
    expected = 200 if query == "code=" else 400
    assert answer.status_code == expected


def test_clusters_and_a_discard_of_one(world: World) -> None:
    letters = dead(world, *[crash(f"n {n}") for n in range(4)])
    dead(world, crash(), stage="files")
    path = f"/dead-letters/clusters?project={project_of(world)}"
    found = world.json(PREFIX + path)["items"]
    assert [(one["stage"], one["count"]) for one in found] == [("sql", 4), ("files", 1)]
    assert found[0]["example"] == letters[-1]["id"]
    body = {"project": project_of(world), "cluster": found[0]["cluster"], "reason": "useless"}
    assert send(world, "POST", "/dead-letters/discard", json=body).get_json() == {"discarded": 4}
    assert send(world, "POST", "/dead-letters/discard", json=body).get_json() == {"discarded": 0}
    assert [one["stage"] for one in world.json(PREFIX + path)["items"]] == ["files"]
    listed = world.json(f"{PREFIX}/dead-letters?project={project_of(world)}&status=discarded")
    assert len(listed["items"]) == 4


def test_a_replay_is_sent_listed_and_cancelled(world: World) -> None:
    dead(world, *[crash(f"n {n}") for n in range(5)])
    body = {"project": project_of(world), "canary": 2, "rate": 100}
    made = send(world, "POST", "/replays", json=body).get_json()
    assert (made["status"], made["total"], made["counts"]["sent"]) == ("canary", 5, 2)
    assert (ledger(world)["dead"], ledger(world)["in_flight"]) == (3, 2)
    assert world.json(f"{PREFIX}/replays?limit=1")["items"][0]["id"] == made["id"]
    over = send(world, "POST", f"/replays/{made['id']}/cancel").get_json()
    assert (over["status"], over["reason"]) == ("cancelled", "by test")
    again = send(world, "POST", f"/replays/{made['id']}/cancel").get_json()
    assert again["finished_at"] == over["finished_at"]
    assert audit_of(world, made["id"]) == [("test", "cancel"), ("test", "replay")]
    replaying = world.json(f"{PREFIX}/dead-letters?project={project_of(world)}&status=replaying")
    assert len(replaying["items"]) == 2


def test_an_export_comes_back_once_and_restores_the_ledger(world: World) -> None:
    letters = dead(world, crash("one"), b"\xff\x00")
    send(world, "PUT", f"/dead-letters/{letters[0]['id']}/payload", data=crash("edited"))
    answer = send(world, "GET", f"/dead-letters/export?project={project_of(world)}")
    assert answer.content_type == "application/x-ndjson"
    lines = answer.data
    assert lines.count(b"\n") == 2
    same = send(world, "POST", "/dead-letters/import", data=lines).get_json()
    assert (same["imported"], same["known"], same["rejected"]) == (0, 2, 0)

    with world.stores.database.transaction() as cursor:
        cursor.execute("DELETE FROM dead_letters WHERE project_id = %s", (_number(world),))
    assert ledger(world)["in_flight"] == 2
    done = send(world, "POST", "/dead-letters/import?restore=true", data=lines).get_json()
    assert (done["imported"], done["known"]) == (2, 0)
    assert (ledger(world)["accepted"], ledger(world)["dead"], ledger(world)["in_flight"]) == (
        2,
        2,
        0,
    )
    assert send(world, "GET", f"/dead-letters/export?project={project_of(world)}").data == lines


def test_letters_of_another_place_count_as_accepted_here_once(world: World) -> None:
    (letter,) = dead(world, crash("foreign"))
    line = json.loads(send(world, "GET", f"/dead-letters/export?project={project_of(world)}").data)
    line |= {"id": str(uuid4()), "event_id": str(new_id(now_ms()))}
    data = json.dumps(line).encode() + b"\n\n" + b'{"version": 1}\n'
    for imported in (1, 0):
        done = send(world, "POST", "/dead-letters/import", data=data).get_json()
        assert (done["imported"], done["rejected"]) == (imported, 1)
        assert done["problems"][0]["line"] == 3
        found = ledger(world)
        assert (found["accepted"], found["dead"], found["in_flight"]) == (2, 2, 0)
    assert letter["id"] != line["id"]


@pytest.mark.parametrize("data", [b"garbage", b'{"version": 1}', b"\xff" * 100])
def test_an_import_of_nothing_usable_is_refused(world: World, data: bytes) -> None:
    assert error(send(world, "POST", "/dead-letters/import", data=data)) == (400, "bad_argument")


def test_an_import_of_an_unknown_project_names_it(world: World) -> None:
    dead(world)
    line = json.loads(send(world, "GET", f"/dead-letters/export?project={project_of(world)}").data)
    answer = send(
        world, "POST", "/dead-letters/import", data=json.dumps({**line, "project": "gone"})
    )
    assert "'gone'" in answer.get_json()["error"]["message"]


def test_parked_messages_are_listed_and_unreadable_ones_stay(world: World) -> None:
    unreadable = b'{"headers": {"sluice-events": 3}, "body": "?", "content-type": "x"}'
    garbage = b"\xff\x00"
    with connect(world.stores.settings.redis_url, timeout=5) as client:
        client.flushdb()
        client.hset(keys.parked("crash.sql"), "d" * 40, unreadable)
        client.hset(keys.parked("crash.sql"), "e" * 40, garbage)
        client.set(keys.events("crash.sql"), 3)
    items = world.json(f"{PREFIX}/parked?queue=crash.sql")["items"]
    assert [(item["events"], item["task"]) for item in items] == [(3, None), (0, None)]
    assert error(send(world, "GET", "/parked?queue=crush.sql")) == (400, "bad_argument")
    first, second = (f"/parked/{item['id']}/discard" for item in items)
    body = {"json": {"reason": "no use"}}
    assert error(send(world, "POST", first, **body)) == (409, "message_unreadable")
    assert send(world, "POST", second, **body).get_json()["letters"] == 0
    assert [item["events"] for item in world.json(f"{PREFIX}/parked")["items"]] == [3]
    (entry,) = world.json(f"{PREFIX}/audit?subject={items[1]['id']}")["items"]
    assert base64.b64decode(entry["detail"]["message"]) == garbage


def test_a_parked_pack_is_buried_where_each_event_stands(world: World) -> None:
    """Of three events one has no row, one waits for search, one is stored."""
    stored, waiting, rowless = world.envelopes([crash()] * 3, project_of(world))
    world.accept([stored, waiting, rowless])
    world.store([stored])
    world.store([waiting], searched=False)
    pack, _ = world.stores.files.write_pack([stored, waiting, rowless], new_id(now_ms()))
    ids = [one.id for one in (stored, waiting, rowless)]
    message = pack_message("sql", new_id(now_ms()), Handoff(pack, datetime.now(UTC)), ids)
    with connect(world.stores.settings.redis_url, timeout=5) as client:
        client.hset(keys.parked("crash.sql"), "f" * 40, message.raw)
    name = f"crash.sql:{'f' * 40}"
    done = send(world, "POST", f"/parked/{name}/discard", json={"reason": "stuck"}).get_json()
    assert done["letters"] == 2
    listed = world.json(f"{PREFIX}/dead-letters?project={project_of(world)}")["items"]
    assert {item["event_id"]: item["stage"] for item in listed} == {
        str(waiting.id): "search",
        str(rowless.id): "sql",
    }
    assert (ledger(world)["stored"], ledger(world)["dead"], ledger(world)["in_flight"]) == (1, 2, 0)


def test_a_replay_made_while_the_broker_is_away_is_sent_once_it_is_back(
    world: World, module_settings: Settings
) -> None:
    (letter,) = dead(world)
    away = replace(module_settings, redis_url=Secret("redis://127.0.0.1:1/0"))
    stores = open_stores(away)
    client = create_app(away, stores).test_client()
    answer = client.post(f"{PREFIX}/dead-letters/{letter['id']}/replay", headers=HEADERS)
    stores.database.close()
    made = answer.get_json()
    assert answer.status_code == 200
    assert letter_of(world, letter)["status"] == "replaying"
    before = _events(world)
    for _ in range(2):
        found = world.stores.workbench.driver.step(UUID(made["id"]))
        assert found is not None
        assert found.count("sent") == 1
        assert _events(world) == before + 1


def _events(world: World) -> int:
    return next(q.events for q in world.stores.broker.queues() if q.queue == "crash.files")


def _number(world: World) -> int:
    return world.numbers[project_of(world)]


def test_a_type_that_no_queue_takes_is_skipped(world: World) -> None:
    envelope = Envelope(new_id(now_ms()), _number(world), "video", "x", b"{}")
    world.kill(envelope)
    chosen = LetterFilter(project_of(world))
    made = world.stores.workbench.replays.create(chosen, 50, 0, "me")
    over = world.stores.workbench.driver.step(made.id)
    assert over is not None
    assert (over.status, over.count("skipped")) == ("finished", 1)
