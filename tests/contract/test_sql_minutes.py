"""Minutes in SQL are what the rows say: whatever is repeated, deleted, dropped or made anew."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from counted_samples import (
    SPAN_NS,
    around,
    counter,
    delete,
    gauge,
    histogram,
    metrics,
    spans,
    store,
)
from ddsketch import DDSketch
from sql_samples import World, open_world

from config.settings import Settings
from storage.sql import minutes as minutes_module
from storage.sql import series as series_module
from storage.sql.minutes import Minutes


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    with open_world(settings) as world:
        yield world


def kept(world: World, kind: str) -> list[tuple[Any, ...]]:
    with world.database.transaction() as cursor:
        cursor.execute(
            f"SELECT series, minute, count, total, least, most, (sketch).bins, (sketch).weights"
            f" FROM {kind}_minutes WHERE project_id = %s ORDER BY series, minute",
            (world.project.id,),
        )
        return cursor.fetchall()


def test_durations_add_up_to_what_the_library_says(world: World) -> None:
    pseudo = random.Random(7)
    durations = [math.exp(pseudo.uniform(-6, 9)) for _ in range(500)] + [0.0] * 3
    expected = DDSketch(0.01)
    for at in range(0, len(durations), 50):
        store(world, spans(world, *durations[at : at + 50]), kind="trace")
    exact = [round(ms * SPAN_NS) / SPAN_NS for ms in durations]
    for duration in exact:
        expected.add(duration)
    (found,) = Minutes(world.database, "trace").sums(world.project.id, around(world))
    assert found.value.count == len(durations)
    assert found.value.total == pytest.approx(sum(exact))
    assert (found.value.least, found.value.most) == (0, max(exact))
    for share in (0, 0.01, 0.5, 0.95, 0.99, 1):
        wanted = expected.get_quantile_value(share)
        assert found.value.quantile(share) == pytest.approx(wanted, rel=0.011, abs=1e-9)


def test_an_event_that_comes_again_adds_nothing(world: World) -> None:
    record = spans(world, 1, 2, 3)
    store(world, record, kind="trace")
    before = kept(world, "trace")
    assert store(world, record, kind="trace") == 0
    assert kept(world, "trace") == before


def test_a_deleted_event_leaves_what_the_others_say(world: World) -> None:
    store(world, spans(world, 5, 7, 11), kind="trace")
    before = kept(world, "trace")
    more = spans(world, 1, 5, 99), spans(world, 3, name="GET /cart")
    store(world, *more, kind="trace")
    assert kept(world, "trace") != before
    for record in more:
        delete(world, "trace", record)
    assert kept(world, "trace") == before


def test_the_last_event_of_a_series_takes_it_along(world: World) -> None:
    record = metrics(world, gauge(1, user="ann"))
    store(world, record, kind="metric")
    assert Minutes(world.database, "metric").labels(world.project.id)["user"] == ["ann"]
    delete(world, "metric", record)
    assert kept(world, "metric") == []
    assert Minutes(world.database, "metric").known(world.project.id) == []


def test_transactions_come_and_go_with_their_event(world: World) -> None:
    record = spans(world, 1, 2)

    def listed() -> int:
        with world.database.transaction() as cursor:
            cursor.execute("SELECT FROM trace_segments WHERE event_id = %s", (record.id,))
            return cursor.rowcount

    store(world, record, kind="trace")
    store(world, record, kind="trace")
    assert listed() == 2
    delete(world, "trace", record)
    assert listed() == 0


def test_levels_of_a_minute_keep_their_ends(world: World) -> None:
    store(world, metrics(world, gauge(3)), metrics(world, gauge(-5)), kind="metric")
    (found,) = Minutes(world.database, "metric").sums(world.project.id, around(world), name="load")
    value = found.value
    assert (value.count, value.total, value.least, value.most) == (2, -2, -5, 3)
    assert value.quantile(0) == pytest.approx(-5, rel=0.01)


def test_amounts_add_up(world: World) -> None:
    for amount in (2, 3.5):
        store(world, metrics(world, counter(amount, cumulative=False)), kind="metric")
    (found,) = Minutes(world.database, "metric").sums(world.project.id, around(world))
    assert (found.value.count, found.value.total, found.value.bins) == (2, 5.5, {})


def test_what_accumulates_is_told_by_its_growth(world: World) -> None:
    told = [(0, 100), (1, 104), (1, 110), (2, 3), (3, 5)]  # begun anew in the third minute
    for minute, total in told:
        store(world, metrics(world, counter(total, cumulative=True), minute=minute), kind="metric")
    found = Minutes(world.database, "metric").sums(world.project.id, around(world))
    by_minute = {one.at: one.value.total for one in found}
    start = world.now_ms // 60_000
    minutes = [datetime.fromtimestamp((start + number) * 60, UTC) for number in range(4)]
    assert [by_minute[minute] for minute in minutes] == [100, 10, 3, 2]


def test_a_cumulative_histogram_has_the_quantiles_of_what_came(world: World) -> None:
    first = histogram([10, 0, 0, 0], 50, cumulative=True)
    later = histogram([10, 0, 4, 0], 2050, cumulative=True)
    store(world, metrics(world, first), kind="metric")
    store(world, metrics(world, later, minute=1), kind="metric")
    span = around(world, every=60 * 24)
    (found,) = Minutes(world.database, "metric").sums(world.project.id, span)
    assert (found.value.count, found.value.total) == (14, 2050)
    assert found.value.bins.total() == 14
    assert found.value.quantile(0.9) == pytest.approx(550, rel=0.011)


def test_a_histogram_keeps_its_exact_sum(world: World) -> None:
    data = histogram([1, 2, 0, 1], 1234.5, cumulative=False)
    store(world, metrics(world, data), kind="metric")
    (found,) = Minutes(world.database, "metric").sums(world.project.id, around(world))
    assert (found.value.count, found.value.total) == (4, pytest.approx(1234.5))


def test_a_deleted_point_of_a_count_leaves_the_furthest_of_the_rest(world: World) -> None:
    near, far = (metrics(world, counter(total, cumulative=True)) for total in (10, 20))
    store(world, near, kind="metric")
    before = kept(world, "metric")
    store(world, far, kind="metric")
    delete(world, "metric", far)
    assert kept(world, "metric") == before


def test_points_that_are_no_numbers_hurt_none_beside_them(world: World) -> None:
    record = metrics(world, gauge(2), gauge(1e300, "huge"))
    record_nan = metrics(world, {"name": "n", "gauge": {"dataPoints": [{"asDouble": "NaN"}]}})
    store(world, record, record_nan, kind="metric")
    assert [one.name for one in Minutes(world.database, "metric").known(world.project.id)] == [
        "load"
    ]


def test_too_many_series_count_as_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_module, "MAX_SERIES", 20)
    monkeypatch.setattr(series_module, "_RESTS", 2)
    points = [gauge(1, f"m{number % 10}", id=str(number)) for number in range(100)]
    for at in range(0, len(points), 10):
        store(world, metrics(world, *points[at : at + 10]), kind="metric")
    minutes = Minutes(world.database, "metric")
    assert sum(one.value.count for one in minutes.sums(world.project.id, around(world))) == 100
    assert sum(one.series for one in minutes.known(world.project.id)) <= 23
    assert minutes.limited(world.project.id).times == 80
    others = minutes.sums(world.project.id, around(world), labels={"other": "true"})
    assert sum(one.value.count for one in others) == 16  # of two names
    rest = minutes.sums(world.project.id, around(world), name="other")
    assert sum(one.value.count for one in rest) == 64


def test_deleting_gives_room_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_module, "MAX_SERIES", 1)
    record = metrics(world, gauge(1, "first"))
    store(world, record, kind="metric")
    delete(world, "metric", record)
    store(world, metrics(world, gauge(1, "second")), kind="metric")
    assert [one.name for one in Minutes(world.database, "metric").known(world.project.id)] == [
        "second"
    ]


def test_of_many_series_that_go_on_none_is_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bound on sums is no bound on the rows that they are made of."""
    monkeypatch.setattr(minutes_module, "MAX_SUMS", 4)
    for minute in range(4):
        points = [
            {**counter(10 * minute + number, cumulative=True), "name": f"m{number}"}
            for number in range(1, 8)
        ]
        store(world, metrics(world, *points, minute=minute), kind="metric")
    found = Minutes(world.database, "metric").sums(world.project.id, around(world))
    assert sorted(one.value.total for one in found) == [28, 70, 70, 70]


def test_sums_of_some_groups_and_without_distributions(world: World) -> None:
    store(world, spans(world, 1, 2), spans(world, 7, name="GET /cart"), kind="trace")
    store(world, spans(world, 9, service="web", failed=True), kind="trace")
    with Minutes(world.database, "trace").snapshot(world.project.id) as snapshot:
        span, by = around(world, every=1 << 30), ("name", "service", "status")
        every = snapshot.sums(span, by=by, quantiles=False)
        assert [(one.value.count, one.value.quantile(0.5)) for one in every] == [
            (2, None),
            (1, None),
            (1, None),
        ]
        some = snapshot.sums(span, by=by, among=[("GET /", "web"), ("GET /cart", "shop")])
        assert {one.groups: one.value.most for one in some} == {
            ("GET /", "web", "error"): 9,
            ("GET /cart", "shop", "ok"): 7,
        }
        assert snapshot.sums(span, by=by, among=[]) == []
        failed = snapshot.sums(span, by=("service",), one_of=("status", ["error", "unset"]))
        assert [(one.groups, one.value.count) for one in failed] == [(("web",), 1)]
