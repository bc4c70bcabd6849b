"""Reading the pack of a message: whole, or what is whole in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import structlog

from broker.handoff import Handoff
from events.envelope import Envelope
from events.ids import Clock
from storage.damage import PackName, quarantine
from storage.errors import Corrupt, NotFound
from storage.files.index import PackIndex
from storage.files.layout import UnknownVersion
from storage.model import PackedEvent, PackRef
from tasks.burial import dead_letter_of
from tasks.delivery import Delivery
from tasks.isolation import Failure
from tasks.stores import WorkerStores

_log = structlog.get_logger(__name__)


def read_for_stage(
    handoff: Handoff, delivery: Delivery, stores: WorkerStores, clock: Clock
) -> list[PackedEvent]:
    """The events of a message's pack.

    Of a damaged pack those that are whole; the pack goes into quarantine, and what its footer tells
    of the others into dead letters, one by one. None when the pack was merged or dropped long ago:
    the message is late. Raises :class:`StoreDown`; :class:`Corrupt` when nothing of the pack can
    be read, and :class:`NotFound` when it is not there and should be.
    """
    pack = handoff.pack
    try:
        return stores.files.read_pack(pack.key)
    except UnknownVersion:
        raise
    except NotFound as exc:
        if stores.packs.left_record(pack.id):
            _log.info("late_message", pack=str(pack.id), queue=delivery.queue)
            return []
        _quarantine(pack, exc, delivery, stores)
        raise
    except Corrupt as exc:
        _quarantine(pack, exc, delivery, stores)
        whole = stores.files.salvage_pack(pack.key).events
        _bury_damaged(pack, whole, exc, delivery, stores, clock)
        return whole


def _quarantine(
    pack: PackRef, error: Corrupt | NotFound, delivery: Delivery, stores: WorkerStores
) -> None:
    name = PackName(pack.id, pack.key, pack.type)
    quarantine(stores.quarantine, stores.files, name, error, delivery.queue)


def _bury_damaged(
    pack: PackRef,
    whole: Sequence[PackedEvent],
    error: Corrupt,
    delivery: Delivery,
    stores: WorkerStores,
    clock: Clock,
) -> None:
    """Dead letters for what the footer names and nobody can read. They are no flood of a bug.

    Where the footer is gone too, the events stay in flight, and so overdue, in the ledger.
    """
    try:
        index = stores.files.read_index(pack.key)
    except Corrupt:
        return
    read = {event.envelope.id for event in whole}
    at = datetime.fromtimestamp(clock() / 1000, UTC)
    stage = delivery.queue.rpartition(".")[2]
    letters = [
        dead_letter_of(
            Failure(item, "pack_corrupt", error.detail, "", attempts=1),
            stage,
            at,
            stores.settings.release,
        )
        for item in _members(index, pack.key)
        if item.envelope.id not in read
    ]
    if letters:
        stores.dead_letters.add(letters)
        _log.error("dead_lettered", queue=delivery.queue, events=len(letters), reason=error.detail)


def _members(index: PackIndex, key: str) -> list[PackedEvent]:
    """The footer's events, without their bytes."""
    identity = index.identity
    return [
        PackedEvent(
            Envelope(
                UUID(bytes=entry.id),
                entry.project_id,
                identity.type,
                identity.protocols[entry.protocol],
                b"",
                entry.redacted,
            ),
            index.locate(entry, key),
        )
        for entry in index.entries
    ]
