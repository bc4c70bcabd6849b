"""A trace in order: nesting, orphans, circles, doubles, clocks that differ, and bounds."""

from __future__ import annotations

from events.telemetry import Span
from events.waterfall import Waterfall, waterfall

MS = 1_000_000


def span(name: str, parent: str | None = None, start: float = 0, took: float = 10) -> Span:
    begun = 10**18 + round(start * MS)
    return Span("t" * 32, name, parent, name, begun, begun + round(took * MS))


def build(*spans: Span, services: str = "", most: int = 1000) -> Waterfall:
    names = list(services) or ["a"] * len(spans)
    return waterfall(spans, names, most)


def order(made: Waterfall, *spans: Span) -> list[tuple[str, int]]:
    return [(spans[one.at].name, one.depth) for one in made.placed]


def test_spans_stand_below_their_parents_in_the_order_of_time() -> None:
    spans = (span("late", "top", 5), span("early", "top", 1), span("deep", "late"), span("top"))
    assert order(build(*spans), *spans) == [("top", 0), ("early", 1), ("late", 1), ("deep", 2)]


def test_an_orphan_stands_at_the_top_and_says_so() -> None:
    made = build(span("a"), span("b", "gone", 3))
    assert [(one.depth, one.orphan) for one in made.placed] == [(0, False), (0, True)]
    assert made.orphans == 1


def test_a_circle_hides_nothing() -> None:
    spans = (span("a", "b"), span("b", "a"), span("me", "me"))
    assert sorted(name for name, _ in order(build(*spans), *spans)) == ["a", "b", "me"]


def test_a_span_that_came_twice_counts_once() -> None:
    assert build(span("a"), span("a"), span("b", "a")).total == 2


def test_another_machines_clock_is_put_right_and_its_children_with_it() -> None:
    spans = (
        span("call", took=100),
        span("serve", "call", start=-3_600_000, took=40),
        span("query", "serve", start=-3_600_000 + 5, took=10),
    )
    made = build(*spans, services="abb")
    call, serve, query = made.placed
    assert serve.start_ns == (call.start_ns or 0) + 30 * MS
    assert query.start_ns == serve.start_ns + 5 * MS
    assert serve.skew_ms == query.skew_ms == 3_600_030
    assert (made.skewed, made.end_ns) == (2, (call.start_ns or 0) + 100 * MS)


def test_an_orphans_clock_is_put_right_as_its_services_is() -> None:
    spans = (
        span("call", took=100),
        span("serve", "call", start=-3_600_000, took=40),
        span("lost", "gone", start=-3_600_000 + 10, took=5),
        span("other", "gone", start=1),
    )
    made = build(*spans, services="abbc")
    assert order(made, *spans) == [("call", 0), ("serve", 1), ("other", 0), ("lost", 0)]
    assert {one.skew_ms for one in made.placed} == {0.0, 3_600_030.0}
    assert made.end_ns == made.placed[0].start_ns + 100 * MS  # type: ignore[operator]


def test_a_clock_that_agrees_is_left_alone() -> None:
    made = build(span("call", took=100), span("serve", "call", start=5, took=40), services="ab")
    assert made.skewed == 0


def test_one_that_ends_before_it_begins_takes_no_time() -> None:
    (placed,) = build(span("odd", took=-5)).placed
    assert (placed.duration_ns, placed.ends_early) == (0, True)


def test_spans_without_times_and_ids_are_there() -> None:
    blank = Span(None, None, None, "?", None, None)
    made = build(blank, blank, span("a"))
    assert (made.total, made.start_ns) == (3, 10**18)
    assert build(blank).start_ns is None


def test_a_hundred_thousand_spans_one_below_the_other() -> None:
    spans = [span(str(at), str(at - 1) if at else None) for at in range(100_000)]
    made = waterfall(spans, ["a"] * len(spans), 500)
    assert (made.total, len(made.placed), made.placed[-1].depth) == (100_000, 500, 499)
