"""A cached frame as a file: a head that says whose bytes follow, and their checksum.

``SLUICEFC``, SHA-256 of what is cached, CRC-32C of the rest, then the frame as the pack stores it.
Numbers are little-endian.
"""

from __future__ import annotations

import hashlib
import struct
from typing import NamedTuple

from crc32c import crc32c

_HEAD = struct.Struct("<8s32sI")
_MAGIC = b"SLUICEFC"
_PACK_CHARS = 32

HEAD_BYTES = _HEAD.size


class FrameKey(NamedTuple):
    """Which frame: the pack's key, where it starts in the pack, and its bytes as stored."""

    pack_key: str
    offset: int
    length: int

    @property
    def digest(self) -> bytes:
        """SHA-256 over all of it."""
        return hashlib.sha256(f"{self.pack_key}\0{self.offset}\0{self.length}".encode()).digest()

    @property
    def name(self) -> str:
        """The entry's file name; those of a pack begin alike (:func:`pack_prefix`)."""
        return f"{pack_prefix(self.pack_key)}{self.offset}-{self.length}"


def pack_prefix(pack_key: str) -> str:
    """What the names of all entries of a pack begin with."""
    return f"{hashlib.sha256(pack_key.encode()).hexdigest()[:_PACK_CHARS]}-"


def encode_entry(key: FrameKey, stored: bytes) -> bytes:
    """The file of a frame."""
    return _HEAD.pack(_MAGIC, key.digest, crc32c(stored)) + stored


def decode_entry(key: FrameKey, data: bytes) -> bytes | None:
    """The frame in a file; null when the file is torn, damaged, or another frame's."""
    if len(data) != HEAD_BYTES + key.length:
        return None
    magic, digest, checksum = _HEAD.unpack_from(data)
    stored = data[HEAD_BYTES:]
    if magic != _MAGIC or digest != key.digest or crc32c(stored) != checksum:
        return None
    return stored
