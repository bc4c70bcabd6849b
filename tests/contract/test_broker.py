"""The broker's promises, on a real server: counted with the thing counted, reserved, given back."""

import json
import time
import uuid

import pytest

from broker import keys
from broker.client import Broker
from broker.connection import connect
from broker.leases import Leases, task_lease
from broker.message import EVENTS_HEADER, UnreadableMessage, message_args, message_headers
from broker.reservations import Reservations
from config.settings import Secret
from events.envelope import Envelope, decode_batch
from events.ids import id_minute, new_id, now_ms
from storage.errors import StoreDown

QUEUE = "crash.files"
EVERYTHING = {"max_messages": 1000, "max_events": 10**6, "max_bytes": 10**9}


@pytest.fixture
def client(settings):
    with connect(settings.redis_url, timeout=5) as client:
        client.flushdb()
        yield client


@pytest.fixture
def broker(settings, client):
    return Broker(settings.redis_url, timeout=5)


@pytest.fixture
def reservations(settings, client):
    return Reservations(settings.redis_url, timeout=5)


def envelopes(count, size=100):
    return [Envelope(new_id(now_ms()), 7, "crash", "raygun.entry", b"x" * size)] * count


def publish(broker, count=1, **kwargs):
    broker.publish("crash", new_id(now_ms()), envelopes(count, **kwargs))


def state(broker, queue=QUEUE):
    return next(s for s in broker.queues() if s.queue == queue)


class TestPublish:
    def test_the_message_carries_the_batch(self, broker, reservations):
        sent = envelopes(3)
        broker.publish("crash", new_id(now_ms()), sent)
        [reserved] = reservations.join(QUEUE, "me", **EVERYTHING)
        assert decode_batch(message_args(reserved.raw)[0]) == sent
        assert message_headers(reserved.raw)[EVENTS_HEADER] == 3

    def test_events_are_counted_by_minute_project_and_type(self, broker):
        publish(broker, 3)
        publish(broker, 2)
        minute = id_minute(new_id(now_ms()))
        assert sum(broker.accepted(minute - 1, minute).values()) == 5
        assert {(p, t) for _, p, t in broker.accepted(minute - 1, minute)} == {(7, "crash")}
        assert broker.totals()["accepted"] == 5

    def test_the_same_batch_twice_is_stored_and_counted_once(self, broker):
        batch_id, sent = new_id(now_ms()), envelopes(4)
        broker.publish("crash", batch_id, sent)
        broker.publish("crash", batch_id, sent)
        assert state(broker).ready == 1
        assert broker.totals()["accepted"] == 4

    def test_a_broker_that_is_away_is_an_outage(self):
        away = Broker(Secret("redis://127.0.0.1:1/0"), timeout=0.5)
        with pytest.raises(StoreDown, match="broker"):
            publish(away)


class TestQueues:
    def test_every_queue_of_the_table_is_listed_when_empty(self, broker):
        assert {s.queue for s in broker.queues()} >= {"crash.files", "rum.search"}
        assert state(broker).oldest_age_seconds is None

    def test_events_stay_counted_while_reserved_and_go_when_answered(self, broker, reservations):
        publish(broker, 5)
        [reserved] = reservations.join(QUEUE, "me", **EVERYTHING)
        assert (state(broker).ready, state(broker).reserved, state(broker).events) == (0, 1, 5)
        reservations.ack(QUEUE, {reserved.tag: 5})
        assert (state(broker).reserved, state(broker).events) == (0, 0)

    def test_age_is_that_of_the_oldest_event(self, settings, client):
        broker = Broker(settings.redis_url, timeout=5, clock=lambda: now_ms() + 60_000)
        publish(broker)
        assert 59 < state(broker).oldest_age_seconds < 65


class TestReserve:
    def test_joining_stops_at_the_bound_of_events(self, broker, reservations):
        for _ in range(4):
            publish(broker, 10)
        bounds = {**EVERYTHING, "max_events": 25}
        assert len(reservations.join(QUEUE, "me", **bounds)) == 2
        assert state(broker).ready == 2

    def test_joining_stops_at_the_bound_of_raw_bytes(self, broker, reservations):
        for _ in range(3):
            publish(broker, 1, size=1000)
        bounds = {**EVERYTHING, "max_bytes": 1500}
        assert len(reservations.join(QUEUE, "me", **bounds)) == 1

    def test_oldest_first(self, broker, reservations):
        for count in (1, 2, 3):
            publish(broker, count)
        taken = reservations.join(QUEUE, "me", **EVERYTHING)
        assert [message_headers(r.raw)[EVENTS_HEADER] for r in taken] == [1, 2, 3]

    def test_a_paused_queue_hands_out_nothing_and_resumes_by_itself(self, broker, reservations):
        publish(broker)
        reservations.pause(QUEUE, "sql: away", seconds=1)
        assert state(broker).paused
        assert reservations.join(QUEUE, "me", **EVERYTHING) == []
        deadline = time.monotonic() + 30
        while not reservations.join(QUEUE, "me", **EVERYTHING):
            assert time.monotonic() < deadline

    def test_released_messages_are_next_in_line_again(self, broker, reservations):
        publish(broker, 1)
        [first] = reservations.join(QUEUE, "me", **EVERYTHING)
        publish(broker, 2)
        reservations.release(QUEUE, [first.tag], failed=False)
        again = reservations.join(QUEUE, "me", **EVERYTHING)
        assert again[0].raw == first.raw
        assert again[0].tag != first.tag

    def test_answering_a_released_message_changes_nothing(self, broker, reservations):
        publish(broker, 5)
        [reserved] = reservations.join(QUEUE, "me", **EVERYTHING)
        reservations.release(QUEUE, [reserved.tag], failed=False)
        reservations.ack(QUEUE, {reserved.tag: 5})
        assert (state(broker).ready, state(broker).events) == (1, 5)

    def test_a_message_that_came_back_is_left_for_a_run_of_its_own(self, broker, reservations):
        publish(broker, 1)
        [reserved] = reservations.join(QUEUE, "me", **EVERYTHING)
        reservations.release(QUEUE, [reserved.tag], failed=True)
        assert reservations.join(QUEUE, "me", **EVERYTHING) == []
        assert state(broker).ready == 1

    def test_a_parked_message_is_kept_with_its_reason_and_stays_counted(
        self, broker, reservations, client
    ):
        publish(broker, 5)
        [reserved] = reservations.join(QUEUE, "me", **EVERYTHING)
        reservations.park(reserved.tag, "unreadable")
        assert (state(broker).parked, state(broker).events) == (1, 5)
        assert client.hvals(keys.parked_why(QUEUE)) == [b"unreadable"]


class TestLeases:
    @pytest.fixture
    def survivor(self, client):
        return Leases(client, "survivor", lambda: [QUEUE], lease_seconds=0.5)

    def wait_for_takeover(self, survivor):
        deadline = time.monotonic() + 10
        while True:
            reclaimed = survivor.reclaim()
            if reclaimed:
                return reclaimed
            assert time.monotonic() < deadline, "nothing was taken over"
            time.sleep(0.02)

    def test_what_a_dead_owner_held_is_taken_over(self, broker, reservations, survivor):
        publish(broker, 5)
        reservations.join(QUEUE, "dead", **EVERYTHING)
        assert self.wait_for_takeover(survivor) == 1
        assert (state(broker).ready, state(broker).reserved, state(broker).events) == (1, 0, 5)

    def test_what_a_living_owner_holds_is_not(self, broker, reservations, survivor):
        publish(broker)
        publish(broker)
        survivor.renew()
        reservations.join(QUEUE, "survivor", **{**EVERYTHING, "max_messages": 1})
        reservations.join(QUEUE, "dead", **{**EVERYTHING, "max_messages": 1})
        deadline = time.monotonic() + 10
        while not survivor.reclaim():
            survivor.renew()
            assert time.monotonic() < deadline
        assert state(broker).reserved == 1

    def test_what_a_task_joined_is_its_own_while_it_runs(
        self, broker, reservations, survivor, client
    ):
        publish(broker, 5)
        with task_lease(client, "worker/task", lease_seconds=0.5):
            reservations.join(QUEUE, "worker/task", **EVERYTHING)
            deadline = time.monotonic() + 2
            while time.monotonic() < deadline:
                assert survivor.reclaim() == 0
                time.sleep(0.05)
        assert self.wait_for_takeover(survivor) == 1

    def test_a_join_carried_out_too_late_is_taken_back_though_its_worker_lives(
        self, broker, reservations, survivor, client
    ):
        publish(broker, 5)
        with task_lease(client, "worker/task", lease_seconds=0.5):
            pass
        reservations.join(QUEUE, "worker/task", **EVERYTHING)
        assert self.wait_for_takeover(survivor) == 1
        assert state(broker).ready == 1

    def test_an_owner_that_goes_on_as_another_leaves_what_it_held(
        self, broker, reservations, client
    ):
        publish(broker, 5)
        parent = Leases(client, "before", lambda: [QUEUE], lease_seconds=0.5)
        parent.renew()
        reservations.join(QUEUE, "before", **EVERYTHING)
        parent.go_on_as("after")
        assert self.wait_for_takeover(parent) == 1


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"\xff", json.dumps({"headers": 1}).encode()])
def test_what_is_no_task_message_says_so(raw):
    with pytest.raises(UnreadableMessage):
        message_headers(raw)
    with pytest.raises(UnreadableMessage):
        message_args(raw)


def test_ids_of_batches_need_not_be_known_to_answer(reservations):
    reservations.ack(QUEUE, {f"{QUEUE}/{uuid.uuid4().hex}": 3})
