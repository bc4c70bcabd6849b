"""Rollups say what their minutes do: whatever comes late, again, goes, or is killed half way."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, pairwise, repeat
from typing import Any
from uuid import uuid4

import pytest
from counted_samples import counter, delete, gauge, metrics, spans, store
from psycopg2 import sql
from sql_samples import World, at_once, open_world
from structlog.testing import capture_logs

from config.settings import Settings
from events.ids import id_day, new_id
from events.record import Record
from storage.distribution import Distribution
from storage.sql.minutes import Minutes, Span, Sum
from storage.sql.partitions import partition_name, renew_day
from storage.sql.retired_days import RetiredDays
from storage.sql.rollups import SETTLED, Rollups, rolled_types
from storage.sql.slots import WIDEST, WIDTHS
from storage.sql.tables import derived_tables
from tasks.rollups import RUN_SECONDS, roll_up

TRACE_BY = ("service", "status")
AGO = -2_000
"""How many minutes from now the times of these tests begin: all of it is long over."""
KINDS = [("trace", TRACE_BY), ("trace", ("name", "status")), ("metric", ("name", "host"))]

Told = dict[Any, tuple[float, ...]]


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    with open_world(settings) as world:
        yield world


def always() -> bool:
    return True


def rolling(world: World, kind: str = "trace", later: int = 0) -> Rollups:
    """Rollups of a time at which even what came last has waited long enough."""
    return Rollups(world.database, kind, lambda: world.now_ms + (later + 1_500) * 60_000)


def roll(world: World, kind: str = "trace", later: int = 0) -> int:
    return rolling(world, kind, later).roll(always)


def execute(world: World, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with world.database.transaction() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def windows(world: World) -> list[Span]:
    """Times with ends within slots, in steps that slots fit and in some they do not."""
    first = world.now_ms // 60_000 + AGO
    return [
        Span(first - 100, first + 1_999, 1 << 30),
        Span(first + 7, first + 1_333, 1 << 30),
        *(Span(first + 3, first + 1_900, every) for every in (7, 20, 60, 360, 720)),
    ]


def told(world: World, kind: str, by: Sequence[str]) -> list[Told]:
    return [
        numbers(Minutes(world.database, kind).sums(world.project.id, span, by=by))
        for span in windows(world)
    ]


def numbers(sums: Sequence[Sum]) -> Told:
    """Totals are of floats that were added in another order."""
    return {(one.groups, one.at): _rounded(one.value) for one in sums}


def _rounded(value: Distribution) -> tuple[Any, ...]:
    ends = (value.least, value.most)
    return (value.count, round(value.total, 6), *ends, *sorted(value.bins.items()))


def fresh(world: World, records: Sequence[Record], kind: str, by: Sequence[str]) -> list[Told]:
    """What a project that has these events alone tells, without any rollup."""
    project, _ = world.projects.create(f"project {uuid4().hex}")
    own = replace(world, project=project)
    ids = [new_id(world.now_ms) for _ in records]
    alike = [
        replace(one, id=own_id, project_id=project.id)
        for one, own_id in zip(records, ids, strict=True)
    ]
    store(own, *alike, kind=kind)
    return told(own, kind, by)


def stale(world: World, kind: str = "trace") -> int:
    ((count,),) = execute(
        world,
        "SELECT count(*) FROM stale_rollups WHERE project_id = %s AND type = %s",
        world.project.id,
        kind,
    )
    return int(count)


def some(world: World, kind: str, pseudo: random.Random, minutes: range) -> list[Record]:
    """Events of spans, or of levels, amounts and a count that goes on, at some of these minutes."""
    records = []
    for minute in sorted(pseudo.choices(minutes, k=25)):
        if kind == "trace":
            durations = [pseudo.uniform(0.1, 5_000) for _ in range(3)]
            service, name = pseudo.choice(("shop", "web")), pseudo.choice(("GET /", "POST /pay"))
            failed = pseudo.random() < 0.3
            one = spans(world, *durations, service=service, name=name, minute=minute, failed=failed)
        else:
            host = pseudo.choice(("a", "b"))
            levels = gauge(pseudo.uniform(-5, 5), host=host), counter(2.5, cumulative=False)
            going_on = {**counter(1_000 + minute - AGO, cumulative=True), "name": "seen"}
            one = metrics(world, *levels, going_on, minute=minute)
        records.append(one)
    return records


@pytest.mark.parametrize(("kind", "by"), KINDS)
def test_a_time_is_told_the_same_with_rollups_and_without(
    world: World, kind: str, by: Sequence[str]
) -> None:
    pseudo = random.Random(3)
    store(world, *some(world, kind, pseudo, range(AGO, 0)), kind=kind)
    before = told(world, kind, by)
    assert all(before)
    assert roll(world, kind) > len(WIDTHS)
    assert stale(world, kind) == 0
    assert told(world, kind, by) == before
    # Nothing of it is read from minutes any more, where slots fit.
    execute(world, f"DELETE FROM {kind}_minutes WHERE project_id = %s", world.project.id)
    first = world.now_ms // 60_000 // WIDEST * WIDEST - 2_160
    span = Span(first, first + 4 * WIDEST, WIDEST)
    assert numbers(Minutes(world.database, kind).sums(world.project.id, span, by=by))


@pytest.mark.parametrize(("kind", "by"), KINDS)
def test_what_comes_late_again_or_goes_is_told_before_and_after_the_next_roll(
    world: World, kind: str, by: Sequence[str]
) -> None:
    pseudo = random.Random(5)
    first, late = (some(world, kind, pseudo, range(AGO, 0)) for _ in range(2))
    truth = [fresh(world, records, kind, by) for records in (first, [*first, *late], late)]
    store(world, *first, kind=kind)
    roll(world, kind)
    assert told(world, kind, by) == truth[0]
    store(world, *late, kind=kind)
    store(world, *first, kind=kind)  # again
    assert told(world, kind, by) == truth[1]
    roll(world, kind, later=1)
    assert stale(world, kind) == 0
    assert told(world, kind, by) == truth[1]
    for record in first:
        delete(world, kind, record)
    assert told(world, kind, by) == truth[2]
    roll(world, kind, later=2)
    assert stale(world, kind) == 0
    assert told(world, kind, by) == truth[2]


def test_a_batch_that_came_again_makes_no_slot_anew(world: World) -> None:
    record = spans(world, 1, minute=AGO)
    store(world, record, kind="trace")
    roll(world)
    assert store(world, record, kind="trace") == 0
    assert (stale(world), roll(world)) == (0, 0)


def test_who_stores_while_a_slot_is_made_anew_is_not_forgotten(world: World) -> None:
    """Rows that are not committed when the slot is read bring its next note."""
    record = spans(world, 4, minute=AGO)
    store(world, record, kind="trace")
    with world.database.transaction() as cursor:
        cursor.execute(
            "INSERT INTO trace_events SELECT (jsonb_populate_record(kept,"
            " jsonb_build_object('id', %s))).* FROM trace_events AS kept WHERE id = %s",
            (new_id(world.now_ms), record.id),
        )
        assert roll(world) == len(WIDTHS)
        ((seen,),) = (one.values() for one in told(world, "trace", TRACE_BY)[:1])
        assert seen[0] == 1
    ((seen,),) = (one.values() for one in told(world, "trace", TRACE_BY)[:1])
    assert seen[0] == 2
    assert roll(world) == len(WIDTHS)
    ((seen,),) = (one.values() for one in told(world, "trace", TRACE_BY)[:1])
    assert seen[0] == 2


@pytest.mark.parametrize("step", ["_roll_series", "_roll_totals"])
def test_a_kill_between_steps_leaves_what_was_there(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    store(world, spans(world, 4, minute=AGO), kind="trace")
    roll(world)
    store(world, spans(world, 7, minute=AGO), kind="trace")
    before, notes = told(world, "trace", TRACE_BY), stale(world)

    def killed(self: Rollups, *arguments: Any) -> None:
        real(self, *arguments)
        raise KeyboardInterrupt

    real: Callable[..., None] = getattr(Rollups, step)
    with monkeypatch.context() as patched:
        patched.setattr(Rollups, step, killed)
        with pytest.raises(KeyboardInterrupt):
            roll(world)
    assert stale(world) == notes
    assert told(world, "trace", TRACE_BY) == before
    assert roll(world) == len(WIDTHS)
    assert told(world, "trace", TRACE_BY) == before


def test_a_run_ends_when_it_is_told_to_and_the_next_goes_on(world: World) -> None:
    store(world, spans(world, 4, minute=AGO), spans(world, 4, minute=AGO + 30), kind="trace")
    before = told(world, "trace", TRACE_BY)
    answers = iter([True, False])
    assert rolling(world).roll(lambda: next(answers)) == 1
    assert told(world, "trace", TRACE_BY) == before
    roll(world)
    assert stale(world) == 0
    assert told(world, "trace", TRACE_BY) == before


def test_a_task_that_has_no_time_left_says_what_waits(world: World) -> None:
    store(world, spans(world, 4, minute=AGO), kind="trace")
    times = chain([0.0], repeat(RUN_SECONDS))
    with capture_logs() as logs:
        roll_up([rolling(world)], lambda: next(times))
    (told_of,) = [line for line in logs if line["event"] == "rollups_behind"]
    assert (told_of["type"], told_of["slots"]) == ("trace", 0)
    assert told_of["left"] >= 1
    with capture_logs() as logs:
        roll_up([rolling(world)], lambda: 0.0)
    assert [line["event"] for line in logs] == ["minutes_rolled_up"]
    assert stale(world) == 0


def test_a_slot_is_left_alone_until_it_is_over_and_longer_when_it_is_old(world: World) -> None:
    store(world, spans(world, 1), kind="trace")
    minute = world.now_ms // 60_000
    end = minute // 10 * 10 + 10

    def due_at(at: int) -> int:
        rollups = Rollups(world.database, "trace", lambda: at * 60_000)
        return sum(slot.project_id == world.project.id for slot in rollups.due(10))

    assert due_at(end + SETTLED - 1) == 0
    assert due_at(end + SETTLED) == 1
    store(world, spans(world, 1, minute=-1_000), kind="trace")
    assert due_at(minute) == 0  # of 1000 minutes an hour is waited for more
    assert due_at(minute + 70) == 2


def test_many_who_store_delete_roll_and_read_at_once_leave_what_the_rows_say(world: World) -> None:
    pseudo = random.Random(11)
    batches = [some(world, "trace", pseudo, range(AGO, AGO + 80)) for _ in range(6)]
    stored: list[list[Record]] = []
    span = Span(world.now_ms // 60_000 + AGO - 5, world.now_ms // 60_000 + AGO + 85, 1 << 30)

    def bring() -> None:
        for batch in batches:
            for record in batch:
                store(world, record, kind="trace")
            stored.append(batch)

    def take() -> None:
        for record in batches[0][:10]:
            while not stored:
                roll(world)
            delete(world, "trace", record)

    def read() -> list[float]:
        seen = []
        while len(stored) < len(batches):
            found = Minutes(world.database, "trace").sums(world.project.id, span, by=TRACE_BY)
            seen.append(sum(one.value.count for one in found))
        return seen

    def keep_rolling() -> None:
        while len(stored) < len(batches):
            roll(world)

    *_, seen = at_once(bring, take, keep_rolling, keep_rolling, read)
    # Nothing is ever told twice, and of what came nothing is missing but what was taken.
    assert all(count <= 3 * 25 * len(batches) for count in seen)
    assert all(later >= earlier - 3 * 10 for earlier, later in pairwise(seen))
    left = [*batches[0][10:], *(record for batch in batches[1:] for record in batch)]
    truth = fresh(world, left, "trace", TRACE_BY)
    assert told(world, "trace", TRACE_BY) == truth
    roll(world, later=1)
    assert stale(world) == 0
    assert told(world, "trace", TRACE_BY) == truth


def test_a_day_made_anew_is_rolled_up_anew(world: World) -> None:
    record = spans(world, 4, minute=-600)
    store(world, record, kind="trace")
    roll(world)
    before = told(world, "trace", TRACE_BY)
    day = id_day(record.id)
    with world.database.transaction() as cursor:
        for table in derived_tables("trace"):
            renew_day(cursor, table, day)
        cursor.execute("CALL derive_trace(%s::regclass)", (partition_name("trace_events", day),))
    assert stale(world) == 1
    assert told(world, "trace", TRACE_BY) == before
    roll(world)
    assert told(world, "trace", TRACE_BY) == before
    assert stale(world) == 0


def test_a_dropped_day_takes_its_rollups_along(world: World, settings: Settings) -> None:
    old = replace(world, now_ms=world.now_ms - 40 * 86_400_000)
    records = {kind: some(old, kind, random.Random(9), range(0, 5)) for kind in rolled_types()}
    for kind, found in records.items():
        store(old, *found, kind=kind)
        roll(world, kind)
    execute(world, "UPDATE packs SET search_at = now()")
    days = RetiredDays(world.database, settings.postgres_dsn)
    for kind, found in records.items():
        for day in {id_day(record.id) for record in found}:
            days.hide(kind, day, "days")
        for retired in days.under_way(kind):
            days.drop(retired, days.mark(retired))
            days.end(retired)
    for table in ("trace_rollups", "trace_totals", "metric_rollups"):
        assert execute(world, f"SELECT FROM {table} WHERE project_id = %s", world.project.id) == []
    # Notes of a day that is gone are taken off, and nothing is made of it.
    execute(
        world,
        "INSERT INTO stale_rollups (type, width, day_id, project_id, at) VALUES"
        " ('trace', 10, day_of_id(%s), %s, %s)",
        records["trace"][0].id,
        world.project.id,
        old.now_ms // 60_000 // 10 * 10,
    )
    assert roll(world) == len(WIDTHS)
    assert stale(world) == 0


def test_days_made_by_an_earlier_release_get_what_they_lack(world: World) -> None:
    store(world, spans(world, 1, minute=AGO), kind="trace")
    day = id_day(new_id(world.now_ms))
    name = partition_name("trace_totals", day)
    with world.database.transaction() as cursor:
        cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
    world.packs._partitions.forget()
    store(world, spans(world, 1, minute=AGO), kind="trace")
    assert execute(world, "SELECT to_regclass(%s)::text", name) == [(name,)]
