"""What one stage hands to the next: a reference to the pack, never bodies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from storage.model import PackRef


@dataclass(frozen=True, slots=True)
class Handoff:
    """A stored pack, and when it was stored."""

    pack: PackRef
    files_at: datetime

    def to_message(self) -> dict[str, Any]:
        """As the JSON argument of a task."""
        pack = self.pack
        return {
            "id": str(pack.id),
            "key": pack.key,
            "type": pack.type,
            "day": pack.day.isoformat(),
            "events": pack.events,
            "stored_bytes": pack.stored_bytes,
            "raw_bytes": pack.raw_bytes,
            "files_at": self.files_at.isoformat(),
        }

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> Handoff:
        """Back from :meth:`to_message`; raises ``KeyError`` or ``ValueError`` on anything else."""
        return cls(
            pack=PackRef(
                id=UUID(message["id"]),
                key=message["key"],
                type=message["type"],
                day=date.fromisoformat(message["day"]),
                events=int(message["events"]),
                stored_bytes=int(message["stored_bytes"]),
                raw_bytes=int(message["raw_bytes"]),
            ),
            files_at=datetime.fromisoformat(message["files_at"]),
        )
