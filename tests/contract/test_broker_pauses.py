"""The switch of a queue, the load of all, and the copy of keys, on a real broker."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import redis

from broker import keys
from broker.client import Broker, QueueState
from broker.connection import connect
from broker.flood import FloodLimit
from broker.known_keys import KnownKeys, key_digest
from broker.load import Load, QueueLoad
from broker.message import size_headers
from broker.pauses import MAX_REASON_CHARS, Pauses
from broker.reservations import Reservations
from config.policy import QUEUES
from config.settings import Secret, Settings
from events.envelope import Envelope
from events.ids import new_id, now_ms
from storage.errors import StoreDown
from storage.sql.projects import KeyOwner

QUEUE = "crash.sql"
FLOOD = FloodLimit(share=0.5, fewest=2, seconds=300)


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis[bytes]]:
    with connect(settings.redis_url, timeout=10) as client:
        client.flushdb()
        yield client


@pytest.fixture
def broker(settings: Settings, client: redis.Redis[bytes]) -> Broker:
    return Broker(settings.redis_url, timeout=10)


@pytest.fixture
def pauses(settings: Settings, client: redis.Redis[bytes]) -> Pauses:
    return Pauses(settings.redis_url, timeout=10)


@pytest.fixture
def stage(settings: Settings, client: redis.Redis[bytes]) -> Reservations:
    return Reservations(settings.redis_url, timeout=10)


def state(broker: Broker, queue: str = QUEUE) -> QueueState:
    return next(found for found in broker.queues() if found.queue == queue)


def publish(broker: Broker, count: int = 1, *, at: int | None = None) -> None:
    moment = at or now_ms()
    events = [Envelope(new_id(moment), 7, "crash", "raygun.entry", b"{}")] * count
    broker.publish("crash", new_id(now_ms()), events)


class TestSwitch:
    def test_an_operators_pause_says_who_when_and_why(
        self, broker: Broker, settings: Settings, client: redis.Redis[bytes]
    ) -> None:
        Pauses(settings.redis_url, timeout=10, clock=lambda: 0).pause(QUEUE, "ann", "vacuum")
        why = state(broker).pause
        assert why is not None
        assert (why.kind, why.seconds_left) == ("operator", None)
        assert why.reason == "operator: vacuum (ann, 1970-01-01T00:00:00Z)"
        assert state(broker).paused
        assert not state(broker, "crash.search").paused

    def test_a_paused_queue_hands_out_nothing_until_it_is_resumed(
        self, broker: Broker, pauses: Pauses, stage: Reservations
    ) -> None:
        publish(broker)
        pauses.pause("crash.files", "ann", "")
        take = {"max_messages": 9, "max_events": 9, "max_bytes": 10**6}
        assert stage.join("crash.files", "me", **take) == []
        assert (pauses.resume("crash.files") or "").startswith("operator: no reason given")
        assert len(stage.join("crash.files", "me", **take)) == 1

    def test_it_outlives_an_outage_that_comes_later(
        self, broker: Broker, pauses: Pauses, stage: Reservations
    ) -> None:
        pauses.pause(QUEUE, "ann", "vacuum")
        stage.pause(QUEUE, "sql: away", seconds=0.1)
        time.sleep(0.3)
        why = state(broker).pause
        assert why is not None
        assert why.kind == "operator"

    def test_and_one_that_came_before(
        self, broker: Broker, pauses: Pauses, stage: Reservations
    ) -> None:
        stage.pause(QUEUE, "sql: away", seconds=0.3)
        before = state(broker).pause
        assert before is None or before.kind == "outage"
        pauses.pause(QUEUE, "ann", "vacuum")
        time.sleep(0.6)
        why = state(broker).pause
        assert why is not None
        assert (why.kind, why.seconds_left) == ("operator", None)

    def test_an_outage_tells_its_store_and_its_end(
        self, broker: Broker, stage: Reservations
    ) -> None:
        stage.pause(QUEUE, "sql: no answer from 10.0.0.7", seconds=60)
        why = state(broker).pause
        assert why is not None
        assert why.kind == "outage"
        assert why.seconds_left is not None
        assert 0 < why.seconds_left <= 60
        assert why.summary == "outage: sql"

    def test_a_floods_word_stays_readable_behind_an_operators(
        self, broker: Broker, pauses: Pauses, stage: Reservations
    ) -> None:
        assert not FLOOD.allows(stage, QUEUE, good=0, dead=9, reason="KeyError")
        why = state(broker).pause
        assert why is not None
        assert (why.kind, why.seconds_left, why.summary) == ("flood", None, "flood")
        pauses.pause(QUEUE, "ann", "rolling back")
        why = state(broker).pause
        assert why is not None
        assert why.kind == "operator"
        assert "rolling back" in why.reason
        assert "KeyError" in why.reason

    def test_resumed_as_it_is_a_flood_pauses_again(
        self, broker: Broker, pauses: Pauses, stage: Reservations
    ) -> None:
        assert not FLOOD.allows(stage, QUEUE, good=0, dead=9, reason="KeyError")
        assert (pauses.resume(QUEUE) or "").startswith("flood:")
        assert not FLOOD.allows(stage, QUEUE, good=0, dead=9, reason="KeyError")
        assert state(broker).paused

    def test_accepting_dead_letters_lets_a_flood_pass_until_the_next_pause(
        self, broker: Broker, pauses: Pauses, stage: Reservations
    ) -> None:
        assert not FLOOD.allows(stage, QUEUE, good=0, dead=9, reason="KeyError")
        pauses.resume(QUEUE, accept_dead_letters=True)
        assert 0 < state(broker).amnesty_seconds <= 600
        assert FLOOD.allows(stage, QUEUE, good=0, dead=9, reason="KeyError")
        assert not state(broker).paused
        pauses.pause(QUEUE, "ann", "enough")
        assert state(broker).amnesty_seconds == 0

    def test_resuming_wakes_idle_workers(self, pauses: Pauses, client: redis.Redis[bytes]) -> None:
        assert pauses.resume(QUEUE) is None
        assert client.llen(f"wake:{QUEUE}") == 16
        assert client.pttl(f"wake:{QUEUE}") > 0

    def test_a_long_or_odd_reason_is_cut_and_kept_as_text(
        self, broker: Broker, pauses: Pauses
    ) -> None:
        pauses.pause(QUEUE, "ann", "\ud800" + "x" * 10_000)
        why = state(broker).pause
        assert why is not None
        assert why.reason.count("x") == MAX_REASON_CHARS - 1

    def test_a_queue_that_is_none_is_refused(self, pauses: Pauses) -> None:
        for name in ("", "crash", "crash.nix", "celery"):
            with pytest.raises(KeyError):
                pauses.pause(name, "ann", "")
            with pytest.raises(KeyError):
                pauses.resume(name)

    def test_a_broker_that_is_away_is_an_outage(self) -> None:
        away = Pauses(Secret("redis://127.0.0.1:1/0"), timeout=1)
        with pytest.raises(StoreDown):
            away.pause(QUEUE, "ann", "")
        with pytest.raises(StoreDown):
            away.resume(QUEUE)


class TestLoad:
    def loads(self, settings: Settings) -> dict[str, QueueLoad]:
        found = Load(settings.redis_url, timeout=10).queues()
        return {load.policy.queue: load for load in found}

    def test_every_queue_is_told_also_when_empty(
        self, settings: Settings, client: redis.Redis[bytes]
    ) -> None:
        found = self.loads(settings)
        assert list(found) == list(QUEUES)
        assert {(load.events, load.age_seconds) for load in found.values()} == {(0, 0.0)}

    def test_events_and_the_age_of_the_oldest(self, settings: Settings, broker: Broker) -> None:
        publish(broker, 3, at=now_ms() - 90_000)
        publish(broker, 4)
        found = self.loads(settings)["crash.files"]
        assert found.events == 7
        assert found.age_seconds >= 90

    def test_a_message_without_our_headers_has_no_age(
        self, settings: Settings, client: redis.Redis[bytes]
    ) -> None:
        client.lpush("crash.files", b"\x00 no message at all")
        assert self.loads(settings)["crash.files"].age_seconds == 0

    def test_the_age_of_a_reference_to_a_pack_is_told_too(
        self, settings: Settings, client: redis.Redis[bytes]
    ) -> None:
        oldest = size_headers(5, 100, now_ms() - 60_000)["sluice-oldest-ms"]
        client.lpush(QUEUE, b'{"headers": {"lang": "py", "sluice-oldest-ms": %d}}' % oldest)
        assert self.loads(settings)[QUEUE].age_seconds >= 60

    def test_an_answer_that_cost_much_serves_others_for_a_second(
        self, settings: Settings, broker: Broker
    ) -> None:
        big = [Envelope(new_id(now_ms()), 7, "crash", "raygun.entry", b"x" * 100_000)]
        broker.publish("crash", new_id(now_ms()), big)
        assert self.loads(settings)["crash.files"].events == 1
        broker.publish("crash", new_id(now_ms()), big)
        deadline = time.monotonic() + 30
        while self.loads(settings)["crash.files"].events != 2:
            assert time.monotonic() < deadline

    def test_refusals_are_counted_all_or_none(
        self, settings: Settings, broker: Broker, client: redis.Redis[bytes]
    ) -> None:
        load = Load(settings.redis_url, timeout=10)
        load.count({"refused:rum:overloaded": 3, "refused:crash:overloaded": 1})
        load.count({"refused:rum:overloaded": 4})
        assert broker.totals() == {"refused:rum:overloaded": 7, "refused:crash:overloaded": 1}


class TestKnownKeys:
    GOOD = KeyOwner(7, "shop | ☃", False)
    REVOKED = KeyOwner(7, "shop | ☃", True)

    @pytest.fixture
    def known(self, settings: Settings, client: redis.Redis[bytes]) -> KnownKeys:
        return KnownKeys(settings.redis_url, timeout=10)

    def test_owners_by_digest(self, known: KnownKeys, client: redis.Redis[bytes]) -> None:
        digest = key_digest("a secret key")
        known.keep({digest: self.GOOD, key_digest("other"): KeyOwner(8, "", True)})
        assert known.find(digest) == self.GOOD
        assert known.find(key_digest("other")) == KeyOwner(8, "", True)
        assert known.find(key_digest("nobody's")) is None
        assert b"secret" not in b"".join(k + v for k, v in client.hgetall(keys.KNOWN_KEYS).items())

    def test_a_revocation_is_not_taken_back_by_who_looked_earlier(self, known: KnownKeys) -> None:
        known.keep({"d": self.GOOD})
        known.keep({"d": self.REVOKED})
        known.keep({"d": self.GOOD})
        assert known.find("d") == self.REVOKED

    def test_a_key_of_another_project_replaces_it(self, known: KnownKeys) -> None:
        known.keep({"d": self.REVOKED})
        known.keep({"d": KeyOwner(8, "anew", False)})
        assert known.find("d") == KeyOwner(8, "anew", False)

    def test_a_key_can_be_forgotten(self, known: KnownKeys) -> None:
        known.keep({"d": self.GOOD})
        known.keep({"d": None})
        known.keep({})
        assert known.find("d") is None

    def test_what_another_version_wrote_is_not_known(
        self, known: KnownKeys, client: redis.Redis[bytes]
    ) -> None:
        for value in (b"", b"garbage", b"0|x|y", b"\xff|1"):
            client.hset(keys.KNOWN_KEYS, "d", value)
            assert known.find("d") is None
