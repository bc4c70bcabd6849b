"""What both rebuilds share: the stores, reading a pack's records, passes over packs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from broker.hold import Holds
from events.record import Record
from events.registry import event_type
from storage.errors import Corrupt, NotFound
from storage.files.store import FileStore
from storage.model import EventLocation, PackedEvent
from storage.search.store import SearchStore
from storage.sql.database import Database
from storage.sql.rebuilds import Rebuild, Rebuilds
from storage.sql.reconcile import PackOnRecord, Reconciling

_AT_ONCE = 100

#: Passes over packs that came meanwhile, before the rest is left to the swap.
MOST_PASSES = 10
#: As few packs as this are left to the swap.
FEW_PACKS = 5


@dataclass(frozen=True, slots=True)
class Stores:
    """What a rebuild reads from and writes to; ``sleep`` takes seconds."""

    database: Database
    rebuilds: Rebuilds
    packs: Reconciling
    files: FileStore
    search: SearchStore
    holds: Holds
    sleep: Callable[[float], None]


@dataclass(slots=True)
class Progress:
    """How far a part is, in events, and what could not be made anew: events, and whole packs.

    ``stuck`` packs are not taken in, so a later run meets them again.
    """

    rebuild: Rebuild
    done: int = 0
    total: int = 0
    state: str = "building"
    refused: dict[UUID, str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    stuck: set[UUID] = field(default_factory=set)


Tell = Callable[[Progress], None]

Made = tuple[PackedEvent, Record]


def make_records(
    packed: Sequence[PackedEvent], wanted: Collection[UUID]
) -> tuple[list[Made], dict[UUID, str]]:
    """Records of the wanted events, and why others cannot be made.

    Others are not even tried: one may be dead because it kills who normalises it.
    """
    made: list[Made] = []
    refused: dict[UUID, str] = {}
    for item in packed:
        envelope = item.envelope
        if envelope.id in wanted:
            try:
                made.append((item, event_type(envelope.type).normalise(envelope)))
            except Exception as exc:  # for one event, which must not end the rebuild
                refused[envelope.id] = f"{type(exc).__name__}: {exc}"[:300]
    return made, refused


def items_of(made: Sequence[Made]) -> list[tuple[Record, str, EventLocation]]:
    """As rows are made from."""
    return [(record, packed.envelope.protocol, packed.location) for packed, record in made]


def read_packs(
    stores: Stores, pack_ids: Sequence[UUID], progress: Progress
) -> Iterator[tuple[PackOnRecord, list[PackedEvent]]]:
    """The packs with their events; those that cannot be read are noted and passed over."""
    for start in range(0, len(pack_ids), _AT_ONCE):
        for pack in stores.rebuilds.details(pack_ids[start : start + _AT_ONCE]):
            try:
                packed = stores.files.read_pack(pack.ref.key)
            except (NotFound, Corrupt) as exc:
                progress.unreadable[pack.ref.key] = exc.detail
                progress.stuck.add(pack.ref.id)
                continue
            yield pack, packed


def feed_until_few(stores: Stores, progress: Progress, feed: Callable[[list[UUID]], None]) -> None:
    """Feed what is not fed, and what came meanwhile, until little is left.

    Each pass is over the packs there are when it begins, so each ends whatever arrives.
    """
    for _ in range(MOST_PASSES):
        left = stores.rebuilds.unfed(progress.rebuild)
        if progress.stuck.issuperset(left):
            return
        feed(left)
        if len(left) <= FEW_PACKS:
            return
