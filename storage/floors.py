"""Which events are past their term: the one place that decides; pure.

An event is past its term when its id is older than the floor of its project and type. Floors lie on
whole minutes, as the ledger and the packs count by the minute of the id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from events.ids import first_id, id_ms

MINUTE_MS = 60_000
DAY_MS = 86_400_000

ProjectType = tuple[int, str]


@dataclass(frozen=True, slots=True)
class ProjectTerm:
    """A project's own term of a type, in days; null: it has the type's now.

    Ids before ``clearing_ms`` are hidden for good, and those before ``cleared_ms`` have neither
    row nor document any more.
    """

    days: int | None
    clearing_ms: int = 0
    cleared_ms: int = 0


@dataclass(frozen=True, slots=True)
class Floors:
    """The terms at one moment. ``types`` and ``projects`` are floors in milliseconds since 1970;
    no entry means that everything is kept. A project's floor is never below its type's.
    """

    types: Mapping[str, int] = field(default_factory=dict)
    projects: Mapping[ProjectType, int] = field(default_factory=dict)
    cleared: Mapping[ProjectType, int] = field(default_factory=dict)

    def floor_ms(self, project_id: int, type_name: str) -> int:
        """The first millisecond of which events are kept."""
        return self.projects.get((project_id, type_name), self.types.get(type_name, 0))

    def first_id(self, project_id: int, type_name: str) -> UUID:
        """The smallest id that is kept."""
        return first_id(self.floor_ms(project_id, type_name))

    def hidden(self, project_id: int, type_name: str, event_id: UUID) -> bool:
        """Whether an event is past its term: nobody may see it, and its absence is no gap."""
        return id_ms(event_id) < self.floor_ms(project_id, type_name)

    def expired(self, project_id: int, type_name: str, event_id: UUID) -> bool:
        """Whether an event's bytes may be dropped from its pack, because its project's term is
        shorter than its type's: it has neither row nor document any more.
        """
        return id_ms(event_id) < self.cleared.get((project_id, type_name), 0)


#: What readers without any terms go by.
KEEP_ALL = Floors()


def floors_at(
    now_ms: int,
    days: Mapping[str, int],
    projects: Mapping[ProjectType, ProjectTerm],
    retired: Mapping[str, date],
) -> Floors:
    """The floors at a moment. ``days`` are the types' terms, 0 for ever; ``retired`` the youngest
    day of a type that is being dropped.
    """
    types = {
        name: floor
        for name in {*days, *retired}
        if (floor := max(_floor(now_ms, days.get(name, 0)), _after(retired.get(name))))
    }
    return Floors(
        types,
        {
            key: floor
            for key, term in projects.items()
            if (floor := max(_floor(now_ms, term.days or 0), term.clearing_ms))
            > types.get(key[1], 0)
        },
        {key: term.cleared_ms for key, term in projects.items() if term.cleared_ms},
    )


def day_start_ms(day: date) -> int:
    """The first millisecond of a UTC day."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def _floor(now_ms: int, days: int) -> int:
    return max(0, now_ms - days * DAY_MS) // MINUTE_MS * MINUTE_MS if days else 0


def _after(day: date | None) -> int:
    return day_start_ms(day + timedelta(1)) if day else 0
