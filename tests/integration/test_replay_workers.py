"""Replays through real workers: each event in all three stores once, and a balanced ledger."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from broker import keys
from broker.connection import connect
from broker.message import batch_message
from config.policy import ALL_QUEUES
from config.settings import Secret, Settings
from events.envelope import Envelope
from events.ids import id_minute, new_id, now_ms
from events.registry import event_type
from storage.ledger import Ledger, balance
from storage.model import DeadLetter
from storage.replay import Replay
from storage.sql.letter_filter import LetterFilter
from storage.sql.letter_rows import DeadLetterRow
from tests.integration.api_world import World, crash, open_world

ROOT = Path(__file__).parents[2]
REAL, POISONED = "tasks.worker:app", "tests.integration.poisoned_worker:app"


def wait_until(condition: Any, timeout: float = 100) -> Any:
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)
    return found


def environment(settings: Settings) -> dict[str, str]:
    values = {name: getattr(settings, name) for name in Settings.__slots__}
    text = {
        f"SLUICE_{name.upper()}": value.reveal() if isinstance(value, Secret) else str(value)
        for name, value in values.items()
    }
    return {**os.environ, **text, "SLUICE_LEASE_SECONDS": "2"}


@contextmanager
def worker(settings: Settings, app: str = REAL, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-m", "celery", "--app", app, "worker", "--concurrency", "1"]
    argv += ["--queues", ",".join(ALL_QUEUES), "--without-gossip", "--without-mingle"]
    process = subprocess.Popen(
        [*argv, *more],
        cwd=ROOT,
        env=environment(settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def sluice(settings: Settings, *arguments: str, **kwargs: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ops", *arguments],
        cwd=ROOT,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        **kwargs,
    )


@pytest.fixture(scope="module")
def shared(module_settings: Settings) -> Iterator[World]:
    with open_world(module_settings) as world:
        yield world


@pytest.fixture
def world(shared: World, module_settings: Settings) -> World:
    """A project of the test's own, and an empty broker."""
    with connect(module_settings.redis_url, timeout=5) as client:
        client.flushdb()
    with shared.stores.database.transaction() as cursor:
        cursor.execute(
            "TRUNCATE packs, crash_events, groups, group_users, group_hours, group_versions,"
            " dead_letters, ledger, audit, replays, replay_items"
        )
    shared.add_project(f"p-{uuid4().hex}")
    return shared


def project_of(world: World) -> str:
    return list(world.keys)[-1]


def poison(world: World, count: int, mark: str = "poison:raise") -> list[Envelope]:
    bodies = [crash(f"order {n} {mark}") for n in range(count)]
    return world.envelopes(bodies, project_of(world))


def kill_in_sql(world: World, envelopes: Sequence[Envelope]) -> list[DeadLetterRow]:
    """Accepted, stored in a pack, and given up on by stage sql."""
    world.accept(envelopes)
    with connect(world.stores.settings.redis_url, timeout=5) as client:
        client.delete("crash.files", keys.events("crash.files"))
    pack, locations = world.stores.files.write_pack(envelopes, new_id(now_ms()))
    letters = [a_letter(one, "sql", locations[one.id]) for one in envelopes]
    assert world.stores.dead_letters.add(letters) == len(envelopes)
    assert pack.events == len(envelopes)
    return open_letters(world)


def kill_in_search(world: World, envelopes: Sequence[Envelope], dead: int) -> list[DeadLetterRow]:
    """Accepted and stored in SQL; the first ``dead`` of them refused by stage search."""
    world.accept(envelopes)
    with connect(world.stores.settings.redis_url, timeout=5) as client:
        client.delete("crash.files", keys.events("crash.files"))
    pack, locations = world.stores.files.write_pack(envelopes, new_id(now_ms()))
    records = [event_type("crash").normalise(one) for one in envelopes]
    items = [
        (record, one.protocol, locations[one.id])
        for record, one in zip(records, envelopes, strict=True)
    ]
    world.stores.packs.store(pack, datetime.now(UTC), items)
    assert world.stores.search.index("crash", records[dead:]) == []
    refused = [one.id for one in envelopes[:dead]]
    world.stores.dead_letters.add(
        [a_letter(one, "search", locations[one.id]) for one in envelopes[:dead]]
    )
    world.stores.packs.mark_searched(pack.id, datetime.now(UTC), refused)
    return open_letters(world)


def a_letter(envelope: Envelope, stage: str, location: Any) -> DeadLetter:
    return DeadLetter(
        event_id=envelope.id,
        project_id=envelope.project_id,
        type=envelope.type,
        stage=stage,
        protocol=envelope.protocol,
        code="RuntimeError",
        reason=f"poisoned event {envelope.id}",
        traceback="",
        attempts=3,
        at=datetime.now(UTC),
        location=location,
        payload=None if location else envelope.body,
    )


def open_letters(world: World) -> list[DeadLetterRow]:
    return world.stores.dead_letters.list(LetterFilter(project_of(world)), limit=1000).items


def ledger(world: World) -> Ledger:
    last = id_minute(new_id(now_ms()))
    settled = world.stores.settled.minutes(None, last - 60, last)
    accepted = world.stores.broker.accepted(last - 60, last)
    return balance(
        {row: n for row, n in accepted.items() if row[1] > 0},
        {row: n for row, n in settled.items() if row[1] > 0},
        now_ms(),
    )


def settle(world: World) -> Ledger:
    """Wait until nothing is in flight, in the ledger nor, counted apart, in the broker."""
    wait_until(lambda: ledger(world).totals.in_flight == 0)
    wait_until(lambda: sum(q.events for q in world.stores.broker.queues()) == 0)
    return ledger(world)


def assert_stored_once(world: World, envelopes: Sequence[Envelope]) -> None:
    totals = settle(world).totals
    assert (totals.accepted, totals.stored) == (len(envelopes), len(envelopes))
    assert (totals.dead, totals.in_flight, totals.discarded) == (0, 0, 0)
    for envelope in envelopes:
        event = world.stores.events.find(envelope.id)
        assert event is not None
        assert searched(world, envelope.id)
    (group,) = world.groups(project_of(world))
    assert group.count == len(envelopes)


def searched(world: World, event_id: UUID) -> bool:
    def found() -> bool:
        page = world.stores.search.search(project_id=world.numbers[project_of(world)], limit=500)
        return str(event_id) in {item["id"] for item in page.items}

    return bool(wait_until(found, 30))


def drive(world: World, replay: Replay) -> Replay:
    def step() -> Replay | None:
        found = world.stores.workbench.driver.step(replay.id)
        assert found is not None
        return None if found.active else found

    return wait_until(step)  # type: ignore[no-any-return]


def test_letters_of_stage_sql_take_the_whole_way_again(world: World) -> None:
    envelopes = poison(world, 30, "fixed")
    kill_in_sql(world, envelopes)
    assert ledger(world).totals.dead == 30
    made = world.stores.workbench.replays.create(LetterFilter(project_of(world)), 500, 0, "me")
    with worker(world.stores.settings):
        over = drive(world, made)
        assert (over.status, over.count("stored")) == ("finished", 30)
        assert_stored_once(world, envelopes)
    assert open_letters(world) == []


def test_letters_of_stage_search_are_indexed_from_their_pack(world: World) -> None:
    envelopes = poison(world, 20, "fixed")
    kill_in_search(world, envelopes, dead=3)
    totals = ledger(world).totals
    assert (totals.stored, totals.dead, totals.in_flight) == (17, 3, 0)
    made = world.stores.workbench.replays.create(LetterFilter(project_of(world)), 500, 0, "me")
    world.stores.workbench.driver.step(made.id)
    in_broker = {q.queue: q.events for q in world.stores.broker.queues()}
    assert in_broker["crash.search"] == ledger(world).totals.in_flight == 3
    with worker(world.stores.settings):
        assert drive(world, made).count("stored") == 3
        assert_stored_once(world, envelopes)


def test_a_canary_that_dies_again_stops_the_replay_and_a_fixed_worker_stores_all(
    world: World,
) -> None:
    envelopes = poison(world, 12)
    before = kill_in_sql(world, envelopes)
    replays = world.stores.workbench.replays
    made = replays.create(LetterFilter(project_of(world)), 500, 3, "me")
    with worker(world.stores.settings, POISONED):
        over = drive(world, made)
        assert settle(world).totals.dead == 12
    assert (over.status, over.reason) == ("stopped", "3 of 3 canaries died again")
    assert (over.count("dead"), over.count("waiting"), over.count("stored")) == (3, 9, 0)
    after = open_letters(world)
    assert {letter.id for letter in after} == {letter.id for letter in before}
    assert sorted(letter.attempts for letter in after) == [3] * 9 + [4] * 3

    again = replays.create(LetterFilter(project_of(world)), 500, 3, "me")
    with worker(world.stores.settings):
        over = drive(world, again)
        assert (over.status, over.count("stored")) == ("finished", 12)
        assert_stored_once(world, envelopes)
    actions = [entry.action for entry in world.stores.workbench.audit.list().items]
    assert actions == ["replay_ended", "replay", "replay_ended", "replay", "create_project"]


def test_an_edited_payload_is_stored_in_place_of_the_original(world: World) -> None:
    envelopes = poison(world, 2)
    letters = kill_in_sql(world, envelopes)
    bench = world.stores.workbench
    fixed = {letter.event_id: crash(f"fixed {letter.id}") for letter in letters}
    for letter in letters:
        bench.actions.edit(letter.id, fixed[letter.event_id], "me")
    with worker(world.stores.settings, POISONED):
        made = bench.replays.create(LetterFilter(project_of(world)), 500, 1, "me")
        assert drive(world, made).count("stored") == 2
        assert settle(world).totals.stored == 2
    for envelope in envelopes:
        event = world.stores.events.find(envelope.id)
        assert event is not None
        assert world.stores.files.read_event(event.location) == fixed[envelope.id]
        searched(world, envelope.id)
    (kept,) = bench.letters.find_all([letters[0].id])
    assert kept.status == "replayed"
    assert bench.payloads.original(kept) == next(
        one.body for one in envelopes if one.id == kept.event_id
    )


def test_an_edited_event_that_search_refused_is_stored_anew(world: World) -> None:
    envelopes = poison(world, 4, "fixed")
    (letter,) = kill_in_search(world, envelopes, dead=1)
    bench = world.stores.workbench
    edited = crash("another message", class_name="EditedError")
    bench.actions.edit(letter.id, edited, "me")
    with worker(world.stores.settings):
        made = bench.replays.create(LetterFilter(project_of(world)), 500, 0, "me")
        assert drive(world, made).count("stored") == 1
        totals = settle(world).totals
    assert (totals.accepted, totals.stored, totals.dead) == (4, 4, 0)
    event = world.stores.events.find(letter.event_id)
    assert event is not None
    assert world.stores.files.read_event(event.location) == edited
    groups = world.groups(project_of(world))
    assert sorted((group.count, group.users) for group in groups) == [(1, 1), (3, 1)]
    searched(world, letter.event_id)


def test_a_replay_beside_another_delivery_of_the_same_events_stores_them_once(
    world: World,
) -> None:
    envelopes = poison(world, 40, "fixed")
    kill_in_sql(world, envelopes)
    filters = LetterFilter(project_of(world))
    replays = [world.stores.workbench.replays.create(filters, 500, 0, "me") for _ in range(2)]
    with worker(world.stores.settings):
        for part in (envelopes[:20], envelopes[20:], envelopes):
            other = new_id(now_ms())
            world.stores.broker.republish(batch_message("crash", other, part), other)
            for replay in replays:
                world.stores.workbench.driver.step(replay.id)
        for replay in replays:
            drive(world, replay)
        assert_stored_once(world, envelopes)


def test_a_killed_command_leaves_nothing_half_done_and_is_resumed(world: World) -> None:
    envelopes = poison(world, 60, "fixed")
    kill_in_sql(world, envelopes)
    settings = world.stores.settings
    command = [sys.executable, "-m", "ops", "dlq", "replay", "--project", project_of(world)]
    with worker(settings):
        process = subprocess.Popen(
            [*command, "--rate", "8"],
            cwd=ROOT,
            env=environment(settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: ledger(world).totals.stored > 5)
        process.kill()
        process.wait()
        (replay,) = world.stores.workbench.replays.list().items
        assert 5 < replay.count("claimed", "sent", "stored") < 60
        done = sluice(settings, "dlq", "replay", "--resume", str(replay.id), "--json")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert (told["status"], told["counts"]["stored"]) == ("finished", 60)
        assert_stored_once(world, envelopes)


def test_a_replay_that_the_api_started_is_driven_by_the_system_pool(world: World) -> None:
    envelopes = poison(world, 60, "fixed")
    kill_in_sql(world, envelopes)
    answer = world.client.post(
        "/api/v1/replays",
        json={"project": project_of(world), "rate": 20, "canary": 5},
        headers={"Authorization": "Bearer test-token-0123456789abcdef"},
    )
    assert answer.status_code == 200, answer.text
    path = f"/api/v1/replays/{answer.get_json()['id']}"
    assert answer.get_json()["status"] == "canary"
    with worker(world.stores.settings, REAL, "--beat"):
        wait_until(lambda: world.json(path)["status"] == "finished")
        assert world.json(path)["counts"]["stored"] == 60
        wait_until(lambda: ledger(world).totals.in_flight == 0)
    assert ledger(world).totals.stored == 60


def test_a_parked_message_is_buried_event_by_event_and_its_letters_replayed(world: World) -> None:
    envelopes = poison(world, 5, "fixed")
    world.accept(envelopes)
    with connect(world.stores.settings.redis_url, timeout=5) as client:
        raw = client.rpop("crash.files")
        client.hset(keys.parked("crash.files"), "a" * 40, raw)
        client.hset(keys.parked_why("crash.files"), "a" * 40, "its worker died 5 times")
    bench = world.stores.workbench
    (message,) = bench.parked.list()
    assert (message.events, message.task) == (5, "sluice.store_files")
    assert bench.burial.bury(message.id, "it kills", "me") == 5
    assert bench.burial.bury(message.id, "it kills", "me") is None
    assert sum(q.events for q in world.stores.broker.queues()) == 0
    assert (ledger(world).totals.dead, ledger(world).totals.in_flight) == (5, 0)
    letter = open_letters(world)[0]
    assert (letter.stage, letter.code) == ("files", "parked")
    assert "its worker died 5 times" in letter.reason
    with worker(world.stores.settings):
        done = sluice(
            world.stores.settings, "dlq", "replay", "--cluster", letter.cluster, "--canary", "2"
        )
        assert done.returncode == 0, done.stderr
        assert "5 stored" in done.stdout
        assert_stored_once(world, envelopes)


def test_a_parked_message_that_is_replayed_runs_as_if_never_delivered(world: World) -> None:
    envelopes = poison(world, 5, "fixed")
    world.accept(envelopes)
    with connect(world.stores.settings.redis_url, timeout=5) as client:
        raw = client.rpop("crash.files")
        client.hset(keys.parked("crash.files"), "b" * 40, raw)
    done = sluice(world.stores.settings, "dlq", "parked", "--json")
    (message,) = json.loads(done.stdout)["items"]
    assert sluice(world.stores.settings, "dlq", "parked", "replay", message["id"]).returncode == 0
    missing = sluice(world.stores.settings, "dlq", "parked", "replay", message["id"])
    assert missing.returncode == 1
    assert "message_not_parked" in missing.stderr
    with worker(world.stores.settings):
        assert_stored_once(world, envelopes)
