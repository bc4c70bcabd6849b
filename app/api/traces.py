"""Traces: one as nested spans, transactions, and spans that a search finds."""

from __future__ import annotations

from typing import Any

from app.api import telemetry_answers as answers
from app.api.answers import page_of
from app.api.arguments import bad_argument
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.telemetry_arguments import (
    OneProject,
    SpanArguments,
    TransactionArguments,
    project_of,
    time_of,
)
from app.api.times import iso
from app.api.trace_reading import Spans, find_trace, notes_of, read_spans
from events.crash import trace_hex
from events.ids import first_id
from events.otlp.attributes import moment_of
from events.trace import log_shown, span_shown
from events.waterfall import Placed
from storage.model import Page
from storage.sql.traces import TraceCrash, Transaction

_MS = 1_000_000


def read_one(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /traces/{trace_id}: bounded in events, spans and time; what is left out is said."""
    project_id = desk.names.number(arguments["project"])
    found = find_trace(desk, arguments["trace_id"], project_id)
    read = read_spans(desk, found)
    placed, logs = read.placed(), read.logged()
    start, end = placed.start_ns, placed.end_ns
    crashes = found.crashes
    return {
        "trace_id": found.trace_id,
        "started_at": iso(moment_of(start)),
        "duration_ms": None if start is None or end is None else (end - start) / _MS,
        "span_count": placed.total,
        "spans": [_shown(read, one, start) for one in placed.placed],
        "logs": [{**log_shown(log), "event_id": str(event.id)} for event, log in logs],
        "crashes": [_told(crash, id=str(crash.id)) for crash in crashes],
        "users": [*dict.fromkeys([*read.users, *(crash.user for crash in crashes if crash.user)])],
        "notes": notes_of(read, placed, len(logs)),
    }


def _shown(read: Spans, one: Placed, start: int | None) -> dict[str, Any]:
    event = read.events[one.at]
    offset = None if one.start_ns is None or start is None else (one.start_ns - start) / _MS
    return {
        **span_shown(read.spans[one.at]),
        "depth": one.depth,
        "offset_ms": offset,
        "skew_ms": one.skew_ms,
        "orphan": one.orphan,
        "ended_early": one.ends_early,
        "event_id": str(event.id),
        "project": event.project,
        "service": read.services[one.at],
    }


def _told(row: Transaction | TraceCrash, **changed: Any) -> dict[str, Any]:
    """A row by names; of its project the name."""
    told = {**row._asdict(), **changed}
    del told["project_id"]
    return told


def list_transactions(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /transactions."""
    page = page_of_transactions(desk, arguments)
    items = [
        _told(
            one,
            event_id=str(one.event_id),
            trace_id=trace_hex(str(one.trace_id)),
            started_at=iso(one.started_at),
        )
        for one in page.items
    ]
    return {"items": items, "next_cursor": page.next_cursor}


def page_of_transactions(desk: Desk, arguments: Arguments) -> Page[Transaction]:
    """The transactions that arguments ask for; raises ``ApiError`` 400 for a bad cursor."""
    start, end = time_of(desk, arguments)
    try:
        return desk.stores.traces.transactions(
            project_of(desk, arguments),
            first_id(round(start.timestamp() * 1000)),
            first_id(round(end.timestamp() * 1000)),
            order=arguments["order"],
            limit=arguments["limit"],
            cursor=arguments["cursor"],
            filters={name: arguments[name] for name in ("service", "name", "failed", "user")},
        )
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None


def search_spans(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /spans: those that meet every condition, of the newest events first."""
    page = page_of_spans(desk, arguments)
    items = [{**hit, "project": desk.names.name(hit.pop("project_id"))} for hit in page.items]
    return {"items": items, "next_cursor": page.next_cursor}


def page_of_spans(desk: Desk, arguments: Arguments) -> Page[dict[str, Any]]:
    """The spans that arguments ask for, as search knows them; raises ``ApiError`` 400 for a bad
    cursor, and ``StoreDown``.
    """
    start, end = time_of(desk, arguments)
    names = ("service", "operation", "category", "status", "attribute", "min_ms", "max_ms")
    try:
        return desk.stores.search.spans(
            project_id=project_of(desk, arguments),
            start=start,
            end=end,
            conditions={name: arguments[name] for name in names if arguments[name] is not None},
            cursor=arguments["cursor"],
            limit=arguments["limit"],
            floors=desk.stores.retention.terms.last_floors(),
        )
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None


ENDPOINTS = (
    Endpoint(
        "/traces/<trace_id>",
        "read_trace",
        "A trace as nested spans, with its logs and crashes",
        read_one,
        answers.Trace,
        OneProject,
        scope="filtered",
        needs="read",
    ),
    Endpoint(
        "/transactions",
        "list_transactions",
        "Transactions, newest or slowest first",
        list_transactions,
        page_of(answers.Transaction),
        TransactionArguments,
        scope="filtered",
        needs="read",
    ),
    Endpoint(
        "/spans",
        "search_spans",
        "Spans that meet every condition, of the newest events first",
        search_spans,
        page_of(answers.SpanHit),
        SpanArguments,
        scope="filtered",
        needs="read",
    ),
)
