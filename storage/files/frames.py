"""Frames and their marks: a mark stands before each frame and lists the events inside.

The footer lists them too. The marks are for a pack that lost its footer: they say what each
frame holds, so that every whole frame can still be read.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from crc32c import crc32c

from storage.files.compression import compress, decompress
from storage.files.index import Entry, FrameSpan
from storage.files.layout import BLOCK_BYTES, Identity, corrupt, seal, unseal

_MARK = struct.Struct("<4s16sIIIII")
_MEMBER = struct.Struct("<16sQHIH")
_SIGN = b"SLUF"


class Member(NamedTuple):
    """A row of a mark's directory: an event of the frame, in the order of their bytes."""

    id: bytes
    project_id: int
    protocol: int
    length: int
    redacted: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark read back: where its frame lies, that frame's CRC-32C as stored, and its events."""

    number: int
    span: FrameSpan
    checksum: int
    members: list[Member]

    def entries(self, raw: bytes, frame: int) -> list[Entry]:
        """The footer's rows of this frame, made anew from its content, under a frame number."""
        rows = []
        offset = 0
        for member in self.members:
            checksum = crc32c(memoryview(raw)[offset : offset + member.length])
            rows.append(Entry(*member[:3], frame, offset, member.length, checksum, member.redacted))
            offset += member.length
        return rows


def encode_mark(
    identity: Identity, number: int, stored: bytes, raw_bytes: int, members: Sequence[Member]
) -> bytes:
    """The block before a frame. It carries the pack's id: no payload can know and forge it."""
    head = _MARK.pack(
        _SIGN,
        identity.pack_id.bytes,
        number,
        len(stored),
        raw_bytes,
        crc32c(stored),
        len(members),
    )
    return seal(head + compress(b"".join(_MEMBER.pack(*member) for member in members)))


def read_mark(data: bytes, at: int, identity: Identity) -> Mark:
    """The mark at ``at``; raises ``Corrupt`` when it or the extent of its frame is not whole."""
    content, end = unseal(data, at)
    if len(content) < _MARK.size:
        raise corrupt(f"the frame mark at byte {at} is cut short")
    sign, owner, number, stored, raw, checksum, count = _MARK.unpack_from(content)
    if sign != _SIGN or owner != identity.pack_id.bytes:
        raise corrupt(f"no frame mark of this pack at byte {at}")
    if end + stored > len(data):
        raise corrupt(f"frame {number} is truncated")
    directory = decompress(memoryview(content)[_MARK.size :], count * _MEMBER.size)
    members = [Member(*row) for row in _MEMBER.iter_unpack(directory)]
    if sum(member.length for member in members) != raw:
        raise corrupt(f"the events of frame {number} do not add up to its length")
    if any(member.protocol >= len(identity.protocols) for member in members):
        raise corrupt(f"an event of frame {number} is of a protocol the pack does not name")
    return Mark(number, FrameSpan(end, stored, raw), checksum, members)


def find_mark(data: bytes, start: int, pack_id: UUID) -> int:
    """Where the next block that looks like a mark of this pack stands; -1 when there is none."""
    found = data.find(_SIGN + pack_id.bytes, start + BLOCK_BYTES)
    return found - BLOCK_BYTES if found >= 0 else -1


def read_frame(data: bytes, mark: Mark) -> bytes:
    """The events' bytes of a frame, one after another; raises ``Corrupt``."""
    span = mark.span
    stored = memoryview(data)[span.offset : span.offset + span.length]
    if crc32c(stored) != mark.checksum:
        raise corrupt(f"frame {mark.number} fails its checksum")
    return decompress(stored, span.raw_length)
