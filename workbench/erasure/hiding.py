"""Taking erased events out of what is made from packs: documents, blobs, this machine's cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from events.ids import id_day
from storage.blobs import Blobs
from storage.files.cache.frames import FrameCache
from storage.files.keys import pack_key
from storage.search.store import SearchStore
from storage.sql.erasure_traces import Traces

_AT_ONCE = 500
#: Each costs a look at all entries of the cache.
_MOST_FORGOTTEN = 200

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Hider:
    """Every method may be repeated. Methods raise ``StoreDown``."""

    traces: Traces
    search: SearchStore
    blobs: Blobs
    cache: FrameCache

    def hide(self, erasure_id: UUID) -> None:
        """Delete documents and blobs of what was erased since."""
        while events := self.traces.indexed(erasure_id, None, _AT_ONCE):
            self.delete(events)
            ids = [event_id for event_id, _ in events]
            self.blobs.erase_of_event(ids)
            self.traces.mark_unindexed(ids)
            _log.info("erasure_hidden", erasure=str(erasure_id), events=len(ids))

    def delete(self, events: Sequence[tuple[UUID, str]]) -> None:
        """Delete the documents of events (id, type), also from indices in the making."""
        for type_name in sorted({kind for _, kind in events}):
            ids = [event_id for event_id, kind in events if kind == type_name]
            self.search.delete(type_name, ids, self.traces.targets(type_name))

    def forget(self, erasure_id: UUID) -> None:
        """Drop what this machine's cache has of packs that are gone; of very many it ages out."""
        for place in self.traces.places(erasure_id, _MOST_FORGOTTEN):
            try:
                self.cache.forget(pack_key(place.type, id_day(place.sample), place.pack_id))
            except OSError as exc:
                _log.warning("erasure_cache_left", erasure=str(erasure_id), error=str(exc))
                return
