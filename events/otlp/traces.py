"""Spans of OTLP, read into the shape that all protocols share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from events.otlp.attributes import attributes_of, moment_of, origin_of
from events.otlp.messages import TRACES, Opened, open_body
from events.telemetry import Origin, Span, SpanEvent, SpanStatus, TraceItem

_STATUS: dict[int, SpanStatus] = {0: "unset", 1: "ok", 2: "error"}
_KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}
#: Flags of a span: whether it says if its parent is of another process, and that it is.
_TELLS_REMOTE, _IS_REMOTE = 0x100, 0x200


def read_proto(body: bytes) -> TraceItem:
    """The spans of a protobuf request; raises :class:`events.record.Malformed`."""
    return read(open_body(TRACES, "proto", body))


def read_json(body: bytes) -> TraceItem:
    """The spans of a JSON request; raises :class:`events.record.Malformed`."""
    return read(open_body(TRACES, "json", body))


def read(opened: Opened) -> TraceItem:
    """The spans of a request of one resource. Of several the first is the origin."""
    spans: list[Span] = []
    origin = Origin()
    for resource_spans in reversed(opened.request.resource_spans):
        origin = origin_of(attributes_of(resource_spans.resource.attributes))
        for scope_spans in resource_spans.scope_spans:
            spans += [span_of(span) for span in scope_spans.spans]
    return TraceItem(
        moment_of(min((span.start_ns for span in spans if span.start_ns), default=None)),
        origin,
        spans,
        notes=unread_note(opened, "spans"),
    )


def unread_note(opened: Opened, what: str) -> tuple[str, ...]:
    """What a person should know of items that could not be read."""
    if not opened.unread:
        return ()
    return (f"{opened.unread} {what} could not be read: {opened.why}",)


def span_of(span: Any) -> Span:
    """One span."""
    parent = span.parent_span_id
    kind = _KINDS.get(span.kind)
    status = span.status
    return Span(
        identity(span.trace_id, 16),
        identity(span.span_id, 8),
        identity(parent, 8),
        span.name,
        span.start_time_unix_nano or None,
        span.end_time_unix_nano or None,
        _STATUS.get(status.code, "unset"),
        not parent or _entered(span.flags, kind),
        None,
        kind,
        status.message or None,
        attributes_of(span.attributes),
        [_event(event) for event in span.events],
        [(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
    )


def _entered(flags: int, kind: str | None) -> bool:
    """Whether a span with a parent is the first of its service in the trace."""
    if flags & _TELLS_REMOTE:
        return bool(flags & _IS_REMOTE)
    return kind in ("server", "consumer")


def identity(raw: bytes, length: int) -> str | None:
    """An id in hexadecimal; null for one that is empty, all zeros, or of another length."""
    return raw.hex() if len(raw) == length and any(raw) else None


def _event(event: Any) -> SpanEvent:
    return SpanEvent(event.name, event.time_unix_nano or None, attributes_of(event.attributes))


def exceptions(scope_spans: Any) -> Iterator[tuple[Any, Any]]:
    """Spans and those of their events that tell of an exception."""
    for span in scope_spans.spans:
        for event in span.events:
            if event.name == "exception" or any(
                pair.key.startswith("exception.") for pair in event.attributes
            ):
                yield span, event
