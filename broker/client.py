"""The broker as the web tier and operators see it: publish a batch, look at queues and counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import redis

from broker import keys, scripts
from broker.connection import broker_errors, connect
from broker.message import BatchMessage, batch_message, oldest_in
from broker.pauses import Pause, read_pause
from config.policy import QUEUES
from config.settings import Secret
from events.envelope import SYSTEM_PROJECT, Envelope
from events.ids import Clock, id_minute, now_ms
from storage.quotas import day_of, month_of

#: How long a published batch is remembered, in seconds: a spool may replay within that time.
BATCH_MEMORY_SECONDS = 7 * 86_400


@dataclass(frozen=True, slots=True)
class QueueState:
    """One queue as it stands: messages by state, events in all of them, age of the oldest ready.

    ``amnesty_seconds`` is how long its stage may still dead-letter any share of its events.
    """

    queue: str
    ready: int
    reserved: int
    parked: int
    events: int
    oldest_age_seconds: float | None
    pause: Pause | None
    amnesty_seconds: float

    @property
    def paused(self) -> bool:
        """Whether nothing of it is handed out now."""
        return self.pause is not None


def _counted_in(minute: int, project_id: int, *, imported: bool) -> tuple[str, ...]:
    """Where events are counted when they are accepted: in the ledger, and against quotas, of which
    what is imported uses none.
    """
    if imported or project_id == SYSTEM_PROJECT:
        return (keys.accepted(minute),)
    at_ms = minute * 60_000
    return (keys.accepted(minute), keys.used(day_of(at_ms)), keys.used(month_of(at_ms)))


class Broker:
    """Publishes batches and reads queues. Safe to share between threads; connects when used."""

    def __init__(self, redis_url: Secret, *, timeout: float, clock: Clock = now_ms) -> None:
        self._client = connect(redis_url, timeout=timeout)
        self._line = scripts.Line(self._client)
        self._clock = clock

    def publish(
        self,
        event_type: str,
        batch_id: UUID,
        envelopes: Sequence[Envelope],
        accepted_ms: int | None = None,
    ) -> None:
        """Store a batch durably in ``<type>.files`` and count it in the ledger, once per batch id.

        The ledger counts events in the minutes of their ids. ``accepted_ms`` is given where they
        are older than that: what is imported has not waited here since.

        Returns when the broker has it on disk (with ``appendfsync always``). Raises
        :class:`StoreDown` when it did not answer: the batch may then be stored or not, and may be
        published again under the same id.
        """
        message = batch_message(event_type, batch_id, envelopes, accepted_ms)
        counts = Counter((id_minute(one.id), one.project_id) for one in envelopes)
        triples = [
            part
            for (minute, project), n in counts.items()
            for key in _counted_in(minute, project, imported=accepted_ms is not None)
            for part in (key, keys.accepted_field(project, event_type), n)
        ]
        of_projects = sum(envelope.project_id != SYSTEM_PROJECT for envelope in envelopes)
        with broker_errors():
            self._line.run(
                "publish",
                message.queue,
                message.raw,
                message.events,
                keys.batch(batch_id),
                BATCH_MEMORY_SECONDS,
                of_projects,
                *triples,
            )

    def republish(self, message: BatchMessage, message_id: UUID) -> bool:
        """Put events into a queue again that were accepted before, once per id; false if it was.

        The broker counts them as its own again, the ledger does not: there they are accepted
        already. Raises :class:`StoreDown` when the outcome is unknown: do it again.
        """
        with broker_errors():
            done = scripts.run(
                self._client,
                "republish",
                message.queue,
                message.raw,
                message.events,
                keys.batch(message_id),
                BATCH_MEMORY_SECONDS,
            )
        return bool(done)

    def admit(self, events: Sequence[tuple[UUID, int, str]]) -> int:
        """Count events (id, project, type) as accepted that pass no queue, each once.

        For events that come with their fate, such as imported dead letters. Returns how many were
        not counted before; raises :class:`StoreDown`.
        """
        triples = [
            part
            for event_id, project_id, event_type in events
            for part in (
                keys.batch(event_id),
                keys.accepted(id_minute(event_id)),
                keys.accepted_field(project_id, event_type),
            )
        ]
        with broker_errors():
            return int(scripts.run(self._client, "admit", BATCH_MEMORY_SECONDS, *triples))

    def accepted(self, first_minute: int, last_minute: int) -> dict[tuple[int, int, str], int]:
        """Events accepted by (minute of the id, project, type), both minutes included.

        Those dropped for their quota are of type ``<type>|over``.
        """
        minutes = range(first_minute, last_minute + 1)
        with broker_errors(), self._pipeline() as pipe:
            for minute in minutes:
                pipe.hgetall(keys.accepted(minute))
            rows = pipe.execute()
        found: dict[tuple[int, int, str], int] = {}
        for minute, row in zip(minutes, rows, strict=True):
            for field, count in row.items():
                project, _, event_type = field.decode().partition("|")
                found[minute, int(project), event_type] = int(count)
        return found

    def totals(self) -> dict[str, int]:
        """The running counters, such as accepted and retried, since the broker's data began."""
        with broker_errors():
            found = self._client.hgetall(keys.TOTALS)
        return {name.decode(): int(count) for name, count in found.items()}

    def count(self, name: str, by: int = 1) -> None:
        """Add to a running counter."""
        with broker_errors():
            self._client.hincrby(keys.TOTALS, name, by)

    def queues(self, names: Sequence[str] = tuple(QUEUES)) -> list[QueueState]:
        """The state of queues: of every one of events, also those nobody consumes, unless named."""
        with broker_errors(), self._pipeline() as pipe:
            for queue in names:
                pipe.llen(queue)
                pipe.hlen(keys.reserved(queue))
                pipe.hlen(keys.parked(queue))
                pipe.get(keys.events(queue))
                pipe.lindex(queue, -1)
                pipe.get(keys.pause(queue))
                pipe.pttl(keys.pause(queue))
                pipe.pttl(keys.amnesty(queue))
            rows = iter(pipe.execute())
        return [
            QueueState(
                queue=queue,
                ready=next(rows),
                reserved=next(rows),
                parked=next(rows),
                events=int(next(rows) or 0),
                oldest_age_seconds=self._age(next(rows)),
                pause=read_pause(next(rows), next(rows)),
                amnesty_seconds=max(0, next(rows)) / 1000,
            )
            for queue in names
        ]

    def check(self) -> None:
        """Raise :class:`StoreDown` unless the broker answers."""
        with broker_errors():
            self._client.ping()

    def _age(self, message: bytes | None) -> float | None:
        if message is None:
            return None
        oldest = oldest_in(message)
        return None if oldest is None else max(0.0, (self._clock() - oldest) / 1000)

    @contextmanager
    def _pipeline(self) -> Iterator[redis.client.Pipeline[bytes]]:
        with self._client.pipeline(transaction=False) as pipe:
            yield pipe
