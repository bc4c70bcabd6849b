"""One segment file, held by one process: appended to, then read, then removed.

The lock (flock) goes with the process, however it ends, so a segment that can be locked has no
living owner. What survives a kill at any instant: every record whose append returned, and how far
the segment was published (behind by one record at most, which is published again under its id).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from events.ids import new_id
from storage.spool.folder import QUARANTINE, make_folder, segment_mark, segment_path, sync_folder
from storage.spool.layout import (
    HEADER_BYTES,
    PREAMBLE_BYTES,
    Progress,
    SpooledBatch,
    decode_body,
    decode_preamble,
    encode_preamble,
    encode_record,
)
from storage.spool.scan import Record, Span, TornTail, scan

_log = structlog.get_logger(__name__)

Sync = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Pending:
    """A batch to publish, and where its record ends."""

    segment: Segment
    end: int
    batch: SpooledBatch


class Segment:
    """Not thread-safe: one thread appends until it is sealed, then one reads. Made by
    :func:`create_segment` and :func:`adopt_segment`.
    """

    def __init__(self, path: Path, descriptor: int, end: int, progress: Progress) -> None:
        self.path = path
        self.end = end
        self._descriptor = descriptor
        self._mark = segment_mark(path)
        self._progress = progress

    @property
    def linked(self) -> bool:
        """Whether the file still has its name: without one it ends with this process."""
        return os.fstat(self._descriptor).st_nlink > 0

    @property
    def empty(self) -> bool:
        """Whether no record was ever appended."""
        return self.end <= PREAMBLE_BYTES

    def append(self, batch: SpooledBatch, sync: Sync = os.fsync) -> None:
        """Return when the batch is on the disk; raises ``OSError``, and then it is not in here.

        After an error of ``sync`` the state of the file is unknown: append no more to it.
        """
        record = encode_record(self._mark, batch)
        try:
            _write(self._descriptor, record, self.end)
            sync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, self.end)
            raise
        self.end += len(record)

    def pending(self) -> Pending | None:
        """The oldest batch not published yet, past any damage; None at the end."""
        for span in scan(self._read, self._mark, self._progress.done, self.end):
            batch = self._batch(span)
            if batch is not None:
                return Pending(self, span.end, batch)
            self.pass_over(span.end, "unreadable")
        return None

    def advance(self, end: int) -> None:
        """Remember that everything before ``end`` is published."""
        self._store(Progress(end, self._progress.damaged))

    def pass_over(self, end: int, reason: str) -> None:
        """Leave bytes up to ``end`` unpublished: the segment is then kept, in the quarantine."""
        size = end - self._progress.done
        _log.error("spool_damage", segment=self.path.name, bytes=size, reason=reason)
        self._store(Progress(end, self._progress.damaged + size))

    def finish(self) -> None:
        """Remove a segment that is published whole, or set one with damage aside.

        Raises ``OSError``; it may then be called again.
        """
        with contextlib.suppress(FileNotFoundError):  # somebody tidied up before us
            if self._progress.damaged:
                make_folder(self.path.parent)
                self.path.rename(self.path.parent / QUARANTINE / self.path.name)
            else:
                self.path.unlink()
        self.close()

    def close(self) -> None:
        """Let go of the segment; another process may then adopt it."""
        os.close(self._descriptor)

    def cut_torn_tail(self) -> None:
        """Drop a record that was never written whole, and so never answered for."""
        for span in scan(self._read, self._mark, self._progress.done, self.end):
            if isinstance(span, TornTail):
                self._cut(span)

    def _cut(self, tail: TornTail) -> None:
        _log.warning("spool_tail_cut", segment=self.path.name, bytes=tail.end - tail.start)
        os.ftruncate(self._descriptor, tail.start)
        self.end = tail.start

    def _batch(self, span: Span) -> SpooledBatch | None:
        if not isinstance(span, Record):
            return None
        start = span.start + HEADER_BYTES
        return decode_body(span.header, self._read(start, span.end - start))

    def _read(self, offset: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, offset)

    def _store(self, progress: Progress) -> None:
        # Not synced: were it lost with the machine, batches would be published again, by id.
        self._progress = progress
        _write(self._descriptor, encode_preamble(progress), 0)


def create_segment(folder: Path, at_ms: int) -> Segment:
    """A new segment that this process holds, of an age; durable under its name. Raises
    ``OSError``.
    """
    while True:
        path = segment_path(folder, new_id(at_ms))
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        if _hold(descriptor):  # else another process took it for a dead one's in that instant
            break
        os.close(descriptor)
    try:
        _write(descriptor, encode_preamble(Progress()), 0)
        sync_folder(folder)
    except OSError:
        path.unlink()
        os.close(descriptor)
        raise
    return Segment(path, descriptor, PREAMBLE_BYTES, Progress())


def adopt_segment(path: Path) -> Segment | None:
    """The segment, if nobody living holds it; its torn tail is cut. Raises ``OSError``."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    if not _hold(descriptor):
        os.close(descriptor)
        return None
    return _reopened(path, descriptor)


def _reopened(path: Path, descriptor: int) -> Segment:
    size = os.fstat(descriptor).st_size
    progress = decode_preamble(os.pread(descriptor, PREAMBLE_BYTES, 0))
    segment = Segment(path, descriptor, size, progress)
    segment.cut_torn_tail()
    return segment


def _hold(descriptor: int) -> bool:
    """Take the lock; False when another holds it, or removed the file before we had it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(descriptor).st_nlink > 0


def _write(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
