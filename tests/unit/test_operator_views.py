"""What operators are told of queues, pools, custody and one event: by rules, without stores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest

from broker.client import QueueState
from broker.flow import SLICE_SECONDS, Flow, Slice
from broker.message import EVENTS_HEADER
from broker.pools import Child, Pool, PoolReport
from events.ids import id_time, new_id
from storage.errors import StoreDown
from storage.model import EventLocation
from storage.sql.letter_rows import DeadLetterRow
from storage.sql.receipts import Erased, StoredWay, Way
from tasks.pulse import Pulse
from workbench.custody import explain
from workbench.queueing import QueueView
from workbench.receipts import ReceiptBook

NOW_MS = 1_800_000_000_000


def slices(*counts: tuple[int, int]) -> list[Slice]:
    start = datetime(2026, 11, 20, tzinfo=UTC)
    return [
        Slice(start + timedelta(seconds=SLICE_SECONDS * index), into, out)
        for index, (into, out) in enumerate(counts)
    ]


class TestFlow:
    def test_rates_are_of_the_last_whole_minute(self) -> None:
        flow = Flow(slices((999, 999), (60, 0), (60, 30), (60, 30), (60, 0), (777, 777)))
        assert (flow.in_per_second, flow.out_per_second) == (4.0, 1.0)

    def test_nothing_flowed(self) -> None:
        assert (Flow().in_per_second, Flow().last_out) == (0.0, None)

    def test_the_last_slice_with_something_done(self) -> None:
        flow = Flow(slices((1, 1), (1, 0), (0, 0)))
        assert flow.last_out == flow.slices[0].at


def view(ready: int, flow: Flow, pools: Sequence[str] = ()) -> QueueView:
    state = QueueState("crash.files", ready, 0, 0, ready * 100, None, None, 0.0)
    return QueueView(state, flow, pools, known=True)


class TestQueueView:
    def test_how_long_a_queue_takes_to_drain(self) -> None:
        shrinking = Flow(slices((60, 120), (60, 120), (60, 120), (60, 120), (0, 0)))
        assert view(3, shrinking).seconds_to_drain == 300 / 4

    def test_one_that_grows_never_does(self) -> None:
        growing = Flow(slices((120, 60), (0, 0), (0, 0), (0, 0), (0, 0)))
        assert view(3, growing).seconds_to_drain is None

    def test_messages_that_nobody_takes(self) -> None:
        assert view(1, Flow()).unattended
        assert not view(1, Flow(), ["all@host"]).unattended
        assert not view(0, Flow()).unattended


REPORT = PoolReport("all@host", 7, "prefork", 2, ["crash.files"], "1", NOW_MS, NOW_MS, 1000)


class TestPool:
    def test_busy_and_memory(self) -> None:
        children = [Child(8, 500, "files", "crash.files", 100, NOW_MS), Child(9, None)]
        pool = Pool(replace(REPORT, children=children), "running", 0.0, 1)
        assert (pool.busy, pool.rss_bytes) == (1, 1500)

    def test_memory_that_nobody_could_read_is_unknown(self) -> None:
        assert Pool(replace(REPORT, rss_bytes=None), "running", 0.0, 1).rss_bytes is None


class Told:
    """Where a pulse tells its pool, with an outage at will."""

    def __init__(self) -> None:
        self.reports: list[tuple[PoolReport, bool]] = []
        self.away = False

    def tell(self, report: PoolReport, *, started: bool = False) -> None:
        if self.away:
            raise StoreDown("broker", "away")
        self.reports.append((report, started))

    def forget_old(self) -> None:
        return


class TestPulse:
    def pulse(self, told: Told, places: list[list[int]], requests: Sequence[object] = ()) -> Pulse:
        look = iter(places)
        return Pulse(told, REPORT, lambda: next(look), lambda: requests, lambda: NOW_MS + 1)  # type: ignore[arg-type]

    def test_a_child_that_is_gone_was_replaced(self) -> None:
        told = Told()
        pulse = self.pulse(told, [[1, 2], [1, 2], [1, 3], [4, 5]])
        assert [pulse.report().replaced for _ in range(4)] == [0, 0, 1, 3]

    def test_a_task_in_hand(self) -> None:
        request = SimpleNamespace(
            worker_pid=1,
            name="files",
            request_dict={EVENTS_HEADER: 250},
            delivery_info={"routing_key": "crash.files"},
            time_start=1_800_000_000.5,
        )
        [child, idle] = self.pulse(Told(), [[1, 2]], [request]).report().children
        assert (child.task, child.queue, child.events) == ("files", "crash.files", 250)
        assert child.since_ms == 1_800_000_000_500
        assert (idle.task, idle.since_ms) == (None, None)

    def test_an_outage_is_told_the_next_time_and_an_end_in_order_once(self) -> None:
        told = Told()
        pulse = self.pulse(told, [[1], [1]])
        told.away = True
        pulse.tell(started=True)
        told.away = False
        pulse.stopping()
        pulse.tell()
        pulse.end()
        assert [report.state for report, _ in told.reports] == ["stopping", "stopped"]


class TestCustody:
    ROW = (29_000_000, 1, "crash")

    def test_what_somebody_holds_is_explained(self) -> None:
        [row] = explain({self.ROW: 7, (1, 1, "rum"): 0}, {self.ROW: 7})
        assert row.unexplained == 0

    def test_what_nobody_holds_is_not(self) -> None:
        other = (29_000_001, 1, "crash")
        rows = explain({self.ROW: 7, other: 1}, {self.ROW: 3, other: 100})
        assert [row.unexplained for row in rows] == [4, 0]

    def test_an_old_day_is_one_row(self) -> None:
        day = 20_000 * 1440
        held = {(day + minute, 1, "crash"): 2 for minute in (0, 7, 1439)}
        [row] = explain({(day, 1, "crash"): 6}, held, rolled_before=day + 1440)
        assert row.unexplained == 0


EVENT = new_id(NOW_MS)


def stored(search: bool = True, **changes: object) -> StoredWay:
    at = id_time(EVENT)
    way = StoredWay(
        type="crash",
        project_id=1,
        project="web",
        protocol="raygun.entry",
        group_id=None,
        occurred_at=at,
        redacted=0,
        pack_id=EVENT,
        files_at=at + timedelta(seconds=1),
        sql_at=at + timedelta(seconds=3),
        search_at=at + timedelta(seconds=7) if search else None,
        location=EventLocation("k", 0, 1, 0, 1, 0),
    )
    return replace(way, **changes)  # type: ignore[arg-type]


def letter(status: str, stage: str = "sql") -> DeadLetterRow:
    return DeadLetterRow(
        id=EVENT,
        event_id=EVENT,
        project_id=1,
        project="web",
        type="crash",
        stage=stage,
        protocol="raygun.entry",
        code="Refused",
        reason="no",
        traceback="",
        cluster="c",
        attempts=3,
        at=id_time(EVENT),
        status=status,
        status_at=id_time(EVENT),
        status_by="me",
        status_reason=None,
        edits=0,
        release="1",
        location=None,
        payload=None,
        edited=None,
    )


class Ways:
    """One event's way."""

    def __init__(self, way: Way) -> None:
        self._way = way

    def way(self, event_id: UUID) -> Way:
        return self._way


class Queues:
    """A broker with nothing in it, or away."""

    def __init__(self, away: bool = False) -> None:
        self._away = away

    def held(self) -> tuple[list[tuple[str, bytes]], bool]:
        if self._away:
            raise StoreDown("broker", "it is away")
        return [], True


def book(way: Way, *, later: timedelta = timedelta(), away: bool = False) -> ReceiptBook:
    now = NOW_MS + int(later.total_seconds() * 1000)
    return ReceiptBook(Ways(way), Queues(away), lambda: now)  # type: ignore[arg-type]


NOTHING = Way(None, [], None, [])
ERASED = Erased(id_time(EVENT), "crash", 1, "user", None)


class TestReceipt:
    @pytest.mark.parametrize(
        ("way", "verdict"),
        [
            (Way(stored(), [], None, []), "stored"),
            (Way(stored(search=False), [], None, []), "on_its_way"),
            (Way(stored(search=False), [letter("open", "search")], None, []), "dead"),
            (Way(None, [letter("open")], None, []), "dead"),
            (Way(None, [letter("discarded")], None, []), "discarded"),
            (Way(None, [letter("replaying")], None, []), "replaying"),
            (Way(stored(), [letter("replayed")], None, []), "stored"),
            (Way(None, [], ERASED, []), "erased"),
            (Way(stored(), [], None, [], past=True), "past"),
            (NOTHING, "waiting"),
        ],
    )
    def test_verdicts(self, way: Way, verdict: str) -> None:
        receipt = book(way).read(EVENT)
        assert receipt is not None
        assert receipt.verdict == verdict

    def test_an_old_id_that_nobody_knows_is_no_event(self) -> None:
        assert book(NOTHING, later=timedelta(days=2)).read(EVENT) is None

    def test_an_id_from_the_future_is_no_event(self) -> None:
        assert book(NOTHING, later=-timedelta(hours=1)).read(EVENT) is None

    def test_an_id_that_is_none_of_ours(self) -> None:
        assert book(NOTHING).read(UUID(int=5)) is None

    def test_each_step_took_from_the_one_before(self) -> None:
        receipt = book(Way(stored(), [], None, [])).read(EVENT)
        assert receipt is not None
        assert [step.seconds for step in receipt.steps] == [1.0, 2.0, 4.0]

    def test_the_stage_that_gave_up_has_its_letter_and_no_time(self) -> None:
        dead = letter("open", "search")
        receipt = book(Way(stored(search=False), [dead], None, [])).read(EVENT)
        assert receipt is not None
        assert [step.letter for step in receipt.steps] == [None, None, dead]
        assert receipt.steps[2].at is None

    def test_a_broker_that_is_away_leaves_it_unknown_whether_it_waits(self) -> None:
        receipt = book(NOTHING, away=True).read(EVENT)
        assert receipt is not None
        assert (receipt.verdict, receipt.queued) == ("waiting", None)
        assert receipt.broker_problem
