"""Repairs as a reconcile run makes them: noted, bounded, and only told of in a dry run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

import structlog

from broker.handoff import Handoff
from storage.damage import PackName, quarantine
from storage.errors import Corrupt, NotFound, Rejected
from storage.ledger import told_minute
from storage.model import PackedEvent
from storage.sql.reconcile import PackOnRecord
from storage.sql.repairs import Repair
from storage.sql.rows import Item
from tasks.normalising import normalise_all
from tasks.reconciling import Report, Trouble
from tasks.rerun import Rerun
from tasks.upkeep import Upkeep

#: How often a pack is repaired in the same way within a day; then it is a person's to look at.
MOST_TRIES = 3
_TRIES_HOURS = 24

_log = structlog.get_logger(__name__)


class Mender:
    """Every method raises :class:`StoreDown`; whatever is done twice changes nothing."""

    def __init__(self, upkeep: Upkeep, rerun: Rerun, report: Report, *, dry_run: bool) -> None:
        self._upkeep = upkeep
        self._rerun = rerun
        self._report = report
        self.dry_run = dry_run

    def queued(self, event_type: str) -> set[UUID] | None:
        """Packs of which a message is on its way; null, and a trouble, when there are too many."""
        found = self._upkeep.contents.packs(event_type)
        if found is None:
            self.trouble("backlog_too_long", event_type, None, "repaired once its queues are short")
        return found

    def restore_rows(self, pack: PackOnRecord, wanted: Collection[UUID]) -> None:
        """Write rows again that the pack counted, from its payloads."""
        packed = [item for item in self._read(pack) if item.envelope.id in wanted]
        events, failures = normalise_all(packed)
        items: list[Item] = [
            (e.record, e.packed.envelope.protocol, e.packed.location) for e in events
        ]
        for failure in failures:
            detail = f"{failure.item.envelope.id}: {failure.code}"
            self.trouble("event_refused", pack.ref.type, pack.ref.id, detail)
        try:
            restored = len(items) if self.dry_run else self._upkeep.packs.restore(pack.ref, items)
        except Rejected as exc:
            self.trouble("event_refused", pack.ref.type, pack.ref.id, exc.detail)
            return
        if restored:
            self._note("rows_restored", pack.ref.type, pack.ref.id, restored)

    def _read(self, pack: PackOnRecord) -> list[PackedEvent]:
        """A pack's events; of a damaged one those that are whole."""
        try:
            return self._upkeep.files.read_pack(pack.ref.key)
        except Corrupt as exc:
            self.damaged(PackName(pack.ref.id, pack.ref.key, pack.ref.type), exc)
            return self._upkeep.files.salvage_pack(pack.ref.key).events

    def rerun_search(self, handoff: Handoff, events: int, in_flight: int) -> bool:
        """Index a pack again for the sake of ``events``; whether it was tried."""
        return self._run("search_rerun", handoff, events, in_flight)

    def rerun_chain(self, handoff: Handoff, events: int) -> bool:
        """Store a pack's rows, and what follows, for the sake of ``events``; whether it was."""
        return self._run("chain_rerun", handoff, events, events)

    def damaged(self, pack: PackName, error: Corrupt | NotFound) -> None:
        """Tell of a pack that cannot be read, and put it into quarantine."""
        code = "pack_lost" if isinstance(error, NotFound) else "pack_corrupt"
        self.trouble(code, pack.type, pack.id, error.detail)
        if not self.dry_run:
            upkeep = self._upkeep
            quarantine(upkeep.quarantine, upkeep.files, pack, error, "reconcile")

    def trouble(self, code: str, event_type: str, pack_id: UUID | None, detail: str) -> None:
        """Tell of what cannot be repaired."""
        self._report.troubles.append(Trouble(code, event_type, pack_id, detail))
        _log.error("reconcile_trouble", code=code, type=event_type, pack=str(pack_id), why=detail)

    def _run(self, kind: str, handoff: Handoff, events: int, in_flight: int) -> bool:
        pack = handoff.pack
        tried = self._upkeep.repairs.tried([pack.id], _TRIES_HOURS).get((pack.id, kind), 0)
        if tried >= MOST_TRIES:
            self.trouble("gave_up", pack.type, pack.id, f"{kind} helped not in {tried} tries")
            return False
        if not self.dry_run:
            send = self._rerun.search if kind == "search_rerun" else self._rerun.chain
            send(handoff, in_flight)
        self._note(kind, pack.type, pack.id, events)
        return True

    def _note(self, kind: str, event_type: str, pack_id: UUID, events: int) -> None:
        repair = Repair(kind, event_type, pack_id, events)
        self._report.repairs.append(repair)
        if not self.dry_run:
            self._upkeep.repairs.add(repair)
        _log.warning(
            "repaired",
            kind=kind,
            type=event_type,
            pack=str(pack_id),
            events=events,
            dry_run=self.dry_run,
        )


def handoff_of(pack: PackOnRecord) -> Handoff:
    """The message argument of a pack on record."""
    return Handoff(pack.ref, pack.files_at)


def in_flight_of(upkeep: Upkeep, event_type: str, slots: Sequence[tuple[int, int]]) -> set[int]:
    """Of (minute, project) slots, the positions whose ledger still has as many in flight.

    Only such events were never counted; to run a stage for others would count them twice.
    """
    left: dict[tuple[int, int], int] = {}
    told: dict[int, int] = {}
    for minute in {minute for minute, _ in slots}:
        sides = upkeep.ledger.of_minute(minute)
        told[minute] = told_minute(minute, sides.rolled_before)
        for row, accepted in sides.accepted.items():
            if row[0] == told[minute] and row[2] == event_type:
                found = sides.settled.get(row)
                left[row[0], row[1]] = accepted - (found.total() if found else 0)
    positions = set()
    for position, (minute, project) in enumerate(slots):
        slot = (told[minute], project)
        if left.get(slot, 0) > 0:
            left[slot] -= 1
            positions.add(position)
    return positions
