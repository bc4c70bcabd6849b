"""Dropping what is past its term, in the order that never leaves a row pointing at nothing.

A day is hidden, loses its documents, then its rows and packs in one transaction, and last is taken
off its groups. Killed at any instant, the next run goes on: each step does again, harmlessly, what
it had done. One process drops at a time; meanwhile none rebuilds or merges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from config.retention import TypeTerm, type_terms
from config.settings import Settings
from events.ids import Clock, first_id, now_ms
from storage.errors import StoreDown
from storage.retention.plan import Planner
from storage.search.store import SearchStore
from storage.sql.clearing import Clearing
from storage.sql.database import Database
from storage.sql.day_drop import DayChanged, DayHeld, RetiredDay, lock_was_held
from storage.sql.retired_days import RetiredDays
from storage.sql.sweeping import Sweeping
from storage.sql.terms import Terms, open_terms

#: Events whose documents go before the next are asked for.
EVENTS_AT_ONCE = 5000
#: Rows that go in one transaction, for which writers wait.
ROWS_AT_ONCE = 2000
#: How often a day is tried whose events change, or whose locks are held, in one run.
_TRIES = 5

Reached = Callable[[str], None]


@dataclass(slots=True)
class Report:
    """What a run dropped. ``held`` are days and projects that must wait, with why; ``unfinished``
    when its time was over first.
    """

    days: list[dict[str, Any]] = field(default_factory=list)
    indices: list[dict[str, str]] = field(default_factory=list)
    held: list[dict[str, Any]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    unfinished: bool = False

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "days": self.days,
            "indices": self.indices,
            "held": self.held,
            "events": self.counts["events"],
            "packs": self.counts["packs"],
            "bytes": self.counts["bytes"],
            "project_events": self.counts["project_events"],
            "dead_letters": self.counts["dead_letters"],
            "tombstones": self.counts["tombstones"],
            "repeats": self.counts["repeats"],
            "mentions": self.counts["mentions"],
            "unfinished": self.unfinished,
        }


class OutOfTime(Exception):
    """A run's time is over; the next goes on."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What retention works with: all of it connects when used."""

    of_types: dict[str, TypeTerm]
    terms: Terms
    planner: Planner
    days: RetiredDays
    clearing: Clearing
    sweeping: Sweeping
    search: SearchStore
    clock: Clock


def open_retention(
    settings: Settings, database: Database, search: SearchStore, clock: Clock = now_ms
) -> Retention:
    """Retention over stores that are open already."""
    of_types = type_terms(settings.retention_days, settings.retention_bytes)
    terms = open_terms(settings, database, clock)
    days, clearing = RetiredDays(database, settings.postgres_dsn), Clearing(database)
    return Retention(
        of_types=of_types,
        terms=terms,
        planner=Planner(terms, of_types, days, clearing, search, clock),
        days=days,
        clearing=clearing,
        sweeping=Sweeping(database),
        search=search,
        clock=clock,
    )


def run_retention(
    parts: Retention, seconds: float, reached: Reached = lambda _: None
) -> Report | None:
    """Drop all that is past its term, for at most so many seconds; null when another process
    drops, rebuilds or merges. ``reached`` is told of each step as it is done.

    Raises :class:`StoreDown`; whatever was done until then stands.
    """
    with parts.days.alone() as alone:
        if not alone:
            return None
        run = _Run(parts, parts.clock() + int(seconds * 1000), reached)
        try:
            run.types()
            run.projects()
        except OutOfTime:
            run.report.unfinished = True
        return run.report


class _Run:
    def __init__(self, parts: Retention, until_ms: int, reached: Reached) -> None:
        self._parts = parts
        self._until = until_ms
        self._reached = reached
        self.report = Report()

    def types(self) -> None:
        """Days of every type, then what they leave behind."""
        for kind in self._parts.of_types:
            over = set(self._parts.planner.over_months(kind))
            for size, why in self._parts.planner.going(kind):
                self._parts.days.hide(kind, size.day, why)
            self._reached("hidden")
            for retired in self._parts.days.under_way(kind):
                self._try_day(retired, over)
            self._drop_months(kind)
            self._sweep(kind)

    def projects(self) -> None:
        """Events of projects with shorter terms: documents, then rows."""
        for term in self._parts.terms.listed():
            floors = self._parts.terms.floors()
            floor = floors.floor_ms(term.project_id, term.type)
            if floor <= floors.types.get(term.type, 0):
                continue
            if self._parts.clearing.rebuilt(term.type):
                held = {"project": term.project, "type": term.type, "why": {"rebuilds": 1}}
                self.report.held.append(held)
                continue
            self._parts.terms.clear_to(term.project_id, term.type, floor)
            self._reached("project_hidden")
            self._clear(term.project_id, term.type, first_id(floor))
            self._parts.terms.cleared(term.project_id, term.type, floor)
            self._reached("project_cleared")

    def _clear(self, project_id: int, type_name: str, before: UUID) -> None:
        after = UUID(int=0)
        clearing = self._parts.clearing
        while ids := clearing.ids(type_name, project_id, after, before, ROWS_AT_ONCE):
            self._check_time()
            self._parts.search.delete(type_name, ids)
            self._reached("project_unindexed")
            self.report.counts["project_events"] += clearing.drop(type_name, ids)
            self._reached("project_dropped")
            after = ids[-1]

    def _try_day(self, retired: RetiredDay, over: set[str]) -> None:
        """Drop a day, again where events came meanwhile or somebody held a lock for long."""
        for left in range(_TRIES, 0, -1):
            self._check_time()
            try:
                self._day(retired, over if left == _TRIES else set())
            except DayHeld as exc:
                self._hold(retired, exc.reasons)
            except DayChanged:
                self._reached("changed")
                continue
            except StoreDown as exc:
                if not lock_was_held(exc):
                    raise
                continue
            return
        self._hold(retired, {"busy": 1})

    def _day(self, retired: RetiredDay, over: set[str]) -> None:
        days = self._parts.days
        if not retired.dropped:
            if reasons := days.held(retired.type, retired.day):
                raise DayHeld(reasons)
            mark = days.mark(retired)
            self._unindex(retired, over)
            self._reached("unindexed")
            days.drop(retired, mark)
            self._reached("dropped")
        while days.settle_groups(retired):
            self._reached("settling")
        self._reached("settled")
        went = days.end(retired)
        self.report.counts.update(went)
        self.report.days.append(
            {"type": retired.type, "day": retired.day.isoformat(), "why": retired.why, **went}
        )
        self._reached("ended")

    def _unindex(self, retired: RetiredDay, over: set[str]) -> None:
        """Delete a day's documents: the whole month's index where all of the month goes."""
        month = f"{retired.day:%Y.%m}"
        if month in over:
            self._parts.search.drop_month(retired.type, month)
            return
        after: UUID | None = None
        while ids := self._parts.days.ids(retired, after, EVENTS_AT_ONCE):
            self._check_time()
            self._parts.search.delete(retired.type, ids)
            after = ids[-1]

    def _drop_months(self, kind: str) -> None:
        """Delete indices of months of which no day has rows any more."""
        for month in self._parts.planner.over_months(kind):
            if not any(f"{one.day:%Y.%m}" == month for one in self._parts.days.sizes(kind)):
                self._parts.search.drop_month(kind, month)
                self.report.indices.append({"type": kind, "month": month})
                self._reached("month_dropped")

    def _sweep(self, kind: str) -> None:
        floor = self._parts.terms.floors().types.get(kind, 0)
        while gone := self._parts.sweeping.letters(kind, floor):
            self.report.counts["dead_letters"] += gone
            self._reached("letters_swept")
        while gone := self._parts.sweeping.tombstones(kind, first_id(floor)):
            self.report.counts["tombstones"] += gone
        while gone := self._parts.sweeping.repeats(kind, first_id(floor)):
            self.report.counts["repeats"] += gone
        while gone := self._parts.sweeping.mentions(kind, first_id(floor)):
            self.report.counts["mentions"] += gone

    def _hold(self, retired: RetiredDay, why: dict[str, int]) -> None:
        self.report.held.append({"type": retired.type, "day": retired.day.isoformat(), "why": why})

    def _check_time(self) -> None:
        if self._parts.clock() >= self._until:
            raise OutOfTime
