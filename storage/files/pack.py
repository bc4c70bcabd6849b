"""Packs as bytes: encode envelopes into one, and read them back, verified. Pure.

The same envelopes and pack id always give the same bytes, so a write that is tried again
overwrites a pack with itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from crc32c import crc32c

from events.envelope import Envelope
from events.ids import id_day
from storage.errors import Rejected
from storage.files.compression import compress
from storage.files.frames import Member, encode_mark, read_frame, read_mark
from storage.files.index import Entry, FrameSpan, PackIndex, read_index, read_tail
from storage.files.layout import (
    BLOCK_BYTES,
    MAX_FRAME_BYTES,
    MAX_RAW_BYTES,
    MAX_REDACTED,
    Identity,
    block_length,
    corrupt,
    encode_header,
    read_header,
)
from storage.files.order import cut, in_pack_order
from storage.model import PackedEvent


@dataclass(frozen=True, slots=True)
class Pack:
    """An encoded pack and its index."""

    data: bytes
    index: PackIndex


def _identify(pack_id: UUID, envelopes: Sequence[Envelope]) -> Identity:
    kinds = {(envelope.type, id_day(envelope.id)) for envelope in envelopes}
    if len(kinds) != 1:
        raise ValueError(f"a pack holds events of one type and one day, not of {len(kinds)}")
    ((type_, day),) = kinds
    protocols = sorted({envelope.protocol for envelope in envelopes})
    return Identity(pack_id, type_, day, tuple(protocols))


def _unique(envelopes: Iterable[Envelope]) -> Sequence[Envelope]:
    """The envelopes without repeats of an id: a message taken over may be joined twice."""
    return list({envelope.id: envelope for envelope in envelopes}.values())


def _refuse_giants(envelopes: Iterable[Envelope]) -> None:
    total = 0
    for envelope in envelopes:
        total += len(envelope.body)
        if len(envelope.body) > MAX_FRAME_BYTES:
            raise Rejected("files", f"event {envelope.id} has {len(envelope.body)} bytes")
    if total > MAX_RAW_BYTES:
        raise Rejected("files", f"{total} bytes of events are too many for one pack")


class _Writer:
    """A pack in the making: its blocks in order, and its index."""

    def __init__(self, identity: Identity) -> None:
        self._protocols = {name: number for number, name in enumerate(identity.protocols)}
        self._parts: list[bytes] = []
        self._size = 0
        self.index = PackIndex(identity, [], [])
        self._append(encode_header(identity))

    def _append(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)

    def add(self, run: Sequence[Envelope]) -> None:
        """One frame, with its mark before it."""
        index, number = self.index, len(self.index.frames)
        raw = b"".join([envelope.body for envelope in run])
        stored = compress(raw)
        members = [self._member(envelope) for envelope in run]
        self._append(encode_mark(index.identity, number, stored, len(raw), members))
        index.frames.append(FrameSpan(self._size, len(stored), len(raw)))
        self._append(stored)
        offset = 0
        for envelope, member in zip(run, members, strict=True):
            checksum = crc32c(envelope.body)
            index.entries.append(
                Entry(*member[:3], number, offset, member.length, checksum, member.redacted)
            )
            offset += member.length

    def _member(self, envelope: Envelope) -> Member:
        return Member(
            envelope.id.bytes,
            envelope.project_id,
            self._protocols[envelope.protocol],
            len(envelope.body),
            min(envelope.redacted, MAX_REDACTED),
        )

    def finish(self) -> Pack:
        """The pack as one piece of bytes."""
        self._append(self.index.encode())
        return Pack(b"".join(self._parts), self.index)


def encode_pack(pack_id: UUID, envelopes: Iterable[Envelope], frame_bytes: int) -> Pack:
    """A pack of envelopes of one type and one day of ids, in frames of about ``frame_bytes``.

    An id given twice is packed once. Raises ``Rejected`` over the format's limits, and
    ``ValueError`` when the envelopes do not belong in one pack.
    """
    unique = _unique(envelopes)
    _refuse_giants(unique)
    writer = _Writer(_identify(pack_id, unique))
    for run in cut(in_pack_order(unique), frame_bytes):
        writer.add(run)
    return writer.finish()


def decode_pack(data: bytes, key: str) -> list[PackedEvent]:
    """Every event of a whole pack, every byte of it verified; ``key`` goes into the locations.

    Raises ``Corrupt``; then :func:`storage.files.salvage.salvage` reads what is whole.
    """
    index = read_index(data, len(data))
    events: list[PackedEvent] = []
    for raw, entries in zip(_frames(data, index), index.by_frame(), strict=True):
        events.extend(unpack(index, entry, raw, key) for entry in entries)
    return events


def unpack(index: PackIndex, entry: Entry, raw: bytes, key: str) -> PackedEvent:
    """One event out of its frame decompressed; raises ``Corrupt``."""
    body = cut_out(raw, entry.offset, entry.length, entry.checksum)
    identity = index.identity
    envelope = Envelope(
        id=UUID(bytes=entry.id),
        project_id=entry.project_id,
        type=identity.type,
        protocol=identity.protocols[entry.protocol],
        body=body,
        redacted=entry.redacted,
    )
    return PackedEvent(envelope, index.locate(entry, key))


def cut_out(raw: bytes, offset: int, length: int, checksum: int) -> bytes:
    """An event's bytes out of a frame decompressed; raises ``Corrupt``."""
    body = raw[offset : offset + length]
    if len(body) != length or crc32c(body) != checksum:
        raise corrupt("an event fails its checksum")
    return body


def _frames(data: bytes, index: PackIndex) -> Iterator[bytes]:
    """The frames decompressed, one at a time, after a walk that leaves no byte unchecked."""
    identity, at = read_header(data)
    if identity != index.identity:
        raise corrupt("header and footer are of different packs")
    for number, span in enumerate(index.frames):
        mark = read_mark(data, at, identity)
        if (mark.number, mark.span) != (number, span):
            raise corrupt(f"frame {number} is not where the footer says")
        at = span.offset + span.length
        yield read_frame(data, mark)
    footer = read_tail(data).span
    if block_length(data, at) != footer or at + BLOCK_BYTES + footer != len(data):
        raise corrupt("the pack has bytes that nothing accounts for")
