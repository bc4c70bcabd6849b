"""Stage ``sql``: rows, groups and counters of a pack."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from broker.handoff import Handoff
from broker.suspects import Suspects
from events.ids import Clock
from storage.model import PackedEvent
from tasks.burial import bury
from tasks.careful import work_on
from tasks.delivery import Delivery
from tasks.isolation import Failure, Retrying, isolate
from tasks.normalising import Normalised, normalise_all, of_packed
from tasks.reading import read_for_stage
from tasks.stores import WorkerStores

_log = structlog.get_logger(__name__)


def store_pack_rows(
    handoff: Handoff,
    delivery: Delivery,
    suspects: Suspects,
    stores: WorkerStores,
    retrying: Retrying,
    clock: Clock,
) -> None:
    """Store a pack's events in SQL, in one transaction; those at fault are dead-lettered.

    When some fail the others are stored in parts, each in its transaction. Idempotent by ids.
    Of a damaged pack what is whole is stored. Raises :class:`StoreDown`, :class:`Flood`, and
    :class:`Corrupt` or :class:`NotFound` when nothing of the pack can be read.
    """

    def store(events: Sequence[Normalised]) -> None:
        rows = [(e.record, e.packed.envelope.protocol, e.packed.location) for e in events]
        stores.packs.store(handoff.pack, handoff.files_at, rows)

    def process(items: Sequence[PackedEvent]) -> list[Failure[PackedEvent]]:
        events, failures = normalise_all(items)
        _, refused = isolate(store, events, retrying)
        return failures + [of_packed(failure) for failure in refused]

    packed = read_for_stage(handoff, delivery, stores, clock)
    failures = work_on(packed, delivery, suspects, process)
    bury(failures, len(packed), delivery, stores, clock)
    stored = len(packed) - len(failures)
    _log.info("rows_stored", pack=str(handoff.pack.id), events=stored, dead=len(failures))
