"""Files that come with an event: together in one body until stage ``files`` has put them apart.

On its way such an event is an envelope of Sentry's with the event and then its attachments, every
item with its length (protocol ``sentry.envelope``): so it is accepted, queued and spooled as one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from events.content_type import content_type_of
from events.record import Malformed
from events.sentry.headed import headed
from events.sentry.wire import Item, open_parcel
from events.text import as_text, clip

PROTOCOL = "sentry.envelope"
MAX_FILES = 100
"""Attachments kept of one event."""
_NAME = 500
_MAX_HEADER_BYTES = 4 << 20
"""Longer than what was read: a header is written anew, and may hold facts of a minidump."""
_UNNAMED = "attachment"
_MINIDUMP = "event.minidump"


class File(NamedTuple):
    """A file as its sender describes it."""

    name: str
    content_type: str
    kind: Literal["attachment", "minidump"]
    data: bytes


class Opened(NamedTuple):
    """An event and the files that came with it."""

    protocol: str
    body: bytes
    files: list[File]


def is_minidump(item: Item) -> bool:
    """Whether an attachment says that it is a minidump."""
    return item.header.get("attachment_type") == _MINIDUMP


def with_files(protocol: str, header: dict[str, Any], body: bytes, files: Sequence[Item]) -> bytes:
    """The body of an event with attachments. ``header`` is kept with the event where it has one."""
    main = Item(protocol, header, body)
    lines = [b"{}"]
    for item in (main, *files[:MAX_FILES]):
        told = {**item.header, "type": item.type, "length": len(item.payload)}
        lines += [json.dumps(told).encode(), item.payload]
    return b"\n".join(lines)


def open_files(body: bytes) -> Opened:
    """The event and its files, back from :func:`with_files`; raises :class:`Malformed`."""
    parcel = open_parcel(body, _MAX_HEADER_BYTES)
    if parcel.faults or not parcel.items:
        raise Malformed("bad_item", "The event with its attachments cannot be taken apart.")
    main, *files = parcel.items
    known = {"type", "length"}
    header = {name: value for name, value in main.header.items() if name not in known}
    payload = headed(header, main.payload) if header else main.payload
    return Opened(main.type, payload, [_file(item) for item in files])


def _file(item: Item) -> File:
    return File(
        clip(as_text(item.header.get("filename"), _NAME) or _UNNAMED, _NAME),
        content_type_of(item.header.get("content_type")),
        "minidump" if is_minidump(item) else "attachment",
        item.payload,
    )
