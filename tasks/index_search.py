"""Stage ``search``: documents of a pack in Elasticsearch; then the pack counts as stored."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import structlog

from events.ids import Clock
from storage.model import PackedEvent
from tasks.handoff import Handoff
from tasks.isolation import Failure
from tasks.normalising import dead_letter, normalise_all
from tasks.stores import WorkerStores

_log = structlog.get_logger(__name__)


def index_pack(handoff: Handoff, stores: WorkerStores, clock: Clock) -> None:
    """Index the events of a pack that have a row; per-item failures are dead letters.

    Idempotent by ids; the mark that counts the pack as stored is set once. Raises
    :class:`StoreDown`, :class:`Corrupt`, :class:`NotFound`.
    """
    pack = handoff.pack
    packed = stores.files.read_pack(pack.key)
    events, _ = normalise_all(packed)
    rows = stores.packs.stored_ids(pack.type, [event.record.id for event in events])
    records = [event.record for event in events if event.record.id in rows]
    failed = dict(stores.search.index(pack.type, records))
    at = datetime.fromtimestamp(clock() / 1000, UTC)
    if failed:
        failures = [_failure(item, failed) for item in packed if item.envelope.id in failed]
        stores.dead_letters.add([dead_letter(failure, "search", at) for failure in failures])
        _log.error("dead_lettered", pack=str(pack.id), events=len(failures))
    first = stores.packs.mark_searched(pack.id, at)
    _log.info("indexed", pack=str(pack.id), events=len(records), first=first)


def _failure(item: PackedEvent, reasons: dict[UUID, str]) -> Failure[PackedEvent]:
    """Elasticsearch says itself which document it refuses, and would refuse it again."""
    return Failure(item, "document_refused", reasons[item.envelope.id], "", attempts=1)
