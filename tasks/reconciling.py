"""What a reconcile run is given and what it finds: its scope, its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from storage.files.keys import SPREADS
from storage.sql.repairs import Repair


@dataclass(frozen=True, slots=True)
class Scope:
    """What to compare: days of ids, both included, and moments that bound it.

    Packs that moved after ``settled`` may still be on their way. With ``recheck`` packs compared
    since that moment are passed over, and of a type about ``events`` events are compared; without
    it all are. ``spreads`` are the beginnings of keys to list.
    """

    first: date
    last: date
    settled: datetime
    recheck: datetime | None
    events: int
    spreads: Sequence[int]

    def days(self) -> list[date]:
        return [self.first + timedelta(n) for n in range((self.last - self.first).days + 1)]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What reconciling cannot repair. ``code`` is stable: ``pack_lost``, ``pack_corrupt``,
    ``event_refused``, ``gave_up``, ``unexplained``, ``backlog_too_long``.
    """

    code: str
    type: str
    pack_id: UUID | None
    detail: str


@dataclass(slots=True)
class Report:
    """The outcome of a run. ``corrected`` is by how many events counters of empty queues were
    wrong.
    """

    packs: int = 0
    events: int = 0
    corrected: int = 0
    repairs: list[Repair] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)

    def repaired(self) -> dict[str, int]:
        """Events repaired, by kind."""
        totals: Counter[str] = Counter()
        for repair in self.repairs:
            totals[repair.kind] += repair.events
        return dict(totals)

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "packs": self.packs,
            "events": self.events,
            "repaired": self.repaired(),
            "counters_corrected": self.corrected,
            "repairs": [
                {
                    "kind": repair.kind,
                    "type": repair.type,
                    "pack": str(repair.pack_id),
                    "events": repair.events,
                }
                for repair in self.repairs
            ],
            "troubles": [
                {
                    "code": trouble.code,
                    "type": trouble.type,
                    "pack": None if trouble.pack_id is None else str(trouble.pack_id),
                    "detail": trouble.detail,
                }
                for trouble in self.troubles
            ],
        }


def recent_scope(
    now_ms: int, *, hours: int, grace: float, recheck: float, events: int, period: int
) -> Scope:
    """What the periodic task looks at: recent packs, and a sixteenth of the listing a run."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    slices = 16
    turn = now_ms // (period * 1000) % slices
    return Scope(
        first=(now - timedelta(hours=hours)).date(),
        last=now.date(),
        settled=now - timedelta(seconds=grace),
        recheck=now - timedelta(seconds=recheck),
        events=events,
        spreads=range(turn, SPREADS, slices),
    )


def whole_scope(now_ms: int, first: date, last: date, grace: float) -> Scope:
    """Every pack of these days."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    return Scope(
        first=first,
        last=last,
        settled=now - timedelta(seconds=grace),
        recheck=None,
        events=0,
        spreads=range(SPREADS),
    )
