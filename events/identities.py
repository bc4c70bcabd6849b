"""Whose an event is: every name by which it calls its user, for erasing all that is theirs. Pure.

Wider than what counts users affected, where one name tells a user from others: an event with an
identifier and an e-mail is found by both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from events.envelope import Envelope
from events.fields import lowered, members
from events.metric import read_metric
from events.otlp.attributes import user_of
from events.otlp.exceptions import LogError, SpanException
from events.parse import loads
from events.raygun.context import read_user
from events.record import Malformed
from events.report import CrashReport, User
from events.sentry.attachments import PROTOCOL as WITH_FILES
from events.sentry.attachments import open_files
from events.sentry.containers import attributes_in, open_container
from events.sentry.feedback import LATE_FILES, read_feedback, read_user_report
from events.sentry.headed import behead
from events.sentry.ids import read_sdk_id
from events.sentry.replays import read_replay
from events.sentry.spans import read_transaction
from events.telemetry import TraceItem
from events.text import as_text
from events.trace import read_trace

_SHORT = 1_000
_WORD = re.compile(rb"""[^\s"'<>,;:&=?(){}\[\]\\/|]{1,1000}""")


@dataclass(frozen=True, slots=True)
class Identities:
    """``users`` are the names of an event's user; ``session`` is the session it belongs to, and
    ``sdk_id`` the id that its SDK gave it, by which other events tell more of it.
    """

    users: frozenset[str]
    session: str | None = None
    sdk_id: UUID | None = None


def identities(envelope: Envelope) -> Identities:
    """Whose an event is. One that cannot be read may be anybody's: every word of it is a name."""
    try:
        if envelope.protocol == WITH_FILES:
            opened = open_files(envelope.body)
            envelope = replace(envelope, protocol=opened.protocol, body=opened.body)
        if envelope.protocol in _READERS:
            return _READERS[envelope.protocol](envelope.body)
        return _BY_TYPE[envelope.type](envelope)
    except (KeyError, Malformed):
        return Identities(frozenset(_words(envelope.body)))


def same_user(name: str) -> str:
    """One spelling of a user's name: e-mail addresses in lower case, all else as it is."""
    name = name.strip()
    return name.casefold() if "@" in name else name


def _of_entry(body: bytes) -> Identities:
    details = lowered(_object(loads(body)).get("details"))
    return Identities(_names(details.get("user")))


def _of_rum(body: bytes) -> Identities:
    fields = _object(loads(body))
    return Identities(_names(fields.get("user")), as_text(fields.get("sessionid"), _SHORT))


def _of_sentry(body: bytes) -> Identities:
    """Sentry's users have an id, an e-mail and a name to log in by, any of which may be given."""
    event = _object(loads(body))
    user = members(event.get("user"))
    names = (as_text(user.get(part), _SHORT) for part in ("id", "email", "username"))
    users = frozenset(name for name in names if name)
    return Identities(users, sdk_id=read_sdk_id(event.get("event_id")))


def _of_nobody(body: bytes) -> Identities:
    """Browsers' own reports, and files that came alone, name nobody."""
    del body
    return Identities(frozenset())


def _of_transaction(body: bytes) -> Identities:
    """Whom it names itself, and whom one of its spans does."""
    event = _of_sentry(body)
    return replace(event, users=event.users | _in_spans(read_transaction(body)))


def _of_metrics(body: bytes) -> Identities:
    """Whom a metric was about stands beside its labels."""
    items, _ = open_container(body)
    return Identities(_named([user_of(attributes_in(item)) for item in items]))


def _of_feedback(body: bytes) -> Identities:
    """Who wrote it, whom the application knew, and from what recording."""
    event, item = _of_sentry(body), read_feedback(body)
    return replace(event, users=event.users | _named([item.user]), session=item.session_id)


def _of_user_report(body: bytes) -> Identities:
    return Identities(_named([read_user_report(body).user]))


def _of_replay(body: bytes) -> Identities:
    return replace(_of_sentry(body), session=read_replay(body).session_id)


def _headed(read: Callable[[bytes], Identities], body: bytes) -> Identities:
    header, payload = behead(body)
    found = read(payload)
    return replace(found, sdk_id=found.sdk_id or read_sdk_id(header.get("event_id")))


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed("not_an_object", "The event is not a JSON object.")
    return lowered(value)


def _names(value: Any) -> frozenset[str]:
    user = read_user(value)
    return frozenset(name for name in (user.identifier, user.email, user.uuid) if name)


def _of_spans(envelope: Envelope) -> Identities:
    """Everybody whom a service named as its user in what it sent together."""
    return Identities(_in_spans(read_trace(envelope)))


def _in_spans(item: TraceItem) -> frozenset[str]:
    users = [item.origin.user, user_of(item.origin.attributes)]
    users += [user_of(span.attributes) for span in item.spans]
    users += [user_of(log.attributes) for log in item.logs]
    return _named(users)


def _of_points(envelope: Envelope) -> Identities:
    item = read_metric(envelope)
    users = [item.origin.user, user_of(item.origin.attributes)]
    users += [user_of(point.labels) for point in item.points]
    users += [User(identifier=session.user) for session in item.sessions]
    users += [User(identifier=counts.user) for counts in item.session_counts]
    return Identities(_named(users))


def _of_exception(report: type[CrashReport], body: bytes) -> Identities:
    return Identities(_named([report(body).crash().user]))


def _named(users: Iterable[User]) -> frozenset[str]:
    return frozenset(
        name for user in users for name in (user.identifier, user.email, user.uuid) if name
    )


def _words(body: bytes) -> set[str]:
    return {word.decode("utf-8", "replace") for word in _WORD.findall(body)}


#: Types whose readers give one shape for all protocols.
_BY_TYPE: dict[str, Callable[[Envelope], Identities]] = {"trace": _of_spans, "metric": _of_points}

_READERS: dict[str, Callable[[bytes], Identities]] = {
    "raygun.entry": _of_entry,
    "raygun.rum": _of_rum,
    "sentry.event": _of_sentry,
    "sentry.named_event": partial(_headed, _of_sentry),
    "sentry.minidump": partial(_headed, _of_sentry),
    "sentry.raw_security": _of_nobody,
    "sentry.transaction": _of_transaction,
    "sentry.named_transaction": partial(_headed, _of_transaction),
    "sentry.trace_metric": _of_metrics,
    "sentry.feedback": _of_feedback,
    "sentry.named_feedback": partial(_headed, _of_feedback),
    "sentry.user_report": _of_user_report,
    "sentry.replay": _of_replay,
    LATE_FILES: _of_nobody,
    "otlp.exception.proto": partial(_of_exception, SpanException),
    "otlp.error.proto": partial(_of_exception, LogError),
}
