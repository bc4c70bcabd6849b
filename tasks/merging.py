"""One merge of packs, from its note to the last source that leaves.

A kill at any instant leaves every event readable where its row says, and a note in SQL by which the
next run goes on (``moving``) or drops what nothing points at (``writing``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from uuid import UUID

import structlog

from events.ids import Clock, new_id
from storage.damage import PackName, quarantine
from storage.errors import Corrupt, NotFound
from storage.files.index import PackIndex
from storage.files.keys import pack_key
from storage.files.merge import DamagedSource, Merging, Pace, Source
from storage.files.store import FileStore
from storage.floors import Floors
from storage.model import EventLocation, PackRef
from storage.sql.compacting import Compacting
from storage.sql.merge_model import Merge, MergeHeld, MergeSize
from storage.sql.merges import Merges
from storage.sql.quarantine import Quarantine
from tasks.compacting import Merged

#: Rows that move in one transaction.
MOVED_AT_ONCE = 2000

_log = structlog.get_logger(__name__)

Opened = tuple[PackRef, PackIndex]


class Merger:
    """Merges packs that are given to it. Methods raise :class:`StoreDown`."""

    def __init__(
        self,
        files: FileStore,
        merging: Merging,
        merges: Merges,
        compacting: Compacting,
        quarantined: Quarantine,
        pace: Pace,
        clock: Clock,
    ) -> None:
        self._files = files
        self._merging = merging
        self._merges = merges
        self._compacting = compacting
        self._quarantined = quarantined
        self._pace = pace
        self._clock = clock

    def merge(self, packs: Sequence[PackRef], floors: Floors) -> Merged | None:
        """Make one pack of several of a type and day, or one anew without what is dropped.

        Null when there is nothing to gain, or a pack turned out damaged: it is in quarantine then.
        Raises :class:`MergeHeld` with nothing changed but, perhaps, a note of the merge.
        """
        opened = [*self._open(packs)]
        if len(opened) != len(packs) or not opened:
            return None
        sources = self._sources(opened, floors)
        kept = sum(len(source.kept) for source in sources)
        events = sum(len(index.entries) for _, index in opened)
        if len(opened) == 1 and kept == events:
            return None
        target = new_id(self._clock())
        merge = self._merges.begin(target, pack_key(packs[0].type, packs[0].day, target), packs)
        written = self._write(merge, sources) if kept else None
        if kept and written is None:
            return None
        size = MergeSize(
            packs=len(packs),
            bytes_read=sum(pack.stored_bytes for pack in packs),
            bytes_written=written[0].stored_bytes if written else 0,
            events_dropped=events - kept,
        )
        if written:
            merge = self._merges.begin_moving(merge, written[0])
        self._move_all(merge, opened, written[1] if written else None, size)
        _log.info(
            "packs_merged",
            type=merge.type,
            day=str(merge.day),
            packs=len(packs),
            target=str(merge.id),
            events=kept,
            dropped=events - kept,
        )
        return Merged(
            type=merge.type,
            day=merge.day.isoformat(),
            packs=len(packs),
            target=merge.id if written else None,
            bytes_read=size.bytes_read,
            bytes_written=size.bytes_written,
            events=kept,
            dropped=size.events_dropped,
        )

    def resume(self, merge: Merge) -> bool:
        """Go on with a merge that a killed run left; False when it was given up instead.

        Raises :class:`MergeHeld`.
        """
        if merge.state == "writing":
            self._drop(merge)
            return False
        try:
            target = self._files.read_index(merge.key)
        except (Corrupt, NotFound) as exc:
            self._lose_target(merge, exc)
            return False
        self._move_all(merge, [*self._open(merge.sources)], target, None)
        return True

    def _lose_target(self, merge: Merge, error: Corrupt | NotFound) -> None:
        """End a merge whose target went with its day, or is damaged: what has not moved stays."""
        if not self._merges.left_record(merge):
            self._blame(PackName(merge.id, merge.key, merge.type), error)
        self._merges.end(merge, [], None)

    def _open(self, packs: Sequence[PackRef]) -> Iterator[Opened]:
        """The packs with their footers; one without goes into quarantine."""
        for pack in packs:
            try:
                index = self._files.read_index(pack.key)
            except (Corrupt, NotFound) as exc:
                self._blame(pack, exc)
                continue
            yield pack, index

    def _sources(self, opened: Sequence[Opened], floors: Floors) -> list[Source]:
        """What of each pack is taken along. An event without a row is taken from one pack."""
        sources = []
        taken: set[UUID] = set()
        for pack, index in opened:
            members = [(UUID(bytes=entry.id), entry.project_id) for entry in index.entries]
            own, rowless = self._compacting.wanted(pack, members, floors)
            if self._compacting.replaying([event_id for event_id, _ in members]):
                raise MergeHeld(f"dead letters of pack {pack.id} are being replayed")
            kept = (own | rowless) - taken
            taken |= kept
            sources.append(Source(pack.key, index, kept))
        return sources

    def _write(self, merge: Merge, sources: Sequence[Source]) -> tuple[PackRef, PackIndex] | None:
        try:
            return self._merging.write(merge.id, sources, self._pace)
        except DamagedSource as exc:
            pack = next(pack for pack in merge.sources if pack.key == exc.key)
            self._blame(pack, exc.error)
            self._drop(merge)
            return None

    def _move_all(
        self,
        merge: Merge,
        opened: Sequence[Opened],
        target: PackIndex | None,
        size: MergeSize | None,
    ) -> None:
        places = target.locations(merge.key) if target else {}
        for part in _parts(places):
            self._merges.move(merge, part)
        for pack, index in opened:
            ids = [UUID(bytes=entry.id) for entry in index.entries]
            if not self._merges.leave(merge, pack, ids, places):
                _log.info("pack_stays", pack=str(pack.id), why="it changed while it was merged")
        self._merges.end(merge, list(places), size)

    def _blame(self, pack: PackRef | PackName, error: Corrupt | NotFound) -> None:
        name = PackName(pack.id, pack.key, pack.type)
        quarantine(self._quarantined, self._files, name, error, "compaction")

    def _drop(self, merge: Merge) -> None:
        """Take back a merge nothing points at: the object first, so that its note is the last."""
        self._merging.drop(merge.key)
        self._merges.drop(merge)


def _parts(places: dict[UUID, EventLocation]) -> Iterator[dict[UUID, EventLocation]]:
    """The places in runs, in order of ids: as rows lie, and as every writer locks them."""
    ordered = iter(sorted(places))
    while part := list(islice(ordered, MOVED_AT_ONCE)):
        yield {event_id: places[event_id] for event_id in part}


def paced(bytes_per_second: int, sleep: Callable[[float], None]) -> Pace:
    """A pace of so many bytes a second; 0 is as fast as it goes."""

    def pace(moved: int) -> None:
        if bytes_per_second > 0:
            sleep(moved / bytes_per_second)

    return pace
