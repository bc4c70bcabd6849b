"""The ledger's two sides, wherever the accepted counts are: in the broker, in PostgreSQL, or on
their way from one to the other. And that way.

An accepted count moves in three steps, of which each may be the last before a kill: the broker sets
it aside under a new id, one transaction of PostgreSQL adds it and notes the id, the broker
forgets it. A reader adds what is plain, what is set aside and not noted, and what PostgreSQL has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar
from uuid import UUID

from broker.accepted import AcceptedCounts, Held
from config.settings import Settings
from events.ids import Clock, new_id, now_ms
from storage.errors import StoreDown
from storage.ledger import DAY_MINUTES, Row, SettledCounts, split_over, told_minute
from storage.sql.accepted import Moved, MovedCounts
from storage.sql.database import Database
from storage.sql.ledger import Settled

#: Minutes that move together.
MOVED_AT_ONCE = 200
#: How often a reader that meets a move looks again: a move's step takes milliseconds.
_LOOKS = 50

N = TypeVar("N", int, SettledCounts)
Reached = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sides:
    """What was accepted and what is settled, by row; rows of old days stand at their first minute.

    ``rolled_before`` is the minute before which that is so.
    """

    accepted: dict[Row, int]
    settled: dict[Row, SettledCounts]
    rolled_before: int


class LedgerBook:
    """Reads both sides, and moves what is old. Methods raise :class:`StoreDown`."""

    def __init__(
        self, counts: AcceptedCounts, moved: MovedCounts, settled: Settled, clock: Clock = now_ms
    ) -> None:
        self._counts = counts
        self._moved = moved
        self._settled = settled
        self._clock = clock

    def read(self, project: str | None, first_minute: int, last_minute: int) -> Sides:
        """The rows of minutes from first to last. ``project`` narrows what stages settled alone.

        Settled is read before accepted: an event accepted and stored between the two reads then
        shows as in flight, never as stored without having been accepted.
        """
        first = first_minute
        if first < self._moved.rolled_before():
            first -= first % DAY_MINUTES
        settled = self._settled.minutes(project, first, last_minute)
        counted, rolled = self._accepted(first, last_minute)
        accepted, over = split_over(counted)
        dropped = ((row, SettledCounts(over_quota=events)) for row, events in over.items())
        return Sides(
            _told(accepted.items(), rolled, first_minute),
            _told(chain(settled.items(), dropped), rolled, first_minute),
            rolled,
        )

    def of_minute(self, minute: int) -> Sides:
        """The rows that a minute is told in: its own, or its whole day's."""
        rolled_before = self._moved.rolled_before()
        told = told_minute(minute, rolled_before)
        last = minute if minute >= rolled_before else told + DAY_MINUTES - 1
        return self.read(None, told, last)

    def move(self, hours: int, reached: Reached = lambda _: None) -> int:
        """Move the accepted counts of minutes older than ``hours``; how many minutes moved.

        Ends first what a killed run left. ``reached`` is told of each step as it is done.
        """
        left = self._counts.moves()
        for move, minutes in left.items():
            self._finish(move, minutes, reached)
        old = self._counts.old_minutes(self._clock() // 60_000 - hours * 60)
        for part in _parts(old, MOVED_AT_ONCE):
            move = new_id(self._clock())
            self._counts.begin(move, part)
            reached("aside")
            self._finish(move, self._counts.moves().get(move, []), reached)
        self._moved.forget(self._counts.moves())
        return len(old) + sum(len(minutes) for minutes in left.values())

    def roll_up(self, days: int) -> int:
        """Tell what is older than so many days by the day; how many days had rows to merge."""
        return self._moved.roll_up(self._clock() // 60_000 - days * DAY_MINUTES)

    def _finish(self, move: UUID, minutes: Sequence[int], reached: Reached) -> None:
        self._moved.keep(move, self._counts.aside(move, minutes))
        reached("kept")
        self._counts.end(move)
        reached("ended")

    def _accepted(self, first: int, last: int) -> tuple[dict[Row, int], int]:
        """All accepted counts of one moment in which no move began or ended."""
        for _ in range(_LOOKS):
            held = self._counts.held(first, last)
            moved = self._moved.read(first, last, list(held.moving))
            if self._counts.generation() == held.generation:
                return _sum(held, moved), moved.rolled_before
        raise StoreDown("broker", "the accepted counts move all the time; ask again")


def open_ledger(settings: Settings, database: Database, *, timeout: float) -> LedgerBook:
    """The book over a database that is open already; ``timeout`` is the broker's, in seconds."""
    return LedgerBook(
        AcceptedCounts(settings.redis_url, timeout=timeout),
        MovedCounts(database),
        Settled(database),
    )


def _sum(held: Held, moved: Moved) -> dict[Row, int]:
    total = dict(held.plain)
    aside = (rows for move, rows in held.moving.items() if move not in moved.marked)
    for rows in (*aside, moved.counts):
        for row, events in rows.items():
            total[row] = total.get(row, 0) + events
    return total


def _told(rows: Iterable[tuple[Row, N]], rolled_before: int, first: int) -> dict[Row, N]:
    """Rows under the minute they are told under, from ``first`` on."""
    told: dict[Row, N] = {}
    for (minute, project_id, kind), count in rows:
        row = (told_minute(minute, rolled_before), project_id, kind)
        if row[0] >= first:
            told[row] = told[row] + count if row in told else count
    return told


def _parts(items: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (items[start : start + size] for start in range(0, len(items), size))
