"""What a compaction run is given, what it plans and what it finds; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from config.settings import Settings
from storage.model import PackRef


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that a merged pack has. A pack of less than half of each is small."""

    stored_bytes: int
    raw_bytes: int
    events: int

    def hold(self, packs: Iterable[PackRef]) -> bool:
        """Whether these fit one pack, if nothing is saved by merging them."""
        packs = list(packs)
        return (
            sum(pack.stored_bytes for pack in packs) <= self.stored_bytes
            and sum(pack.raw_bytes for pack in packs) <= self.raw_bytes
            and sum(pack.events for pack in packs) <= self.events
        )


def bounds_of(settings: Settings) -> Bounds:
    """The bounds that an operator set."""
    return Bounds(
        settings.compact_max_bytes, settings.compact_max_raw_bytes, settings.compact_max_events
    )


def groups(packs: Iterable[PackRef], bounds: Bounds) -> Iterator[list[PackRef]]:
    """The packs, which come by type and day, in runs that fit one pack; a large one is a run."""
    run: list[PackRef] = []
    for pack in packs:
        same = run and (run[0].type, run[0].day) == (pack.type, pack.day)
        if run and not (same and bounds.hold([*run, pack])):
            yield run
            run = []
        run.append(pack)
    if run:
        yield run


@dataclass(frozen=True, slots=True)
class Merged:
    """One merge. ``target`` is null where nothing of the packs was left; sizes are bytes."""

    type: str
    day: str
    packs: int
    target: UUID | None
    bytes_read: int
    bytes_written: int
    events: int
    dropped: int


@dataclass(slots=True)
class Report:
    """The outcome of a run. ``mended`` packs left quarantine; ``held`` says what could not be done
    now and why.
    """

    merged: list[Merged] = field(default_factory=list)
    resumed: int = 0
    given_up: int = 0
    deleted: int = 0
    bytes_deleted: int = 0
    mended: int = 0
    held: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "merges": [
                {
                    "type": merge.type,
                    "day": merge.day,
                    "packs": merge.packs,
                    "target": None if merge.target is None else str(merge.target),
                    "bytes_read": merge.bytes_read,
                    "bytes_written": merge.bytes_written,
                    "events": merge.events,
                    "events_dropped": merge.dropped,
                }
                for merge in self.merged
            ],
            "packs_merged": sum(merge.packs for merge in self.merged),
            "resumed": self.resumed,
            "given_up": self.given_up,
            "packs_deleted": self.deleted,
            "bytes_deleted": self.bytes_deleted,
            "packs_mended": self.mended,
            "held": self.held,
        }
