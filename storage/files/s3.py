"""One bucket of an S3 object store through boto3, its errors told as the fates of stores."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import (
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    SSLError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from config.settings import Settings, SettingsError
from storage.errors import NotFound, Rejected, StoreDown, StoreError
from storage.files.connect import connect
from storage.files.layout import corrupt
from storage.files.meter import METER

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

_NOT_FOUND = 404
_RANGE_NOT_SATISFIABLE = 416
_SERVER_FAULT = 500
# A missing bucket, a refused key or a skewed clock is the operator's to mend: no event is at fault.
_DOWN_STATUS = frozenset({401, 403, 408, 425, 429})
_DOWN_CODES = frozenset({"NoSuchBucket", "SlowDown", "RequestTimeout", "BadDigest"})


def _fate(operation: str, exc: ClientError) -> StoreError:
    """What an answer with an error means for the event in hand."""
    code = str(exc.response.get("Error", {}).get("Code", ""))
    status = int(exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    detail = f"{operation}: {status} {code}"
    if status >= _SERVER_FAULT or status in _DOWN_STATUS or code in _DOWN_CODES:
        return StoreDown("files", detail)
    if status == _NOT_FOUND:
        return NotFound("files", detail)
    if status == _RANGE_NOT_SATISFIABLE:
        return corrupt(f"{operation}: the object ends before the range")
    return Rejected("files", detail)


@contextmanager
def _told(operation: str) -> Iterator[None]:
    """Translate what boto3 raises; anything else is a bug and goes on."""
    try:
        yield
    except ClientError as exc:
        raise _fate(operation, exc) from exc
    except SSLError as exc:
        trust = "its certificate is not trusted, or it speaks no TLS (SLUICE_S3_CA_BUNDLE)"
        raise StoreDown("files", f"{operation}: {trust}") from exc
    except (BotoConnectionError, HTTPClientError, IncompleteReadError) as exc:
        raise StoreDown("files", f"{operation}: {type(exc).__name__}") from exc
    except NoCredentialsError as exc:
        raise StoreDown("files", f"{operation}: no credentials are set") from exc


class Bucket:
    """A bucket, for any number of threads. Connects at the first call, so fork before it."""

    def __init__(self, settings: Settings) -> None:
        if not settings.s3_endpoint:
            raise SettingsError("SLUICE_S3_ENDPOINT must be set: the object store's URL")
        self.name = settings.s3_bucket
        self._settings = settings
        self._lock = threading.Lock()
        self._made: S3Client | None = None

    @property
    def _client(self) -> S3Client:
        with self._lock:
            if self._made is None:
                self._made = connect(self._settings, METER)
            return self._made

    @contextmanager
    def calling(self, operation: str) -> Iterator[S3Client]:
        """The client itself, for calls that are no method here; errors become fates."""
        with _told(operation):
            yield self._client

    def put(self, key: str, data: bytes) -> None:
        """Store an object, over an earlier one of the key; durable when it returns."""
        with _told(f"put {key}"):
            self._client.put_object(Bucket=self.name, Key=key, Body=data)

    def get(self, key: str, limit: int) -> bytes:
        """A whole object of up to ``limit`` bytes; raises ``Corrupt`` for a larger one."""
        with _told(f"get {key}"):
            answer = self._client.get_object(Bucket=self.name, Key=key)
            if answer["ContentLength"] > limit:
                answer["Body"].close()
                raise corrupt(f"{key} has {answer['ContentLength']} bytes, over {limit}")
            return _body(answer)

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Exactly these bytes of an object; raises ``Corrupt`` when it ends before."""
        wanted = f"bytes={offset}-{offset + length - 1}"
        with _told(f"get {key} {wanted}"):
            answer = self._client.get_object(Bucket=self.name, Key=key, Range=wanted)
            if answer["ContentLength"] != length:
                answer["Body"].close()
                raise corrupt(f"{key} gave {answer['ContentLength']} bytes for {wanted}")
            return _body(answer)

    def get_ending(self, key: str, length: int) -> tuple[bytes, int]:
        """Up to ``length`` last bytes of an object, and the size of the whole."""
        with _told(f"get the end of {key}"):
            answer = self._client.get_object(Bucket=self.name, Key=key, Range=f"bytes=-{length}")
            whole = answer.get("ContentRange", "").rpartition("/")[2]
            data = _body(answer) if answer["ContentLength"] <= length else b""
        if not whole.isdigit() or not data:
            raise corrupt(f"{key} gave no range of {length} last bytes")
        return data, int(whole)

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is fine."""
        with _told(f"delete {key}"):
            self._client.delete_object(Bucket=self.name, Key=key)

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Keys that begin so, and each object's bytes."""
        token: dict[str, str] = {}
        while True:
            with _told(f"list {prefix}"):
                page = self._client.list_objects_v2(Bucket=self.name, Prefix=prefix, **token)  # type: ignore[arg-type]
            for item in page.get("Contents", []):
                yield item["Key"], item["Size"]
            if not page["IsTruncated"]:
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def ensure(self) -> None:
        """Make the bucket if it is not there; done twice at once is fine."""
        try:
            self.check()
        except StoreDown:
            with _told(f"create bucket {self.name}"):
                self._create()

    def _create(self) -> None:
        region = self._settings.s3_region
        try:
            if region == "us-east-1":  # the one region S3 refuses to be told
                self._client.create_bucket(Bucket=self.name)
            else:
                self._client.create_bucket(
                    Bucket=self.name,
                    CreateBucketConfiguration={"LocationConstraint": region},  # type: ignore[typeddict-item]
                )
        except (
            self._client.exceptions.BucketAlreadyOwnedByYou,
            self._client.exceptions.BucketAlreadyExists,
        ):
            self.check()

    def check(self) -> None:
        """One cheap request; raises ``StoreDown`` when the bucket cannot be used."""
        operation = f"head bucket {self.name}"
        try:
            with _told(operation):
                self._client.head_bucket(Bucket=self.name)
        except NotFound as exc:
            raise StoreDown("files", f"there is no bucket {self.name}") from exc


def _body(answer: GetObjectOutputTypeDef) -> bytes:
    # Not the stream's own context manager: that gives urllib3's, whose errors boto3 leaves as
    # they are.
    with closing(answer["Body"]) as stream:
        return stream.read()
