"""The ledger: what was accepted against what became of it; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass

OVERDUE_MINUTES = 10
DAY_MINUTES = 1440
_MINUTE_MS = 60_000

Row = tuple[int, int, str]
"""Minute of the id (whole minutes since 1970), project id, type."""

OVER = "|over"
"""What follows the type in a row of accepted counts, where its events were dropped for their quota:
so one count tells that they were accepted and what became of them."""


def told_minute(minute: int, rolled_before: int) -> int:
    """The minute that a row is told under: before a moment, the first one of its UTC day."""
    return minute if minute >= rolled_before else minute - minute % DAY_MINUTES


@dataclass(frozen=True, slots=True)
class SettledCounts:
    """Events of which the fate is known, each in exactly one. ``client_lost`` were never accepted:
    clients say of them that they could not send them.
    """

    stored: int = 0
    filtered: int = 0
    over_quota: int = 0
    dead: int = 0
    discarded: int = 0
    client_lost: int = 0

    def __add__(self, other: SettledCounts) -> SettledCounts:
        return SettledCounts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def total(self) -> int:
        """How many of those that were accepted."""
        return self.stored + self.filtered + self.over_quota + self.dead + self.discarded


def split_over(counted: Mapping[Row, int]) -> tuple[dict[Row, int], dict[Row, int]]:
    """All events that were accepted, and those of them that were dropped for their quota."""
    accepted: dict[Row, int] = {}
    over: dict[Row, int] = {}
    for (minute, project_id, kind), events in counted.items():
        row = (minute, project_id, kind.removesuffix(OVER))
        accepted[row] = accepted.get(row, 0) + events
        if kind.endswith(OVER):
            over[row] = over.get(row, 0) + events
    return accepted, over


@dataclass(frozen=True, slots=True)
class Counts:
    """One line of the ledger. ``in_flight`` is accepted less all that is settled: negative when
    more was settled than accepted. ``overdue`` is its part older than ten minutes. ``client_lost``
    stands outside of that: what clients say they could not send.
    """

    accepted: int = 0
    stored: int = 0
    filtered: int = 0
    over_quota: int = 0
    dead: int = 0
    discarded: int = 0
    in_flight: int = 0
    overdue: int = 0
    client_lost: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, slots=True)
class MinuteRow:
    """The counts of a minute, a project and a type."""

    minute: int
    project_id: int
    type: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class Ledger:
    """``balanced``: in no row was more settled than accepted, and nothing is overdue."""

    balanced: bool
    totals: Counts
    minutes: list[MinuteRow]


@dataclass(frozen=True, slots=True)
class Gap:
    """What is wrong with a row: ``oversettled`` (more settled than accepted) or ``overdue``."""

    row: Row
    kind: str


def gaps(ledger: Ledger) -> dict[Gap, int]:
    """Every row that does not balance or is overdue, with by how many events."""
    found: dict[Gap, int] = {}
    for line in ledger.minutes:
        row, counts = (line.minute, line.project_id, line.type), line.counts
        if counts.in_flight < 0:
            found[Gap(row, "oversettled")] = -counts.in_flight
        if counts.overdue:
            found[Gap(row, "overdue")] = counts.overdue
    return found


@dataclass(frozen=True, slots=True)
class Custody:
    """All events in flight, counted twice over: by the ledger, and by what holds them.

    ``messages`` are those in the broker's queues; what lies in spools is in both counts.
    """

    in_flight: int
    held: int
    messages: int

    @property
    def lost(self) -> int:
        """Events in flight that nothing holds: no queue, no spool."""
        return max(0, self.in_flight - self.held)

    @property
    def surplus(self) -> int:
        """Events held by no message at all. Messages may hold more than is in flight: an event
        delivered twice, or dead since; but what is held beyond them is a wrong count.
        """
        return max(0, self.held - self.in_flight) if not self.messages else 0


def balance(
    accepted: Mapping[Row, int], settled: Mapping[Row, SettledCounts], now_ms: int
) -> Ledger:
    """Set both sides against each other, row by row in order of minute, project and type.

    A minute's events are overdue once the youngest it can hold is ten minutes old.
    """
    minutes = [
        MinuteRow(*row, _counts(row, accepted.get(row, 0), settled.get(row), now_ms))
        for row in sorted(accepted.keys() | settled.keys())
    ]
    totals = sum((line.counts for line in minutes), Counts())
    balanced = all(line.counts.in_flight >= 0 and not line.counts.overdue for line in minutes)
    return Ledger(balanced, totals, minutes)


def _counts(row: Row, accepted: int, settled: SettledCounts | None, now_ms: int) -> Counts:
    settled = settled or SettledCounts()
    in_flight = accepted - settled.total()
    due_ms = (row[0] + 1 + OVERDUE_MINUTES) * _MINUTE_MS
    overdue = max(in_flight, 0) if now_ms >= due_ms else 0
    return Counts(accepted, **asdict(settled), in_flight=in_flight, overdue=overdue)
