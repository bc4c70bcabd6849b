"""The spool of one process: appends to its own segment, reads back its own and dead processes'."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import structlog

from events.envelope import Envelope
from events.ids import now_ms
from storage.errors import StoreDown
from storage.spool.folder import REFUSED, make_folder, segment_paths, used_bytes
from storage.spool.layout import HEADER_BYTES, SpooledBatch, spooled_batch
from storage.spool.refusals import Refusals
from storage.spool.segment import Pending, Segment, Sync, adopt_segment, create_segment

SEGMENT_BYTES = 16 << 20
"""A segment takes no more records from here on, so that the disk is freed while replaying."""

_log = structlog.get_logger(__name__)


class Spool:
    """Any thread may append; one thread reads: ``adopt``, ``oldest``, ``done``, ``set_aside``.

    Opens no file before it is used. ``max_bytes`` bounds the segments of all processes of the
    folder together. Must not be carried over a fork once used: the lock would be shared.
    """

    def __init__(
        self,
        folder: Path,
        max_bytes: int,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        sync: Sync = os.fsync,
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._segment_bytes = segment_bytes
        self._sync = sync
        self._refusals = Refusals(folder / REFUSED)
        self._lock = threading.Lock()
        self._active: Segment | None = None
        self._sealed: list[Segment] = []
        self._newest_ms = 0

    def append(self, event_type: str, batch_id: UUID, envelopes: Sequence[Envelope]) -> None:
        """Return when the batch is synced to the disk.

        Raises :class:`StoreDown` when the spool is full or the disk refuses; the events are then
        counted as refused.
        """
        batch = spooled_batch(event_type, batch_id, envelopes)
        try:
            with self._lock:
                self._append(batch)
        except OSError as error:
            self._refuse(batch.events, f"{error.strerror or error}", error)

    def has_room(self) -> bool:
        """Whether a segment more would fit: under the bound, and on the disk."""
        try:
            make_folder(self._folder)
            free = shutil.disk_usage(self._folder).free
            used = used_bytes(self._folder)
        except OSError as error:
            _log.warning("spool_unusable", error=str(error))
            return False
        return used + self._segment_bytes <= self._max_bytes and free >= self._segment_bytes

    def adopt(self) -> int:
        """Take the segments that dead processes left; returns how many. Raises ``OSError``."""
        with self._lock:
            held = {segment.path for segment in (*self._sealed, self._active) if segment}
        found = [path for path in segment_paths(self._folder) if path not in held]
        adopted = [segment for segment in map(adopt_segment, found) if segment]
        if adopted:
            _log.info("spool_segments_adopted", segments=[s.path.name for s in adopted])
            with self._lock:
                self._line_up(*adopted)
        return len(adopted)

    def oldest(self) -> Pending | None:
        """The oldest batch not yet published, or None; removes segments that are done.

        Seals the segment being written when it is the only one, so that it can be read and
        removed. Raises ``OSError``.
        """
        while (segment := self._front()) is not None:
            pending = segment.pending()
            if pending is not None:
                return pending
            segment.finish()
            with self._lock:
                self._sealed.remove(segment)
        return None

    def done(self, pending: Pending) -> None:
        """Remember that a batch is published. Raises ``OSError``; it is done all the same."""
        pending.segment.advance(pending.end)

    def set_aside(self, pending: Pending, reason: str) -> None:
        """Give a batch up that nobody can publish; its bytes stay, in the quarantine."""
        pending.segment.pass_over(pending.end, reason)

    def close(self) -> None:
        """Let go of all segments; another process, or a later one, goes on with them."""
        with self._lock:
            for segment in (*self._sealed, self._active):
                if segment is not None:
                    segment.close()
            self._sealed, self._active = [], None

    def _append(self, batch: SpooledBatch) -> None:
        make_folder(self._folder)
        size = HEADER_BYTES + len(batch.event_type) + len(batch.data)
        if used_bytes(self._folder) + size > self._max_bytes:
            self._refuse(batch.events, f"full: {self._max_bytes} bytes are used")
        segment = self._writable()
        try:
            segment.append(batch, self._sync)
        except OSError:
            self._retire(segment)
            raise
        if segment.end >= self._segment_bytes:
            self._seal(segment)

    def _writable(self) -> Segment:
        if self._active is not None and not self._active.linked:
            self._seal(self._active)  # removed by hand: what is in it can still be read here
        if self._active is None:
            self._refusals.add(0)
            # Younger than the one before, also when the machine's clock was set back.
            self._newest_ms = max(now_ms(), self._newest_ms + 1)
            self._active = create_segment(self._folder, self._newest_ms)
        return self._active

    def _retire(self, segment: Segment) -> None:
        # What a failed write left behind is unknown: no record is put behind it.
        if segment.empty:
            self._active = None
            segment.finish()
        else:
            self._seal(segment)

    def _seal(self, segment: Segment) -> None:
        self._active = None
        self._line_up(segment)

    def _line_up(self, *segments: Segment) -> None:
        self._sealed = sorted([*self._sealed, *segments], key=lambda segment: segment.path)

    def _front(self) -> Segment | None:
        with self._lock:
            if not self._sealed and self._active is not None:
                self._seal(self._active)
            return self._sealed[0] if self._sealed else None

    def _refuse(self, events: int, reason: str, cause: OSError | None = None) -> None:
        self._refusals.add(events)
        raise StoreDown("spool", reason) from cause
