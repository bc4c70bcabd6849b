"""Merging packs into one, streaming: memory holds a window of a source, a part of the target and
some events that are regrouped, however large the packs are.

A frame that is full enough and loses no event is copied as it is, after every event in it was
checked. Events of the other frames are sorted anew, so that like stands by like again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from crc32c import crc32c

from config.settings import Settings
from events.envelope import Envelope
from storage.errors import Corrupt, NotFound
from storage.files.compression import compress, decompress
from storage.files.index import Entry, FrameSpan, PackIndex
from storage.files.keys import pack_key
from storage.files.layout import Identity
from storage.files.multipart import PART_BYTES, Upload, abort_unfinished
from storage.files.order import cut, in_pack_order
from storage.files.pack import cut_out, unpack
from storage.files.s3 import Bucket
from storage.files.target import Target
from storage.model import PackRef

#: Raw bytes of events that wait to be sorted into frames together.
_REGROUPED_BYTES = 16 << 20

Pace = Callable[[int], None]
"""Called with the bytes just moved; may take its time, so that others get theirs."""


@dataclass(frozen=True, slots=True)
class Source:
    """A pack to merge: its key, its footer, and which of its events are taken along."""

    key: str
    index: PackIndex
    kept: Collection[UUID]

    @property
    def kept_entries(self) -> list[Entry]:
        """The footer's rows of what is taken along."""
        return [entry for entry in self.index.entries if UUID(bytes=entry.id) in self.kept]


class DamagedSource(Exception):
    """A source cannot be read: which, and its ``Corrupt`` or ``NotFound``."""

    def __init__(self, key: str, error: Corrupt | NotFound) -> None:
        super().__init__(f"{key}: {error.detail}")
        self.key = key
        self.error = error


class Merging:
    """Writes merged packs into the bucket. Connects at the first call."""

    def __init__(self, settings: Settings) -> None:
        self._bucket = Bucket(settings)
        self._frame_bytes = settings.frame_bytes

    def write(
        self, pack_id: UUID, sources: Sequence[Source], pace: Pace
    ) -> tuple[PackRef, PackIndex]:
        """Put a pack of what is kept of the sources, of one type and day, and at least an event.

        An event must be kept of one source only. Until it returns nothing is under the new key.
        Raises :class:`DamagedSource`, ``StoreDown``.
        """
        identity = _identify(pack_id, sources)
        key = pack_key(identity.type, identity.day, pack_id)
        upload = Upload(self._bucket, key)
        try:
            target = Target(identity, upload)
            self._copy(target, sources, pace)
            target.finish()
        except BaseException:
            upload.abort()
            raise
        pace(upload.size)
        index = target.index
        return (
            PackRef(
                id=pack_id,
                key=key,
                type=identity.type,
                day=identity.day,
                events=len(index.entries),
                stored_bytes=upload.size,
                raw_bytes=index.raw_bytes,
            ),
            index,
        )

    def delete(self, key: str) -> None:
        """Delete the object of a pack; one that is not there is fine."""
        self._bucket.delete(key)

    def drop(self, key: str) -> None:
        """Delete an object nothing names, and what a killed writer of it left."""
        abort_unfinished(self._bucket, key)
        self._bucket.delete(key)

    def _copy(self, target: Target, sources: Sequence[Source], pace: Pace) -> None:
        numbers = {name: n for n, name in enumerate(target.index.identity.protocols)}
        waiting: list[Envelope] = []
        size = 0
        for source in sources:
            names = source.index.identity.protocols
            for stored, raw, entries in self._frames(source, pace):
                kept = [e for e in entries if UUID(bytes=e.id) in source.kept]
                if len(kept) == len(entries) and len(raw) >= self._frame_bytes // 2:
                    renamed = [e._replace(protocol=numbers[names[e.protocol]]) for e in entries]
                    target.add(stored, len(raw), renamed)
                    continue
                waiting += [unpack(source.index, e, raw, source.key).envelope for e in kept]
                size += sum(e.length for e in kept)
                if size >= _REGROUPED_BYTES:
                    self._regroup(target, waiting, numbers)
                    waiting, size = [], 0
        self._regroup(target, waiting, numbers)

    def _regroup(
        self, target: Target, envelopes: Sequence[Envelope], numbers: dict[str, int]
    ) -> None:
        for run in cut(in_pack_order(envelopes), self._frame_bytes):
            entries = [
                Entry(
                    id=e.id.bytes,
                    project_id=e.project_id,
                    protocol=numbers[e.protocol],
                    frame=0,
                    offset=0,
                    length=len(e.body),
                    checksum=crc32c(e.body),
                    redacted=e.redacted,
                )
                for e in run
            ]
            raw = b"".join([e.body for e in run])
            target.add(compress(raw), len(raw), entries)

    def _frames(self, source: Source, pace: Pace) -> Iterator[tuple[bytes, bytes, list[Entry]]]:
        """The frames of which something is kept: stored, decompressed, and their events."""
        by_frame = source.index.by_frame()
        wanted = [
            number
            for number, entries in enumerate(by_frame)
            if any(UUID(bytes=entry.id) in source.kept for entry in entries)
        ]
        for window in _windows(source.index.frames, wanted):
            first, last = source.index.frames[window[0]], source.index.frames[window[-1]]
            length = last.offset + last.length - first.offset
            with _blamed(source.key):
                data = self._bucket.get_range(source.key, first.offset, length)
            pace(length)
            for number in window:
                span = source.index.frames[number]
                start = span.offset - first.offset
                stored = data[start : start + span.length]
                with _blamed(source.key):
                    raw = decompress(stored, span.raw_length)
                    for entry in by_frame[number]:
                        cut_out(raw, entry.offset, entry.length, entry.checksum)
                yield stored, raw, by_frame[number]


@contextmanager
def _blamed(key: str) -> Iterator[None]:
    try:
        yield
    except (Corrupt, NotFound) as exc:
        raise DamagedSource(key, exc) from exc


def _identify(pack_id: UUID, sources: Sequence[Source]) -> Identity:
    kinds: set[tuple[str, date]] = {
        (source.index.identity.type, source.index.identity.day) for source in sources
    }
    if len(kinds) != 1:
        raise ValueError(f"a merge is of one type and one day, not of {len(kinds)}")
    ((type_, day),) = kinds
    protocols = {
        source.index.identity.protocols[entry.protocol]
        for source in sources
        for entry in source.kept_entries
    }
    if not protocols:
        raise ValueError("a merge of no event")
    return Identity(pack_id, type_, day, tuple(sorted(protocols)))


def _windows(frames: Sequence[FrameSpan], wanted: Sequence[int]) -> Iterator[list[int]]:
    """Frames that one request may fetch: near each other and a part's size together."""
    window: list[int] = []
    for number in wanted:
        if window:
            first, last, span = frames[window[0]], frames[window[-1]], frames[number]
            skipped = span.offset - last.offset - last.length
            if span.offset + span.length - first.offset > PART_BYTES or skipped > PART_BYTES // 8:
                yield window
                window = []
        window.append(number)
    if window:
        yield window
