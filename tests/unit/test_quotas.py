"""What a quota leaves, and what a web process makes of it between two looks at the broker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from uuid import UUID

import pytest

from app.errors import ApiError
from app.ingest.admission import Admission
from app.ingest.endpoint import IngestRequest, Submission
from app.ingest.quotas import Dropped, QuotaGuard
from app.ingest.raygun.endpoints import BULK, ENTRY
from app.ingest.sentry.endpoints import ENVELOPE
from app.ingest.shedding import LoadLimits, Shedder
from app.ingest.tally import Tally
from events.envelope import Envelope
from events.ids import id_minute, new_id
from storage.errors import StoreDown
from storage.quotas import (
    ProjectType,
    Quota,
    Room,
    Used,
    day_end_ms,
    day_of,
    minute_end_ms,
    month_end_ms,
    month_of,
    room,
)

NOON_MS = 1_764_504_000_000
"""2025-11-30T12:00Z: the last day of a month."""
MIDNIGHT_MS = 1_764_547_200_000
KEY = (7, "crash")


class TestRoom:
    def test_periods_are_those_of_utc(self) -> None:
        assert (day_of(NOON_MS), month_of(NOON_MS)) == ("20251130", "202511")
        assert day_end_ms(NOON_MS) == month_end_ms(NOON_MS) == MIDNIGHT_MS
        assert day_of(MIDNIGHT_MS) == "20251201"
        assert minute_end_ms(NOON_MS + 1) == minute_end_ms(NOON_MS + 59_999) == NOON_MS + 60_000
        assert minute_end_ms(NOON_MS + 60_000) == NOON_MS + 120_000
        assert month_end_ms(MIDNIGHT_MS) == MIDNIGHT_MS + 31 * 86_400_000

    @pytest.mark.parametrize(
        ("quota", "used", "left"),
        [
            (Quota(), Used(9, 9, 9), Room(None, None, MIDNIGHT_MS)),
            (Quota(day=10), Used(9, 99, 9), Room(1, None, MIDNIGHT_MS)),
            (Quota(day=10), Used(11, 0, 0), Room(0, None, MIDNIGHT_MS)),
            (Quota(month=10), Used(0, 4, 0), Room(6, None, MIDNIGHT_MS)),
            (Quota(day=5, month=10), Used(1, 9, 0), Room(1, None, MIDNIGHT_MS)),
            (Quota(day=5, month=10), Used(5, 5, 0), Room(0, None, MIDNIGHT_MS)),
            (Quota(minute=5), Used(0, 0, 4), Room(None, 1, MIDNIGHT_MS)),
            (Quota(minute=5), Used(0, 0, 6), Room(None, 0, MIDNIGHT_MS)),
        ],
    )
    def test_what_is_left(self, quota: Quota, used: Used, left: Room) -> None:
        assert room(quota, used, NOON_MS) == left

    def test_a_month_that_is_used_up_ends_later_than_the_day(self) -> None:
        at = NOON_MS - 10 * 86_400_000
        assert room(Quota(day=5, month=10), Used(1, 10, 0), at).ends_ms == MIDNIGHT_MS
        assert room(Quota(day=5, month=10), Used(5, 5, 0), at).ends_ms == day_end_ms(at)


class Shared:
    """The broker's side, shared by several processes; ``meanwhile`` happens while it is asked."""

    def __init__(self, quota: Quota | None) -> None:
        self.quotas: dict[ProjectType, Quota] = {} if quota is None else {KEY: quota}
        self.published = 0
        self.dropped: dict[UUID, Dropped] = {}
        self.away = False
        self.meanwhile: Callable[[], None] = lambda: None

    def read(self, now_ms: int) -> dict[ProjectType, tuple[Quota, Used]]:
        del now_ms
        if self.away:
            raise StoreDown("broker", "away")
        used = Used(self.published, self.published, self.published)
        self.meanwhile()
        return {key: (quota, used) for key, quota in self.quotas.items()}

    def drop(self, batch_id: UUID, dropped: Dropped) -> None:
        if self.away:
            raise StoreDown("broker", "away")
        self.dropped[batch_id] = dropped


class Process:
    """A web process: its guard, and a clock."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.now_ms = NOON_MS
        self.guard = QuotaGuard(shared, lambda: self.now_ms)

    def send(self, events: int = 1) -> int:
        """Take and publish; how many were kept."""
        verdict = self.guard.take(KEY, events)
        if verdict is None:
            return events
        self.publish(verdict.kept)
        return verdict.kept

    def publish(self, events: int) -> None:
        self.shared.published += events
        self.guard.settle(KEY, events, accepted=True)


class TestGuard:
    def test_without_a_quota_nothing_is_bounded(self) -> None:
        process = Process(Shared(None))
        process.guard.step()
        assert process.guard.take(KEY, 10**9) is None

    def test_one_process_keeps_exactly_what_it_may(self) -> None:
        process = Process(Shared(Quota(day=100)))
        process.guard.step()
        kept = 0
        for n in range(60):
            kept += process.send(3)
            if n % 7 == 0:
                process.guard.step()
        assert kept == process.shared.published == 100
        verdict = process.guard.take(KEY, 1)
        assert verdict is not None
        assert (verdict.kept, verdict.refused, verdict.seconds) == (0, False, 600)

    def test_several_pass_it_by_what_the_others_take_between_two_looks(self) -> None:
        shared = Shared(Quota(month=1000))
        processes = [Process(shared) for _ in range(4)]
        for _ in range(100):
            for process in processes:
                process.guard.step()
            for process in processes:
                process.send(5)
        assert 1000 <= shared.published <= 1000 + 3 * 5

    def test_what_is_on_its_way_is_not_forgotten_by_a_look(self) -> None:
        process = Process(Shared(Quota(day=10)))
        process.guard.step()
        verdict = process.guard.take(KEY, 6)
        assert verdict is not None
        assert verdict.kept == 6
        process.guard.step()
        assert process.send(6) == 4
        process.publish(6)
        process.guard.step()
        assert process.shared.published == 10
        assert process.send() == 0

    def test_what_is_published_during_a_look_counts_twice_until_the_next(self) -> None:
        process = Process(Shared(Quota(day=10)))
        process.guard.step()
        taken = process.guard.take(KEY, 4)
        assert taken is not None
        process.shared.published += 4
        process.shared.meanwhile = lambda: process.guard.settle(KEY, 4, accepted=True)
        process.guard.step()
        assert process.send(6) == 2
        process.shared.meanwhile = lambda: None
        process.guard.step()
        assert process.send(6) == 4

    def test_what_could_not_be_stored_is_given_back(self) -> None:
        process = Process(Shared(Quota(day=10)))
        process.guard.step()
        taken = process.guard.take(KEY, 10)
        assert taken is not None
        process.guard.settle(KEY, 10, accepted=False)
        process.guard.step()
        assert process.send(10) == 10

    def test_a_minute_that_is_full_refuses_until_it_is_over(self) -> None:
        process = Process(Shared(Quota(minute=5)))
        process.guard.step()
        assert process.send(4) == 4
        assert process.send(4) == 4  # a request is taken whole, or refused whole
        verdict = process.guard.take(KEY, 1)
        assert verdict is not None
        assert (verdict.refused, verdict.seconds) == (True, 60)
        process.now_ms += 60_000
        assert process.send(1) == 1

    def test_a_new_day_begins_without_a_look(self) -> None:
        process = Process(Shared(Quota(day=5)))
        process.guard.step()
        assert process.send(9) == 5
        process.now_ms = MIDNIGHT_MS
        assert process.send(9) == 5

    def test_while_the_broker_is_away_the_last_word_stands(self) -> None:
        process = Process(Shared(Quota(day=5)))
        process.guard.step()
        process.shared.away = True
        with pytest.raises(StoreDown):
            process.guard.step()
        assert process.send(9) == 5

    def test_what_was_dropped_is_told_once_whatever_fails(self) -> None:
        process = Process(Shared(Quota(day=0)))
        process.guard.step()
        ids = [new_id(NOON_MS) for _ in range(3)]
        process.guard.drop(KEY, ids)
        process.shared.away = True
        for _ in range(3):
            with pytest.raises(StoreDown):
                process.guard.step()
        process.guard.drop(KEY, [new_id(NOON_MS)])
        process.shared.away = False
        for _ in range(3):
            process.guard.step()
        row = (id_minute(ids[0]), *KEY)
        assert list(process.shared.dropped.values()) == [{row: 3}, {row: 1}]


class World:
    """An admission with one quota, read once."""

    def __init__(self, quota: Quota) -> None:
        self.counted = Counter[str]()
        self.process = Process(Shared(quota))
        self.process.guard.step()
        shedder = Shedder(lambda: [], LoadLimits(0, 0))
        self.tally = Tally(self.counted.update)
        self.admission = Admission(shedder, self.process.guard, self.tally)

    def round(self) -> None:
        """A round tells what there is."""
        self.process.guard.step()
        self.tally.settle()


def request(endpoint: object = ENTRY) -> IngestRequest:
    return IngestRequest(endpoint, "", {}, iter(()))  # type: ignore[arg-type]


def submission(crashes: int = 0, sessions: int = 0, **ignored: int) -> Submission:
    made = Submission()
    for kind, number in (("crash", crashes), ("metric", sessions)):
        if number:
            made.batches[kind] = [
                Envelope(new_id(NOON_MS), 7, kind, "x", b"{}") for _ in range(number)
            ]
    made.ignored = ignored
    return made


class TestAdmission:
    def test_what_is_over_is_accepted_dropped_and_counted(self) -> None:
        world = World(Quota(day=2))
        sent = submission(crashes=5)
        ids = sent.ids
        world.admission.admit(request(BULK), sent)
        world.admission.settle(sent, accepted=True)
        assert sent.ids == ids
        assert [len(batch) for batch in (*sent.batches.values(), *sent.dropped.values())] == [2, 3]
        answer = BULK.accepted(sent)
        assert (answer.status, answer.headers["Sluice-Over-Quota"]) == (202, "3")
        assert answer.headers["Sluice-Accepted"] == "5"
        world.round()
        assert sum(world.process.shared.dropped.popitem()[1].values()) == 3

    def test_one_that_is_over_is_answered_as_any_other(self) -> None:
        world = World(Quota(day=0))
        sent = submission(crashes=1)
        (event_id,) = sent.ids
        world.admission.admit(request(), sent)
        assert ENTRY.accepted(sent).headers["Sluice-Event-Id"] == event_id
        told = ENVELOPE.accepted(sent)
        assert told.status == 200
        limit = told.headers["X-Sentry-Rate-Limits"]
        assert limit == "600:default;error;security;attachment:project:quota"

    def test_a_spike_is_refused_and_told_to_wait(self) -> None:
        world = World(Quota(minute=1))
        world.admission.admit(request(), submission(crashes=1))
        for endpoint in (ENTRY, BULK, ENVELOPE):
            with pytest.raises(ApiError) as caught:
                world.admission.admit(request(endpoint), submission(crashes=2))
            assert (caught.value.status, caught.value.code) == (429, "rate_limited")
            assert caught.value.headers["Retry-After"] == "60"
        assert caught.value.headers["X-Sentry-Rate-Limits"].endswith(":project:rate_limited")
        world.round()
        assert world.counted == {"refused:crash:rate_limited": 6}

    def test_other_types_of_a_request_are_taken(self) -> None:
        world = World(Quota(minute=1))
        world.admission.admit(request(), submission(crashes=1))
        sent = submission(crashes=2, sessions=1)
        world.admission.admit(request(ENVELOPE), sent)
        assert list(sent.batches) == ["metric"]
        assert sent.refused == 2
        assert "X-Sentry-Rate-Limits" in ENVELOPE.accepted(sent).headers

    def test_items_of_which_nothing_is_made_are_counted(self) -> None:
        world = World(Quota())
        world.admission.admit(request(ENVELOPE), submission(statsd=2, other=1))
        world.round()
        assert world.counted == {"ignored:statsd": 2, "ignored:other": 1}
