"""Who holds the events in flight, minute by minute, found by looking into messages and spools.

The ledger knows what is in flight as what remains; that proves nothing by itself. Here each event
in flight is looked for where it should be. What the ledger has in flight and nobody holds is
unexplained.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import structlog

from broker.contents import Contents
from broker.handoff import Handoff
from broker.message import UnreadableMessage, message_args
from config.policy import QUEUES
from config.settings import Settings
from events.envelope import SYSTEM_PROJECT, MalformedBatch, decode_batch
from events.ids import Clock, id_minute, now_ms
from storage.errors import Corrupt, NotFound
from storage.files.store import FileStore
from storage.ledger import Row, balance, told_minute
from storage.spool.state import spooled_events
from storage.sql.custody import CustodyRows
from storage.sql.database import Database
from workbench.ledger import LedgerBook, Sides

#: Packs whose footers are read for one look; each is a request to the object store.
MOST_PACKS = 50
MOST_SAMPLES = 20

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sample:
    """An event in flight, and where it was found: a queue, or a pack that no message names."""

    event_id: UUID
    project_id: int
    type: str
    where: str


@dataclass(slots=True)
class Held:
    """What messages and this machine's spools hold, by minute, project and type.

    ``complete`` is false where not all was looked through, ``why`` says what was not.
    """

    counts: Counter[Row] = field(default_factory=Counter)
    samples: dict[Row, list[Sample]] = field(default_factory=lambda: defaultdict(list))
    complete: bool = True
    why: str | None = None

    def lacks(self, why: str) -> None:
        """Say that something could not be looked through."""
        self.complete, self.why = False, self.why or why


@dataclass(slots=True)
class _Messages:
    """What messages name: events of batches by queue, packs of each stage by type."""

    batches: dict[str, list[tuple[UUID, int]]] = field(default_factory=lambda: defaultdict(list))
    for_sql: dict[UUID, Handoff] = field(default_factory=dict)
    for_search: dict[UUID, Handoff] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Members:
    """Events of a type that are held at one place, each with its project."""

    type: str
    projects: Mapping[UUID, int]
    where: str


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A row of the ledger with events in flight, and how many of them somebody holds."""

    row: Row
    in_flight: int
    held: int

    @property
    def unexplained(self) -> int:
        """Events in flight that nobody holds. An event held twice over explains no other."""
        return max(0, self.in_flight - self.held)


@dataclass(frozen=True, slots=True)
class CustodyReading:
    """Every row with events in flight, against what is held of it; ``sides`` are the ledger's,
    read last.
    """

    rows: list[Unexplained]
    held: Held
    sides: Sides

    @property
    def unexplained(self) -> int | None:
        """Events in flight that nobody holds; null when not all was looked through."""
        return sum(row.unexplained for row in self.rows) if self.held.complete else None

    @property
    def samples(self) -> list[Sample]:
        """Some of the events in flight that were met."""
        shown = {row.row for row in self.rows}
        return [
            one
            for row, samples in self.held.samples.items()
            if _told(row, self.sides.rolled_before) in shown
            for one in samples
        ]


@dataclass(frozen=True, slots=True)
class CustodyBook:
    """Looks and changes nothing. Methods raise :class:`StoreDown` and ``OSError``."""

    contents: Contents
    rows: CustodyRows
    files: FileStore
    ledger: LedgerBook
    home: Path
    clock: Clock

    def read(self, first_minute: int, last_minute: int) -> CustodyReading:
        """The rows of a span of minutes."""
        return self._read(lambda: self.ledger.read(None, first_minute, last_minute))

    def of_minute(self, minute: int) -> CustodyReading:
        """The rows that a minute is told in."""
        return self._read(lambda: self.ledger.of_minute(minute))

    def _read(self, sides: Callable[[], Sides]) -> CustodyReading:
        """What was accepted before what is held, and what is settled after it: whatever moves on
        meanwhile is held, or settled, or both, and never a loss.
        """
        before = sides()
        held = self.held()
        after = sides()
        if after.rolled_before != before.rolled_before:
            before = after
        ledger = balance(before.accepted, after.settled, self.clock())
        in_flight: Counter[Row] = Counter()
        for line in ledger.minutes:
            if line.project_id != SYSTEM_PROJECT:
                in_flight[line.minute, line.project_id, line.type] = line.counts.in_flight
        return CustodyReading(explain(in_flight, held.counts, after.rolled_before), held, after)

    def held(self) -> Held:
        """Everything in flight that somebody holds. The spools are read before the broker, to
        which their events move, and the broker before SQL.
        """
        found = Held()
        found.counts.update(spooled_events(self.home))
        raw, complete = self.contents.held()
        if not complete:
            found.lacks("the queues hold more than can be looked through at once")
        messages = _sorted(raw, found)
        whole = [
            _Members(QUEUES[queue].event_type.name, dict(members), f"queue {queue}")
            for queue, members in messages.batches.items()
        ]
        cut = self._of_packs(found, messages.for_sql)
        events: dict[str, set[UUID]] = defaultdict(set)
        for one in (*whole, *cut):
            events[one.type].update(one.projects)
        standing = self.rows.standing(events)
        for one in (*whole, *cut):
            _add(found, one, standing.unsettled)
        # Those of queues that have a row by now: stored since the broker was read.
        moved = {
            standing.packs[event_id]
            for one in whole
            for event_id in one.projects
            if event_id in standing.packs
        }
        packs = {*messages.for_sql, *messages.for_search, *moved}
        found.counts.update(self.rows.pending(packs))
        return found

    def adrift(self, minute: int) -> list[Sample]:
        """Events of a minute that have their row, are not stored, and whose pack no message names:
        with their ids, as packs tell them. Reconcile sends their packs on again.
        """
        raw, _ = self.contents.held()
        named = _sorted(raw, Held()).for_search
        packs = self.rows.waiting_packs(minute, MOST_PACKS)
        found: list[Sample] = []
        for pack_id, key, type_name in packs:
            if pack_id in named or len(found) >= MOST_SAMPLES:
                continue
            projects = dict(self._members(key))
            where = f"pack {pack_id}, which no message names"
            of_minute = [one for one in projects if id_minute(one) == minute]
            found += (
                Sample(event_id, projects[event_id], type_name, where)
                for event_id in sorted(self.rows.without_fate(of_minute))
            )
        return found[:MOST_SAMPLES]

    def _of_packs(self, found: Held, packs: Mapping[UUID, Handoff]) -> list[_Members]:
        """Events of packs that may have no row yet."""
        read: list[_Members] = []
        if len(packs) > MOST_PACKS:
            found.lacks(f"{len(packs)} packs wait for stage sql")
        for pack_id, handoff in list(packs.items())[:MOST_PACKS]:
            try:
                projects = dict(self._members(handoff.pack.key))
            except (NotFound, Corrupt) as exc:
                found.lacks(f"pack {pack_id} cannot be read: {exc.detail}")
                continue
            where = f"pack {pack_id}, before stage sql"
            read.append(_Members(handoff.pack.type, projects, where))
        return read

    def _members(self, key: str) -> list[tuple[UUID, int]]:
        index = self.files.read_index(key)
        return [(UUID(bytes=entry.id), entry.project_id) for entry in index.entries]


def _add(found: Held, members: _Members, unsettled: Set[UUID]) -> None:
    """Count those that are in flight and have no row."""
    for event_id in sorted(members.projects.keys() & unsettled):
        project_id = members.projects[event_id]
        row = (id_minute(event_id), project_id, members.type)
        found.counts[row] += 1
        if len(found.samples[row]) < MOST_SAMPLES:
            sample = Sample(event_id, project_id, members.type, members.where)
            found.samples[row].append(sample)


def _sorted(raw: Sequence[tuple[str, bytes]], found: Held) -> _Messages:
    """Messages by what they name; one that cannot be read is told of."""
    messages = _Messages()
    for queue, message in raw:
        try:
            argument = message_args(message)[0]
            if QUEUES[queue].stage.name == "files":
                batch = decode_batch(argument)
                messages.batches[queue] += [(one.id, one.project_id) for one in batch]
                continue
            handoff = Handoff.from_message(argument)
        except (UnreadableMessage, MalformedBatch, LookupError, TypeError, ValueError) as exc:
            _log.warning("message_unread", queue=queue, reason=str(exc))
            found.lacks(f"a message of {queue} cannot be read")
            continue
        by_stage = {"sql": messages.for_sql, "search": messages.for_search}
        by_stage[QUEUES[queue].stage.name][handoff.pack.id] = handoff
    return messages


def explain(
    in_flight: Mapping[Row, int], held: Mapping[Row, int], rolled_before: int = 0
) -> list[Unexplained]:
    """Every row with events in flight, against what is held of it; pure. Rows of old days stand at
    their first minute.
    """
    by_row: Counter[Row] = Counter()
    for row, events in held.items():
        by_row[_told(row, rolled_before)] += events
    return [
        Unexplained(row, events, by_row[row])
        for row, events in sorted(in_flight.items())
        if events > 0
    ]


def _told(row: Row, rolled_before: int) -> Row:
    minute, project_id, kind = row
    return told_minute(minute, rolled_before), project_id, kind


def open_custody(
    settings: Settings, database: Database, files: FileStore, ledger: LedgerBook
) -> CustodyBook:
    """The book over stores that are open already."""
    contents = Contents(settings.redis_url, timeout=settings.broker_timeout_seconds)
    return CustodyBook(contents, CustodyRows(database), files, ledger, settings.home, now_ms)
