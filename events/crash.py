"""The event type ``crash``: an error that an application met, with what surrounded it."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from events.envelope import Envelope
from events.facets import facets_of
from events.fingerprint import call_text, group_key, reasons
from events.moment import iso
from events.otlp.exceptions import LogError, SpanException
from events.pages import page_of
from events.plain import ATTACHED, INDEX, PICTURE, plain, plain_object
from events.raygun.entry import RaygunEntry
from events.raygun.platforms import UNKNOWN
from events.record import Column, Malformed, Record
from events.report import Crash, CrashReport, Error, Frame, User
from events.sentry.event import NamedEvent, SentryEvent
from events.sentry.minidump import MinidumpEvent
from events.sentry.security import SecurityReport
from events.stacks import made_once
from events.text import clip

COLUMNS = (
    Column("class_name", "text"),
    Column("message", "text"),
    Column("culprit", "text"),
    Column("version", "text"),
    Column("machine", "text"),
    Column("trace_id", "uuid"),
    Column("span_id", "text"),
)

DERIVED: tuple[str, ...] = ()

CANARY_PROTOCOL = "raygun.entry"
CANARY_BODY = (
    b'{"occurredOn": "2026-01-01T00:00:00Z",'
    b' "details": {"error": {"className": "Canary", "message": "sent by Sluice itself"}}}'
)

_CLASS = 500
_MESSAGE = 2_000
_INDEXED_MESSAGE = 4_000
_NAME = 200
_URL = 1_000
_INDEXED_FRAMES = 50
_SPAN_ID = 16
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_CALL_WORD = re.compile(r"[^\s()/\\]+")

_READERS: dict[str, type[CrashReport]] = {
    "raygun.entry": RaygunEntry,
    "sentry.event": SentryEvent,
    "sentry.named_event": NamedEvent,
    "sentry.minidump": MinidumpEvent,
    "sentry.raw_security": SecurityReport,
    "otlp.exception.proto": SpanException,
    "otlp.error.proto": LogError,
}


def normalise(envelope: Envelope) -> Record:
    """The record of a crash; pure. Raises :class:`Malformed`."""
    report = _open(envelope)
    crash = report.crash()
    group = group_key(crash)
    row = _row(crash, group.culprit)
    return Record(
        id=envelope.id,
        project_id=envelope.project_id,
        occurred_at=crash.occurred_at,
        user_key=crash.user.key,
        row=row,
        document=lambda: _document(crash, row),
        group=group,
        redacted=envelope.redacted,
        sdk_id=report.sdk_id if isinstance(report, SentryEvent) else None,
    )


def picture(envelope: Envelope) -> dict[str, Any]:
    """The full picture of a crash, fit for any strict JSON encoder; raises :class:`Malformed`."""
    report = _open(envelope, exact=True)
    crash = report.crash()
    return {
        "occurred_at": iso(crash.occurred_at),
        "client": client_of(crash.client_name, crash.client_version),
        "platform": None if crash.platform == UNKNOWN else crash.platform,
        "version": crash.version,
        "machine": crash.machine,
        "error": None if crash.error is None else _error(crash.error),
        "environment": plain(crash.environment, PICTURE),
        "request": report.request(),
        "user": user_of(crash.user),
        "tags": crash.tags,
        "custom": plain(crash.custom, PICTURE),
        "breadcrumbs": report.breadcrumbs(),
        "grouping_key": crash.grouping_key,
        "session_id": crash.session_id,
        "grouping": [reason._asdict() for reason in reasons(crash)],
        "other": report.other() if isinstance(report, RaygunEntry) else None,
        "trace_id": trace_hex(crash.trace_id),
        "span_id": crash.span_id,
        **(_more(report) if isinstance(report, SentryEvent) else {}),
    }


def _more(event: SentryEvent) -> dict[str, Any]:
    """What Sentry's SDKs tell beside what all do."""
    threads = event.threads()
    return {
        **event.more(),
        "threads": threads
        and [{**one, "frames": [_frame(frame) for frame in one["frames"]]} for one in threads],
    }


def client_of(name: str | None, version: str | None) -> dict[str, Any] | None:
    """The SDK that reported; null when it did not say."""
    return {"name": name, "version": version} if name or version else None


def user_of(user: User) -> dict[str, Any] | None:
    """A user for a person to read; null when nothing is known."""
    return user._asdict() if any(part is not None for part in user) else None


def trace_uuid(trace_id: str | None) -> str | None:
    """A trace's id as SQL keeps it; null for what is none: 16 bytes, not all zeros."""
    digits = (trace_id or "").replace("-", "").lower()
    if not _TRACE_ID.fullmatch(digits) or not digits.strip("0"):
        return None
    return str(UUID(digits))


def trace_hex(trace_id: str | None) -> str | None:
    """A trace's id as SDKs write it: 32 digits."""
    known = trace_uuid(trace_id)
    return None if known is None else known.replace("-", "")


def _open(envelope: Envelope, *, exact: bool = False) -> CrashReport:
    reader = _READERS.get(envelope.protocol)
    if reader is None:
        raise Malformed("unknown_protocol", f"No crash is sent by {envelope.protocol!r}.")
    return reader(envelope.body, exact=exact)


def _row(crash: Crash, culprit: str | None) -> tuple[str | None, ...]:
    error = crash.error
    return (
        _cut(error and error.class_name, _CLASS),
        _cut(error and error.message, _MESSAGE),
        culprit,
        _cut(crash.version, _NAME),
        _cut(crash.machine, _NAME),
        trace_uuid(crash.trace_id),
        _cut(crash.span_id, _SPAN_ID),
    )


def _document(crash: Crash, row: tuple[str | None, ...]) -> dict[str, Any]:
    class_name, _, place, version, machine, trace_id, _ = row
    stack = crash.error.frames if crash.error else []
    return {
        "class_name": class_name,
        "message": _cut(crash.error and crash.error.message, _INDEXED_MESSAGE),
        "culprit": place,
        "version": version,
        "machine": machine,
        "trace_id": trace_id,
        "client": indexed_client(crash.client_name, crash.client_version),
        "url": _cut(crash.url, _URL),
        "path": page_of(crash.url).path if crash.url else None,
        "session_id": _cut(crash.session_id, _NAME),
        "user": indexed_user(crash.user),
        "tags": [clip(tag, _NAME) for tag in crash.tags or ()],
        "calls": made_once(stack, "words", lambda: _call_words(stack, crash.platform, place)),
        "facets": facets_of(crash),
        "custom": plain_object(crash.custom, INDEX),
        "environment": plain_object(crash.environment, INDEX),
    }


def _call_words(stack: list[Frame], platform: str, culprit: str | None) -> str:
    """The words of the innermost calls and of the culprit, each once: which calls, in no order."""
    texts = [clip(call_text(frame, platform), _CLASS) for frame in stack[:_INDEXED_FRAMES]]
    return " ".join(dict.fromkeys(_CALL_WORD.findall(" ".join([*texts, culprit or ""]))))


def indexed_client(name: str | None, version: str | None) -> dict[str, Any] | None:
    """The SDK as a search document has it."""
    return client_of(_cut(name, _NAME), _cut(version, _NAME))


def indexed_user(user: User) -> dict[str, Any] | None:
    """The user as a search document has it."""
    if not (user.identifier or user.email or user.name):
        return None
    return {
        "identifier": _cut(user.identifier, _NAME),
        "email": _cut(user.email, _NAME),
        "name": _cut(user.name, _NAME),
    }


def _cut(text: str | None, limit: int) -> str | None:
    return None if text is None else clip(text, limit)


def _error(error: Error) -> dict[str, Any]:
    return {
        "class_name": error.class_name,
        "message": error.message,
        "frames": [_frame(frame) for frame in error.frames],
        "frames_omitted": error.frames_omitted,
        "data": plain(error.data, ATTACHED),
        "inner": [_error(cause) for cause in error.inner],
    }


def _frame(frame: Frame) -> dict[str, Any]:
    shown = frame._asdict()
    shown["locals"] = plain(frame.locals, ATTACHED)
    return shown
