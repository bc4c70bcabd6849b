"""Reads both sides of the ledger, and tells what is wrong with it and stays wrong.

Broker, spools and PostgreSQL cannot be read in one moment. So each look reads them in the order in
which events move on, which errs to the safe side, and only what several looks agree on is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TypeVar

from broker.contents import Contents
from config.settings import Settings
from events.envelope import SYSTEM_PROJECT
from events.ids import Clock, now_ms
from storage.ledger import Custody, Gap, Ledger, Row, balance, gaps, told_minute
from storage.spool.state import spooled_events
from storage.sql.database import Database
from storage.sql.ledger import Settled
from workbench.ledger import LedgerBook, open_ledger

T = TypeVar("T")

LOOKS = 4
LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the ledger is read from. ``home`` is the one whose spools count."""

    contents: Contents
    settled: Settled
    book: LedgerBook
    home: Path
    clock: Clock


@dataclass(frozen=True, slots=True)
class Look:
    """The ledger of a span of minutes, and who holds what is in flight over all time.

    ``before`` events in flight are older than the span.
    """

    ledger: Ledger
    custody: Custody
    spooled: int
    before: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What every look agreed on: gaps by row, events lost, a wrong count, events too old to see."""

    gaps: Mapping[Gap, int]
    lost: int
    surplus: int
    before: int

    @property
    def balanced(self) -> bool:
        return not (self.gaps or self.lost or self.surplus or self.before)


def look(sources: Sources, first_minute: int, last_minute: int, project_id: int | None) -> Look:
    """Read once; of one project or all. Raises :class:`StoreDown` and ``OSError``.

    The spool before the broker, to which its events move; what the broker holds before what is
    settled, and what is settled before what was accepted.
    """
    spooled = {row: n for row, n in spooled_events(sources.home).items() if _counts(row, None)}
    holdings = sources.contents.holdings()
    ever = sources.settled.ever()
    sides = sources.book.read(None, first_minute, last_minute)
    accepted, settled = sides.accepted, sides.settled
    for (minute, project, kind), events in spooled.items():
        row = (told_minute(minute, sides.rolled_before), project, kind)
        accepted[row] = accepted.get(row, 0) + events
    waiting = sum(spooled.values())
    in_flight = holdings.accepted + waiting - ever
    everything = balance(_only(accepted, None), _only(settled, None), sources.clock())
    return Look(
        ledger=balance(_only(accepted, project_id), _only(settled, project_id), sources.clock()),
        custody=Custody(in_flight, holdings.events + waiting, holdings.messages),
        spooled=waiting,
        before=max(0, in_flight - everything.totals.in_flight),
    )


def custody_now(sources: Sources) -> Custody:
    """All events in flight, counted by the ledger and by what holds them, read once; in the order
    of :func:`look`. Raises :class:`StoreDown` and ``OSError``.
    """
    spooled = spooled_events(sources.home)
    waiting = sum(events for row, events in spooled.items() if _counts(row, None))
    holdings = sources.contents.holdings()
    in_flight = holdings.accepted + waiting - sources.settled.ever()
    return Custody(in_flight, holdings.events + waiting, holdings.messages)


def judge(looks: Iterable[Look]) -> Verdict:
    """What all looks agree on, each at its smallest; pure."""
    looks = list(looks)
    kept = reduce(_agreed, (gaps(one.ledger) for one in looks))
    return Verdict(
        gaps=kept,
        lost=min(one.custody.lost for one in looks),
        surplus=min(one.custody.surplus for one in looks),
        before=min(one.before for one in looks),
    )


def check(read: Callable[[], Look], sleep: Callable[[float], None]) -> tuple[Look, Verdict]:
    """Look until a look finds nothing wrong that an earlier one found, a few times at the most.

    The last look, and what is wrong for certain.
    """
    looks = [read()]
    while not (verdict := judge(looks)).balanced and len(looks) < LOOKS:
        sleep(LOOK_SECONDS)
        looks.append(read())
    return looks[-1], verdict


def _agreed(one: Mapping[Gap, int], other: Mapping[Gap, int]) -> dict[Gap, int]:
    return {gap: min(n, other[gap]) for gap, n in one.items() if gap in other}


def _counts(row: Row, project_id: int | None) -> bool:
    return row[1] != SYSTEM_PROJECT if project_id is None else row[1] == project_id


def _only(rows: Mapping[Row, T], project_id: int | None) -> dict[Row, T]:
    return {row: value for row, value in rows.items() if _counts(row, project_id)}


def open_sources(settings: Settings, database: Database) -> Sources:
    """Where the ledger of an installation is read from; over a database that is open already."""
    timeout = settings.broker_timeout_seconds
    return Sources(
        contents=Contents(settings.redis_url, timeout=timeout),
        settled=Settled(database),
        book=open_ledger(settings, database, timeout=timeout),
        home=settings.home,
        clock=now_ms,
    )
