"""POST /signed-urls: a URL that opens one event or blob of the file server, for a while."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, validate

from app.api import answers
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.events import find_event
from app.api.names import narrowed
from app.errors import ApiError, bad_argument
from app.files.blobs import blob_path
from app.files.events import event_path
from app.files.signing import open_signer

_DEFAULT_SECONDS = 300
_SHA256 = re.compile(r"[0-9a-f]{64}")


class SignedUrlBody(Schema):
    """What the URL shall open: an event, or a blob by SHA-256 and its project; and how long."""

    event = fields.String(load_default=None, validate=validate.Length(max=36))
    blob = fields.String(load_default=None, validate=validate.Regexp(_SHA256))
    project = fields.String(load_default=None, validate=validate.Length(max=200))
    seconds = fields.Integer(load_default=_DEFAULT_SECONDS, strict=True)


class SignedUrl(Schema):
    """A URL that needs no token until it expires."""

    url = fields.String(required=True)
    expires_at = answers.Time(required=True)


def make_signed_url(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /signed-urls."""
    settings = desk.stores.settings
    signer = open_signer(settings)
    base = settings.files_public_url or settings.files_url
    if signer is None or not base:
        raise ApiError(
            503,
            "unavailable",
            "Signed URLs need SLUICE_SESSION_KEY and SLUICE_FILES_URL to be set.",
        )
    seconds = arguments["seconds"]
    if not 1 <= seconds <= settings.signed_url_max_seconds:
        raise bad_argument("seconds", f"must lie in 1 to {settings.signed_url_max_seconds}")
    path, project_id = _target(desk, arguments)
    expires = desk.now_ms() // 1000 + seconds
    url = base.rstrip("/") + signer.sign("read", path, project_id, expires)
    return SignedUrl().dump({"url": url, "expires_at": datetime.fromtimestamp(expires, UTC)})  # type: ignore[no-any-return]


def _target(desk: Desk, arguments: Arguments) -> tuple[str, int]:
    """The path that is to be opened, and the project it is of, which the caller may see."""
    event, blob = arguments["event"], arguments["blob"]
    if (event is None) == (blob is None):
        raise bad_argument("event", "give either event or blob")
    if event is not None:
        found = find_event(desk, event)
        return event_path(UUID(event)), found.project_id
    project_id = desk.names.number(narrowed(arguments, desk.caller, desk.needs)["project"])
    if project_id is None:
        raise bad_argument("project", "a blob is a project's: say which")
    return blob_path(bytes.fromhex(blob)), project_id


ENDPOINTS = (
    Endpoint(
        "/signed-urls",
        "make_signed_url",
        "A URL that opens one event or blob for a while, without a token",
        make_signed_url,
        SignedUrl,
        method="POST",
        body=SignedUrlBody,
        scope="owned",
        needs="read",
    ),
)
