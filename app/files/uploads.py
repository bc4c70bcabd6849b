"""PUT /files/v1/blobs/{sha256}, and POST /files/v1/blobs for who does not know the hash."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
from flask import Blueprint, Response, request

from app.errors import ApiError, bad_argument
from app.files.desk import FilesDesk
from app.files.receiving import Gangway, Incoming, Leftovers, file_chunks, kept_on_disk
from app.files.tenant import writing_tenant
from events.content_type import content_type_of
from storage.blobs import Described
from storage.errors import NotFound, StoreDown
from storage.files.blobs import WrongDigest
from storage.sql.blob_rows import KINDS, MAX_NAME_CHARS, BlobRow

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_UPLOADS = "uploads"


def put_blob(desk: FilesDesk, gangway: Gangway, incoming: Incoming, text: str) -> Response:
    """Store the body under the hash of the path, or find that the project has it already."""
    tenant = writing_tenant(desk)
    if not _SHA256.fullmatch(text):
        raise bad_argument("sha256", "must be 64 hex digits")
    described = _described(bytes.fromhex(text))
    known = desk.blobs.rows.find(tenant.project_id, described.sha256)
    if known is not None and tenant.trusted and incoming.waits:
        return _answer(desk.blobs.rows.keep(known, described.kind), created=False)
    with gangway.enter(tenant.project_id):
        if known is not None:
            return _known(desk, incoming, known, described)
        try:
            row, created = desk.blobs.write(tenant.project_id, described, incoming.chunks())
        except WrongDigest as exc:
            raise _wrong_digest(str(exc)) from None
        except NotFound as exc:  # its parts were aborted as those of a dead upload
            raise StoreDown(exc.store, exc.detail) from exc
    return _answer(row, created)


def post_blob(desk: FilesDesk, gangway: Gangway, incoming: Incoming) -> Response:
    """Store the body under its own hash; it waits on this machine's disk while that is made."""
    tenant = writing_tenant(desk)
    described = _described(b"")
    folder = desk.settings.home / _UPLOADS
    with gangway.enter(tenant.project_id), kept_on_disk(incoming, folder) as (sha256, file):
        described = Described(sha256, described.content_type, described.kind, described.name)
        known = desk.blobs.rows.find(tenant.project_id, sha256)
        if known is not None:
            return _answer(desk.blobs.rows.keep(known, described.kind), created=False)
        row, created = desk.blobs.write(tenant.project_id, described, file_chunks(file))
    return _answer(row, created)


def _known(desk: FilesDesk, incoming: Incoming, known: BlobRow, described: Described) -> Response:
    """200 for bytes that are there. Who has but an API key must show that it has them, so that
    nobody learns from a public key what files a project holds.
    """
    if incoming.hashed() != known.sha256:
        raise _wrong_digest("the bytes have another SHA-256 than the path says")
    return _answer(desk.blobs.rows.keep(known, described.kind), created=False)


def _described(sha256: bytes) -> Described:
    kind = request.args.get("kind", "attachment")
    if kind not in KINDS:
        raise bad_argument("kind", f"must be one of {', '.join(KINDS)}")
    name = request.args.get("name", "")
    if len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise bad_argument("name", f"must have up to {MAX_NAME_CHARS} printable characters")
    return Described(sha256, content_type_of(request.headers.get("Content-Type")), kind, name)


def _wrong_digest(why: str) -> ApiError:
    return ApiError(400, "digest_mismatch", f"Nothing was stored: {why}.")


def _answer(row: BlobRow, created: bool) -> Response:
    shown = {
        "sha256": row.sha256.hex(),
        "bytes": row.bytes,
        "content_type": row.content_type,
        "kind": row.kind,
        "name": row.name,
        "created": created,
    }
    response = Response(
        orjson.dumps(shown), 201 if created else 200, content_type="application/json"
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def add_uploads(blueprint: Blueprint, desk: FilesDesk) -> None:
    """Put the routes that write on a blueprint."""
    gangway = Gangway(desk.settings.blob_uploads)
    held = desk.settings.blob_uploads + desk.settings.blob_downloads
    leftovers = Leftovers(desk.settings.files_threads - held)

    @contextmanager
    def incoming() -> Iterator[Incoming]:
        """The request's body; the sender of one that is refused gets to read why."""
        body = Incoming(request, desk.settings.max_blob_bytes)
        try:
            yield body
        except (ApiError, StoreDown):
            leftovers.forget(body, desk.settings.max_wire_bytes)
            raise

    @blueprint.put("/<sha256>")
    def put(sha256: str) -> Response:
        with incoming() as body:
            return put_blob(desk, gangway, body, sha256)

    @blueprint.post("")
    def post() -> Response:
        with incoming() as body:
            return post_blob(desk, gangway, body)
