"""What operators see of the broker on a real server: flow, messages, pools; none of it takes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
from redis import Redis

from broker import keys
from broker.client import Broker
from broker.connection import connect
from broker.contents import Contents
from broker.flow import Flows
from broker.peek import MAX_BYTES, Peek
from broker.pools import MISSING_SECONDS, Child, Pool, PoolReport, Pools
from broker.reservations import Reservations
from config.settings import Secret, Settings
from events.envelope import Envelope
from events.ids import new_id, now_ms
from storage.errors import StoreDown
from workbench.queueing import QueueBook, open_queues

QUEUE = "crash.files"
BOUNDS = {"max_messages": 1, "max_events": 10**6, "max_bytes": 10**9}


@pytest.fixture
def client(settings: Settings) -> Iterator[Redis[bytes]]:
    with connect(settings.redis_url, timeout=5) as client:
        client.flushdb()
        yield client


@pytest.fixture
def broker(settings: Settings, client: Redis[bytes]) -> Broker:
    return Broker(settings.redis_url, timeout=5)


@pytest.fixture
def reservations(settings: Settings, client: Redis[bytes]) -> Reservations:
    return Reservations(settings.redis_url, timeout=5)


@pytest.fixture
def peek(settings: Settings) -> Peek:
    return Peek(settings.redis_url, timeout=5)


@pytest.fixture
def book(settings: Settings, broker: Broker) -> QueueBook:
    return open_queues(settings, broker)


def publish(broker: Broker, count: int = 1, size: int = 100) -> list[Envelope]:
    sent = [
        Envelope(new_id(now_ms()), 7, "crash", "raygun.entry", os.urandom(size))
        for _ in range(count)
    ]
    broker.publish("crash", new_id(now_ms()), sent)
    return sent


class TestFlow:
    def test_events_are_counted_as_they_come_and_as_they_are_done_with(
        self, settings: Settings, broker: Broker, reservations: Reservations
    ) -> None:
        publish(broker, 5)
        publish(broker, 2)
        [taken] = reservations.join(QUEUE, "me", **BOUNDS)
        reservations.ack(QUEUE, {taken.tag: 5})
        reservations.ack(QUEUE, {taken.tag: 5})
        flow = Flows(settings.redis_url, timeout=5).read()[QUEUE]
        assert sum(one.into for one in flow.slices) == 7
        assert sum(one.out for one in flow.slices) == 5

    def test_a_slice_goes_by_itself(self, broker: Broker, client: Redis[bytes]) -> None:
        publish(broker)
        [key] = client.keys("flow:*")
        assert 0 < client.ttl(key) <= 1800

    def test_a_batch_published_twice_flows_once(self, settings: Settings, broker: Broker) -> None:
        batch, sent = new_id(now_ms()), [Envelope(new_id(now_ms()), 7, "crash", "x", b"")]
        broker.publish("crash", batch, sent)
        broker.publish("crash", batch, sent)
        flow = Flows(settings.redis_url, timeout=5).read()[QUEUE]
        assert sum(one.into for one in flow.slices) == 1


class TestPeek:
    def test_messages_are_told_and_stay(
        self, broker: Broker, reservations: Reservations, peek: Peek
    ) -> None:
        first, second = publish(broker, 3), publish(broker, 2)
        reservations.join(QUEUE, "me", **BOUNDS)
        for _ in range(2):
            ready, reserved = peek.messages(QUEUE)
            assert (ready.state, ready.owner, ready.events) == ("ready", None, 2)
            assert (reserved.state, reserved.owner, reserved.events) == ("reserved", "me", 3)
            assert list(ready.event_ids) == [one.id for one in second]
            assert list(reserved.event_ids) == [one.id for one in first]

    def test_one_that_came_back_says_so(
        self, broker: Broker, reservations: Reservations, peek: Peek
    ) -> None:
        publish(broker)
        [taken] = reservations.join(QUEUE, "me", **BOUNDS)
        reservations.release(QUEUE, [taken.tag], failed=True)
        [found] = peek.messages(QUEUE)
        assert (found.state, found.returns) == ("ready", 1)

    def test_beyond_the_bound_of_bytes_only_heads_are_read(
        self, broker: Broker, peek: Peek
    ) -> None:
        for _ in range(3):
            publish(broker, 1, size=MAX_BYTES // 2)
        found = peek.messages(QUEUE)
        assert [len(one.event_ids) for one in found] == [1, 0, 0]
        assert [one.events for one in found] == [1, 1, 1]
        assert all(one.bytes > MAX_BYTES // 2 for one in found)

    def test_a_message_that_is_none_of_ours_is_shown_all_the_same(
        self, client: Redis[bytes], peek: Peek
    ) -> None:
        client.lpush("strangers", b"\xff\x00 no JSON")
        client.lpush(QUEUE, b'{"headers": 5}')
        [stranger] = peek.messages("strangers")
        assert (stranger.events, stranger.id, stranger.bytes) == (0, None, 10)
        [odd] = peek.messages(QUEUE)
        assert odd.event_ids == ()

    def test_a_queue_that_is_not_there_is_empty(self, peek: Peek) -> None:
        assert peek.messages("nobody's") == []


class TestHeld:
    def test_every_message_wherever_it_is(
        self, settings: Settings, broker: Broker, reservations: Reservations
    ) -> None:
        for _ in range(3):
            publish(broker)
        [taken] = reservations.join(QUEUE, "me", **BOUNDS)
        [parked] = reservations.join(QUEUE, "me", **BOUNDS)
        reservations.park(parked.tag, "unreadable")
        messages, complete = Contents(settings.redis_url, timeout=5).held()
        assert complete
        assert [queue for queue, _ in messages] == [QUEUE] * 3
        assert {taken.raw, parked.raw} < {raw for _, raw in messages}

    def test_no_more_than_may_be_read_at_once(self, settings: Settings, broker: Broker) -> None:
        for _ in range(3):
            publish(broker, 1, size=1000)
        messages, complete = Contents(settings.redis_url, timeout=5).held(most_bytes=3500)
        assert not complete
        assert len(messages) == 1 or len(messages) == 2


def report(told_ms: int, **changes: object) -> PoolReport:
    child = Child(2, 100, "files", QUEUE, 10, told_ms)
    made = PoolReport(
        name="all@host",
        pid=1,
        kind="prefork",
        size=2,
        queues=[QUEUE],
        release="0.1.0",
        started_ms=told_ms,
        told_ms=told_ms,
        rss_bytes=50,
        children=[child, Child(3, None)],
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def pools_at(settings: Settings, moment: int) -> list[Pool]:
    return Pools(settings.redis_url, timeout=5, clock=lambda: moment).list()


class TestPools:
    @pytest.fixture
    def pools(self, settings: Settings, client: Redis[bytes]) -> Pools:
        return Pools(settings.redis_url, timeout=5)

    def test_what_was_told_is_known(self, settings: Settings, pools: Pools) -> None:
        now = now_ms()
        pools.tell(report(now), started=True)
        [pool] = pools_at(settings, now + 1000)
        assert pool.report == report(now)
        assert (pool.state, pool.age_seconds, pool.starts) == ("running", 1.0, 1)
        assert (pool.busy, pool.rss_bytes) == (1, 150)

    def test_one_that_tells_nothing_more_goes_missing_and_one_that_ended_does_not(
        self, settings: Settings, pools: Pools
    ) -> None:
        now = now_ms()
        pools.tell(report(now))
        pools.tell(report(now, name="done@host", state="stopped"))
        later = now + int(MISSING_SECONDS * 1000) + 1
        states = {pool.report.name: pool.state for pool in pools_at(settings, later)}
        assert states == {"all@host": "missing", "done@host": "stopped"}

    def test_a_day_later_it_is_forgotten(
        self, settings: Settings, pools: Pools, client: Redis[bytes]
    ) -> None:
        pools.tell(report(now_ms() - 86_500_000))
        assert pools.list() == []
        pools.forget_old()
        assert client.hlen(keys.POOLS) == 0

    def test_starts_are_counted_over_restarts(self, settings: Settings, pools: Pools) -> None:
        now = now_ms()
        for _ in range(3):
            pools.tell(report(now), started=True)
            pools.tell(report(now))
        assert pools_at(settings, now)[0].starts == 3

    @pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"children": [{"x": 1}]}', b"\xff"])
    def test_what_cannot_be_read_is_no_pool(
        self, pools: Pools, client: Redis[bytes], raw: bytes
    ) -> None:
        client.hset(keys.POOLS, "strange", raw)
        assert pools.list() == []

    def test_a_broker_that_is_away(self) -> None:
        away = Pools(Secret("redis://127.0.0.1:1/0"), timeout=0.5)
        with pytest.raises(StoreDown):
            away.list()


class TestQueueBook:
    def test_who_works_on_a_queue(
        self, book: QueueBook, broker: Broker, settings: Settings
    ) -> None:
        publish(broker)
        assert book.queue(QUEUE).unattended
        Pools(settings.redis_url, timeout=5).tell(report(now_ms()))
        assert book.queue(QUEUE).pools == ["all@host"]
        assert not book.queue(QUEUE).unattended

    def test_a_queue_that_this_version_has_no_task_for_is_listed_while_it_holds_messages(
        self, book: QueueBook, client: Redis[bytes]
    ) -> None:
        client.sadd(keys.SEEN_QUEUES, "logs.files")
        assert "logs.files" not in {view.state.queue for view in book.queues()}
        client.lpush("logs.files", b"{}")
        [stray] = [view for view in book.queues() if view.state.queue == "logs.files"]
        assert (stray.known, stray.unattended, stray.state.ready) == (False, True, 1)

    def test_an_unknown_name(self, book: QueueBook) -> None:
        with pytest.raises(KeyError):
            book.queue("nobody's")
