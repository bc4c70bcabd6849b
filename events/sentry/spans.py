"""Transactions with their spans, and spans sent alone, read into the shape of all protocols."""

from __future__ import annotations

from typing import Any

from events.fields import listed, members
from events.otlp.attributes import moment_of
from events.parse import load_object
from events.sentry.containers import attributes_in, earliest, open_container
from events.sentry.context import read_environment, read_request, read_tags, read_user
from events.sentry.headed import behead
from events.sentry.ids import hex_id, read_sdk_id
from events.sentry.origin import origin_in, own, read_origin
from events.sentry.times import nanoseconds
from events.telemetry import Origin, Span, SpanStatus, TraceItem
from events.text import as_text

_SHORT = 1_000
_LONG = 100_000
_UNNAMED = "<unlabeled transaction>"
#: As Sentry counts failures: these are none, every other status is.
_NOT_FAILED = frozenset({"ok", "cancelled", "unknown", "unset"})
_KINDS = frozenset({"internal", "server", "client", "producer", "consumer"})


def read_transaction(body: bytes) -> TraceItem:
    """An item ``transaction``: its own span, and those below it.

    Raises :class:`events.record.Malformed`.
    """
    return _transaction(load_object(body))


def read_named_transaction(body: bytes) -> TraceItem:
    """The same, with the line before it that tells its id."""
    header, payload = behead(body)
    item = _transaction(load_object(payload))
    return item._replace(sdk_id=item.sdk_id or read_sdk_id(header.get("event_id")))


def read_spans(body: bytes) -> TraceItem:
    """An item ``span``: a container of spans, or one span alone.

    Raises :class:`events.record.Malformed`.
    """
    value = load_object(body)
    if "items" not in value:
        return _lone_span(value)
    items, notes = open_container(body)
    known = [attributes_in(item) for item in items]
    spans = [_streamed(*pair) for pair in zip(items, known, strict=True)]
    return TraceItem(
        moment_of(earliest(span.start_ns for span in spans)),
        origin_in(known),
        spans,
        notes=notes,
    )


def _transaction(event: dict[str, Any]) -> TraceItem:
    top = _top(event)
    others = [one for one in listed(event.get("spans")) if isinstance(one, dict)]
    strangers = len(listed(event.get("spans"))) - len(others)
    return TraceItem(
        moment_of(top.start_ns),
        _origin(event),
        [top, *(_below(one, top) for one in others)],
        notes=(f"{strangers} spans are not objects",) if strangers else (),
        sdk_id=read_sdk_id(event.get("event_id")),
    )


def _origin(event: dict[str, Any]) -> Origin:
    return read_origin(event)._replace(
        user=read_user(event.get("user")),
        tags=read_tags(event.get("tags")),
        attributes=_surroundings(event),
    )


def _surroundings(event: dict[str, Any]) -> dict[str, Any]:
    """Where the application ran, each fact under a name of its own."""
    facts: dict[str, Any] = {}
    for name, value in (read_environment(event) or {}).items():
        if isinstance(value, dict):
            facts.update({f"{name}.{part}": one for part, one in value.items() if part != "type"})
        elif name != "environment":
            facts[name] = value
    return facts


def _top(event: dict[str, Any]) -> Span:
    """The transaction's own span, which the context of the trace tells of."""
    trace = members(members(event.get("contexts")).get("trace"))
    status = as_text(trace.get("status"), _SHORT)
    return Span(
        hex_id(trace.get("trace_id"), 32),
        hex_id(trace.get("span_id"), 16),
        hex_id(trace.get("parent_span_id"), 16),
        as_text(event.get("transaction"), _LONG) or _UNNAMED,
        nanoseconds(event.get("start_timestamp")),
        nanoseconds(event.get("timestamp")),
        _status(status),
        segment=True,
        op=as_text(trace.get("op"), _SHORT),
        message=_failure(status),
        attributes={
            **_told_of(trace),
            **_request(event),
            **_measurements(event),
            **_extra(event),
        },
        links=_links(trace),
    )


def _below(span: dict[str, Any], top: Span) -> Span:
    """A span of a transaction, or one sent alone."""
    status = as_text(span.get("status"), _SHORT)
    op = as_text(span.get("op"), _SHORT)
    return Span(
        hex_id(span.get("trace_id"), 32) or top.trace_id,
        hex_id(span.get("span_id"), 16),
        hex_id(span.get("parent_span_id"), 16) or top.span_id,
        as_text(span.get("description"), _LONG) or op or "",
        nanoseconds(span.get("start_timestamp")),
        nanoseconds(span.get("timestamp")),
        _status(status),
        op=op,
        message=_failure(status),
        attributes={**_told_of(span), **members(span.get("tags")), **_measurements(span)},
        links=_links(span),
    )


_NOTHING = Span(None, None, None, "", None, None)


def _lone_span(span: dict[str, Any]) -> TraceItem:
    """A span that is sent before there is a transaction, such as how a page reacted."""
    read = _below(span, _NOTHING)._replace(segment=span.get("is_segment") is True)
    return TraceItem(moment_of(read.start_ns), origin_in([read.attributes]), [read])


def _told_of(span: dict[str, Any]) -> dict[str, Any]:
    """What an SDK says of a span, with what it measures by."""
    attributes = dict(members(span.get("data")))
    if origin := as_text(span.get("origin"), _SHORT):
        attributes.setdefault("sentry.origin", origin)
    return attributes


def _request(event: dict[str, Any]) -> dict[str, Any]:
    request = read_request(event) or {}
    told = {"http.request.method": request.get("method"), "url.full": request.get("url")}
    return {name: value for name, value in told.items() if value}


def _measurements(span: dict[str, Any]) -> dict[str, Any]:
    """Numbers that were measured beside, such as web vitals."""
    return {
        f"measurement.{name}": one.get("value") if isinstance(one, dict) else one
        for name, one in members(span.get("measurements")).items()
    }


def _extra(event: dict[str, Any]) -> dict[str, Any]:
    return {f"extra.{name}": value for name, value in members(event.get("extra")).items()}


def _streamed(span: dict[str, Any], attributes: dict[str, Any]) -> Span:
    """A span of a container."""
    status = as_text(span.get("status"), _SHORT)
    kind = span.get("kind") or attributes.get("sentry.kind")
    told = as_text(attributes.get("sentry.status.message"), _SHORT)
    return Span(
        hex_id(span.get("trace_id"), 32),
        hex_id(span.get("span_id"), 16),
        hex_id(span.get("parent_span_id"), 16),
        as_text(span.get("name"), _LONG) or "",
        nanoseconds(span.get("start_timestamp")),
        nanoseconds(span.get("end_timestamp")),
        _status(status),
        segment=span.get("is_segment") is True,
        op=as_text(attributes.get("sentry.op"), _SHORT),
        kind=kind if isinstance(kind, str) and kind in _KINDS else None,
        message=told or _failure(status),
        attributes=own(attributes),
        links=_links(span),
    )


def _links(span: dict[str, Any]) -> list[tuple[str, str]]:
    found = []
    for link in listed(span.get("links")):
        trace_id = hex_id(members(link).get("trace_id"), 32)
        span_id = hex_id(members(link).get("span_id"), 16)
        if trace_id and span_id:
            found.append((trace_id, span_id))
    return found


def _status(word: str | None) -> SpanStatus:
    if word is None or word == "ok":
        return "ok" if word else "unset"
    return "unset" if word in _NOT_FAILED else "error"


def _failure(word: str | None) -> str | None:
    """The word that tells how it failed, where there is more to it than that it did."""
    return word if _status(word) == "error" and word != "error" else None
