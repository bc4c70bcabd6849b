"""What was erased where, and what is not gone yet and until when. No personal data is in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from config.settings import Settings
from storage.erasure import Erasure
from storage.spool.state import read_spool_state
from storage.sql.erasure_traces import Traces

#: Most packs that a report lists one by one.
MOST_PACKS = 1000

#: What an erasure finds that is not wholly its own to take out.
_LIMITS = (
    "Backups of the stores, old versions of objects in a bucket that keeps versions, logs, and "
    "files that were exported are not reached.",
    "PostgreSQL and Elasticsearch free the space of what was deleted later, by themselves.",
)


@dataclass(frozen=True, slots=True)
class Reports:
    """Makes reports. Methods raise ``StoreDown``."""

    settings: Settings
    traces: Traces

    def document(self, erasure: Erasure) -> dict[str, Any]:
        """The report of an erasure as it stands."""
        places = self.traces.places(erasure.id, MOST_PACKS)
        left = self.traces.remains(erasure.id)
        counts = self.traces.counts(erasure.id)
        due = erasure.at + timedelta(hours=self.settings.erasure_hours)
        return {
            "id": erasure.id,
            "kind": erasure.kind,
            "project": erasure.project,
            "asked_for": erasure.shown,
            "actor": erasure.actor,
            "at": erasure.at,
            "state": erasure.state,
            "waiting": erasure.waiting,
            "finished_at": erasure.finished_at,
            "erased": {
                "events": erasure.found.get("events", 0),
                "events_by_type": {name: events for name, (events, _) in counts.items()},
                "sql_rows": erasure.found.get("rows", 0),
                "search_documents": sum(unindexed for _, unindexed in counts.values()),
                "dead_letters": erasure.found.get("dead_letters", 0),
                "parked_events": erasure.found.get("parked_events", 0),
                "groups": erasure.found.get("groups", 0),
            },
            "packs": [
                {
                    "pack": place.pack_id,
                    "type": place.type,
                    "events": place.events,
                    "bytes_gone_at": place.gone_at,
                }
                for place in places
            ],
            "left": {
                "events_with_bytes": left.events,
                "packs": left.packs,
                "packs_waiting_for_grace": left.doomed,
                "bytes_gone_by": due if left.events else None,
                "caches_until": self._caches_until(erasure),
                "unreadable": erasure.found.get("unreadable", 0),
                "quarantined_spool_bytes": self._quarantined(),
            },
            "not_reached": list(_LIMITS),
        }

    def _caches_until(self, erasure: Erasure) -> Any:
        if erasure.state != "cooling":
            return None
        return erasure.state_at + timedelta(seconds=self.settings.files_cache_seconds)

    def _quarantined(self) -> int | None:
        """Bytes of damaged spool files of this machine, which nobody can look into; null where
        they cannot be counted.
        """
        try:
            return read_spool_state(self.settings.home).quarantined
        except OSError:
            return None
