"""Walks the records of a segment, over damage, up to a torn tail; pure.

Only headers are read: their checksum makes their lengths trustworthy, and bodies are verified
by who reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from storage.spool.layout import HEADER_BYTES, Header, decode_header

Read = Callable[[int, int], bytes]
"""The bytes at (offset, length) of a segment; fewer at its end."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a segment, from ``start`` up to ``end``."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Record(Span):
    """A record that is there as a whole."""

    header: Header


class Damage(Span):
    """Bytes that are no record though none is missing: they rotted, or were overwritten."""


class TornTail(Span):
    """A record at the end of which a part is missing: its append was cut off by a crash."""


def scan(read: Read, mark: bytes, start: int, size: int) -> Iterator[Span]:
    """What lies between ``start`` and ``size``, in order and without a gap."""
    offset = start
    while offset < size:
        span = _span_at(read, mark, offset, size)
        yield span
        offset = span.end


def _span_at(read: Read, mark: bytes, offset: int, size: int) -> Span:
    header = decode_header(mark, read(offset, HEADER_BYTES))
    if header is not None and offset + header.record_bytes <= size:
        return Record(offset, offset + header.record_bytes, header)
    following = _next_header(read, mark, offset + 1, size)
    if following is not None:
        return Damage(offset, following)
    if header is not None or size - offset < HEADER_BYTES:
        return TornTail(offset, size)
    return Damage(offset, size)


def _next_header(read: Read, mark: bytes, offset: int, size: int) -> int | None:
    rest = read(offset, size - offset)
    found = rest.find(mark)
    while found >= 0:
        if decode_header(mark, rest[found : found + HEADER_BYTES]) is not None:
            return offset + found
        found = rest.find(mark, found + 1)
    return None
