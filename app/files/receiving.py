"""Receiving a blob's bytes: bounded, counted, hashed; never whole in memory."""

from __future__ import annotations

import errno
import hashlib
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from flask import Request

from app.errors import ApiError
from app.ingest.body import drain

CHUNK_BYTES = 256 * 1024
MOST_LEFTOVERS = 2
_DISK_IS_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Incoming:
    """The body of a request as chunks. Raises ``ApiError`` 413 ``payload_too_large`` as soon as it
    is known to have more than ``limit`` bytes, 400 ``body_truncated`` for one that breaks off, and
    400 ``bad_encoding`` for one that is encoded: its hash is of the bytes as they are.
    """

    def __init__(self, request: Request, limit: int) -> None:
        self._stream = request.environ["wsgi.input"]
        self._announced = request.content_length
        self._limit = limit
        self._waits = "100-continue" in request.headers.get("Expect", "").lower()
        self._encoding = request.headers.get("Content-Encoding", "identity").lower()

    @property
    def waits(self) -> bool:
        """Whether the sender holds the body back until it is asked for."""
        return self._waits

    def chunks(self) -> Iterator[bytes]:
        """The body, a chunk at a time."""
        if self._encoding != "identity":
            raise ApiError(400, "bad_encoding", "Send a blob as it is, without Content-Encoding.")
        if self._announced is not None and self._announced > self._limit:
            raise self._too_large()
        size = 0
        while self._announced is None or size < self._announced:
            chunk = self._stream.read(CHUNK_BYTES)
            if not chunk:
                break
            size += len(chunk)
            if size > self._limit:
                raise self._too_large()
            yield chunk
        if self._announced is not None and size < self._announced:
            raise ApiError(400, "body_truncated", "The body is shorter than its Content-Length.")

    def hashed(self) -> bytes:
        """Read the body to its end; its SHA-256."""
        digest = hashlib.sha256()
        for chunk in self.chunks():
            digest.update(chunk)
        return digest.digest()

    def forget(self, limit: int) -> None:
        """Read on for up to ``limit`` bytes, so that the sender hears why it was refused: who
        closes with bytes unread resets the connection.
        """
        if not self._waits:
            drain(iter(lambda: self._stream.read(CHUNK_BYTES), b""), limit)

    def _too_large(self) -> ApiError:
        return ApiError(
            413,
            "payload_too_large",
            f"The blob is larger than {self._limit} bytes (SLUICE_MAX_BLOB_BYTES).",
        )


class Leftovers:
    """Reads out refused bodies, a few at once: a sender that stops holds the thread that reads, for
    as long as it likes, and anybody may be refused.

    ``spare`` threads are nobody else's to hold; one of them is left alone. What finds no place is
    not read.
    """

    def __init__(self, spare: int) -> None:
        self._places = threading.BoundedSemaphore(max(0, min(MOST_LEFTOVERS, spare - 1)))

    def forget(self, incoming: Incoming, limit: int) -> None:
        """As :meth:`Incoming.forget`, if there is a place."""
        if self._places.acquire(blocking=False):
            try:
                incoming.forget(limit)
            finally:
                self._places.release()


class Gangway:
    """Lets a few uploads in at once: each takes a part's memory, and maybe a file on the disk. One
    project gets half of the places at most, so that its slow senders do not keep out all others.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._of_one = max(1, at_once // 2)
        self._lock = threading.Lock()
        self._inside: Counter[int] = Counter()

    @contextmanager
    def enter(self, project_id: int) -> Iterator[None]:
        """Hold a place; raises ``ApiError`` 503 ``overloaded`` when none is free."""
        with self._lock:
            if self._is_full(project_id):
                raise ApiError(
                    503,
                    "overloaded",
                    "As many uploads as SLUICE_BLOB_UPLOADS allows are under way; try again.",
                    {"Retry-After": "5"},
                )
            self._inside[project_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside[project_id] -= 1
                self._inside += Counter()  # forgets who has left

    def _is_full(self, project_id: int) -> bool:
        return self._inside.total() >= self._at_once or self._inside[project_id] >= self._of_one


@contextmanager
def kept_on_disk(incoming: Incoming, folder: Path) -> Iterator[tuple[bytes, BinaryIO]]:
    """A body whose hash nobody announced, in a file that has no name: a kill leaves nothing.

    Gives its SHA-256 and the file at its beginning. Raises what :class:`Incoming` does, and
    ``ApiError`` 503 ``unavailable`` for a full disk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            for chunk in incoming.chunks():
                digest.update(chunk)
                file.write(chunk)
            file.seek(0)
        except OSError as exc:
            if exc.errno not in _DISK_IS_FULL:
                raise
            raise ApiError(
                503,
                "unavailable",
                "The file server's disk has no room for this upload. Name its SHA-256 with PUT, "
                "which needs none, or try again.",
                {"Retry-After": "60"},
            ) from exc
        yield digest.digest(), file


def file_chunks(file: BinaryIO) -> Iterator[bytes]:
    """A file, a chunk at a time."""
    return iter(lambda: file.read(CHUNK_BYTES), b"")
