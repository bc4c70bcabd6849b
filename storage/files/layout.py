"""The byte layout of a pack, version 1: what header, frame marks and footer share.

``docs/pack-format.md`` says the same in prose, byte by byte. All numbers are little-endian.
Everything that is not an event lies in zstd *skippable* frames, so that ``zstd -dc`` of a whole
pack prints its events.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from crc32c import crc32c

from storage.errors import Corrupt

MAGIC = b"SLUICEPK"
VERSION = 1

#: Most bytes a frame, and so an event, may have decompressed.
MAX_FRAME_BYTES = 64 << 20
#: Most bytes a pack's events may have together, decompressed.
MAX_RAW_BYTES = 2 << 30
#: Most places of an event that are counted as redacted.
MAX_REDACTED = 0xFFFF
#: Most bytes of a pack that is fetched as a whole.
MAX_PACK_BYTES = 256 << 20

_SKIPPABLE = 0x184D2A53
_BLOCK = struct.Struct("<II")
_IDENTITY = struct.Struct("<16si")
_HEADER = struct.Struct("<8sH")
_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_EPOCH = date(1970, 1, 1)

BLOCK_BYTES = _BLOCK.size


class UnknownVersion(Corrupt):
    """A pack of a format this code does not know: perhaps newer and whole, so never discard it."""


def corrupt(detail: str) -> Corrupt:
    """The fate of bytes that are not what the format says."""
    return Corrupt("files", detail)


def require_version(version: int) -> None:
    """Refuse what a later format may have laid out differently."""
    if version != VERSION:
        raise UnknownVersion("files", f"pack format version {version}; this code reads {VERSION}")


def block(length: int) -> bytes:
    """Head of a skippable zstd frame of ``length`` bytes, which are to follow it."""
    return _BLOCK.pack(_SKIPPABLE, length)


def block_length(data: bytes, at: int) -> int:
    """Length of the skippable frame whose head stands at ``at``; raises ``Corrupt``."""
    if at < 0 or at + BLOCK_BYTES > len(data):
        raise corrupt(f"truncated at byte {at}")
    magic, length = _BLOCK.unpack_from(data, at)
    if magic != _SKIPPABLE or at + BLOCK_BYTES + length > len(data):
        raise corrupt(f"no whole block at byte {at}")
    return int(length)


def seal(content: bytes) -> bytes:
    """A skippable frame of ``content`` and its CRC-32C."""
    return block(len(content) + _U32.size) + content + _U32.pack(crc32c(content))


def unseal(data: bytes, at: int) -> tuple[bytes, int]:
    """The content sealed at ``at``, and where its block ends; raises ``Corrupt``."""
    length = block_length(data, at)
    start, end = at + BLOCK_BYTES, at + BLOCK_BYTES + length
    content, checksum = data[start : end - _U32.size], data[end - _U32.size : end]
    if _U32.pack(crc32c(content)) != checksum:
        raise corrupt(f"the block at byte {at} fails its checksum")
    return content, end


@dataclass(frozen=True, slots=True)
class Identity:
    """What a pack says of itself, at its head and again in its footer.

    ``protocols`` are the names that entries refer to by position.
    """

    pack_id: UUID
    type: str
    day: date
    protocols: tuple[str, ...]

    def encode(self) -> bytes:
        """The identity as bytes: id, day, type, protocols."""
        parts = [_IDENTITY.pack(self.pack_id.bytes, (self.day - _EPOCH).days)]
        parts += [_short(self.type), _U16.pack(len(self.protocols))]
        return b"".join(parts + [_short(protocol) for protocol in self.protocols])


def _short(text: str) -> bytes:
    encoded = text.encode()
    return bytes([len(encoded)]) + encoded


def _take_short(data: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + data[at]
    if end > len(data):
        raise IndexError(end)
    return data[at + 1 : end].decode(), end


def take_identity(data: bytes, at: int) -> tuple[Identity, int]:
    """The identity that starts at ``at``, and where it ends; raises ``Corrupt``."""
    try:
        identity, days = _IDENTITY.unpack_from(data, at)
        type_, at = _take_short(data, at + _IDENTITY.size)
        (count,) = _U16.unpack_from(data, at)
        at += _U16.size
        protocols = []
        for _ in range(count):
            protocol, at = _take_short(data, at)
            protocols.append(protocol)
        day = _EPOCH + timedelta(days=days)
    except (struct.error, IndexError, UnicodeDecodeError, OverflowError) as exc:
        raise corrupt(f"a pack's identity cannot be read: {exc}") from exc
    return Identity(UUID(bytes=identity), type_, day, tuple(protocols)), at


def encode_header(identity: Identity) -> bytes:
    """The first block of a pack."""
    return seal(_HEADER.pack(MAGIC, VERSION) + identity.encode())


def read_header(data: bytes) -> tuple[Identity, int]:
    """Who a pack is, and where its first frame mark stands; raises ``Corrupt``."""
    if len(data) < BLOCK_BYTES + _HEADER.size:
        raise corrupt("shorter than a pack's header")
    magic, version = _HEADER.unpack_from(data, BLOCK_BYTES)
    if magic != MAGIC:
        raise corrupt("does not start as a pack")
    require_version(version)
    content, end = unseal(data, 0)
    identity, used = take_identity(content, _HEADER.size)
    if used != len(content):
        raise corrupt("the header is longer than what it holds")
    return identity, end
