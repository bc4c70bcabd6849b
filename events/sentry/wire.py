"""Sentry's envelopes taken apart: exact byte slices of their items, within bounds; pure.

An envelope is a line of JSON (its header), then for each item a line of JSON (the item's header)
and the item's bytes, each ended by a line feed or the end. A header's ``length`` says how many
bytes there are; without it they end with the line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from events.parse import BOM, loads
from events.record import Malformed

MAX_HEADER_BYTES = 64 * 1024
"""The longest header line. Real ones have up to some KB: a trace header, an SDK's packages."""
MAX_HEADER_DEPTH = 50
MAX_ITEMS = 1_000
"""Items read of one envelope; what follows is refused. Real SDKs send a handful."""
_TYPE_CHARS = 100


class Item(NamedTuple):
    """One item: its type, its whole header, and exactly its bytes."""

    type: str
    header: dict[str, Any]
    payload: bytes


@dataclass(slots=True)
class Parcel:
    """An envelope of Sentry's, opened. ``faults`` say what of it could not be read as items."""

    header: dict[str, Any]
    items: list[Item] = field(default_factory=list)
    faults: list[Malformed] = field(default_factory=list)


def open_parcel(body: bytes, max_header_bytes: int = MAX_HEADER_BYTES) -> Parcel:
    """The envelope's items in order; what follows a broken one cannot be found, and is refused.

    Raises :class:`Malformed` when not even the envelope's header can be read.
    """
    start = len(BOM) if body.startswith(BOM) else 0
    header, at = _header(body, start, "bad_envelope", max_header_bytes)
    parcel = Parcel(header)
    while (at := _next_line(body, at)) < len(body):
        if len(parcel.items) == MAX_ITEMS:
            fault = Malformed("too_many", f"The envelope has more than {MAX_ITEMS} items.")
            parcel.faults.append(fault)
            break
        try:
            item, at = _item(body, at, max_header_bytes)
        except Malformed as fault:
            parcel.faults.append(fault.with_traceback(None))  # which would keep the body alive
            break
        parcel.items.append(item)
    return parcel


def _next_line(body: bytes, at: int) -> int:
    """Past blank lines: some senders write one between items."""
    while body[at : at + 1] in (b"\n", b"\r"):
        at += 1
    return at


def _item(body: bytes, at: int, most: int) -> tuple[Item, int]:
    header, start = _header(body, at, "bad_item", most)
    kind = header.get("type")
    if not isinstance(kind, str) or not 1 <= len(kind) <= _TYPE_CHARS:
        raise Malformed("bad_item", f"The item's header at byte {at} names no type.")
    length = header.get("length")
    if length is None:
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
    elif type(length) is int and 0 <= length <= len(body) - start:
        end = start + length
        if body[end : end + 1] not in (b"\n", b""):
            raise Malformed("bad_item", f"No line ends {length} bytes after byte {start}.")
    else:
        raise Malformed("bad_item", f"The item at byte {at} has not the length it says.")
    return Item(kind, header, body[start:end]), end + 1


def _header(body: bytes, at: int, code: str, most: int) -> tuple[dict[str, Any], int]:
    """A header line, and where what follows it starts."""
    end = body.find(b"\n", at, at + most + 1)
    if end < 0:
        if len(body) - at > most:
            raise Malformed(code, f"The header at byte {at} has more than {most} bytes.")
        end = len(body)
    try:
        header = loads(body[at:end], MAX_HEADER_DEPTH)
    except Malformed as fault:
        raise Malformed(code, f"The header at byte {at} cannot be read: {fault}") from None
    if not isinstance(header, dict):
        raise Malformed(code, f"The header at byte {at} is not a JSON object.")
    return header, end + 1
