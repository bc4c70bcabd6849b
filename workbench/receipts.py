"""The full receipt of an event: where it is on its way, how long each step took, or why it died."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from broker.contents import Contents
from broker.message import UnreadableMessage, message_args
from config.policy import QUEUES
from config.settings import Settings
from events.envelope import MalformedBatch, decode_batch
from events.ids import Clock, id_ms, id_time, is_event_id, now_ms
from storage.errors import StoreDown
from storage.floors import DAY_MS
from storage.sql.database import Database
from storage.sql.letter_rows import DeadLetterRow
from storage.sql.receipts import Receipts, Way
from storage.sql.terms import Terms

Verdict = Literal[
    "stored", "on_its_way", "dead", "discarded", "replaying", "erased", "past", "waiting", "unknown"
]
"""Where an event is. ``waiting``: young enough to be on its way, and nothing knows of it yet."""

_STAGES = ("files", "sql", "search")
#: Clocks of web instances may be apart by so much.
_SKEW_MS = 60_000


@dataclass(frozen=True, slots=True)
class Step:
    """A stage: when the event reached it, how long after the step before, and what it died of."""

    stage: str
    at: datetime | None
    seconds: float | None
    letter: DeadLetterRow | None


@dataclass(frozen=True, slots=True)
class Queued:
    """An event in a batch that waits, or is worked on, in a queue."""

    queue: str
    project_id: int


@dataclass(frozen=True, slots=True)
class FullReceipt:
    """All that is known of an event's way. ``queued`` is the message that it was met in; null when
    it was in none, or the broker could not be asked, as ``broker_problem`` says.
    """

    event_id: UUID
    accepted_at: datetime
    verdict: Verdict
    steps: Sequence[Step]
    way: Way
    queued: Queued | None
    broker_problem: str | None

    @property
    def project_id(self) -> int | None:
        """Whose event it is; null while nothing tells."""
        if self.way.project_id is not None:
            return self.way.project_id
        return self.queued.project_id if self.queued is not None else None


@dataclass(frozen=True, slots=True)
class ReceiptBook:
    """Reads and changes nothing. Methods raise :class:`StoreDown` while PostgreSQL is away."""

    receipts: Receipts
    contents: Contents
    clock: Clock = now_ms

    def read(self, event_id: UUID) -> FullReceipt | None:
        """The receipt of an event; null for an id that no event has, or that nobody knows and that
        is too old to be on its way.
        """
        if not is_event_id(event_id):
            return None
        way = self.receipts.way(event_id)
        queued, problem = self._queued(event_id) if _may_be_queued(way) else (None, None)
        verdict = _verdict(way, queued)
        if verdict == "unknown":
            if not self._is_young(event_id):
                return None
            verdict = "waiting"
        accepted = id_time(event_id)
        return FullReceipt(event_id, accepted, verdict, _steps(way, accepted), way, queued, problem)

    def _is_young(self, event_id: UUID) -> bool:
        now = self.clock()
        return now - DAY_MS < id_ms(event_id) <= now + _SKEW_MS

    def _queued(self, event_id: UUID) -> tuple[Queued | None, str | None]:
        """Where the event itself is in a batch."""
        try:
            messages, complete = self.contents.held()
        except StoreDown as exc:
            return None, exc.detail
        for queue, raw in messages:
            if (project_id := _holder(queue, raw, event_id)) is not None:
                return Queued(queue, project_id), None
        return None, None if complete else "the queues hold more than can be looked through at once"


def _may_be_queued(way: Way) -> bool:
    """Whether a message may hold the event: it has no row, and did not die for good."""
    settled = way.erased is not None or any(
        letter.status in ("open", "discarded") for letter in way.letters
    )
    return way.stored is None and not settled


def _holder(queue: str, raw: bytes, event_id: UUID) -> int | None:
    """The project of an event that a message of a batch holds; null when it holds no such one."""
    if QUEUES[queue].stage.name != "files":
        return None
    try:
        batch = decode_batch(message_args(raw)[0])
    except (UnreadableMessage, MalformedBatch, LookupError, TypeError):
        return None
    return next((one.project_id for one in batch if one.id == event_id), None)


def _verdict(way: Way, queued: Queued | None) -> Verdict:
    if way.past:
        return "past"
    if way.erased is not None:
        return "erased"
    of_letters: dict[str, Verdict] = {
        "open": "dead",
        "discarded": "discarded",
        "replaying": "replaying",
    }
    for letter in way.letters:
        if letter.status in of_letters:
            return of_letters[letter.status]
    if way.stored is not None:
        return "stored" if way.stored.search_at is not None else "on_its_way"
    return "on_its_way" if queued is not None else "unknown"


def _steps(way: Way, accepted: datetime) -> list[Step]:
    """The stages in order. The one that gave up on the event, and those after it, have no time."""
    dead = {letter.stage: letter for letter in reversed(way.letters) if letter.status != "replayed"}
    times = (
        dict.fromkeys(_STAGES)
        if way.stored is None
        else {
            "files": way.stored.files_at,
            "sql": way.stored.sql_at,
            "search": way.stored.search_at,
        }
    )
    steps: list[Step] = []
    before = accepted
    for stage in _STAGES:
        letter = dead.get(stage)
        at = None if letter is not None else times[stage]
        seconds = None if at is None else max(0.0, (at - before).total_seconds())
        steps.append(Step(stage, at, seconds, letter))
        before = at or before
    return steps


def open_receipts(settings: Settings, database: Database, terms: Terms) -> ReceiptBook:
    """The book over a database that is open already."""
    contents = Contents(settings.redis_url, timeout=settings.broker_timeout_seconds)
    return ReceiptBook(Receipts(database, terms), contents)
