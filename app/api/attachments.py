"""Attachments: the blobs of an event. Their bytes are the file server's to serve."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from app.api import answers
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.events import find_event
from storage.sql.blob_rows import Attachment, BlobRows


class AttachmentAnswer(Schema):
    """A blob of an event. ``POST /signed-urls`` with ``sha256`` as ``blob`` opens it."""

    sha256 = fields.String(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    bytes = fields.Integer(required=True)
    content_type = fields.String(required=True)
    at = answers.Time(required=True)


def list_attachments(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /events/{event_id}/attachments: all of them in one page."""
    event = find_event(desk, arguments["event_id"])
    found = BlobRows(desk.stores.database).of_event(event.id, event.project_id)
    return {"items": [_dump(one) for one in found], "next_cursor": None}


def _dump(one: Attachment) -> dict[str, Any]:
    shown = AttachmentAnswer(exclude=("sha256",)).dump(one)
    return {"sha256": one.sha256.hex(), **shown}


ENDPOINTS = (
    Endpoint(
        "/events/<event_id>/attachments",
        "list_attachments",
        "The files that came with an event",
        list_attachments,
        answers.page_of(AttachmentAnswer),
        scope="owned",
        needs="read",
    ),
)
