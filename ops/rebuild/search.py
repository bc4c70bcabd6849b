"""A month of search anew: its index is filled from packs beside the one in use, then swapped.

New events are indexed into the one in use until the swap, and into the new one from then on. Their
packs are on record before they are indexed, so a pass over packs after the swap finds whatever the
old index got in its last moment. For that moment not to be seen, stage ``search`` is paused around
the swap; should that not help, events may be invisible for the time of that pass, and none is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from config.policy import queue_name
from ops.errors import OpsError
from ops.rebuild.feeding import Progress, Stores, Tell, feed_until_few, make_records, read_packs
from storage.search.rebuild import MonthIndex
from storage.sql.rebuilds import Part

#: How long stage ``search`` may be held around a swap, and how long it is given to come to rest.
HOLD_SECONDS = 60.0
REST_SECONDS = 20.0

_SHOWN = 3

Feed = Callable[[list[UUID]], None]


def rebuild_month(
    stores: Stores, part: Part, target: str, tell: Tell, *, without_unreadable: bool
) -> Progress:
    """Make one month's index anew. Killed at any instant, it goes on when called again.

    Raises :class:`StoreDown`, and :class:`OpsError` with the old index still in use when documents
    would be missing from the new one.
    """
    rebuild = stores.rebuilds.begin(part, target)
    index = stores.search.month(part.type, part.name, rebuild.target)
    if not index.exists():
        stores.rebuilds.forget_fed(rebuild)
        index.create()
    progress = Progress(rebuild, *stores.rebuilds.progress(rebuild))
    tell(progress)

    def feed(pack_ids: list[UUID]) -> None:
        _feed(stores, progress, index, pack_ids, tell)

    if not index.in_use():
        feed_until_few(stores, progress, feed)
        _require_whole(progress, without_unreadable)
        index.make_visible()
        _swap(stores, progress, index, feed, tell)
    stores.rebuilds.forget_revived(rebuild)
    feed(stores.rebuilds.unfed(rebuild))
    stores.rebuilds.end(rebuild)
    progress.done = progress.total = max(progress.done, progress.total)
    progress.state = "done"
    tell(progress)
    return progress


def _swap(stores: Stores, progress: Progress, index: MonthIndex, feed: Feed, tell: Tell) -> None:
    """Take in the last packs while nothing is indexed, make them visible, and swap."""
    progress.state = "swapping"
    tell(progress)
    queue = queue_name(progress.rebuild.part.type, "search")
    with stores.holds.hold(
        queue, "an index is swapped", seconds=HOLD_SECONDS, patience=REST_SECONDS
    ):
        stores.rebuilds.forget_revived(progress.rebuild)
        feed(stores.rebuilds.unfed(progress.rebuild))
        index.make_visible()
        index.swap()


def _feed(
    stores: Stores, progress: Progress, index: MonthIndex, pack_ids: list[UUID], tell: Tell
) -> None:
    """Index the events whose row is of these packs and which are not dead."""
    kind = progress.rebuild.part.type
    for pack, packed in read_packs(stores, pack_ids, progress):
        ids = [item.envelope.id for item in packed]
        dead = stores.packs.lettered(ids)
        rows = stores.packs.rows(kind, ids)
        wanted = {i for i, pack_id in rows.items() if pack_id == pack.ref.id and i not in dead}
        made, refused = make_records(packed, wanted)
        refused |= stores.search.index_into(index.target, kind, [record for _, record in made])
        # What stage search has not met yet it will judge itself.
        if refused and pack.search_at is not None:
            progress.refused |= refused
            progress.stuck.add(pack.ref.id)
        else:
            stores.rebuilds.mark_fed(progress.rebuild, pack)
        progress.done += pack.ref.events
        tell(progress)


def _require_whole(progress: Progress, without_unreadable: bool) -> None:
    """Refuse to swap in an index that lacks documents of the one in use."""
    if progress.refused:
        some = "; ".join(f"{i}: {why}" for i, why in list(progress.refused.items())[:_SHOWN])
        raise OpsError(
            f"documents_refused: the new index refuses {len(progress.refused)} stored events, so "
            f"the old one stays in use: {some}"
        )
    if progress.unreadable and not without_unreadable:
        some = "; ".join(list(progress.unreadable.values())[:_SHOWN])
        raise OpsError(
            f"packs_unreadable: {len(progress.unreadable)} packs cannot be read, so the old index "
            f"stays in use; --without-unreadable leaves their events out: {some}"
        )
