"""Reservations of one worker process: join more messages, answer them, pause a queue."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from broker import keys, scripts
from broker.connection import broker_errors, connect
from config.settings import Secret


@dataclass(frozen=True, slots=True)
class Reserved:
    """A message in hand. ``tag`` names the reservation; ``events`` is counted off when answered."""

    tag: str
    raw: bytes


def tag_queue(tag: str) -> str:
    """The queue of a delivery tag: tags are ``<queue>/<unique>``."""
    return tag.rpartition("/")[0]


class Reservations:
    """What a task may do with messages of its queue. All methods raise :class:`StoreDown`.

    Nothing here is lost to a kill: a message is ready or reserved at any instant, and what a dead
    owner reserved goes back to its queue when its lease has lapsed.
    """

    def __init__(self, redis_url: Secret, *, timeout: float) -> None:
        self.client = connect(redis_url, timeout=timeout)

    def join(
        self, queue: str, owner: str, *, max_messages: int, max_events: int, max_bytes: int
    ) -> list[Reserved]:
        """Reserve more ready messages, oldest first, until a bound would be passed."""
        with broker_errors():
            flat = scripts.run(
                self.client,
                "join",
                queue,
                owner,
                uuid.uuid4().hex,
                max_messages,
                max_events,
                max_bytes,
            )
        return [Reserved(tag.decode(), raw) for tag, raw in zip(flat[::2], flat[1::2], strict=True)]

    def events(self, queue: str) -> int:
        """How many events the queue's messages hold: ready, in hand and parked ones."""
        with broker_errors():
            return int(self.client.get(keys.events(queue)) or 0)

    def ack(self, queue: str, events_by_tag: dict[str, int]) -> None:
        """Forget reservations whose work is done, with the events each held."""
        if events_by_tag:
            pairs = [part for pair in events_by_tag.items() for part in pair]
            with broker_errors():
                scripts.run(self.client, "ack", queue, *pairs)

    def release(self, queue: str, tags: list[str], *, failed: bool) -> None:
        """Give messages back, oldest first in line; ``failed`` counts towards parking."""
        if tags:
            with broker_errors():
                scripts.run(self.client, "release", queue, "1" if failed else "0", *tags)

    def park(self, tag: str, reason: str) -> None:
        """Put a message aside that no task can take."""
        with broker_errors():
            scripts.run(self.client, "park", tag_queue(tag), tag, reason[:500])

    def pause(self, queue: str, reason: str, *, seconds: float) -> None:
        """Hand out nothing of this queue for a while, unless it is paused already.

        Also while the broker is out of memory: else an outage would look like a failed task then.
        """
        with broker_errors():
            scripts.run(self.client, "pause_for", queue, reason[:500], int(seconds * 1000))

    def count(self, name: str, by: int) -> None:
        """Add to a running counter."""
        with broker_errors():
            scripts.run(self.client, "count", name, by)
