"""Envelopes, and the bytes in which a batch of them travels through the broker.

A batch is msgpack ``[version, [[id, project, type, protocol, body], …]]``, compressed with
zstd: ids are 16 bytes, ``project`` is its number, ``body`` the item's raw bytes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import msgpack
import zstandard

#: The project of events that the system sends itself; lists for people leave it out.
SYSTEM_PROJECT = 0

BATCH_VERSION = 1
MAX_BATCH_BYTES = 64 << 20
_LEVEL = 1


class MalformedBatch(ValueError):
    """Bytes that are not a batch of envelopes, or of a version this code does not know."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """An accepted event as queued. ``body`` is exactly the item's bytes, content decoded.

    ``redacted`` counts the places of the body that redaction has blanked; a batch in the broker
    does not carry it, for it is not redacted yet.
    """

    id: UUID
    project_id: int
    type: str
    protocol: str
    body: bytes
    redacted: int = 0


class _Contexts(threading.local):
    """A compressor and a decompressor of each thread: making one costs as much as a small batch."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


_contexts = _Contexts()


def encode_batch(envelopes: Iterable[Envelope]) -> bytes:
    """The batch as bytes for one task message."""
    rows = [[e.id.bytes, e.project_id, e.type, e.protocol, e.body] for e in envelopes]
    packed: bytes = msgpack.packb([BATCH_VERSION, rows], use_bin_type=True)
    return _contexts.compressor.compress(packed)


def decode_batch(data: bytes) -> list[Envelope]:
    """The envelopes of :func:`encode_batch`; raises :class:`MalformedBatch`."""
    try:
        packed = _contexts.decompressor.decompress(data, max_output_size=MAX_BATCH_BYTES)
        version, rows = msgpack.unpackb(packed, raw=False)
        if version != BATCH_VERSION:
            raise MalformedBatch(f"batch version {version} is not {BATCH_VERSION}")
        return [
            Envelope(UUID(bytes=identity), project, type_, protocol, body)
            for identity, project, type_, protocol, body in rows
        ]
    except MalformedBatch:
        raise
    except (zstandard.ZstdError, msgpack.UnpackException, ValueError, TypeError) as exc:
        raise MalformedBatch(f"not a batch of envelopes: {exc}") from exc
