"""What ``./sluice pack`` tells of a pack's bytes, whole or damaged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from ops.errors import OpsError
from storage.errors import Corrupt
from storage.files.index import PackIndex, read_index
from storage.files.layout import UnknownVersion
from storage.files.pack import decode_pack
from storage.files.salvage import salvage
from storage.files.store import FileStore
from storage.model import PackedEvent


@dataclass(frozen=True, slots=True)
class Reading:
    """The events of a pack, and a sentence for each damage: none when it is whole.

    ``index`` is the footer, null when that cannot be read.
    """

    stored_bytes: int
    index: PackIndex | None
    events: list[PackedEvent]
    faults: list[str]


def load(target: str, files: FileStore | None) -> bytes:
    """The bytes of a local file or, where there is none of the name, of a key of the bucket.

    Raises :class:`OpsError`, ``NotFound``, ``StoreDown``.
    """
    path = Path(target)
    try:
        if path.exists() or files is None:
            return path.read_bytes()
    except OSError as exc:
        raise OpsError(f"{target} cannot be read: {exc.strerror}") from exc
    return files.fetch_pack(target)


def read(data: bytes, target: str) -> Reading:
    """Read and verify every byte; of a damaged pack, what is whole.

    Raises :class:`OpsError` for what is no pack, and for a version this code does not know.
    """
    try:
        return Reading(len(data), read_index(data, len(data)), decode_pack(data, target), [])
    except UnknownVersion as exc:
        raise OpsError(f"{target}: {exc.detail}; use a newer ./sluice") from exc
    except Corrupt as exc:
        return _salvaged(data, target, exc)


def _salvaged(data: bytes, target: str, fault: Corrupt) -> Reading:
    try:
        found = salvage(data, target)
    except UnknownVersion as exc:
        raise OpsError(f"{target}: {exc.detail}; use a newer ./sluice") from exc
    except Corrupt as exc:
        raise OpsError(f"{target}: neither header nor footer of a pack: {exc.detail}") from exc
    # The walk of salvaging passes over bytes that nothing accounts for.
    return Reading(len(data), _index(data), found.events, found.faults or [fault.detail])


def _index(data: bytes) -> PackIndex | None:
    try:
        return read_index(data, len(data))
    except Corrupt:
        return None


def summary(reading: Reading) -> dict[str, Any]:
    """What ``inspect`` and ``verify`` tell of a pack."""
    events, index = reading.events, reading.index
    raw = sum(len(event.envelope.body) for event in events)
    missing = len(index.entries) - len(events) if index else None
    identity = index.identity if index else None
    return {
        "whole": not reading.faults,
        "id": str(identity.pack_id) if identity else None,
        "type": events[0].envelope.type if events else None,
        "day": identity.day.isoformat() if identity else None,
        "protocols": sorted({event.envelope.protocol for event in events}),
        "events": len(events),
        "events_lost": missing,
        "frames": len({event.location.frame_offset for event in events}),
        "stored_bytes": reading.stored_bytes,
        "raw_bytes": raw,
        "times_smaller": round(raw / reading.stored_bytes, 1) if reading.stored_bytes else None,
        "redacted": sum(event.envelope.redacted for event in events),
        "faults": reading.faults,
    }


def rows(events: Iterable[PackedEvent]) -> list[dict[str, Any]]:
    """A row an event, without its payload."""
    return [
        {
            "id": str(event.envelope.id),
            "project_id": event.envelope.project_id,
            "protocol": event.envelope.protocol,
            "redacted": event.envelope.redacted,
            "frame_offset": event.location.frame_offset,
            "offset": event.location.offset,
            "length": event.location.length,
            "checksum": f"{event.location.checksum:08x}",
        }
        for event in events
    ]


def pick(events: list[PackedEvent], wanted: UUID | None) -> list[PackedEvent]:
    """All, or the one of an id; raises :class:`OpsError` when it is not there."""
    if wanted is None:
        return events
    found = [event for event in events if event.envelope.id == wanted]
    if not found:
        raise OpsError(f"event {wanted} is not in what can be read of this pack")
    return found
