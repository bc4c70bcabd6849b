"""Recordings of what users saw: an event for each part of one, beside the file that has it."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple
from uuid import UUID

import msgpack

from events.fields import integer, listed, members
from events.moment import read_moment
from events.parse import load_object
from events.record import Malformed
from events.report import RumItem
from events.sentry.context import read_tags, read_user
from events.sentry.ids import hex_id, read_sdk_id
from events.text import as_text

_SHORT = 1_000
KIND = "replay"
_FILES = (b"replay_recording", b"replay_video")


class Video(NamedTuple):
    """What an item ``replay_video`` holds."""

    event: bytes
    recording: bytes
    video: bytes


def open_replay_video(payload: bytes) -> Video:
    """The parts of an item ``replay_video``; raises :class:`Malformed`."""
    try:
        parts = msgpack.unpackb(payload, raw=True, max_map_len=10)
    except (ValueError, msgpack.UnpackException, RecursionError) as exc:
        why = f"The item cannot be read as MessagePack: {type(exc).__name__}."
        raise Malformed("bad_item", why) from None
    known: dict[Any, Any] = parts if isinstance(parts, dict) else {}
    found = [known.get(name) for name in (b"replay_event", *_FILES)]
    event, recording, video = (part if isinstance(part, bytes) else b"" for part in found)
    if not event:
        raise Malformed("bad_item", "The item has no replay_event.")
    return Video(event, recording, video)


def read_replay(body: bytes) -> RumItem:
    """An item ``replay_event``; raises :class:`Malformed`."""
    event = load_object(body)
    sdk = members(event.get("sdk"))
    first_page = next((one for one in listed(event.get("urls")) if isinstance(one, str)), None)
    return RumItem(
        occurred_at=read_moment(event.get("timestamp")),
        type=KIND,
        session_id=hex_id(event.get("replay_id") or event.get("event_id"), 32),
        request_id=None,
        client_name=as_text(sdk.get("name"), _SHORT),
        client_version=as_text(sdk.get("version"), _SHORT),
        version=as_text(event.get("release"), _SHORT),
        user=read_user(event.get("user")),
        tags=read_tags(event.get("tags")),
        timings=[],
        note=None,
        device={
            "segment": integer(event.get("segment_id")),
            "error_ids": _ids(event.get("error_ids")),
            "trace_ids": _ids(event.get("trace_ids")),
        },
        page=as_text(first_page, _SHORT),
        sdk_id=part_id(event),
    )


def part_id(event: dict[str, Any]) -> UUID | None:
    """What tells a part from others: all parts of a recording have its id, and a number."""
    replay = read_sdk_id(event.get("replay_id")) or read_sdk_id(event.get("event_id"))
    part = integer(event.get("segment_id"))
    if replay is None or part is None:
        return None
    return UUID(bytes=hashlib.sha256(b"%b/%d" % (replay.bytes, part)).digest()[:16])


def _ids(value: Any) -> list[str]:
    return [known for one in listed(value) if (known := hex_id(one, 32))]
