"""Traces: one as nested spans, transactions, and spans that a search finds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

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
from app.errors import ApiError, not_found
from app.raw import read_raw
from events.crash import trace_hex, trace_uuid
from events.envelope import Envelope
from events.ids import first_id
from events.otlp.attributes import moment_of
from events.record import Malformed
from events.telemetry import Log, Span
from events.trace import log_shown, read_trace, span_shown
from events.waterfall import Placed, waterfall
from storage.sql.events import StoredEvent

MAX_EVENTS = 400
"""Of one trace. An event holds up to a thousand spans of it."""
MAX_SHOWN = 5_000
MAX_CRASHES = 100
READ_SECONDS = 8.0
_MS = 1_000_000


class _Gathered:
    """All that is found of one trace."""

    def __init__(self, trace_id: str) -> None:
        self.trace_id = trace_id
        self.spans: list[Span] = []
        self.events: list[StoredEvent] = []
        self.services: list[str | None] = []
        self.logs: list[tuple[StoredEvent, Log]] = []
        self.users: dict[str, None] = {}
        self.notes: list[str] = []

    def add(self, event: StoredEvent, body: bytes) -> None:
        """Take what an event has of the trace."""
        item = read_trace(Envelope(event.id, event.project_id, event.type, event.protocol, body))
        mine = [span for span in item.spans if span.trace_id == self.trace_id]
        self.spans += mine
        self.events += [event] * len(mine)
        self.services += [item.origin.service] * len(mine)
        self.logs += [(event, log) for log in item.logs if log.trace_id == self.trace_id]
        if item.origin.user.key:
            self.users[item.origin.user.key] = None


def read_one(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /traces/{trace_id}: bounded in events, spans and time; what is left out is said."""
    known = trace_uuid(arguments["trace_id"])
    if known is None:
        raise not_found("trace")
    trace_id = UUID(known)
    project_id = desk.names.number(arguments["project"])
    ids = desk.stores.traces.events_of(trace_id, project_id, MAX_EVENTS + 1)
    crashes = desk.stores.traces.crashes_of(trace_id, project_id, MAX_CRASHES)
    if not ids and not crashes:
        raise not_found("trace")
    gathered = _gather(desk, trace_id.hex, ids)
    placed = waterfall(gathered.spans, gathered.services, MAX_SHOWN)
    if placed.total > len(placed.placed):
        gathered.notes.append(f"the first {len(placed.placed)} of {placed.total} spans are shown")
    gathered.notes += _said(placed.orphans, placed.skewed, placed.ended_early)
    logs = sorted(gathered.logs, key=lambda one: one[1].at_ns or 0)
    if len(logs) > MAX_SHOWN:
        gathered.notes.append(f"the first {MAX_SHOWN} of {len(logs)} log lines are shown")
    start, end = placed.start_ns, placed.end_ns
    return {
        "trace_id": trace_id.hex,
        "started_at": iso(moment_of(start)),
        "duration_ms": None if start is None or end is None else (end - start) / _MS,
        "span_count": placed.total,
        "spans": [_shown(gathered, one, start) for one in placed.placed],
        "logs": [{**log_shown(log), "event_id": str(event.id)} for event, log in logs[:MAX_SHOWN]],
        "crashes": [{**crash._asdict(), "id": str(crash.id)} for crash in crashes],
        "users": [
            *dict.fromkeys([*gathered.users, *(crash.user for crash in crashes if crash.user)])
        ],
        "notes": gathered.notes,
    }


def _gather(desk: Desk, trace_id: str, ids: Sequence[UUID]) -> _Gathered:
    gathered = _Gathered(trace_id)
    if len(ids) > MAX_EVENTS:
        gathered.notes.append(f"the trace has more than {MAX_EVENTS} events: the first are read")
    events = desk.stores.events.some("trace", ids[:MAX_EVENTS])
    deadline = time.monotonic() + READ_SECONDS
    unreadable = 0
    for number, event in enumerate(events):
        if time.monotonic() > deadline:
            left = len(events) - number
            gathered.notes.append(f"{left} of its events were not read: it took too long")
            break
        try:
            gathered.add(event, read_raw(desk.stores.payloads, event))
        except (ApiError, Malformed):
            unreadable += 1
    if unreadable:
        gathered.notes.append(f"{unreadable} of its events cannot be read")
    return gathered


def _said(orphans: int, skewed: int, ended_early: int) -> list[str]:
    told = (
        (orphans, "spans name a parent that is not there"),
        (skewed, "spans were moved, since their machine's clock is off"),
        (ended_early, "spans ended before they began: they count as 0 ms"),
    )
    return [f"{count} {what}" for count, what in told if count]


def _shown(gathered: _Gathered, one: Placed, start: int | None) -> dict[str, Any]:
    event = gathered.events[one.at]
    offset = None if one.start_ns is None or start is None else (one.start_ns - start) / _MS
    return {
        **span_shown(gathered.spans[one.at]),
        "depth": one.depth,
        "offset_ms": offset,
        "skew_ms": one.skew_ms,
        "orphan": one.orphan,
        "ended_early": one.ends_early,
        "event_id": str(event.id),
        "project": event.project,
        "service": gathered.services[one.at],
    }


def list_transactions(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /transactions."""
    start, end = time_of(desk, arguments)
    try:
        page = desk.stores.traces.transactions(
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
    items = [
        {
            **one._asdict(),
            "event_id": str(one.event_id),
            "trace_id": trace_hex(str(one.trace_id)),
            "started_at": iso(one.started_at),
        }
        for one in page.items
    ]
    return {"items": items, "next_cursor": page.next_cursor}


def search_spans(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /spans: those that meet every condition, of the newest events first."""
    start, end = time_of(desk, arguments)
    try:
        page = desk.stores.search.spans(
            project_id=project_of(desk, arguments),
            start=start,
            end=end,
            conditions={
                name: arguments[name]
                for name in (
                    *("service", "operation", "category", "status"),
                    *("attribute", "min_ms", "max_ms"),
                )
                if arguments[name] is not None
            },
            cursor=arguments["cursor"],
            limit=arguments["limit"],
            floors=desk.stores.retention.terms.last_floors(),
        )
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    items = [{**hit, "project": desk.names.name(hit.pop("project_id"))} for hit in page.items]
    return {"items": items, "next_cursor": page.next_cursor}


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
