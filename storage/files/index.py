"""The footer and the tail of a pack: where each event lies, readable from the end."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from crc32c import crc32c

from storage.files.compression import compress, decompress
from storage.files.layout import (
    BLOCK_BYTES,
    MAGIC,
    MAX_FRAME_BYTES,
    MAX_RAW_BYTES,
    VERSION,
    Identity,
    block,
    corrupt,
    require_version,
    take_identity,
)
from storage.model import EventLocation

_COUNTS = struct.Struct("<II")
_FRAME = struct.Struct("<QII")
_EVENT = struct.Struct("<16sQHIIIIH")
_LENGTHS = struct.Struct("<II")
_TAIL = struct.Struct("<IIIH8s")

TAIL_BYTES = _TAIL.size


class FrameSpan(NamedTuple):
    """A zstd frame: where it starts in the pack, its bytes stored and decompressed."""

    offset: int
    length: int
    raw_length: int


class Entry(NamedTuple):
    """A footer's row. ``offset`` is within the frame decompressed, ``checksum`` a CRC-32C.

    ``redacted`` counts the places that redaction blanked, ``MAX_REDACTED`` standing for all above.
    """

    id: bytes
    project_id: int
    protocol: int
    frame: int
    offset: int
    length: int
    checksum: int
    redacted: int


@dataclass(frozen=True, slots=True)
class PackIndex:
    """All that a footer says: who the pack is, its frames, and its events in pack order."""

    identity: Identity
    frames: list[FrameSpan]
    entries: list[Entry]

    @property
    def raw_bytes(self) -> int:
        """Bytes of all events, decompressed."""
        return sum(frame.raw_length for frame in self.frames)

    def by_frame(self) -> list[list[Entry]]:
        """The entries of each frame."""
        groups: list[list[Entry]] = [[] for _ in self.frames]
        for entry in self.entries:
            groups[entry.frame].append(entry)
        return groups

    def locate(self, entry: Entry, key: str) -> EventLocation:
        """An entry as other stores keep it, complete for one range request."""
        offset, length, _ = self.frames[entry.frame]
        return EventLocation(key, offset, length, entry.offset, entry.length, entry.checksum)

    def locations(self, key: str) -> dict[UUID, EventLocation]:
        """Where every event lies in the pack of this key."""
        return {UUID(bytes=entry.id): self.locate(entry, key) for entry in self.entries}

    def encode(self) -> bytes:
        """The last block of a pack: the footer, then the tail that finds it."""
        parts = [self.identity.encode(), _COUNTS.pack(len(self.frames), len(self.entries))]
        parts += [_FRAME.pack(*frame) for frame in self.frames]
        parts += [_EVENT.pack(*entry) for entry in self.entries]
        raw = b"".join(parts)
        stored = compress(raw)
        lengths = _LENGTHS.pack(len(stored), len(raw))
        checksum = crc32c(lengths, crc32c(stored))
        tail = _TAIL.pack(len(stored), len(raw), checksum, VERSION, MAGIC)
        return block(len(stored) + TAIL_BYTES) + stored + tail


@dataclass(frozen=True, slots=True)
class Tail:
    """The fixed last bytes of a pack: the footer's size, stored and decompressed, and CRC-32C."""

    stored: int
    raw: int
    checksum: int

    @property
    def span(self) -> int:
        """Bytes of footer and tail together, at the end of the pack."""
        return self.stored + TAIL_BYTES


def read_tail(ending: bytes) -> Tail:
    """The tail of a pack, from any number of its last bytes; raises ``Corrupt``."""
    if len(ending) < TAIL_BYTES:
        raise corrupt("shorter than a pack's tail")
    stored, raw, checksum, version, magic = _TAIL.unpack_from(ending, len(ending) - TAIL_BYTES)
    if magic != MAGIC:
        raise corrupt("does not end as a pack: truncated, or not one")
    require_version(version)
    if raw > MAX_FRAME_BYTES:
        raise corrupt(f"the footer tells {raw} bytes, over the limit of {MAX_FRAME_BYTES}")
    return Tail(stored, raw, checksum)


def read_index(ending: bytes, pack_bytes: int) -> PackIndex:
    """The index in the last bytes of a pack of ``pack_bytes``, at least ``Tail.span`` of them.

    Raises ``Corrupt``.
    """
    tail = read_tail(ending)
    if tail.span > len(ending):
        raise corrupt("the footer is truncated")
    stored = ending[len(ending) - tail.span : len(ending) - TAIL_BYTES]
    if crc32c(_LENGTHS.pack(tail.stored, tail.raw), crc32c(stored)) != tail.checksum:
        raise corrupt("the footer fails its checksum")
    index = _parse(decompress(stored, tail.raw))
    _check(index, pack_bytes - tail.span - BLOCK_BYTES)
    return index


def _parse(raw: bytes) -> PackIndex:
    identity, at = take_identity(raw, 0)
    if at + _COUNTS.size > len(raw):
        raise corrupt("the footer ends before its tables")
    frame_count, event_count = _COUNTS.unpack_from(raw, at)
    frames_at = at + _COUNTS.size
    events_at = frames_at + frame_count * _FRAME.size
    if events_at + event_count * _EVENT.size != len(raw):
        raise corrupt("the footer's tables do not fill it")
    view = memoryview(raw)
    frames = [FrameSpan(*row) for row in _FRAME.iter_unpack(view[frames_at:events_at])]
    return PackIndex(
        identity, frames, [Entry(*row) for row in _EVENT.iter_unpack(view[events_at:])]
    )


def _check(index: PackIndex, room: int) -> None:
    """Refuse tables that do not fit their pack and each other, however well the checksum fits.

    Frames in order and apart, events in order and edge to edge: so no pack, however hostile,
    decompresses a byte twice.
    """
    end = 0
    for frame in index.frames:
        if frame.offset < end or frame.raw_length > MAX_FRAME_BYTES:
            raise corrupt("the footer's frames overlap or are over the limit")
        end = frame.offset + frame.length
    if end > room or index.raw_bytes > MAX_RAW_BYTES:
        raise corrupt("the footer's frames do not fit the pack")
    if not _fits(index.entries, index.frames, len(index.identity.protocols)):
        raise corrupt("the footer's events do not fit its frames")


def _fits(entries: Iterable[Entry], frames: Sequence[FrameSpan], protocols: int) -> bool:
    filled = [0] * len(frames)
    last = 0
    for _, _, protocol, frame, offset, length, *_ in entries:
        if not last <= frame < len(frames) or protocol >= protocols or offset != filled[frame]:
            return False
        last = frame
        filled[frame] += length
    return filled == [frame.raw_length for frame in frames]
