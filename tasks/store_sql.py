"""Stage ``sql``: rows, groups and counters of a pack, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from events.ids import Clock
from events.record import Record
from storage.model import EventLocation, PackedEvent
from tasks.handoff import Handoff
from tasks.isolation import Failure, Retrying, isolate
from tasks.normalising import Normalised, dead_letter, normalise_all
from tasks.stores import WorkerStores

_log = structlog.get_logger(__name__)


def store_pack_rows(
    handoff: Handoff, stores: WorkerStores, retrying: Retrying, clock: Clock
) -> None:
    """Store a pack's events in SQL; those at fault are dead-lettered first, then the rest stored.

    Idempotent by ids. Raises :class:`StoreDown`, and :class:`Corrupt` or :class:`NotFound` when
    the pack cannot be read.
    """
    packed = stores.files.read_pack(handoff.pack.key)
    events, failures = normalise_all(packed)
    error, tries = retrying.run(lambda part: _store(handoff, part, stores), events)
    if error is not None:
        _log.warning("isolating", pack=str(handoff.pack.id), error=str(error), tries=tries)
        events, rejected = isolate(lambda part: _probe(handoff, part, stores), events, retrying)
        failures += [_of_packed(failure) for failure in rejected]
    if failures:
        at = datetime.fromtimestamp(clock() / 1000, UTC)
        stores.dead_letters.add([dead_letter(failure, "sql", at) for failure in failures])
        _log.error("dead_lettered", pack=str(handoff.pack.id), events=len(failures))
    if error is not None:
        _store(handoff, events, stores)


def _of_packed(failure: Failure[Normalised]) -> Failure[PackedEvent]:
    return Failure(
        failure.item.packed, failure.code, failure.reason, failure.traceback, failure.attempts
    )


def _rows(events: Sequence[Normalised]) -> list[tuple[Record, str, EventLocation]]:
    return [(e.record, e.packed.envelope.protocol, e.packed.location) for e in events]


def _store(handoff: Handoff, events: Sequence[Normalised], stores: WorkerStores) -> None:
    inserted = stores.packs.store(handoff.pack, handoff.files_at, _rows(events))
    _log.info("rows_stored", pack=str(handoff.pack.id), events=len(events), inserted=inserted)


def _probe(handoff: Handoff, events: Sequence[Normalised], stores: WorkerStores) -> None:
    stores.packs.probe(handoff.pack, _rows(events))
