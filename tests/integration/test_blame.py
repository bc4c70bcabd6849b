"""Who is blamed: not an event for an outage, nor a message for a broker that is full."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import redis
from celery.exceptions import Ignore, SoftTimeLimitExceeded

from broker import keys
from broker.leases import Leases, task_lease
from broker.reservations import Reservations
from broker.suspects import Suspects
from config.settings import Secret
from events.envelope import Envelope
from events.ids import new_id, now_ms
from storage.errors import StoreDown
from storage.model import EventLocation, PackedEvent
from tasks.careful import work_on
from tasks.delivery import Delivery, outages_pause
from tasks.isolation import Failure
from tasks.normalising import normalise_all
from tests.integration.test_ingest_commit import OwnBroker

QUEUE = "crash.sql"
TAG = f"{QUEUE}/one"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[OwnBroker]:
    broker = OwnBroker(tmp_path)
    yield broker
    broker.kill()


@pytest.fixture
def reservations(own: OwnBroker) -> Reservations:
    return Reservations(Secret(f"redis://127.0.0.1:{own.port}/0"), timeout=5)


@pytest.fixture
def full_broker(reservations: Reservations) -> redis.Redis[bytes]:
    reservations.client.config_set("maxmemory", 1)
    return reservations.client


def packed(number: int) -> PackedEvent:
    envelope = Envelope(new_id(now_ms()), 1, "crash", "raygun.entry", b"{}")
    return PackedEvent(envelope, EventLocation("key", 0, 0, number, 2, 0))


def delivery(returns: int) -> Delivery:
    return Delivery(TAG, QUEUE, "owner/1", returns, events=2)


def test_an_outage_convicts_no_event_however_often_it_comes(reservations: Reservations) -> None:
    events = [packed(0), packed(1)]
    suspects = Suspects(reservations, TAG, "task")

    def away(_items: Sequence[PackedEvent]) -> list[Failure[PackedEvent]]:
        raise StoreDown("sql", "it is away")

    for _ in range(4):
        with pytest.raises(StoreDown):
            work_on(events, delivery(returns=2), suspects, away)

    assert work_on(events, delivery(returns=2), suspects, lambda _items: []) == []


def test_a_worker_that_died_twice_on_an_event_convicts_it(reservations: Reservations) -> None:
    events = [packed(0), packed(1)]
    suspects = Suspects(reservations, TAG, "task")

    def die(items: Sequence[PackedEvent]) -> list[Failure[PackedEvent]]:
        if items[0] is events[1]:
            raise SystemExit
        return []

    for _ in range(2):
        with pytest.raises(SystemExit):
            work_on(events, delivery(returns=2), suspects, die)

    failures = work_on(events, delivery(returns=2), suspects, die)
    assert [(f.item, f.code) for f in failures] == [(events[1], "killed_worker")]


def test_a_full_broker_gives_a_message_back_uncounted(
    reservations: Reservations, full_broker: redis.Redis[bytes]
) -> None:
    full_broker.config_set("maxmemory", 0)
    full_broker.hset(keys.reserved(QUEUE), TAG, b"message")
    full_broker.config_set("maxmemory", 1)

    def publish() -> None:
        raise StoreDown("broker", "OutOfMemoryError")

    with pytest.raises(Ignore), outages_pause(delivery(returns=0), reservations):
        publish()

    assert full_broker.lrange(QUEUE, 0, -1) == [b"message"]
    assert not full_broker.exists(f"deliveries:{QUEUE}")
    assert full_broker.exists(keys.pause(QUEUE))


def test_leases_are_renewed_in_a_full_broker(full_broker: redis.Redis[bytes]) -> None:
    Leases(full_broker, "owner", lambda: [QUEUE], lease_seconds=30).renew()
    with task_lease(full_broker, "owner/task", lease_seconds=30):
        found = [full_broker.pttl(keys.lease(owner)) for owner in ("owner", "owner/task")]
    assert all(20_000 < left <= 30_000 for left in found)


def test_the_soft_time_limit_is_no_fault_of_the_event_in_hand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def strike(_envelope: Envelope) -> None:
        raise SoftTimeLimitExceeded

    monkeypatch.setattr("events.crash.normalise", strike)
    with pytest.raises(SoftTimeLimitExceeded):
        normalise_all([packed(0)])


def test_a_message_too_long_for_one_run_ends_in_several(reservations: Reservations) -> None:
    events, worked = [packed(n) for n in range(6)], []

    def process(items: Sequence[PackedEvent]) -> list[Failure[PackedEvent]]:
        if len(worked) in {2, 4}:
            worked.append(None)
            raise SoftTimeLimitExceeded
        worked.append(items[0])
        return []

    for _ in range(2):
        with pytest.raises(SoftTimeLimitExceeded):
            work_on(events, delivery(2), Suspects(reservations, TAG, "long"), process)
    failures = work_on(events, delivery(2), Suspects(reservations, TAG, "long"), process)

    assert failures == []
    assert [item for item in worked if item is not None] == events


def test_a_failure_of_a_run_that_did_not_end_is_found_again(reservations: Reservations) -> None:
    events = [packed(0), packed(1)]
    runs = iter([True, False])
    interrupted = {}

    def process(items: Sequence[PackedEvent]) -> list[Failure[PackedEvent]]:
        if items[0] is events[0]:
            interrupted["now"] = next(runs)
            return [Failure(events[0], "broken", "it is", "", attempts=1)]
        if interrupted["now"]:
            raise SoftTimeLimitExceeded
        return []

    with pytest.raises(SoftTimeLimitExceeded):
        work_on(events, delivery(2), Suspects(reservations, TAG, "again"), process)
    failures = work_on(events, delivery(2), Suspects(reservations, TAG, "again"), process)

    assert [failure.item for failure in failures] == [events[0]]


def test_a_run_that_finishes_an_event_is_no_step_towards_parking(
    reservations: Reservations,
) -> None:
    message = b"the message"
    reservations.client.hset(keys.reserved(QUEUE), TAG, message)
    deliveries = f"deliveries:{QUEUE}"
    reservations.client.hset(deliveries, hashlib.sha1(message).hexdigest(), 4)

    work_on([packed(0)], delivery(4), Suspects(reservations, TAG, "slow"), lambda _: [])

    assert reservations.client.hvals(deliveries) == [b"2"]
