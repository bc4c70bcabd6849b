"""A day of SQL anew: its partition is filled from packs beside the one in use, then swapped."""

from __future__ import annotations

from uuid import UUID

from ops.rebuild.feeding import (
    Progress,
    Stores,
    Tell,
    feed_until_few,
    items_of,
    make_records,
    read_packs,
)
from storage.errors import StoreDown
from storage.sql.partitions import partition_name
from storage.sql.rebuild import DayTable
from storage.sql.rebuilds import Part
from storage.sql.tables import events_table

SWAP_TRIES = 5
_SWAP_PAUSE_SECONDS = 3.0


def rebuild_day(stores: Stores, part: Part, tell: Tell) -> Progress:
    """Make one partition anew. Killed at any instant, it goes on when called again.

    Rows whose pack cannot be read, and of events that cannot be made any more, stay as they are.
    Raises :class:`StoreDown`, :class:`Rejected`.
    """
    target = f"{partition_name(events_table(part.type), part.first)}_rebuilt"
    rebuild = stores.rebuilds.begin(part, target)
    progress = Progress(rebuild, *stores.rebuilds.progress(rebuild))
    table = DayTable(stores.database, rebuild)
    table.create()
    tell(progress)

    def feed(pack_ids: list[UUID]) -> None:
        for pack, packed in read_packs(stores, pack_ids, progress):
            members = [(item.envelope.id, item.envelope.project_id) for item in packed]
            own, lost = table.wanted(pack, members)
            made, refused = make_records(packed, own | lost)
            table.feed(pack, items_of(made), own & refused.keys())
            progress.refused |= refused
            progress.done += pack.ref.events
            tell(progress)

    feed_until_few(stores, progress, feed)
    progress.state = "swapping"
    tell(progress)
    _swap(stores, table)
    progress.done = progress.total = max(progress.done, progress.total)
    progress.state = "done"
    tell(progress)
    return progress


def _swap(stores: Stores, table: DayTable) -> None:
    """Swap, and again where somebody held a lock for long: a slow reader, a backup."""
    for left in reversed(range(SWAP_TRIES)):
        try:
            table.swap()
        except StoreDown:
            if not left:
                raise
            stores.sleep(_SWAP_PAUSE_SECONDS)
        else:
            return
