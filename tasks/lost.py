"""Packs whose message was lost: nothing in the broker will carry them on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog

from broker.handoff import Handoff
from events.ids import id_time
from storage.damage import PackName
from storage.errors import Corrupt, NotFound
from storage.floors import Floors
from storage.missing import PackMember, missing_rows
from storage.model import PackRef
from tasks.mending import Mender, handoff_of
from tasks.reconciling import Scope
from tasks.upkeep import Upkeep

_MOST_AT_ONCE = 1000

_log = structlog.get_logger(__name__)

Listed = tuple[UUID, str, int]
"""A pack in the bucket: its id, key and bytes."""


def resume_unsearched(upkeep: Upkeep, mender: Mender, event_type: str, before: datetime) -> None:
    """Index packs that have rows since before a moment and of which no message is on its way.

    The queues are read after SQL, and SQL once more after them: a pack that was finished between
    is not taken for lost. Raises :class:`StoreDown`.
    """
    waiting = upkeep.packs.unsearched(event_type, before, _MOST_AT_ONCE)
    if not waiting or (queued := mender.queued(event_type)) is None:
        return
    lost = [pack for pack in waiting if pack.ref.id not in queued]
    searched = upkeep.packs.known(pack.ref.id for pack in lost)
    for pack in lost:
        if searched.get(pack.ref.id) is False:
            mender.rerun_search(handoff_of(pack), pack.pending, in_flight=pack.pending)


def resume_orphans(upkeep: Upkeep, mender: Mender, event_type: str, scope: Scope) -> None:
    """Store packs that lie in the bucket, are not on record and hold events without a row.

    A worker killed between writing a pack and handing it on leaves such a pack too, and its events
    come again in another: then nothing is missing, and the pack is doomed. What compaction is at
    is not an orphan. Raises :class:`StoreDown`.
    """
    floors = upkeep.terms.floors()
    for day in scope.days():
        listed = upkeep.files.list_packs(event_type, day, scope.spreads)
        old = [pack for pack in listed if id_time(pack[0]) < scope.settled]
        known = upkeep.packs.known(pack_id for pack_id, _, _ in old)
        # Asked after: a pack that leaves the record in between is in one of the two.
        left = upkeep.doomed.left(pack_id for pack_id, _, _ in old)
        for pack in old:
            if pack[0] not in known and pack[0] not in left:
                _resume(upkeep, mender, event_type, pack, floors)


def _resume(
    upkeep: Upkeep, mender: Mender, event_type: str, listed: Listed, floors: Floors
) -> None:
    pack_id, key, stored_bytes = listed
    try:
        index = upkeep.files.read_index(key)
    except NotFound:
        return  # deleted since it was listed
    except Corrupt as exc:
        mender.damaged(PackName(pack_id, key, event_type), exc)
        return
    pack = PackRef(
        id=pack_id,
        key=key,
        type=event_type,
        day=index.identity.day,
        events=len(index.entries),
        stored_bytes=stored_bytes,
        raw_bytes=index.raw_bytes,
    )
    members = [(UUID(bytes=entry.id), entry.project_id) for entry in index.entries]
    missing = _without_row(upkeep, pack, members, floors)
    if (queued := mender.queued(event_type)) is None or pack_id in queued:
        return
    if pack_id in upkeep.packs.known([pack_id]):
        return
    if missing:
        mender.rerun_chain(Handoff(pack, id_time(pack_id)), missing)
    elif not mender.dry_run and upkeep.doomed.doom_orphan(pack, [i for i, _ in members]):
        _log.info("orphan_doomed", type=event_type, pack=str(pack_id), events=pack.events)


def _without_row(
    upkeep: Upkeep, pack: PackRef, members: Sequence[PackMember], floors: Floors
) -> int:
    kept = [
        (event_id, project)
        for event_id, project in members
        if not floors.hidden(project, pack.type, event_id)
    ]
    ids = [event_id for event_id, _ in kept]
    rows, lettered = upkeep.packs.rows(pack.type, ids), upkeep.packs.lettered(ids)
    return len(missing_rows(pack.id, {}, kept, rows, lettered).uncounted)
