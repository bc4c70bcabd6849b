"""Log lines of a container, read into the shape of all protocols."""

from __future__ import annotations

from typing import Any

from events.fields import integer
from events.otlp.attributes import moment_of
from events.otlp.logs import level_of_number
from events.sentry.containers import at_of, attributes_in, earliest, open_container
from events.sentry.ids import hex_id
from events.sentry.origin import origin_in, own
from events.telemetry import Log, TraceItem
from events.text import as_text

_BODY = 1_000_000
_LEVELS = {"warn": "warning", "critical": "fatal"}
_KNOWN = frozenset({"trace", "debug", "info", "warning", "error", "fatal"})
#: The span within which a line was logged; the second name is what SDKs wrote before.
_SPAN = ("sentry.trace.parent_span_id", "span_id")


def read_logs(body: bytes) -> TraceItem:
    """An item ``log``; raises :class:`events.record.Malformed`."""
    items, notes = open_container(body)
    known = [attributes_in(item) for item in items]
    logs = [_log(*pair) for pair in zip(items, known, strict=True)]
    return TraceItem(
        moment_of(earliest(log.at_ns for log in logs)),
        origin_in(known),
        logs=logs,
        notes=notes,
    )


def _log(item: dict[str, Any], attributes: dict[str, Any]) -> Log:
    span = item.get("span_id") or next(
        (attributes[name] for name in _SPAN if name in attributes), None
    )
    return Log(
        at_of(item),
        _level(item),
        as_text(item.get("body"), _BODY) or "",
        hex_id(item.get("trace_id"), 32),
        hex_id(span, 16),
        own(attributes),
    )


def _level(item: dict[str, Any]) -> str:
    word = as_text(item.get("level"), 20) or ""
    word = _LEVELS.get(word.lower(), word.lower())
    if word in _KNOWN:
        return word
    number = integer(item.get("severity_number"))
    return level_of_number(number) if number and number > 0 else "info"
