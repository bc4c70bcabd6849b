"""The span of time and the query that pages of real users are asked with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from marshmallow import Schema, fields, validate

from app.api.arguments import Moment
from app.api.scopes import scope_of
from app.dashboard.page import Visit
from app.dashboard.paging import PageArguments
from storage.search.scope import Scope

DAYS = (1, 7, 14, 30)
DEFAULT_DAYS = 7


class SpanArguments(Schema):
    """The last so many days, or from a time to another; ``q`` is in the search syntax."""

    days = fields.Integer(load_default=None, validate=validate.OneOf(DAYS))
    start = Moment(data_key="from", load_default=None)
    end = Moment(data_key="to", load_default=None)
    q = fields.String(load_default=None, validate=validate.Length(max=1000))


class PagedSpanArguments(PageArguments, SpanArguments):
    """A list of what lies in a span."""


@dataclass(frozen=True, slots=True)
class Span:
    """What was asked for: ``days`` is null where times were given. ``query`` has it as arguments of
    a link.
    """

    start: datetime
    end: datetime
    days: int | None
    q: str
    query: dict[str, Any]


def span_of(visit: Visit) -> tuple[Scope, Span]:
    """The events that the arguments ask for; raises ``ApiError`` 400 and ``StoreDown``."""
    asked = visit.arguments
    given = asked["start"] is not None or asked["end"] is not None
    days = None if given else asked["days"] or DEFAULT_DAYS
    end = asked["end"] or visit.now
    start = asked["start"] or end - timedelta(days=days or DEFAULT_DAYS)
    scope = scope_of(visit.desk, visit.of_project, {"start": start, "end": end, "q": asked["q"]})
    query: dict[str, Any] = {"q": asked["q"]}
    if given:
        query |= {"from": _machine(start), "to": _machine(end)}
    elif days != DEFAULT_DAYS:
        query["days"] = days
    return scope, Span(start, end, days, asked["q"] or "", query)


def _machine(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
