"""Sessions, asked of search: the latest that began, and one with all that happened in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

from elasticsearch import dsl

from events.resources import read_resource
from storage.model import Page
from storage.search.cursor import encode_cursor, search_after
from storage.search.mappings import mapping_of
from storage.search.rum.measures import count_of, distinct, events_of, views
from storage.search.scope import FOREVER, Scope, received_between
from storage.search.store import SearchStore
from storage.session import (
    EARLY,
    Attributes,
    Session,
    SessionCrash,
    SessionRow,
    Span,
    Step,
    link_of,
)

#: Most steps of a session that are shown.
MOST_STEPS = 1_000
MOST_CRASHES = 500
#: Projects that may have a session of one id before it is told of no more of them.
MOST_PROJECTS = 10

_ATTRIBUTES = (
    *("user_key", "user", "version", "browser", "browser_version", "os", "device", "country"),
)
_STEP_FIELDS = (
    *("id", "project_id", "received_at", "occurred_at", "kind", "path", "duration_ms"),
    *("request_id", "vitals", "resources", "session_id"),
)
_CRASH_FIELDS = (
    *("id", "group_id", "received_at", "occurred_at", "user_key", "session_id", "class_name"),
    "message",
)
_REQUESTS = ("xhr", "network")

_Hit = Mapping[str, Any]

# The class has a method of the name.
_Rows: TypeAlias = list[SessionRow]
_Crashes: TypeAlias = list[SessionCrash]


class Sessions:
    """Methods raise :class:`StoreDown`."""

    def __init__(self, search: SearchStore) -> None:
        self._search = search

    def list(self, scope: Scope, cursor: str | None, limit: int) -> Page[SessionRow]:
        """Sessions that began in the span, newest first, as their start tells; counts are null.

        Asks once. Raises ``ValueError`` for a cursor that is none.
        """
        search = self._search.over(["rum"], scope).filter("term", kind="session_start")
        search = search.sort("-received_at", "-id").source(["id", *_STEP_FIELDS, *_ATTRIBUTES])
        search = search.extra(size=limit + 1)
        if cursor is not None:
            search = search.extra(search_after=search_after(cursor))
        hits = _hits(self._search.ask(search))
        more = len(hits) > limit
        # A start that was sent twice is one session: the earlier one counts.
        rows = {hit["session_id"]: _row(hit) for hit in hits[:limit] if _named(hit)}
        last = UUID(hits[limit - 1]["id"]) if more else None
        items = sorted(rows.values(), key=lambda row: row.event_id, reverse=True)
        return Page(items, encode_cursor(last) if last else None)

    def counted(self, scope: Scope, rows: Sequence[SessionRow]) -> _Rows:
        """The sessions with what happened in them so far; asks once."""
        if not rows:
            return []
        first = min(row.started_at for row in rows)
        wide = replace(scope, start=first - EARLY, end=FOREVER, query=None)
        search = self._search.over(["rum", "crash"], wide)
        named = dsl.Q("term", type="rum") & dsl.Q(
            "terms", session_id=[row.session_id for row in rows]
        )
        _add_counts(search.aggs.bucket("named", dsl.A("filter", filter=named)), len(rows))
        crashes = dsl.Q("term", type="crash") & _of_sessions(rows)
        search = search.query("bool", filter=[named | crashes]).post_filter("term", type="crash")
        search = search.sort("-received_at").source(list(_CRASH_FIELDS)).extra(size=MOST_CRASHES)
        answer = self._search.ask(search)
        found = answer.get("aggregations", {}).get("named", {}).get("sessions", {})
        counts = {bucket["key"]: bucket for bucket in found.get("buckets", [])}
        met = [_crash(hit) for hit in _hits(answer)]
        return [_counted(row, counts.get(row.session_id.lower(), {}), met) for row in rows]

    def find(self, session_id: str, scope: Scope) -> Session | None:
        """A session with its steps, its crashes not yet looked for; null when it has no event."""
        search = self._search.over(["rum"], scope).filter("term", session_id=session_id)
        search = search.sort("received_at", "id").source([*_STEP_FIELDS, *_ATTRIBUTES])
        search.aggs.bucket("projects", dsl.A("terms", field="project_id", size=MOST_PROJECTS))
        answer = self._search.ask(search.extra(size=MOST_STEPS + 1))
        hits = _hits(answer)
        if not hits:
            return None
        steps = sorted(
            (_step(hit) for hit in hits[:MOST_STEPS]), key=lambda one: (one.at, one.event_id)
        )
        projects = answer["aggregations"]["projects"]
        return Session(
            session_id=hits[0]["session_id"],
            projects=tuple(int(bucket["key"]) for bucket in projects["buckets"]),
            attributes=_attributes(hits),
            steps=steps,
            more=len(hits) > MOST_STEPS,
        )

    def crashes(self, session: Session, scope: Scope) -> _Crashes:
        """The crashes that belong to a session, oldest first; asks once."""
        received = [step.received_at for step in session.steps]
        span = Span(min(received), max(received))
        user = session.attributes.user_key
        search = self._search.over(["crash"], replace(scope, start=span.earliest, end=FOREVER))
        search = search.filter(_belongs(session.session_id, user, span))
        search = search.sort("received_at", "id").source(list(_CRASH_FIELDS))
        found = [_crash(hit) for hit in _hits(self._search.ask(search.extra(size=MOST_CRASHES)))]
        return [one for one in found if link_of(one, session.session_id, user, span)]


def _add_counts(named: Any, most: int) -> None:
    sessions = named.bucket("sessions", dsl.A("terms", field="session_id", size=most))
    sessions.metric("last", dsl.A("max", field="received_at"))
    shown = sessions.bucket("views", dsl.A("filter", filter=views()))
    shown.metric("pages", distinct("path"))
    first = dsl.A("top_hits", size=1, sort=[{"received_at": "asc"}], _source=["path"])
    shown.metric("first", first)
    sessions.bucket("requests", dsl.A("filter", filter=dsl.Q("terms", kind=list(_REQUESTS))))


def _of_sessions(rows: Sequence[SessionRow]) -> dsl.query.Query:
    """Crashes that may belong to one of the sessions."""
    by_session = dsl.Q("terms", session_id=[row.session_id for row in rows])
    users = sorted({row.user_key for row in rows if row.user_key is not None})
    return by_session | dsl.Q("terms", user_key=users) if users else by_session


def _belongs(session_id: str, user: str | None, span: Span) -> dsl.query.Query:
    named = dsl.Q("term", session_id=session_id)
    if user is None:
        return named
    during = dsl.Q("term", user_key=user) & received_between(span.earliest, span.latest)
    return named | during


def _hits(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [hit["_source"] for hit in answer["hits"]["hits"]]


def _named(hit: _Hit) -> bool:
    return hit.get("session_id") is not None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _row(hit: _Hit) -> SessionRow:
    attributes = _attributes([hit])
    return SessionRow(
        session_id=hit["session_id"],
        event_id=hit["id"],
        started_at=_moment(hit["received_at"]),
        user_key=attributes.user_key,
        user=attributes.user,
        version=attributes.version,
        browser=attributes.browser,
        os=attributes.os,
        device=attributes.device,
        country=attributes.country,
    )


def _counted(row: SessionRow, found: _Hit, met: Sequence[SessionCrash]) -> SessionRow:
    shown = found.get("views", {})
    last = found.get("last", {}).get("value")
    last_at = datetime.fromtimestamp(last / 1000, UTC) if last else row.started_at
    first = shown.get("first", {}).get("hits", {}).get("hits", [])
    span = Span(row.started_at, last_at)
    crashes = sum(1 for one in met if link_of(one, row.session_id, row.user_key, span))
    all_met = len(met) < MOST_CRASHES or span.earliest > met[-1].received_at
    return replace(
        row,
        last_at=last_at,
        views=events_of(shown),
        requests=events_of(found.get("requests")),
        pages=count_of(shown.get("pages")),
        entry=first[0]["_source"].get("path") if first else None,
        crashes=crashes if all_met else None,
    )


def _attributes(hits: Iterable[_Hit]) -> Attributes:
    """What events tell of whose they are, and on what; the latest that tells counts."""
    known: dict[str, Any] = {}
    for hit in hits:
        known.update({name: hit[name] for name in _ATTRIBUTES if hit.get(name)})
    browser = " ".join(filter(None, (known.get("browser"), known.get("browser_version"))))
    user = known.get("user") or {}
    return Attributes(
        user_key=known.get("user_key"),
        user={name: value for name, value in user.items() if value},
        version=known.get("version"),
        browser=browser or None,
        os=known.get("os"),
        device=known.get("device"),
        country=known.get("country"),
    )


def _step(hit: _Hit) -> Step:
    received = _moment(hit["received_at"])
    lines = hit.get("resources") or ()
    return Step(
        event_id=hit["id"],
        at=_moment(hit["occurred_at"]) if hit.get("occurred_at") else received,
        received_at=received,
        kind=hit.get("kind") or "event",
        path=hit.get("path"),
        duration_ms=hit.get("duration_ms"),
        request_id=hit.get("request_id"),
        vitals=hit.get("vitals") or {},
        resources=[found for line in lines if (found := read_resource(line)) is not None],
    )


def _crash(hit: _Hit) -> SessionCrash:
    received = _moment(hit["received_at"])
    return SessionCrash(
        event_id=hit["id"],
        group_id=hit.get("group_id"),
        title=mapping_of("crash").title(dict(hit)),
        at=_moment(hit["occurred_at"]) if hit.get("occurred_at") else received,
        received_at=received,
        user_key=hit.get("user_key"),
        session_id=hit.get("session_id"),
    )
