"""Looking at messages without taking them: what waits first, and what workers have in hand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from broker import scripts
from broker.connection import broker_errors, connect
from broker.handoff import Handoff
from broker.message import (
    EVENTS_HEADER,
    UnreadableMessage,
    message_args,
    oldest_in,
)
from config.policy import QUEUES
from config.settings import Secret
from events.envelope import MalformedBatch, decode_batch

MAX_MESSAGES = 50
#: How much of the messages is read whole, for the events in them.
MAX_BYTES = 512 * 1024
MOST_IDS = 20

_TASK = re.compile(r'"task": ?"([\w.-]{1,100})"')
_ID = re.compile(r'"id": ?"([0-9a-f-]{36})"')
_EVENTS = re.compile(rf'"{EVENTS_HEADER}": ?(\d{{1,9}})')


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A message of a queue: ``ready``, or ``reserved`` by ``owner``. ``returns`` is how often it
    came back as its worker died.

    ``event_ids`` are the first of its events, and ``pack`` the pack it names; empty and null where
    it was not read whole, or names none.
    """

    state: str
    owner: str | None
    returns: int
    bytes: int
    id: str | None
    task: str | None
    events: int
    oldest_ms: int | None
    event_ids: Sequence[UUID]
    pack: UUID | None


class Peek:
    """Connects when used; raises :class:`StoreDown`."""

    def __init__(self, redis_url: Secret, *, timeout: float) -> None:
        self._client = connect(redis_url, timeout=timeout)

    def messages(self, queue: str, most: int = MAX_MESSAGES) -> list[QueuedMessage]:
        """The messages that would be handed out next, then those in hand; all stay where they are.

        At most so many of either. Any name may be asked for; a queue that is not there is empty.
        """
        with broker_errors():
            flat = scripts.run(self._client, "peek", queue, min(most, MAX_MESSAGES), MAX_BYTES)
        return list(_messages(queue, flat))


def _messages(queue: str, flat: Sequence[bytes | int]) -> Iterator[QueuedMessage]:
    for at in range(0, len(flat), 5):
        state, owner, returns, size, raw = flat[at : at + 5]
        if not isinstance(state, bytes) or not isinstance(owner, bytes) or isinstance(raw, int):
            raise TypeError("the script gives states, owners and messages as bytes")
        head = raw[:2048].decode("utf-8", "replace")
        found = [pattern.search(head) for pattern in (_ID, _TASK, _EVENTS)]
        identity, task, events = (match[1] if match else None for match in found)
        ids, pack = _contents(queue, raw) if len(raw) == int(size) else ((), None)
        yield QueuedMessage(
            state=state.decode(),
            owner=owner.decode() or None,
            returns=int(returns),
            bytes=int(size),
            id=identity,
            task=task,
            events=int(events or 0),
            oldest_ms=oldest_in(raw),
            event_ids=ids,
            pack=pack,
        )


def _contents(queue: str, raw: bytes) -> tuple[Sequence[UUID], UUID | None]:
    """The first events of a message, or the pack it names; nothing of one that is not ours."""
    if queue not in QUEUES:
        return (), None
    try:
        argument = message_args(raw)[0]
        if QUEUES[queue].stage.name == "files":
            return [one.id for one in decode_batch(argument)[:MOST_IDS]], None
        return (), Handoff.from_message(argument).pack.id
    except (UnreadableMessage, MalformedBatch, LookupError, TypeError, ValueError):
        return (), None
