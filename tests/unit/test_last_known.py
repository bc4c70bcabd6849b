"""Numbers that are remembered: for a while, and when their store is away."""

from __future__ import annotations

import pytest

from app.last_known import MOST_KEPT, LastKnown
from events.ids import time_of
from storage.errors import StoreDown


class Source:
    def __init__(self) -> None:
        self.value = 1
        self.away = False
        self.asked = 0

    def read(self) -> int:
        self.asked += 1
        if self.away:
            raise StoreDown("search", "away")
        return self.value


def test_a_number_is_asked_for_once_in_a_while_and_dated_when_its_store_is_away() -> None:
    now, source = [1_000_000], Source()
    memory = LastKnown(lambda: now[0], seconds=10)
    first = memory.read("x", source.read)
    source.value = 2
    assert memory.read("x", source.read) == first
    now[0] += 10_000
    newer = memory.read("x", source.read)
    assert (newer.value, newer.at, newer.away, source.asked) == (2, time_of(now[0]), None, 2)
    source.away = True
    now[0] += 10_000
    for _ in range(3):  # it is left alone for as long
        stale = memory.read("x", source.read)
        assert (stale.value, stale.at, stale.away) == (2, newer.at, "search")
    assert source.asked == 3
    source.away, source.value = False, 3
    now[0] += 10_000
    assert memory.read("x", source.read).value == 3


def test_a_store_that_gave_nothing_yet_is_away() -> None:
    now, source = [0], Source()
    memory = LastKnown(lambda: now[0], seconds=10)
    source.away = True
    for _ in range(2):
        with pytest.raises(StoreDown):
            memory.read("x", source.read)
    assert source.asked == 1
    assert memory.read("y", lambda: 5).value == 5


def test_the_memory_is_bounded() -> None:
    source = Source()
    memory = LastKnown(lambda: 0)
    for number in range(MOST_KEPT + 1):
        memory.read(number, source.read)
    memory.read(MOST_KEPT, source.read)
    assert source.asked == MOST_KEPT + 1
    memory.read(0, source.read)
    assert source.asked == MOST_KEPT + 2
