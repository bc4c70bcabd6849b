"""Dead letters as lines of NDJSON: written so that nothing is lost, read as hostile text. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from events.ids import is_event_id
from events.text import storable
from storage.model import DeadLetter
from storage.sql.letter_rows import DeadLetterRow
from workbench.payloads import told, untold

VERSION = 1
MAX_LINE_BYTES = 32 << 20

_MAX_NAME_CHARS = 200
_MAX_COUNT = 2**31 - 1


class BadLine(ValueError):
    """A line that is no exported dead letter; the message says why."""


@dataclass(frozen=True, slots=True)
class ExportedLetter:
    """A letter of a line. ``letter`` has project 0: the line knows its project by name."""

    id: UUID
    project: str
    letter: DeadLetter
    edited: bytes | None
    edits: int


def export_line(letter: DeadLetterRow, original: bytes) -> bytes:
    """A letter with its payloads as one line, its end included."""
    document = {
        "version": VERSION,
        "id": letter.id,
        "event_id": letter.event_id,
        "project": letter.project,
        "type": letter.type,
        "stage": letter.stage,
        "protocol": letter.protocol,
        "code": letter.code,
        "reason": letter.reason,
        "traceback": letter.traceback,
        "attempts": letter.attempts,
        "at": letter.at,
        "status": letter.status,
        "payload": told(original),
        "edited": None if letter.edited is None else told(letter.edited),
        "edits": letter.edits,
    }
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)


def import_line(line: bytes, max_event_bytes: int) -> ExportedLetter:
    """The letter of a line; raises :class:`BadLine`. Only open letters can be brought in."""
    document = _document(line)
    if document.get("version") != VERSION:
        raise BadLine(f"version must be {VERSION}")
    if document.get("status") != "open":
        raise BadLine("only a letter with status open can be imported")
    event_id = _uuid(document, "event_id")
    if not is_event_id(event_id):
        raise BadLine("event_id is not an event's id")
    edited = document.get("edited")
    return ExportedLetter(
        id=_uuid(document, "id"),
        project=_text(document, "project", _MAX_NAME_CHARS),
        letter=DeadLetter(
            event_id=event_id,
            project_id=0,
            type=_text(document, "type", _MAX_NAME_CHARS),
            stage=_text(document, "stage", _MAX_NAME_CHARS),
            protocol=_text(document, "protocol", _MAX_NAME_CHARS),
            code=_text(document, "code", None),
            reason=_text(document, "reason", None),
            traceback=_text(document, "traceback", None),
            attempts=_count(document, "attempts"),
            at=_moment(document, "at"),
            location=None,
            payload=_payload(document, "payload", max_event_bytes),
        ),
        edited=None if edited is None else _payload(document, "edited", max_event_bytes),
        edits=_count(document, "edits"),
    )


def _document(line: bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE_BYTES:
        raise BadLine(f"longer than {MAX_LINE_BYTES} bytes")
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as exc:
        raise BadLine(f"not JSON: {exc}") from None
    if not isinstance(document, dict):
        raise BadLine("not an object")
    return document


def _text(document: dict[str, Any], name: str, most: int | None) -> str:
    value = document.get(name)
    if not isinstance(value, str) or (most is not None and not 0 < len(value) <= most):
        raise BadLine(f"{name} must be text" + (f" of 1 to {most} characters" if most else ""))
    return storable(value)


def _uuid(document: dict[str, Any], name: str) -> UUID:
    try:
        return UUID(_text(document, name, 36))
    except ValueError:
        raise BadLine(f"{name} must be an id") from None


def _count(document: dict[str, Any], name: str) -> int:
    value = document.get(name)
    if type(value) is not int or not 0 <= value <= _MAX_COUNT:
        raise BadLine(f"{name} must be a number from 0")
    return value


def _moment(document: dict[str, Any], name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(document, name, 40))
    except ValueError:
        raise BadLine(f"{name} must be a time") from None
    if moment.tzinfo is None or not 1970 <= moment.year <= 9998:
        raise BadLine(f"{name} must be a time with its zone, of the years 1970 to 9998")
    return moment.astimezone(UTC)


def _payload(document: dict[str, Any], name: str, max_bytes: int) -> bytes:
    try:
        body = untold(document.get(name))
    except ValueError as exc:
        raise BadLine(f"{name}: {exc}") from None
    if len(body) > max_bytes:
        raise BadLine(f"{name} is larger than SLUICE_MAX_EVENT_BYTES ({max_bytes})")
    return body
