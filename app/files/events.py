"""GET and HEAD /files/v1/events/{id}: an event's raw bytes as they are stored."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from uuid import UUID

import zstandard
from flask import Blueprint, Response, request

from app.api.access import require_right
from app.errors import not_found
from app.files.desk import FilesDesk
from app.files.representation import Encoding, choose_encoding, describe, select
from app.raw import read_raw
from storage.sql.events import StoredEvent

_LEAST_ENCODED_BYTES = 256
_ENCODERS: dict[Encoding, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstandard.ZstdCompressor(level=3).compress(body),
    "gzip": lambda body: gzip.compress(body, compresslevel=5, mtime=0),
}


def event_path(event_id: UUID) -> str:
    """The path of an event's raw bytes."""
    return f"/files/v1/events/{event_id}"


def etag_of(event: StoredEvent, encoding: Encoding | None) -> str:
    """Strong: an event's bytes never change but by an edit, which changes the checksum."""
    at = event.location
    return f"{event.id.hex}-{at.length:x}-{at.checksum:08x}" + (f"-{encoding}" if encoding else "")


def find_event(desk: FilesDesk, text: str) -> StoredEvent:
    """The event of a path that the caller may see; raises ``ApiError`` and ``StoreDown``."""
    caller = desk.gate.caller(request)
    try:
        event = desk.events.find(UUID(text))
    except ValueError:
        raise not_found("event") from None
    if event is None:
        raise not_found("event")
    require_right(caller, "read", event.project_id, "event")
    return event


def serve_event(desk: FilesDesk, text: str) -> Response:
    """The whole payload, a range of it, or what the caller's conditions ask for."""
    event = find_event(desk, text)
    length = event.location.length
    encoding = choose_encoding(request, list(_ENCODERS)) if length >= _LEAST_ENCODED_BYTES else None
    etag = etag_of(event, encoding)
    selection = select(request, etag, length)
    body = b""
    if selection.has_content:
        body = read_raw(desk.reader, event)
        body = body[selection.start : selection.start + selection.length]
        body = _ENCODERS[encoding](body) if encoding else body
    response = Response(body, selection.status, content_type="application/octet-stream")
    if encoding:
        response.headers["Content-Encoding"] = encoding
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Content-Disposition"] = f'attachment; filename="{event.id}.json"'
    if event.redacted:
        response.headers["Sluice-Redacted"] = str(event.redacted)
    return describe(response, selection, etag)


def create_blueprint(desk: FilesDesk) -> Blueprint:
    """The routes of events."""
    blueprint = Blueprint("events", __name__, url_prefix="/files/v1/events")

    @blueprint.get("/<event_id>")
    def event(event_id: str) -> Response:
        return serve_event(desk, event_id)

    return blueprint
