"""Parked messages and what is published again: counted right, whatever is repeated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from broker import keys
from broker.client import Broker
from broker.connection import connect
from broker.handoff import Handoff
from broker.message import batch_message, message_args, message_headers, pack_message
from broker.parked import Parked, counted_events
from broker.reservations import Reservations
from config.settings import Settings
from events.envelope import Envelope, decode_batch
from events.ids import id_minute, new_id, now_ms
from storage.model import PackRef

QUEUE = "crash.files"
EVERYTHING = {"max_messages": 1000, "max_events": 10**6, "max_bytes": 10**9}


@pytest.fixture
def client(settings: Settings) -> Iterator[Any]:
    with connect(settings.redis_url, timeout=5) as client:
        client.flushdb()
        yield client


@pytest.fixture
def broker(settings: Settings, client: Any) -> Broker:
    return Broker(settings.redis_url, timeout=5)


@pytest.fixture
def parked(settings: Settings, client: Any) -> Parked:
    return Parked(settings.redis_url, timeout=5)


@pytest.fixture
def reservations(settings: Settings, client: Any) -> Reservations:
    return Reservations(settings.redis_url, timeout=5)


def envelopes(count: int) -> list[Envelope]:
    return [Envelope(new_id(now_ms()), 7, "crash", "raygun.entry", b"{}") for _ in range(count)]


def park_one(broker: Broker, reservations: Reservations, count: int) -> list[Envelope]:
    batch = envelopes(count)
    broker.publish("crash", new_id(now_ms()), batch)
    (reserved,) = reservations.join(QUEUE, "owner", **EVERYTHING)
    reservations.park(reserved.tag, "it kills")
    return batch


def events_in(broker: Broker, queue: str = QUEUE) -> int:
    return next(state.events for state in broker.queues() if state.queue == queue)


def test_a_parked_message_is_listed_without_its_body(
    broker: Broker, parked: Parked, reservations: Reservations
) -> None:
    batch = park_one(broker, reservations, 3)
    (message,) = parked.list()
    assert (message.queue, message.why, message.events) == (QUEUE, "it kills", 3)
    assert message.task == "sluice.store_files"
    assert message.oldest_ms == min(envelope.id for envelope in batch).int >> 80
    assert parked.list("crash.sql") == []
    raw = parked.read(message.id)
    assert raw is not None
    assert (message.bytes, counted_events(raw)) == (len(raw), 3)
    assert decode_batch(message_args(raw)[0]) == batch
    assert parked.why(message.id) == "it kills"


def test_garbage_is_listed_too(client: Any, parked: Parked) -> None:
    client.hset(keys.parked(QUEUE), "c" * 40, b"\xff\x00garbage")
    (message,) = parked.list(QUEUE)
    assert (message.task, message.events, message.oldest_ms, message.why) == (None, 0, None, "")
    assert counted_events(b"\xff\x00garbage") == 0


def test_a_replayed_message_is_as_if_never_delivered_and_stays_counted(
    broker: Broker, parked: Parked, reservations: Reservations, client: Any
) -> None:
    park_one(broker, reservations, 3)
    (message,) = parked.list()
    client.hset(f"deliveries:{QUEUE}", message.id.rpartition(":")[2], 4)
    assert parked.replay(message.id)
    assert not parked.replay(message.id)
    assert (parked.list(), events_in(broker)) == ([], 3)
    assert client.hlen(f"deliveries:{QUEUE}") == 0
    assert client.hlen(keys.parked_why(QUEUE)) == 0
    (again,) = reservations.join(QUEUE, "owner", **EVERYTHING)
    reservations.ack(QUEUE, {again.tag: 3})
    assert events_in(broker) == 0


def test_a_dropped_message_is_counted_off_once(
    broker: Broker, parked: Parked, reservations: Reservations
) -> None:
    park_one(broker, reservations, 3)
    (message,) = parked.list()
    assert parked.drop(message.id, 3)
    assert not parked.drop(message.id, 3)
    assert events_in(broker) == 0


@pytest.mark.parametrize("name", ["", "x", "crash.files:zz", "crash.files:" + "0" * 40, ":" * 50])
def test_an_id_that_names_nothing_does_nothing(parked: Parked, name: str) -> None:
    assert parked.read(name) is None
    assert not parked.replay(name)
    assert not parked.drop(name, 5)


def test_events_are_published_again_once_an_id_and_not_accepted_again(broker: Broker) -> None:
    batch = envelopes(4)
    broker.publish("crash", new_id(now_ms()), batch)
    again = new_id(now_ms())
    message = batch_message("crash", again, batch)
    assert [broker.republish(message, again) for _ in range(3)] == [True, False, False]
    assert events_in(broker) == 8
    totals = broker.totals()
    assert (totals["accepted"], totals["replayed"]) == (4, 4)
    minutes = [id_minute(envelope.id) for envelope in batch]
    assert sum(broker.accepted(min(minutes), max(minutes)).values()) == 4


def test_imported_events_are_accepted_once(broker: Broker) -> None:
    event = new_id(now_ms())
    assert broker.admit([(event, 7, "crash")]) == 1
    assert broker.admit([(event, 7, "crash"), (new_id(now_ms()), 7, "crash")]) == 1
    minute = id_minute(event)
    assert sum(broker.accepted(minute - 1, minute + 1).values()) == 2
    assert broker.totals()["accepted"] == 2
    assert events_in(broker) == 0


def test_a_pack_message_asks_one_stage_for_the_sake_of_some_events() -> None:
    event = new_id(now_ms())
    pack = PackRef(new_id(1), "k", "crash", datetime.now(UTC).date(), 500, 10, 20)
    handoff = Handoff(pack, datetime.now(UTC))
    message = pack_message("search", new_id(2), handoff, [event])
    headers = message_headers(message.raw)
    assert (message.queue, message.events) == ("crash.search", 1)
    assert (headers["task"], headers["sluice-events"]) == ("sluice.index_search", 1)
    assert Handoff.from_message(message_args(message.raw)[0]) == handoff
