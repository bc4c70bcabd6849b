"""The chain on real servers with a real worker: exactly once, and only the event at fault dies."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime

import msgpack
import pytest

from broker import keys
from broker.client import Broker
from broker.message import batch_message
from config.settings import Settings
from events.envelope import Envelope
from events.ids import id_minute, new_id, now_ms
from storage.errors import StoreDown
from storage.files.store import FileStore
from storage.ledger import Ledger, balance
from storage.search.store import SearchStore
from storage.sql.database import Database
from storage.sql.dead_letters import DeadLetters
from storage.sql.events import Events
from storage.sql.group_filter import GroupFilter
from storage.sql.groups import Groups
from storage.sql.ledger import Settled
from storage.sql.migrate import migrate
from storage.sql.projects import Projects
from tests.integration.worker_process import (
    REAL,
    kill_worker,
    running_worker,
    start_worker,
    wait_until,
)

MODULES = {"real": REAL, "poisoned": "tests.integration.poisoned_worker:app"}


@dataclass
class World:
    settings: Settings
    broker: Broker
    database: Database
    project_id: int

    def publish(self, bodies, event_type="crash", protocol="raygun.entry"):
        envelopes = [
            Envelope(new_id(now_ms()), self.project_id, event_type, protocol, body)
            for body in bodies
        ]
        self.broker.publish(event_type, new_id(now_ms()), envelopes)
        return [envelope.id for envelope in envelopes]

    def ledger(self) -> Ledger:
        last = id_minute(new_id(now_ms()))
        settled = Settled(self.database).minutes(None, last - 60, last)
        return balance(self.broker.accepted(last - 60, last), settled, now_ms())

    def settle(self) -> Ledger:
        """Wait until nothing is in flight, in the ledger nor, counted apart, in the broker."""
        wait_until(lambda: self.ledger().totals.in_flight == 0)
        wait_until(lambda: sum(q.events for q in self.broker.queues()) == 0)
        return self.ledger()

    def letters(self):
        return DeadLetters(self.database).list(limit=500).items

    def searched(self, event_id):
        found = SearchStore(self.settings).search(
            project_id=self.project_id,
            event_type=None,
            query=None,
            start=None,
            end=None,
            cursor=None,
            limit=500,
        )
        return str(event_id) in {item["id"] for item in found.items}


@pytest.fixture(scope="module")
def place(module_settings):
    migrate(module_settings.postgres_dsn)
    SearchStore(module_settings).ensure_schema()
    FileStore(module_settings).ensure_bucket()
    return module_settings


@pytest.fixture
def world(place):
    broker = Broker(place.redis_url, timeout=5)
    broker._client.flushdb()
    database = Database(place.postgres_dsn)
    with database.transaction() as cursor:
        cursor.execute(
            "TRUNCATE projects, packs, crash_events, rum_events, groups, group_users,"
            " group_hours, group_versions, dead_letters, ledger RESTART IDENTITY CASCADE"
        )
    project, _ = Projects(database).create(f"shop-{new_id(now_ms())}")
    yield World(place, broker, database, project.id)
    database.close()


@pytest.fixture
def worker(world, request):
    """A worker on every queue; the parameter says whether marked events are poison."""
    with running_worker(world.settings, MODULES[getattr(request, "param", "real")]) as process:
        yield process


def crash(number=0, mark=""):
    report = {
        "occurredOn": "2026-11-01T10:00:00Z",
        "details": {
            "error": {
                "className": "ShopError",
                "message": f"order {number} failed {mark}",
                "stackTrace": [{"className": "shop", "methodName": "pay", "lineNumber": 7}],
            },
            "user": {"identifier": f"user-{number % 3}"},
        },
    }
    return json.dumps(report).encode()


SESSION = b'{"sessionId": "s1", "type": "session_start", "timestamp": "2026-11-01T10:00:00.000Z"}'


def test_every_event_reaches_all_three_stores_once(world, worker):
    ids = world.publish([crash(n) for n in range(50)])
    rum = world.publish([SESSION] * 3, "rum", "raygun.rum")

    ledger = world.settle()

    assert (ledger.balanced, ledger.totals.stored, ledger.totals.dead) == (True, 53, 0)
    [group] = Groups(world.database).list(GroupFilter(datetime.now(UTC))).items
    assert (group.count, group.users) == (50, 3)
    store, events = FileStore(world.settings), Events(world.database)
    assert store.read_event(events.find(ids[7]).location) == crash(7)
    wait_until(lambda: world.searched(ids[7]) and world.searched(rum[0]))
    receipt = events.receipt(ids[7])
    assert receipt.files_at <= receipt.sql_at <= receipt.search_at


def test_small_batches_are_joined_into_few_packs(world):
    for n in range(30):
        world.publish([crash(n)])
    with running_worker(world.settings):
        world.settle()
    with world.database.transaction() as cursor:
        cursor.execute("SELECT count(*), sum(events) FROM packs")
        packs, events = cursor.fetchone()
    assert events == 30
    assert packs <= 4


def test_killing_workers_while_they_store_loses_and_doubles_nothing(world):
    ids = [event_id for n in range(40) for event_id in world.publish([crash(n)] * 25)]
    for _ in range(3):
        worker = start_worker(world.settings)
        before = world.ledger().totals.stored
        wait_until(lambda before=before: world.ledger().totals.stored > before)
        kill_worker(worker)
        if world.ledger().totals.in_flight == 0:
            break
    with running_worker(world.settings):
        ledger = world.settle()
    assert (ledger.balanced, ledger.totals.stored) == (True, len(ids))
    [group] = Groups(world.database).list(GroupFilter(datetime.now(UTC))).items
    assert group.count == len(ids)


@pytest.mark.parametrize("worker", ["poisoned"], indirect=True)
class TestPoison:
    @pytest.mark.parametrize(
        ("mark", "code"), [("poison:raise", "RuntimeError"), ("poison:row", "Rejected")]
    )
    def test_only_the_event_at_fault_is_dead_lettered(self, world, worker, mark, code):
        bodies = [crash(n) for n in range(60)]
        bodies[31] = crash(31, mark)
        ids = world.publish(bodies)

        ledger = world.settle()

        assert (ledger.balanced, ledger.totals.stored, ledger.totals.dead) == (True, 59, 1)
        [letter] = world.letters()
        assert (letter.event_id, letter.stage, letter.code) == (ids[31], "sql", code)
        assert FileStore(world.settings).read_event(letter.location) == bodies[31]
        assert not world.searched(ids[31])

    def test_events_that_kill_their_worker_are_found(self, world, worker):
        bodies = [crash(n) for n in range(40)]
        for n in (5, 23):
            bodies[n] = crash(n, "poison:die")
        ids = world.publish(bodies)

        ledger = world.settle()

        assert (ledger.balanced, ledger.totals.stored, ledger.totals.dead) == (True, 38, 2)
        assert {letter.event_id for letter in world.letters()} == {ids[5], ids[23]}
        assert {letter.code for letter in world.letters()} == {"killed_worker"}

    def test_a_flood_pauses_the_stage_until_an_operator_resumes_it(self, world, worker):
        world.publish([crash(n, "poison:raise") for n in range(30)])

        why = wait_until(lambda: world.broker._client.get(keys.pause("crash.sql")))

        assert b"flood: 30 of the last 30 events" in why
        assert b"poisoned by the test" in why
        assert world.letters() == []
        assert world.ledger().totals.in_flight == 30


def test_an_outage_of_a_store_pauses_the_queue_and_spends_nothing(world, monkeypatch):
    away = Settings(
        **{
            name: getattr(world.settings, name)
            for name in Settings.__dataclass_fields__
            if name != "elasticsearch_url"
        },
        elasticsearch_url=type(world.settings.redis_url)("http://127.0.0.1:1"),
    )
    world.publish([crash(n) for n in range(10)])
    with running_worker(away):
        wait_until(lambda: world.broker._client.exists(keys.pause("crash.search")))
    assert world.letters() == []
    with pytest.raises(StoreDown):
        SearchStore(away).check()

    with running_worker(world.settings):
        ledger = world.settle()
    assert (ledger.totals.stored, ledger.totals.dead) == (10, 0)


def test_a_batch_that_this_code_cannot_read_is_parked_and_stays_counted(world, worker):
    newer = Envelope(new_id(now_ms()), world.project_id, "crash", "raygun.entry", crash())
    message = json.loads(batch_message("crash", new_id(now_ms()), [newer]).raw)
    message["body"] = base64.b64encode(msgpack.packb([[b"later version"], {}, {}])).decode()
    client = world.broker._client
    client.incrby(keys.events("crash.files"), 1)
    client.lpush("crash.files", json.dumps(message))
    wait_until(lambda: client.hlen(keys.parked("crash.files")) == 1)
    assert sum(queue.events for queue in world.broker.queues()) == 1
