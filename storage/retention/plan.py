"""What retention would drop now: days over their type's term or bytes, and projects' old events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from config.retention import TypeTerm
from events.ids import Clock, first_id, now_ms
from storage.floors import day_start_ms
from storage.search.store import SearchStore
from storage.sql.clearing import Clearing
from storage.sql.retired_days import DaySize, RetiredDays
from storage.sql.terms import NamedTerm, Terms


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """A day to drop. ``why``: ``days`` or ``bytes``; ``held`` says for how many of what it waits.

    ``events`` are its rows, ``bytes`` those of its packs as stored.
    """

    type: str
    day: date
    why: str
    events: int
    packs: int
    bytes: int
    partition: bool
    held: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedProject:
    """Events of a project to take out, as they are older than ``before``."""

    project: str
    type: str
    days: int
    before: datetime
    events: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What would go; ``indices`` are months of search that go whole, as type and month."""

    days: list[PlannedDay]
    indices: list[tuple[str, str]]
    projects: list[PlannedProject]

    def document(self) -> dict[str, Any]:
        """For JSON."""
        going = [day for day in self.days if not day.held]
        return {
            "days": [{**asdict(day), "day": day.day.isoformat()} for day in self.days],
            "indices": [{"type": kind, "month": month} for kind, month in self.indices],
            "projects": [
                {**asdict(one), "before": one.before.isoformat()} for one in self.projects
            ],
            "totals": {
                "days": len(going),
                "held_days": len(self.days) - len(going),
                "partitions": sum(day.partition for day in going),
                "packs": sum(day.packs for day in going),
                "indices": len(self.indices),
                "events": sum(day.events for day in going)
                + sum(one.events for one in self.projects),
                "bytes": sum(day.bytes for day in going),
            },
        }


class Planner:
    """Looks and changes nothing. Methods raise :class:`StoreDown`."""

    def __init__(
        self,
        terms: Terms,
        of_types: Mapping[str, TypeTerm],
        days: RetiredDays,
        clearing: Clearing,
        search: SearchStore,
        clock: Clock = now_ms,
    ) -> None:
        self._terms = terms
        self._of_types = of_types
        self._days = days
        self._clearing = clearing
        self._search = search
        self._clock = clock

    def plan(self) -> Plan:
        """What would go now, with how many events and bytes."""
        days = [self._planned(kind, *one) for kind in self._of_types for one in self.going(kind)]
        return Plan(
            days=days,
            indices=[(kind, month) for kind in self._of_types for month in self.over_months(kind)],
            projects=[found for term in self._terms.listed() if (found := self._cleared(term))],
        )

    def going(self, type_name: str) -> list[tuple[DaySize, str]]:
        """Days of a type that go, oldest first, each with why. Today never goes."""
        floor = self._terms.floors().types.get(type_name, 0)
        sizes = self._days.sizes(type_name)
        return going(sizes, floor, self._of_types[type_name].bytes, self._today())

    def over_months(self, type_name: str) -> list[str]:
        """Months with an index of which every day is over and has no rows any more, or goes."""
        floor = self._terms.floors().types.get(type_name, 0)
        left = {f"{one.day:%Y.%m}" for one in self._days.sizes(type_name)} - {
            f"{one.day:%Y.%m}" for one, _ in self.going(type_name)
        }
        return [
            month
            for month in self._search.months(type_name)
            if month not in left and day_start_ms(_month_after(month)) <= floor
        ]

    def _planned(self, type_name: str, size: DaySize, why: str) -> PlannedDay:
        events = self._days.events(type_name, size.day) if size.partition else 0
        held = self._days.held(type_name, size.day)
        return PlannedDay(
            type_name, size.day, why, events, size.packs, size.bytes, size.partition, held
        )

    def _cleared(self, term: NamedTerm) -> PlannedProject | None:
        floors = self._terms.floors()
        floor = floors.floor_ms(term.project_id, term.type)
        if floor <= floors.types.get(term.type, 0):
            return None
        events = self._clearing.count(term.type, term.project_id, first_id(floor))
        before = datetime.fromtimestamp(floor / 1000, UTC)
        return PlannedProject(term.project, term.type, term.days, before, events)

    def _today(self) -> date:
        return datetime.fromtimestamp(self._clock() / 1000, UTC).date()


def going(
    sizes: Sequence[DaySize], floor_ms: int, most_bytes: int, today: date
) -> list[tuple[DaySize, str]]:
    """Days that end at or before a floor, and then the oldest until the rest is within its bytes;
    pure.
    """
    over = [one for one in sizes if day_start_ms(one.day + timedelta(1)) <= floor_ms]
    found = [(one, "days") for one in over if one.day < today]
    total = sum(one.bytes for one in sizes) - sum(one.bytes for one in over)
    for one in sizes[len(over) :]:
        if not most_bytes or total <= most_bytes or one.day >= today:
            break
        found.append((one, "bytes"))
        total -= one.bytes
    return found


def _month_after(month: str) -> date:
    year, number = (int(part) for part in month.split("."))
    return date(year + number // 12, number % 12 + 1, 1)
