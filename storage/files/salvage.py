"""What is whole in a damaged pack. Pure; goes by the footer if it is whole, else by the marks."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from storage.errors import Corrupt
from storage.files.compression import decompress
from storage.files.frames import find_mark, read_frame, read_mark
from storage.files.index import Entry, PackIndex, read_index
from storage.files.layout import Identity, UnknownVersion, read_header
from storage.files.pack import unpack
from storage.model import PackedEvent


@dataclass(slots=True)
class Salvage:
    """The events that could be read, each verified, and a sentence for each damage met."""

    events: list[PackedEvent] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def salvage(data: bytes, key: str) -> Salvage:
    """Read every whole frame of a pack, damaged or not.

    Raises ``Corrupt`` only when neither header nor footer can tell whose events these are, and
    ``UnknownVersion`` for a pack of another format.
    """
    found = Salvage()
    identity = _identity(data, found)
    index = _index(data, identity, found)
    for entries in filter(None, index.by_frame()):
        _read_frame(found, data, key, index, entries)
    return found


def _identity(data: bytes, found: Salvage) -> Identity | None:
    """Who the pack is by its header. Another version is no damage, so it is raised."""
    try:
        return read_header(data)[0]
    except UnknownVersion:
        raise
    except Corrupt as exc:
        found.faults.append(exc.detail)
        return None


def _index(data: bytes, identity: Identity | None, found: Salvage) -> PackIndex:
    try:
        return read_index(data, len(data))
    except Corrupt as exc:
        if identity is None:
            raise
        found.faults.append(exc.detail)
        return _index_by_marks(data, identity, found)


def _index_by_marks(data: bytes, identity: Identity, found: Salvage) -> PackIndex:
    """The footer made anew from the frames that are whole."""
    index = PackIndex(identity, [], [])
    at = find_mark(data, 0, identity.pack_id)
    while at >= 0:
        after = at + 1
        try:
            mark = read_mark(data, at, identity)
            after = mark.span.offset
            raw = read_frame(data, mark)
            index.entries.extend(mark.entries(raw, len(index.frames)))
            index.frames.append(mark.span)
            after += mark.span.length
        except Corrupt as exc:
            found.faults.append(exc.detail)
        at = find_mark(data, after, identity.pack_id)
    return index


def _read_frame(
    found: Salvage, data: bytes, key: str, index: PackIndex, entries: list[Entry]
) -> None:
    """Add the events of one frame, or why they cannot be read."""
    span = index.frames[entries[0].frame]
    try:
        stored = memoryview(data)[span.offset : span.offset + span.length]
        raw = decompress(stored, span.raw_length)
    except Corrupt as exc:
        found.faults.append(f"frame at byte {span.offset}: {exc.detail}")
        return
    for entry in entries:
        try:
            found.events.append(unpack(index, entry, raw, key))
        except Corrupt as exc:
            found.faults.append(f"event {UUID(bytes=entry.id)}: {exc.detail}")
