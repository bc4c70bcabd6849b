"""The bytes of a spool segment; pure.

A segment is a preamble and then records, one after another, each a batch::

    preamble  8s  "SLSPOOL1"
              Q   done: offset of the first record not yet published
              Q   damaged: bytes passed over because they cannot be read
              I   CRC-32C of the above
    record    16s mark: the segment's id, which is also its file name
              H   version
              H   bytes of the event type
              I   bytes of the batch
              I   events in the batch
              16s batch id
              I   CRC-32C of the event type and the batch
              I   CRC-32C of the header above
              …   event type, in ASCII
              …   the batch, as :func:`events.envelope.encode_batch` makes it

Numbers are big-endian. The mark is random and never leaves the machine, so nothing that a sender
puts into an event can pass for a record where a reader looks for the next one behind damage.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from crc32c import crc32c

from events.envelope import Envelope, decode_batch, encode_batch

VERSION = 1

_MAGIC = b"SLSPOOL1"
_PREAMBLE = struct.Struct(">8sQQ")
_HEADER = struct.Struct(">16sHHII16sI")
_SUM = struct.Struct(">I")

PREAMBLE_BYTES = _PREAMBLE.size + _SUM.size
HEADER_BYTES = _HEADER.size + _SUM.size


@dataclass(frozen=True, slots=True)
class SpooledBatch:
    """A batch as it lies in a spool: encoded, with what can be told of it without decoding."""

    event_type: str
    batch_id: UUID
    events: int
    data: bytes

    def envelopes(self) -> list[Envelope]:
        """Its events; raises :class:`events.envelope.MalformedBatch`."""
        return decode_batch(self.data)


def spooled_batch(event_type: str, batch_id: UUID, envelopes: Sequence[Envelope]) -> SpooledBatch:
    """The batch ready to be written."""
    return SpooledBatch(event_type, batch_id, len(envelopes), encode_batch(envelopes))


@dataclass(frozen=True, slots=True)
class Progress:
    """What a preamble tells. ``damaged`` bytes are kept: they make the segment stay."""

    done: int = PREAMBLE_BYTES
    damaged: int = 0


def encode_preamble(progress: Progress) -> bytes:
    """The first bytes of a segment."""
    head = _PREAMBLE.pack(_MAGIC, progress.done, progress.damaged)
    return head + _SUM.pack(crc32c(head))


def decode_preamble(raw: bytes) -> Progress:
    """What a segment's first bytes tell; if they are damaged, that nothing is done yet.

    Publishing a batch again is safe, passing over one is not.
    """
    head = raw[: _PREAMBLE.size]
    if len(raw) < PREAMBLE_BYTES or raw[_PREAMBLE.size : PREAMBLE_BYTES] != _SUM.pack(crc32c(head)):
        return Progress()
    magic, done, damaged = _PREAMBLE.unpack(head)
    return Progress(done, damaged) if magic == _MAGIC else Progress()


@dataclass(frozen=True, slots=True)
class Header:
    """A record's header, verified."""

    version: int
    type_bytes: int
    batch_bytes: int
    events: int
    batch_id: UUID
    checksum: int

    @property
    def record_bytes(self) -> int:
        """Length of the whole record."""
        return HEADER_BYTES + self.type_bytes + self.batch_bytes


def encode_record(mark: bytes, batch: SpooledBatch) -> bytes:
    """The bytes of a batch in the segment of this mark."""
    body = batch.event_type.encode("ascii") + batch.data
    head = _HEADER.pack(
        mark,
        VERSION,
        len(batch.event_type),
        len(batch.data),
        batch.events,
        batch.batch_id.bytes,
        crc32c(body),
    )
    return head + _SUM.pack(crc32c(head)) + body


def decode_header(mark: bytes, raw: bytes) -> Header | None:
    """The header at the start of ``raw``; None when there is none, or a damaged one."""
    if len(raw) < HEADER_BYTES or not raw.startswith(mark):
        return None
    head = raw[: _HEADER.size]
    if raw[_HEADER.size : HEADER_BYTES] != _SUM.pack(crc32c(head)):
        return None
    _, version, type_bytes, batch_bytes, events, batch_id, checksum = _HEADER.unpack(head)
    return Header(version, type_bytes, batch_bytes, events, UUID(bytes=batch_id), checksum)


def decode_body(header: Header, body: bytes) -> SpooledBatch | None:
    """The batch that follows a header; None when it is damaged or of an unknown version."""
    whole = len(body) == header.type_bytes + header.batch_bytes
    if not whole or header.version != VERSION or crc32c(body) != header.checksum:
        return None
    event_type = body[: header.type_bytes].decode("ascii")
    return SpooledBatch(event_type, header.batch_id, header.events, body[header.type_bytes :])
