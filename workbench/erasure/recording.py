"""Bringing packs on record that never came there, so that compaction rewrites them too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

import structlog

from broker.contents import Contents
from events.ids import Clock, id_time
from storage.errors import Corrupt, NotFound
from storage.files.keys import pack_key
from storage.files.store import FileStore
from storage.model import PackRef
from storage.sql.erasure_traces import Traces
from storage.sql.packs import Packs

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Recorder:
    """Idempotent. Methods raise ``StoreDown``."""

    files: FileStore
    contents: Contents
    packs: Packs
    traces: Traces
    clock: Clock

    def record(self, pack_id: UUID, type_name: str, day: date) -> None:
        """Put a pack on record, without a row; what of it has no row and no tombstone is kept.

        Not while a message names it: who works on that must find it where it is. One that cannot
        be read stays as it is, and is told in the log.
        """
        queued = self.contents.packs(type_name)
        if queued is None or pack_id in queued:
            return
        key = pack_key(type_name, day, pack_id)
        try:
            index, stored_bytes = self.files.read_index(key), self.files.size_of(key)
        except NotFound:
            self.traces.mark_lost(pack_id)
            return
        except Corrupt as exc:
            _log.error("erasure_pack_unreadable", pack=str(pack_id), reason=exc.detail)
            return
        pack = PackRef(
            id=pack_id,
            key=key,
            type=type_name,
            day=day,
            events=len(index.entries),
            stored_bytes=stored_bytes,
            raw_bytes=index.raw_bytes,
        )
        self.packs.store(pack, id_time(pack_id), [])
        self.packs.mark_searched(pack_id, datetime.fromtimestamp(self.clock() / 1000, UTC))
