"""The span of time and the query that pages of real users ask about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import Schema, fields, validate

from app.api.arguments import Moment, Paged, bad_argument, query_of
from app.api.endpoint import Arguments, Desk
from storage.search.scope import EVER_SINCE, FOREVER, Scope
from storage.sql.projects import Project

DEFAULT_SPAN = timedelta(days=7)
MAX_SPAN = timedelta(days=31)


class ScopeArguments(Schema):
    """Events received from a time and before another; the last 7 days by default. ``q`` is in the
    search syntax.
    """

    start = Moment(data_key="from", load_default=None)
    end = Moment(data_key="to", load_default=None)
    q = fields.String(load_default=None, validate=validate.Length(max=2000))


class PagedScopeArguments(Paged, ScopeArguments):
    """A list of what lies in a span."""


def scope_of(desk: Desk, project: Project, arguments: Arguments) -> Scope:
    """The events that :class:`ScopeArguments` ask for.

    Raises ``ApiError`` 400, and ``StoreDown`` when no terms of retention are known.
    """
    start, end = span_of(arguments, desk.now_ms())
    query = query_of("q", arguments["q"], "events") if arguments["q"] else None
    return Scope(project.id, start, end, query, floors_of(desk))


def all_time(desk: Desk, project: Project | None) -> Scope:
    """Every event of a project that is kept; of all but the system's own, if null."""
    number = None if project is None else project.id
    return Scope(number, EVER_SINCE, FOREVER, None, floors_of(desk))


def floors_of(desk: Desk) -> Any:
    """The floors of retention; while PostgreSQL is away, those known last."""
    return desk.stores.retention.terms.last_floors()


def span_of(arguments: Arguments, now_ms: int) -> tuple[datetime, datetime]:
    """The first moment and the one after the last; raises ``ApiError`` 400."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    end = arguments["end"] or now
    start = arguments["start"] or end - DEFAULT_SPAN
    if start >= end:
        raise bad_argument("from", "must lie before to")
    if end - start > MAX_SPAN:
        raise bad_argument("from", f"at most {MAX_SPAN.days} days can be asked for at once")
    return start, end
