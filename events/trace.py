"""The event type ``trace``: spans and logs that one service sent together.

What an SDK sends at once is one event, whatever number of spans of however many traces it holds
(``docs/adr/0043-what-an-event-of-spans-is.md``). SQL has a row of it and one of each transaction in
it, and counts its spans by operation and minute; search has a document with all of them nested. A
span that says nonsense is kept as it was sent and hurts none beside it: what was made of it is in
``notes``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

from events.envelope import Envelope
from events.ids import id_ms
from events.moment import iso
from events.origin import COLUMNS as ORIGIN_COLUMNS
from events.origin import (
    attribute_terms,
    minute_of,
    origin_document,
    origin_picture,
    origin_row,
    origin_shown,
)
from events.otlp import logs, traces
from events.otlp.attributes import moment_of
from events.otlp.attributes import user_of as user_named_in
from events.plain import PICTURE, plain
from events.record import Column, Malformed, Record
from events.report import User
from events.sentry.logs import read_logs
from events.sentry.profiles import read_profile
from events.sentry.spans import read_named_transaction, read_spans, read_transaction
from events.series import COLUMNS as SERIES_COLUMNS
from events.series import MEASURED, OTHER, Entries, Series, labels_of, series
from events.spans import category_of, operation_of
from events.telemetry import Log, Origin, Span, TraceItem
from events.text import clip

COLUMNS = (
    *ORIGIN_COLUMNS,
    Column("spans", "int4"),
    Column("errors", "int4"),
    Column("logs", "int4"),
    Column("segments", "jsonb"),
    *SERIES_COLUMNS,
)

#: Tables that SQL derives from the rows of this type, partitioned by day as they are.
DERIVED = ("trace_minutes", "trace_segments", "trace_rollups", "trace_totals")

CANARY_PROTOCOL = "otlp.traces.json"
CANARY_BODY = (
    b'{"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value":'
    b' {"stringValue": "canary"}}]}, "scopeSpans": [{"spans": [{"traceId":'
    b' "0000000000000000000000000000cafe", "spanId": "000000000000cafe", "name": "canary"}]}]}]}'
)

#: Spans and logs of one event that are counted and found; no endpoint accepts more at once.
MAX_SPANS = 2_000
MAX_LOGS = 2_000

_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_NAME = 200
_TEXT = 1_000
_BODY = 4_000
_MS = 1_000_000

_READERS: dict[str, Callable[[bytes], TraceItem]] = {
    "otlp.traces.proto": traces.read_proto,
    "otlp.traces.json": traces.read_json,
    "otlp.logs.proto": logs.read_proto,
    "otlp.logs.json": logs.read_json,
    "sentry.transaction": read_transaction,
    "sentry.named_transaction": read_named_transaction,
    "sentry.span": read_spans,
    "sentry.log": read_logs,
    "sentry.profile": read_profile,
}


def normalise(envelope: Envelope) -> Record:
    """The record of an event of spans and logs; pure. Raises :class:`Malformed`."""
    item = read_trace(envelope)
    origin = item.origin
    spans = item.spans[:MAX_SPANS]
    entries = _entries(origin, spans, id_ms(envelope.id) // 60_000)
    row = (
        *origin_row(origin),
        len(item.spans),
        sum(span.status == "error" for span in spans),
        len(item.logs),
        orjson.dumps(_segments(item)).decode(),
        *entries.row(),
    )
    return Record(
        id=envelope.id,
        project_id=envelope.project_id,
        occurred_at=item.occurred_at,
        user_key=_user(item).key,
        row=row,
        document=lambda: _document(item),
        redacted=envelope.redacted,
        sdk_id=item.sdk_id,
        series=entries.named,
    )


def picture(envelope: Envelope) -> dict[str, Any]:
    """The full picture of the event; raises :class:`Malformed`. What crashes have is null."""
    item = read_trace(envelope)
    return {
        **origin_picture(item.origin, _user(item), item.occurred_at),
        "trace": {
            **origin_shown(item.origin),
            "spans": [span_shown(span) for span in item.spans],
            "logs": [log_shown(log) for log in item.logs],
            "notes": [*item.notes, *_notes(item)],
        },
    }


def read_trace(envelope: Envelope) -> TraceItem:
    """What was sent, in the shape of all protocols; raises :class:`Malformed`."""
    reader = _READERS.get(envelope.protocol)
    if reader is None:
        raise Malformed("unknown_protocol", f"No spans are sent by {envelope.protocol!r}.")
    return reader(envelope.body)


def duration_ms(span: Span) -> float | None:
    """How long a span took; never less than nothing, and null where it did not tell."""
    if span.start_ns is None or span.end_ns is None:
        return None
    return max(0, span.end_ns - span.start_ns) / _MS


def span_shown(span: Span) -> dict[str, Any]:
    """A span for a person, and for the API."""
    return {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_id": span.parent_id,
        "name": clip(span.name, _BODY),
        "category": category_of(span),
        "op": span.op,
        "kind": span.kind,
        "status": span.status,
        "message": span.message and clip(span.message, _BODY),
        "segment": span.segment,
        "started_at": iso(moment_of(span.start_ns)),
        "duration_ms": duration_ms(span),
        "attributes": plain(dict(span.attributes), PICTURE),
        "events": [
            {
                "name": clip(event.name, _TEXT),
                "at": iso(moment_of(event.at_ns)),
                "attributes": plain(dict(event.attributes), PICTURE),
            }
            for event in span.events
        ],
        "links": [{"trace_id": trace_id, "span_id": span_id} for trace_id, span_id in span.links],
    }


def log_shown(log: Log) -> dict[str, Any]:
    """A log line for a person, and for the API."""
    return {
        "at": iso(moment_of(log.at_ns)),
        "level": clip(log.level, _NAME),
        "body": clip(log.body, PICTURE.text),
        "trace_id": log.trace_id,
        "span_id": log.span_id,
        "attributes": plain(dict(log.attributes), PICTURE),
    }


def _user(item: TraceItem) -> User:
    """Whom all of it is about: who sends says so, or its first transaction that does."""
    if item.origin.user.key:
        return item.origin.user
    users = (user_named_in(span.attributes) for span in item.spans if span.segment)
    return next((user for user in users if user.key), item.origin.user)


@lru_cache(maxsize=4096)
def _series(
    service: str | None, environment: str | None, category: str, failed: bool, operation: str
) -> Series:
    """The series under which spans of an operation are counted."""
    status = "error" if failed else "ok"
    labels = labels_of(
        [
            ("service", service),
            ("environment", environment),
            ("category", category),
            ("status", status),
        ]
    )
    rest = series(OTHER, "span", "ms", labels)
    return series(operation, "span", "ms", labels, rest=rest)


def _entries(origin: Origin, spans: Iterable[Span], received: int) -> Entries:
    service, environment, _ = origin_row(origin)
    entries = Entries()
    for span in spans:
        took = duration_ms(span)
        if took is None:
            continue
        counted_as = _series(
            service,
            environment,
            category_of(span),
            span.status == "error",
            operation_of(span.name),
        )
        entries.add(counted_as, minute_of(span.start_ns, received), took, 1, MEASURED)
    return entries


def _segments(item: TraceItem) -> list[dict[str, Any]]:
    """Transactions; and for each further trace of which there is something, that there is."""
    found: list[dict[str, Any]] = []
    traces_met: dict[str, None] = {}
    for span in item.spans[:MAX_SPANS]:
        if span.trace_id is None or not _TRACE_ID.fullmatch(span.trace_id):
            continue
        traces_met[span.trace_id] = None
        if span.segment and span.span_id is not None:
            found.append(_segment(span, span.trace_id))
    for log in item.logs[:MAX_LOGS]:
        if log.trace_id is not None and _TRACE_ID.fullmatch(log.trace_id):
            traces_met[log.trace_id] = None
    told = {segment["trace"] for segment in found}
    return found + [{"trace": trace_id} for trace_id in traces_met if trace_id not in told]


def _segment(span: Span, trace_id: str) -> dict[str, Any]:
    started = moment_of(span.start_ns)
    return {
        "trace": trace_id,
        "span": span.span_id,
        "name": operation_of(span.name),
        "category": category_of(span),
        "at": started.timestamp() if started else None,
        "ms": duration_ms(span),
        "failed": span.status == "error",
    }


def _notes(item: TraceItem) -> list[str]:
    """What a person should know before believing the times."""
    counts = Counter[str]()
    for span in item.spans:
        if span.trace_id is None or span.span_id is None:
            counts["spans without an id of 16 and 8 bytes stand in no trace"] += 1
        if span.start_ns is None or span.end_ns is None:
            counts["spans did not tell when they began and ended, and are not counted"] += 1
        elif span.end_ns < span.start_ns:
            counts["spans ended before they began: they count as 0 ms"] += 1
    notes = [f"{count} {what}" for what, count in counts.items()]
    for name, found, most in (("spans", item.spans, MAX_SPANS), ("logs", item.logs, MAX_LOGS)):
        if len(found) > most:
            notes.append(f"only the first {most} of {len(found)} {name} are counted and searched")
    return notes


def _document(item: TraceItem) -> dict[str, Any]:
    return {
        **origin_document(item.origin, _user(item)),
        "spans": [_indexed_span(span) for span in item.spans[:MAX_SPANS]],
        "logs": [_indexed_log(log) for log in item.logs[:MAX_LOGS]],
    }


def _indexed_span(span: Span) -> dict[str, Any]:
    return {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "operation": clip(span.name, _NAME),
        "category": category_of(span),
        "status": span.status,
        "segment": span.segment,
        "started_at": _indexed_moment(moment_of(span.start_ns)),
        "duration_ms": duration_ms(span),
        "attributes": attribute_terms(span.attributes),
    }


def _indexed_log(log: Log) -> dict[str, Any]:
    return {
        "trace_id": log.trace_id,
        "level": clip(log.level, _NAME),
        "body": clip(log.body, _BODY),
        "at": _indexed_moment(moment_of(log.at_ns)),
        "attributes": attribute_terms(log.attributes),
    }


def _indexed_moment(moment: datetime | None) -> int | None:
    """Milliseconds since 1970, which search takes for a time as well."""
    return None if moment is None else round(moment.timestamp() * 1000)
