"""What comes after an event and tells more of it: what users say of it or of a page, in both forms
in which SDKs send that, and files that come on their own.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from events.fields import members
from events.moment import read_moment
from events.parse import load_object
from events.report import RumItem, User
from events.sentry.context import read_tags, read_url, read_user
from events.sentry.headed import behead
from events.sentry.ids import hex_id, read_sdk_id
from events.text import as_text

_SHORT = 1_000
_LONG = 100_000
KIND = "feedback"
LATE_FILES = "sentry.attachments"
"""The protocol of an event that stands for attachments that came without their event."""


def read_feedback(body: bytes) -> RumItem:
    """An item ``feedback``; raises :class:`events.record.Malformed`."""
    return _feedback(load_object(body))


def read_named_feedback(body: bytes) -> RumItem:
    """The same, with the line before it that tells its id."""
    header, payload = behead(body)
    item = _feedback(load_object(payload))
    return item._replace(sdk_id=item.sdk_id or read_sdk_id(header.get("event_id")))


def read_user_report(body: bytes) -> RumItem:
    """An item ``user_report``, the older form; raises :class:`events.record.Malformed`."""
    fields = load_object(body)
    user = User(
        email=as_text(fields.get("email"), _SHORT), name=as_text(fields.get("name"), _SHORT)
    )
    return _NOTHING._replace(
        type=KIND,
        user=user,
        message=as_text(fields.get("comments"), _LONG),
        about=read_sdk_id(fields.get("event_id")),
    )


def about_files(sdk_id: UUID, files: int) -> bytes:
    """The body of an event for files that belong to another."""
    return json.dumps({"event_id": sdk_id.hex, "attachments": files}).encode()


def read_files(body: bytes) -> RumItem:
    """What :func:`about_files` wrote."""
    about = read_sdk_id(load_object(body).get("event_id"))
    return _NOTHING._replace(type="attachments", about=about)


_NOTHING = RumItem(None, "", None, None, None, None, None, User(), [], [], None, {})


def _feedback(event: dict[str, Any]) -> RumItem:
    contexts = members(event.get("contexts"))
    told = members(contexts.get("feedback"))
    trace_id = hex_id(members(contexts.get("trace")).get("trace_id"), 32)
    sdk = members(event.get("sdk"))
    user = read_user(event.get("user"))
    return RumItem(
        occurred_at=read_moment(event.get("timestamp")),
        type=KIND,
        session_id=hex_id(told.get("replay_id"), 32),
        request_id=trace_id,
        client_name=as_text(sdk.get("name"), _SHORT),
        client_version=as_text(sdk.get("version"), _SHORT),
        version=as_text(event.get("release"), _SHORT),
        user=user._replace(
            email=as_text(told.get("contact_email"), _SHORT) or user.email,
            name=as_text(told.get("name"), _SHORT) or user.name,
        ),
        tags=read_tags(event.get("tags")),
        timings=[],
        note=None,
        device={},
        page=as_text(told.get("url"), _SHORT) or read_url(event),
        message=as_text(told.get("message"), _LONG),
        about=read_sdk_id(told.get("associated_event_id")),
        sdk_id=read_sdk_id(event.get("event_id")),
    )
