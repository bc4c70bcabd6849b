"""Log records of OTLP, read into the shape that all protocols share."""

from __future__ import annotations

from typing import Any

import orjson

from events.otlp.attributes import attributes_of, moment_of, origin_of, value_of
from events.otlp.messages import LOGS, Opened, open_body
from events.otlp.traces import identity, unread_note
from events.telemetry import Log, Origin, TraceItem

#: Severity numbers come in six ranges of four: 1 to 4 are trace, 21 to 24 fatal.
_LEVELS = ("trace", "debug", "info", "warning", "error", "fatal")
_RANGE = 4
ERROR_FROM = 17
_BY_TEXT = {"warn": "warning", "critical": "fatal", "err": "error", "notice": "info"}


def read_proto(body: bytes) -> TraceItem:
    """The records of a protobuf request; raises :class:`events.record.Malformed`."""
    return read(open_body(LOGS, "proto", body))


def read_json(body: bytes) -> TraceItem:
    """The records of a JSON request; raises :class:`events.record.Malformed`."""
    return read(open_body(LOGS, "json", body))


def read(opened: Opened) -> TraceItem:
    """The log records of a request of one resource. Of several the first is the origin."""
    logs: list[Log] = []
    origin = Origin()
    for resource_logs in reversed(opened.request.resource_logs):
        origin = origin_of(attributes_of(resource_logs.resource.attributes))
        for scope_logs in resource_logs.scope_logs:
            logs += [log_of(record) for record in scope_logs.log_records]
    return TraceItem(
        moment_of(min((log.at_ns for log in logs if log.at_ns), default=None)),
        origin,
        logs=logs,
        notes=unread_note(opened, "log records"),
    )


def log_of(record: Any) -> Log:
    """One record."""
    return Log(
        record.time_unix_nano or record.observed_time_unix_nano or None,
        level_of(record),
        text_of(record.body),
        identity(record.trace_id, 16),
        identity(record.span_id, 8),
        attributes_of(record.attributes),
    )


def level_of(record: Any) -> str:
    """The level by the severity's number, or where there is none by its text.

    The number is an int32 on the wire; the protocol knows 1 to 24, and 0 as unspecified.
    """
    if record.severity_number > 0:
        return level_of_number(record.severity_number)
    text = record.severity_text.lower()
    text = _BY_TEXT.get(text, text)
    return text if text in _LEVELS else "info"


def level_of_number(number: int) -> str:
    """The level of a severity's number, from 1 on."""
    return _LEVELS[min((number - 1) // _RANGE, len(_LEVELS) - 1)]


def text_of(body: Any) -> str:
    """What was logged, as text; an object is shown as JSON."""
    value = value_of(body)
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value, default=str).decode()


def is_error(record: Any) -> bool:
    """Whether a record tells of an error: by its level, or by an exception that it carries."""
    return level_of(record) in ("error", "fatal") or any(
        pair.key.startswith("exception.") for pair in record.attributes
    )
