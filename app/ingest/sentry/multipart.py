"""The form in which crash handlers upload a minidump, and what they know beside it.

Fields, as Sentry reads them: the file ``upload_file_minidump``; the event as JSON in ``sentry`` (in
pieces as ``sentry__1`` and so on) or in fields such as ``sentry[release]``; the event and its
breadcrumbs as MessagePack in the files ``__sentry-event`` and ``__sentry-breadcrumb1``, ``…2``. All
other fields are extra data, all other files attachments.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgpack
import orjson
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import HTTPException
from werkzeug.formparser import MultiPartParser
from werkzeug.http import parse_options_header

from events.fields import listed, members
from events.limits import Limits, check_size
from events.parse import loads
from events.record import Malformed
from events.sentry.attachments import MAX_FILES
from events.sentry.ids import read_sdk_id
from events.sentry.items import Entry, attached, minidump_entry
from events.sentry.minidump import SIGNATURE
from events.sentry.wire import Item

_DUMP = "upload_file_minidump"
_EVENT, _EVENT_FILE, _BREADCRUMBS_FILE = "sentry", "__sentry-event", "__sentry-breadcrumb"
_MAX_PARTS = 1_000
_MAX_LEVELS = 10
_PIECE = re.compile(r"sentry__[0-9]{1,4}")
_NESTED = re.compile(r"sentry((?:\[[^\[\]]{1,100}\])+)")


def read_parts(content_type: str, body: bytes, limits: Limits) -> Entry:
    """The crash of a request, its minidump among its files. Raises :class:`Malformed`."""
    if body.startswith(SIGNATURE):
        return _entry(body, {}, [], limits)
    fields, files = _parsed(content_type, body)
    dump = files.pop(_DUMP, None)
    if dump is None:
        raise Malformed("missing_field", f"The form has no file {_DUMP}.")
    event = _event(fields, files, limits)
    others = [_item(file) for name, file in files.items() if not name.startswith("__sentry-")]
    return _entry(dump.data, event, others, limits, dump.name)


class _File:
    """A file of the form."""

    def __init__(self, storage: FileStorage) -> None:
        self.name = storage.filename or storage.name or ""
        self.content_type = storage.content_type or "application/octet-stream"
        self.data = storage.stream.read()


def _parsed(content_type: str, body: bytes) -> tuple[list[tuple[str, str]], dict[str, _File]]:
    kind, options = parse_options_header(content_type)
    boundary = options.get("boundary", "").encode("latin-1", "replace")
    if kind.lower() != "multipart/form-data" or not boundary:
        raise Malformed("bad_minidump", "Send a minidump, or a form (multipart/form-data) with it.")
    parser = MultiPartParser(
        stream_factory=lambda *_, **__: io.BytesIO(),
        max_form_memory_size=len(body),
        max_form_parts=_MAX_PARTS,
    )
    try:
        form, found = parser.parse(io.BytesIO(body), boundary, len(body))
    except (ValueError, HTTPException) as exc:
        raise Malformed("bad_body", f"The form cannot be read: {type(exc).__name__}.") from None
    files: dict[str, _File] = {}
    for name, storage in list(found.items(multi=True))[:MAX_FILES]:
        files.setdefault(name if name not in files else f"{name} {len(files)}", _File(storage))
    return list(form.items(multi=True)), files


def _entry(
    dump: bytes, event: dict[str, Any], others: list[Item], limits: Limits, name: str = ""
) -> Entry:
    payload = orjson.dumps(event) if event else b"{}"
    check_size(payload, limits)
    entry = minidump_entry(dump, payload, read_sdk_id(event.get("event_id")))
    header = {"filename": name or "minidump.dmp", "attachment_type": "event.minidump"}
    return attached(entry, [Item("attachment", header, dump), *others])


def _item(file: _File) -> Item:
    header = {"filename": file.name, "content_type": file.content_type}
    return Item("attachment", header, file.data)


def _event(
    fields: list[tuple[str, str]], files: dict[str, _File], limits: Limits
) -> dict[str, Any]:
    """The event that the form tells of, from all the places where it may."""
    event: dict[str, Any] = {}
    if _EVENT_FILE in files:
        event.update(members(next(_unpacked(files[_EVENT_FILE].data), None)))
    pieces = "".join(text for name, text in fields if name == _EVENT or _PIECE.fullmatch(name))
    if pieces:
        told = loads(pieces.encode("utf-8", "replace"), limits.max_depth)
        event.update(members(told))
    extra = {}
    for name, text in fields:
        if nested := _NESTED.fullmatch(name):
            _put(event, nested[1][1:-1].split("]["), text)
        elif name != _EVENT and not _PIECE.fullmatch(name):
            extra[name] = text
    if extra:
        event["extra"] = {**extra, **members(event.get("extra"))}
    crumbs = [*_breadcrumbs(files)]
    if crumbs:
        event["breadcrumbs"] = [*listed(event.get("breadcrumbs")), *crumbs]
    return event


def _breadcrumbs(files: dict[str, _File]) -> Iterator[Any]:
    for name in sorted(files):
        if name.startswith(_BREADCRUMBS_FILE):
            yield from _unpacked(files[name].data)


def _unpacked(data: bytes) -> Iterator[Any]:
    """The values of MessagePack data up to the first that cannot be read, as JSON has them."""
    unpacker = msgpack.Unpacker(
        io.BytesIO(data), raw=False, strict_map_key=False, unicode_errors="replace", timestamp=0
    )
    try:
        for value in unpacker:
            yield orjson.loads(orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS))
    except (ValueError, TypeError, msgpack.UnpackException):
        return


def _put(event: dict[str, Any], path: Iterable[str], text: str) -> None:
    """Put a value where a field such as ``sentry[tags][version]`` says."""
    *outer, last = list(path)[:_MAX_LEVELS]
    place = event
    for name in outer:
        inner = place.get(name)
        if not isinstance(inner, dict):
            inner = place[name] = {}
        place = inner
    place[last] = text
