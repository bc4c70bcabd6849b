"""Which events a page asks about: those of a project and a span of time that match a query."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from elasticsearch import dsl

from events.envelope import SYSTEM_PROJECT
from storage.floors import KEEP_ALL, Floors
from storage.query.parse import ParsedQuery
from storage.search.compile import compile_query
from storage.search.document import timestamp

#: No event was received before the one, and none is after the other.
EVER_SINCE = datetime(1970, 1, 1, tzinfo=UTC)
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)

#: Most steps of a trend.
MOST_STEPS = 60
_STEPS = tuple(
    timedelta(seconds=seconds)
    for seconds in (60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86_400)
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Events received from ``start`` and before ``end``, but for those past the ``floors``; of a
    project, or with null of all but the system's own.
    """

    project_id: int | None
    start: datetime
    end: datetime
    query: ParsedQuery | None = None
    floors: Floors = KEEP_ALL

    @property
    def with_span_before(self) -> Scope:
        """The same, and as long a span before it."""
        return replace(self, start=self.start - (self.end - self.start))

    @property
    def step(self) -> timedelta:
        """How long a step of a trend over the span is."""
        wanted = (self.end - self.start) / MOST_STEPS
        return next((step for step in _STEPS if step >= wanted), _STEPS[-1])

    def narrow(self, search: dsl.Search, now: datetime) -> dsl.Search:
        """The search over these events alone, with ages as they are at ``now``; floors aside, which
        depend on its types.
        """
        if self.project_id is None:
            search = search.exclude("term", project_id=SYSTEM_PROJECT)
        else:
            search = search.filter("term", project_id=self.project_id)
        search = search.filter(received_between(self.start, self.end))
        if self.query is not None and self.query.terms:
            search = search.filter(compile_query(self.query, now))
        return search


def received_between(start: datetime | None, end: datetime | None) -> dsl.query.Query:
    """Events received from a moment and before another; null is without a bound."""
    bounds = {"gte": start, "lt": end}
    given = {name: timestamp(moment) for name, moment in bounds.items() if moment is not None}
    return dsl.Q("range", received_at=given)
