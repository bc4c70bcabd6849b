"""Blobs in the bucket: written in bounded parts, complete only when the hash is right, streamed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import structlog

from storage.errors import NotFound, StoreError
from storage.files.layout import corrupt
from storage.files.s3 import Bucket

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

#: Bytes of a part of an upload, and so the memory an upload takes. S3 asks for 5 MiB or more, and
#: takes up to 10,000 parts.
PART_BYTES = 8 << 20

_CHUNK_BYTES = 256 * 1024

_log = structlog.get_logger(__name__)


class WrongDigest(ValueError):
    """The bytes that came are not those of the hash that was announced."""


def blob_key(project_id: int, sha256: bytes) -> str:
    """Where a project's blob lies: ``blobs/<2 hex>/<project>/<sha256>``, spread by its hash."""
    return f"blobs/{sha256[:1].hex()}/{project_id}/{sha256.hex()}"


class BlobStore:
    """Blobs as objects, for any number of threads. Methods raise ``StoreDown``."""

    def __init__(self, bucket: Bucket, part_bytes: int = PART_BYTES) -> None:
        self._bucket = bucket
        self._part_bytes = part_bytes

    def write(self, key: str, sha256: bytes, chunks: Iterable[bytes]) -> int:
        """Store what ``chunks`` give, at most a part of it in memory; the number of bytes.

        The object appears when its last byte is there and the hash is right, never before. Raises
        :class:`WrongDigest` otherwise, and what ``chunks`` raise; no object is left then, and of a
        process that was killed at most parts, which :meth:`abort` removes.
        """
        digest = hashlib.sha256()
        parts = _parts(chunks, self._part_bytes, digest)
        first = next(parts, b"")
        if len(first) < self._part_bytes:
            _require(digest.digest(), sha256)
            self._bucket.put(key, bytes(first))
            return len(first)
        return self._write_parts(key, sha256, first, parts, digest)

    def read(self, key: str, offset: int, length: int) -> BlobStream:
        """Bytes of an object as a stream; raises ``NotFound``, and ``Corrupt`` where it is shorter.

        A stream that breaks off raises while it is read.
        """
        if not length:
            return BlobStream(self._bucket, key, None, 0)
        return BlobStream(self._bucket, key, f"bytes={offset}-{offset + length - 1}", length)

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is fine."""
        self._bucket.delete(key)

    def abort(self, key: str) -> int:
        """Remove the parts of every unfinished upload of a key; how many uploads there were."""
        with self._bucket.calling(f"list uploads of {key}") as client:
            found = client.list_multipart_uploads(Bucket=self._bucket.name, Prefix=key)
        ids = [item["UploadId"] for item in found.get("Uploads", []) if item["Key"] == key]
        for upload_id in ids:
            self._abort(key, upload_id)
        return len(ids)

    def _write_parts(
        self,
        key: str,
        sha256: bytes,
        first: bytes | bytearray,
        others: Iterator[bytes | bytearray],
        digest: hashlib._Hash,
    ) -> int:
        with self._bucket.calling(f"begin upload of {key}") as client:
            begun = client.create_multipart_upload(Bucket=self._bucket.name, Key=key)
        upload_id = begun["UploadId"]
        try:
            done, size = [self._put_part(key, upload_id, 1, first)], len(first)
            for number, part in enumerate(others, 2):
                done.append(self._put_part(key, upload_id, number, part))
                size += len(part)
            _require(digest.digest(), sha256)
            with self._bucket.calling(f"complete upload of {key}") as client:
                client.complete_multipart_upload(
                    Bucket=self._bucket.name,
                    Key=key,
                    UploadId=upload_id,
                    MultipartUpload={"Parts": done},
                )
        except BaseException:
            self._abort_quietly(key, upload_id)
            raise
        return size

    def _put_part(
        self, key: str, upload_id: str, number: int, data: bytes | bytearray
    ) -> CompletedPartTypeDef:
        with self._bucket.calling(f"put part {number} of {key}") as client:
            answer = client.upload_part(
                Bucket=self._bucket.name,
                Key=key,
                UploadId=upload_id,
                PartNumber=number,
                Body=data,  # type: ignore[arg-type]  # a bytearray is fine
            )
        return {"PartNumber": number, "ETag": answer["ETag"]}

    def _abort(self, key: str, upload_id: str) -> None:
        try:
            with self._bucket.calling(f"abort upload of {key}") as client:
                client.abort_multipart_upload(Bucket=self._bucket.name, Key=key, UploadId=upload_id)
        except NotFound:
            return  # another aborted it, or it was completed

    def _abort_quietly(self, key: str, upload_id: str) -> None:
        """Abort, or leave that to who looks for unfinished uploads: the first error counts."""
        try:
            self._abort(key, upload_id)
        except StoreError as exc:
            _log.warning("upload_not_aborted", key=key, reason=exc.detail)


class BlobStream:
    """Bytes of an object, a chunk at a time. Close it, read or not."""

    def __init__(self, bucket: Bucket, key: str, wanted: str | None, length: int) -> None:
        self._bucket = bucket
        self._operation = f"read {key} {wanted}"
        self._left = length
        self._closing = ExitStack()
        if wanted is None:
            return
        with bucket.calling(self._operation) as client:
            answer = client.get_object(Bucket=bucket.name, Key=key, Range=wanted)
        self._body = answer["Body"]
        self._closing.callback(self._body.close)
        if answer["ContentLength"] != length:
            self.close()
            raise corrupt(f"{key} gave {answer['ContentLength']} bytes for {wanted}")

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if not self._left:
            raise StopIteration
        with self._bucket.calling(self._operation):
            chunk = self._body.read(min(_CHUNK_BYTES, self._left))
        if not chunk:
            raise corrupt(f"{self._operation}: {self._left} bytes are missing")
        self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        """Give the connection up."""
        self._closing.close()


def _parts(
    chunks: Iterable[bytes], part_bytes: int, digest: hashlib._Hash
) -> Iterator[bytes | bytearray]:
    """Chunks joined to parts, the last one shorter. One buffer: a part is gone with the next."""
    buffer = bytearray(part_bytes)
    filled = 0
    for chunk in chunks:
        digest.update(chunk)
        rest = memoryview(chunk)
        while rest:
            taken = min(len(rest), part_bytes - filled)
            buffer[filled : filled + taken] = rest[:taken]
            filled += taken
            rest = rest[taken:]
            if filled == part_bytes:
                yield buffer
                filled = 0
    if filled:
        yield bytes(memoryview(buffer)[:filled])


def _require(found: bytes, announced: bytes) -> None:
    if found != announced:
        raise WrongDigest(f"the bytes have SHA-256 {found.hex()}, not {announced.hex()}")
