"""Sessions for release health, one by one or counted by the SDK."""

from __future__ import annotations

import hashlib
from typing import Any

from events.fields import integer, listed, members, real
from events.moment import read_moment
from events.parse import load_object
from events.sentry.origin import read_origin
from events.sentry.times import nanoseconds
from events.telemetry import MetricItem, Origin, Session, SessionCounts, SessionStatus
from events.text import as_text

_SHORT = 200
_STATUSES: dict[str, SessionStatus] = {
    "ok": "ok",
    "exited": "exited",
    "errored": "errored",
    "unhandled": "errored",
    "crashed": "crashed",
    "abnormal": "abnormal",
}


def read_session(body: bytes) -> MetricItem:
    """An item ``session``: what is known of one now. Raises :class:`events.record.Malformed`."""
    fields = load_object(body)
    word = as_text(fields.get("status"), _SHORT) or "ok"
    session = Session(
        _session_id(fields, body),
        nanoseconds(fields.get("started")),
        nanoseconds(fields.get("timestamp")),
        _STATUSES.get(word, "ok"),
        errors=max(0, integer(fields.get("errors")) or 0),
        sequence=integer(fields.get("seq")),
        user=as_text(fields.get("did"), _SHORT),
        duration_s=real(fields.get("duration")),
    )
    notes = () if word in _STATUSES else (f"the session's status {word} is not known",)
    at = read_moment(fields.get("timestamp")) or read_moment(fields.get("started"))
    return MetricItem(at, _origin(fields), sessions=[session], notes=notes)


def read_sessions(body: bytes) -> MetricItem:
    """An item ``sessions``: how many began in a minute, and how they ended."""
    fields = load_object(body)
    counts = [
        SessionCounts(
            nanoseconds(one.get("started")),
            as_text(one.get("did"), _SHORT),
            exited=_count(one, "exited"),
            errored=_count(one, "errored") + _count(one, "unhandled"),
            crashed=_count(one, "crashed"),
            abnormal=_count(one, "abnormal"),
        )
        for one in map(members, listed(fields.get("aggregates")))
    ]
    first = next(iter(listed(fields.get("aggregates"))), None)
    at = read_moment(members(first).get("started"))
    return MetricItem(at, _origin(fields), session_counts=counts)


def _session_id(fields: dict[str, Any], body: bytes) -> str:
    """The session's id; one that is told of without any is a session of its own."""
    told = as_text(fields.get("sid"), _SHORT)
    return told.replace("-", "").lower() if told else hashlib.sha256(body).hexdigest()[:32]


def _origin(fields: dict[str, Any]) -> Origin:
    attributes = members(fields.get("attrs"))
    return read_origin(attributes)._replace(
        attributes={
            name: value
            for name, value in attributes.items()
            if name in ("user_agent", "ip_address") and value != "{{auto}}"
        },
    )


def _count(counts: dict[str, Any], name: str) -> int:
    return max(0, integer(counts.get(name)) or 0)
