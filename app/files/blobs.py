"""GET and HEAD /files/v1/blobs/{sha256}: a blob's bytes, whole or by range, never in memory."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

import structlog
from flask import Blueprint, Response, request

from app.errors import ApiError, not_found
from app.files.desk import FilesDesk
from app.files.representation import Selection, describe, select
from app.files.slots import Slots
from app.files.tenant import reading_tenant
from app.files.uploads import add_uploads
from storage.errors import Corrupt, NotFound
from storage.files.blobs import BlobStream
from storage.files.layout import corrupt
from storage.sql.blob_rows import BlobRow

_SHA256 = re.compile(r"[0-9a-f]{64}")

_log = structlog.get_logger(__name__)


def blob_path(sha256: bytes) -> str:
    """The path of a blob's bytes, in whichever project."""
    return f"/files/v1/blobs/{sha256.hex()}"


def find_blob(desk: FilesDesk, text: str) -> BlobRow:
    """The blob of a path, in the project that the caller may read; raises ``ApiError``."""
    tenant = reading_tenant(desk)
    if not _SHA256.fullmatch(text):
        raise not_found("blob")
    blob = desk.blobs.rows.find(tenant.project_id, bytes.fromhex(text))
    if blob is None:
        raise not_found("blob")
    return blob


def serve_blob(desk: FilesDesk, slots: Slots, text: str) -> Response:
    """The whole blob, a range of it, or what the caller's conditions ask for."""
    blob = find_blob(desk, text)
    selection = select(request, text, blob.bytes)
    response = Response(status=selection.status, content_type="application/octet-stream")
    if selection.has_content:
        if request.method != "HEAD":
            body = _Body(blob, selection, slots)
            body.open(desk)
            response.response = body
        response.headers["Content-Length"] = str(selection.length)
    response.headers["Content-Disposition"] = f'attachment; filename="{text}"'
    return describe(response, selection, text)


def _open(desk: FilesDesk, blob: BlobRow, selection: Selection) -> BlobStream:
    """The stream of what was selected, open: what fails at the start is answered as an error."""
    try:
        return desk.blobs.read(blob, selection.start, selection.length)
    except NotFound as exc:
        if desk.blobs.rows.find(blob.project_id, blob.sha256) is None:
            raise not_found("blob") from None  # it was erased meanwhile
        raise _unreadable(exc) from exc
    except Corrupt as exc:
        raise _unreadable(exc) from exc


def _unreadable(exc: NotFound | Corrupt) -> ApiError:
    return ApiError(500, "payload_unreadable", f"The blob cannot be read: {exc.detail}")


class _Body:
    """A blob's bytes on their way. One that is sent whole is hashed meanwhile: if it is not what
    was stored, its last chunk is kept back and the connection breaks, so that nobody takes it for
    whole.
    """

    def __init__(self, blob: BlobRow, selection: Selection, slots: Slots) -> None:
        self._blob = blob
        self._selection = selection
        self._stream: BlobStream | None = None
        self._leave = slots.take(self)

    def open(self, desk: FilesDesk) -> None:
        """Open the stream; what fails at the start is raised, to be answered as an error."""
        try:
            self._stream = _open(desk, self._blob, self._selection)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        try:
            is_whole = self._selection.length == self._blob.bytes
            yield from self._checked() if is_whole else self._chunks()
        except Exception as exc:
            _log.error("blob_broke_off", key=self._blob.key, reason=str(exc))
            raise

    def _chunks(self) -> Iterator[bytes]:
        return iter(self._stream or ())

    def _checked(self) -> Iterator[bytes]:
        digest, held = hashlib.sha256(), b""
        for chunk in self._chunks():
            if held:
                yield held
            digest.update(chunk)
            held = chunk
        if digest.digest() != self._blob.sha256:
            raise corrupt(f"{self._blob.key} does not have its SHA-256")
        if held:
            yield held

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._leave()


def create_blueprint(desk: FilesDesk) -> Blueprint:
    """The routes of blobs."""
    blueprint = Blueprint("blobs", __name__, url_prefix="/files/v1/blobs")
    slots = Slots(desk.settings.blob_downloads, "SLUICE_BLOB_DOWNLOADS")

    @blueprint.get("/<sha256>")
    def blob(sha256: str) -> Response:
        return serve_blob(desk, slots, sha256)

    add_uploads(blueprint, desk)
    return blueprint
