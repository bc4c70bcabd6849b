"""Which slots tell of a time: the widest that are exact, each minute once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from storage.sql.slots import MINUTE, NARROWEST, RAW, WIDTHS, Piece, Stale, pieces

DAY = 1440 * 20_000
"""The first minute of one."""


def test_a_time_is_told_by_the_widest_slots_in_it() -> None:
    assert pieces(DAY + 55, DAY + 845, WIDTHS, ()) == [
        Piece(RAW, DAY + 55, DAY + 60),
        Piece(60, DAY + 60, DAY + 360),
        Piece(360, DAY + 360, DAY + 720),
        Piece(60, DAY + 720, DAY + 840),
        Piece(RAW, DAY + 840, DAY + 845),
    ]


def test_a_day_is_one_slot_and_not_when_an_hour_of_it_is_stale() -> None:
    assert pieces(DAY, DAY + 1440, WIDTHS, ()) == [Piece(1440, DAY, DAY + 1440)]
    assert [one.width for one in pieces(DAY, DAY + 1440, WIDTHS, {Stale(60, DAY + 60)})] == [
        60,
        10,
        60,
        360,
    ]


def test_a_stale_slot_is_told_by_what_is_narrower() -> None:
    stale = {Stale(10, DAY + 70), Stale(60, DAY + 120)}
    assert pieces(DAY, DAY + 360, WIDTHS, stale) == [
        Piece(60, DAY, DAY + 60),
        Piece(10, DAY + 60, DAY + 70),
        Piece(RAW, DAY + 70, DAY + 80),
        Piece(10, DAY + 80, DAY + 180),
        Piece(60, DAY + 180, DAY + 360),
    ]


def test_minutes_of_labels_are_exact_where_their_slot_is() -> None:
    assert pieces(DAY + 5, DAY + 25, (MINUTE, 10), {Stale(10, DAY + 20)}) == [
        Piece(MINUTE, DAY + 5, DAY + 10),
        Piece(10, DAY + 10, DAY + 20),
        Piece(RAW, DAY + 20, DAY + 25),
    ]


@given(
    st.integers(DAY, DAY + 1_500),
    st.integers(1, 3_000),
    st.sets(st.sampled_from((MINUTE, *WIDTHS))),
    st.lists(st.tuples(st.sampled_from(WIDTHS), st.integers(0, 300)), max_size=6),
)
def test_every_minute_is_told_once_and_by_nothing_stale(
    first: int, length: int, widths: set[int], marks: list[tuple[int, int]]
) -> None:
    stale = {Stale(width, (DAY + 10 * at) // width * width) for width, at in marks}
    found = pieces(first, first + length, widths, stale)
    assert [minute for one in found for minute in range(one.first, one.after)] == list(
        range(first, first + length)
    )
    for one in found:
        assert one.width in {RAW, *widths}
        if one.width != RAW:
            assert one.first % one.width == one.after % one.width == 0
            assert not any(
                mark.at < one.after
                and one.first < mark.at + max(mark.width if one.width == MINUTE else 1, 1)
                for mark in stale
                if mark.width <= max(one.width, NARROWEST)
            )
