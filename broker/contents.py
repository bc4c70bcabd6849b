"""What lies in queues: which packs their messages name, and how many events they hold."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from broker import keys, scripts
from broker.connection import broker_errors, connect
from broker.message import UnreadableMessage, message_args
from config.policy import QUEUES, queue_name
from config.settings import Secret

#: Longest queue that is read message by message.
READ_AT_MOST = 5000

#: Most bytes of messages that are looked through at once: some 5 ms of the broker's time.
HELD_BYTES = 8 << 20

_PACK_STAGES = ("sql", "search")


@dataclass(frozen=True, slots=True)
class Holdings:
    """One moment of the whole broker: events ever accepted, and events and messages in queues."""

    accepted: int
    events: int
    messages: int


class Contents:
    """Looks into queues and takes nothing. Connects when used; methods raise :class:`StoreDown`."""

    def __init__(self, redis_url: Secret, *, timeout: float) -> None:
        self._client = connect(redis_url, timeout=timeout)

    def packs(self, event_type: str) -> set[UUID] | None:
        """The packs that messages of a type name: ready, reserved or parked, in one moment.

        Null when a queue is too long to be read through.
        """
        queues = [queue_name(event_type, stage) for stage in _PACK_STAGES]
        with broker_errors():
            if any(self._client.llen(queue) > READ_AT_MOST for queue in queues):
                return None
            # A transaction: a message that is handed on or given back meanwhile is never missed.
            with self._client.pipeline(transaction=True) as pipe:
                for queue in queues:
                    pipe.lrange(queue, 0, -1)
                    pipe.hvals(keys.reserved(queue))
                    pipe.hvals(keys.parked(queue))
                answers = pipe.execute()
        found = (_pack_of(message) for messages in answers for message in messages)
        return {pack_id for pack_id in found if pack_id is not None}

    def held(self, most_bytes: int = HELD_BYTES) -> tuple[list[tuple[str, bytes]], bool]:
        """Messages of all queues with their queue, ready, reserved or parked, in one moment; and
        whether that is all of them: beyond so many bytes no more are given.
        """
        with broker_errors():
            complete, *flat = scripts.run(self._client, "held", most_bytes, *QUEUES)
        pairs = zip(flat[::2], flat[1::2], strict=True)
        return [(queue.decode(), raw) for queue, raw in pairs], complete == b"1"

    def holdings(self) -> Holdings:
        """What was accepted against what queues hold, all read in one moment."""
        with broker_errors(), self._client.pipeline(transaction=True) as pipe:
            pipe.hget(keys.TOTALS, "accepted")
            for queue in QUEUES:
                pipe.get(keys.events(queue))
            for queue in QUEUES:
                pipe.llen(queue)
                pipe.hlen(keys.reserved(queue))
                pipe.hlen(keys.parked(queue))
            accepted, *rest = (int(answer or 0) for answer in pipe.execute())
        return Holdings(accepted, sum(rest[: len(QUEUES)]), sum(rest[len(QUEUES) :]))

    def correct_empty(self, queue: str) -> int:
        """Set an empty queue's count of events to zero; by how many it was wrong.

        A message removed by hand leaves its events counted, which would hide that they are lost.
        """
        with broker_errors():
            return int(scripts.run(self._client, "correct", queue))


def _pack_of(message: bytes) -> UUID | None:
    try:
        return UUID(message_args(message)[0]["id"])
    except (UnreadableMessage, LookupError, TypeError, ValueError):
        return None
