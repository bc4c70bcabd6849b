"""Charts: what is drawn stays in its box, and nothing is drawn for what is not known."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from app.dashboard.charts import (
    HEIGHT,
    WIDTH,
    Chart,
    Mark,
    Series,
    bar_path,
    line_path,
    mark_x,
    paths,
    shares,
)

AMOUNTS = st.lists(st.one_of(st.none(), st.floats(0, 1e9)), min_size=1, max_size=60)


@given(AMOUNTS)
def test_a_line_stays_in_its_box(values: list[float | None]) -> None:
    top = max([1.0, *(value for value in values if value is not None)])
    for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", line_path(values, top)):
        assert 0 <= float(x) <= WIDTH
        assert 0 <= float(y) <= HEIGHT


@given(AMOUNTS)
def test_each_number_above_zero_has_a_bar(values: list[float | None]) -> None:
    top = max([1.0, *(value for value in values if value is not None)])
    path = bar_path(values, top)
    assert path.count("M") == sum(1 for value in values if value)
    for x, foot, high in re.findall(r"M(-?[\d.]+) (-?[\d.]+)v(-[\d.]+)", path):
        assert 0 <= float(x) <= WIDTH
        assert float(foot) == HEIGHT
        assert 1.5 <= -float(high) <= HEIGHT


def test_bars_are_stacked() -> None:
    chart = Chart("s", ("a", "b"), (Series("x", (1.0, 3.0)), Series("y", (1.0, 1.0), "bad")))
    assert chart.top == 4
    (_, lower), (_, upper) = paths(chart)
    assert lower == "M50 100v-25h400V100zM550 100v-75h400V100z"
    assert upper == "M50 75v-25h400V75zM550 25v-25h400V25z"


def test_a_gap_in_a_line_is_a_gap() -> None:
    assert line_path([0, 1, None, 1, 1], 1) == "M0 100L250 0M750 0L1000 0"
    assert line_path([None, 1, None], 1) == "M500 0h6"
    assert line_path([None, None, 1], 1) == "M1000 0h-6"  # into the box
    assert line_path([], 1) == ""


def test_marks_and_empty_charts() -> None:
    chart = Chart("s", ("a", "b"), (Series("x", (1.0, 0.0)),), marks=(Mark(1, "v2"),))
    assert mark_x(chart, chart.marks[0]) == WIDTH / 2
    empty = Chart("nothing", (), (Series("x", ()),))
    assert (empty.top, paths(empty)[0][1]) == (1.0, "")


def test_shares_fill_the_whole() -> None:
    drawn = shares((("good", 3, "ok"), ("poor", 1, "bad")))
    assert [(begin, width) for *_, begin, width in drawn] == [(0, 75), (75, 25)]
    assert shares((("good", 0, "ok"),))[0][4] == 0
