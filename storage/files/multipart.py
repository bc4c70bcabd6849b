"""Writing an object in parts, so that no more than one part of it is in memory.

Until it is finished nothing is under its key. Parts of a writer that was killed stay in the bucket,
unseen, until :func:`abort_unfinished`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.files.s3 import Bucket

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

#: S3 takes no part below 5 MiB but the last, and 10,000 parts: so objects of up to 78 GiB.
PART_BYTES = 8 << 20


class Upload:
    """One object in the making. What fits one part is put at once. Methods raise ``StoreDown``."""

    def __init__(self, bucket: Bucket, key: str) -> None:
        self._bucket = bucket
        self._key = key
        self._waiting = bytearray()
        self._upload_id: str | None = None
        self._parts: list[CompletedPartTypeDef] = []
        self.size = 0

    def write(self, data: bytes) -> None:
        """Add bytes at the end."""
        self._waiting += data
        self.size += len(data)
        while len(self._waiting) > PART_BYTES:
            self._send(PART_BYTES)

    def finish(self) -> None:
        """Put the object under its key, over an earlier one; durable when it returns."""
        if self._upload_id is None:
            self._bucket.put(self._key, bytes(self._waiting))
            return
        if self._waiting:
            self._send(len(self._waiting))
        with self._bucket.calling(f"complete {self._key}") as client:
            client.complete_multipart_upload(
                Bucket=self._bucket.name,
                Key=self._key,
                UploadId=self._upload_id,
                MultipartUpload={"Parts": self._parts},
            )

    def abort(self) -> None:
        """Drop what was sent. Harmless after nothing was."""
        if self._upload_id is not None:
            _abort(self._bucket, self._key, self._upload_id)

    def _send(self, length: int) -> None:
        with self._bucket.calling(f"put a part of {self._key}") as client:
            if self._upload_id is None:
                answer = client.create_multipart_upload(Bucket=self._bucket.name, Key=self._key)
                self._upload_id = answer["UploadId"]
            number = len(self._parts) + 1
            part = client.upload_part(
                Bucket=self._bucket.name,
                Key=self._key,
                UploadId=self._upload_id,
                PartNumber=number,
                Body=bytes(self._waiting[:length]),
            )
        self._parts.append({"ETag": part["ETag"], "PartNumber": number})
        del self._waiting[:length]


def abort_unfinished(bucket: Bucket, key: str) -> int:
    """Drop the parts that killed writers of a key left; how many writers' there were."""
    with bucket.calling(f"list the unfinished uploads of {key}") as client:
        answer = client.list_multipart_uploads(Bucket=bucket.name, Prefix=key)
    left = [upload for upload in answer.get("Uploads", []) if upload["Key"] == key]
    for upload in left:
        _abort(bucket, key, upload["UploadId"])
    return len(left)


def _abort(bucket: Bucket, key: str, upload_id: str) -> None:
    with bucket.calling(f"abort an upload of {key}") as client:
        client.abort_multipart_upload(Bucket=bucket.name, Key=key, UploadId=upload_id)
