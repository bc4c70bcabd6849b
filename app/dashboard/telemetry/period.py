"""The time that pages of spans and metrics are asked for: the last hours, or between two times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from marshmallow import Schema, fields, validate

from app.api.arguments import Moment
from app.api.telemetry_arguments import step_of as steps
from app.api.telemetry_arguments import time_of
from app.dashboard.page import Visit

HOURS = {1: "hour", 6: "6 hours", 24: "day", 168: "7 days", 336: "14 days"}
#: The most points that a chart has.
_POINTS = 36


class PeriodArguments(Schema):
    """The last so many hours, or from a time to another."""

    hours = fields.Integer(load_default=None, validate=validate.OneOf(HOURS))
    start = Moment(data_key="from", load_default=None)
    end = Moment(data_key="to", load_default=None)


@dataclass(frozen=True, slots=True)
class Choice:
    """A period to choose; ``chosen`` is the one that is shown."""

    label: str
    href: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Period:
    """From ``start`` to ``end``; ``hours`` is null where times were given. ``query`` has it as
    arguments of a link. A chart has a point every so many minutes.
    """

    start: datetime
    end: datetime
    hours: int | None
    every: int
    query: dict[str, Any]

    @property
    def arguments(self) -> dict[str, Any]:
        """As the API is asked for it."""
        return {"start": self.start, "end": self.end, "every": self.every}

    def choices(self, at: Callable[[dict[str, Any]], str]) -> tuple[Choice, ...]:
        """All periods, and the one that is shown as fixed times, which mean the same tomorrow;
        ``at`` is the page with such arguments.
        """
        lasting = [
            Choice(f"Last {word}", at({"hours": hours}), hours == self.hours)
            for hours, word in HOURS.items()
        ]
        times = {"from": _machine(self.start), "to": _machine(self.end)}
        return (*lasting, Choice("Fixed times", at(times), self.hours is None))


def period_of(visit: Visit, default: int) -> Period:
    """The period that the arguments ask for, or the last ``default`` hours.

    Raises ``ApiError`` 400 for one that is empty or too long.
    """
    asked = visit.arguments
    given = asked["start"] is not None or asked["end"] is not None
    hours = None if given else asked["hours"] or default
    start, end = time_of(visit.desk, asked, timedelta(hours=hours or default))
    query: dict[str, Any] = {}
    if given:
        query = {"from": _machine(start), "to": _machine(end)}
    elif hours != default:
        query = {"hours": hours}
    return Period(start, end, hours, step_of(end - start), query)


def step_of(length: timedelta) -> int:
    """The minutes between points of a chart over so long a time."""
    return steps(length.total_seconds() / 60, _POINTS)


def _machine(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
