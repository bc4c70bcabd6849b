"""Parked messages: what no task could take, or what killed its worker too often."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from broker import keys, scripts
from broker.connection import broker_errors, connect
from broker.message import EVENTS_HEADER, UnreadableMessage, message_headers, oldest_in
from config.policy import QUEUES
from config.settings import Secret

#: Most messages told of one queue.
MAX_LISTED = 1000

_ID = re.compile(r"(?P<queue>[\w.-]{1,100}):(?P<digest>[0-9a-f]{40})")
_TASK = re.compile(r'"task": ?"([\w.-]{1,100})"')
_EVENTS = re.compile(rf'"{EVENTS_HEADER}": ?(\d{{1,9}})')


@dataclass(frozen=True, slots=True)
class ParkedMessage:
    """A parked message without its body. ``events`` is what the broker counts of it, 0 for a
    message that is none of ours; ``oldest_ms`` is of its oldest event, in milliseconds since 1970.
    """

    id: str
    queue: str
    why: str
    task: str | None
    events: int
    bytes: int
    oldest_ms: int | None


class Parked:
    """Lists parked messages and takes them out. Every method raises :class:`StoreDown`.

    An id that names nothing (any more) gives null or false, so that repeating is harmless.
    """

    def __init__(self, redis_url: Secret, *, timeout: float) -> None:
        self._client = connect(redis_url, timeout=timeout)

    def list(self, queue: str | None = None) -> list[ParkedMessage]:
        """Parked messages of a queue or of all, at most ``MAX_LISTED`` a queue."""
        found: list[ParkedMessage] = []
        for name in [queue] if queue else QUEUES:
            with broker_errors():
                flat = scripts.run(self._client, "parked", name, MAX_LISTED)
            found.extend(_messages(name, flat))
        return found

    def read(self, message_id: str) -> bytes | None:
        """A parked message as it is."""
        queue, digest = _parts(message_id)
        with broker_errors():
            return self._client.hget(keys.parked(queue), digest)

    def why(self, message_id: str) -> str:
        """Why a message is parked."""
        queue, digest = _parts(message_id)
        with broker_errors():
            return (self._client.hget(keys.parked_why(queue), digest) or b"").decode(
                "utf-8", "replace"
            )

    def replay(self, message_id: str) -> bool:
        """Move a message back to its queue, its deliveries forgotten; its events stay counted."""
        return self._take_out(message_id, "replay", 0)

    def drop(self, message_id: str, events: int) -> bool:
        """Delete a message whose events have found another fate; they are counted off."""
        return self._take_out(message_id, "drop", events)

    def replace(self, message_id: str, raw: bytes, taken_out: int) -> bool:
        """Put a message without some of its events in the place of a parked one; these are counted
        off. False when it is not parked any more.
        """
        with broker_errors():
            return bool(scripts.run(self._client, "repark", *_parts(message_id), raw, taken_out))

    def _take_out(self, message_id: str, how: str, events: int) -> bool:
        with broker_errors():
            return bool(scripts.run(self._client, "unpark", *_parts(message_id), how, events))


def counted_events(raw: bytes) -> int:
    """How many events the broker counts of a message: what its headers say, else none."""
    try:
        events = message_headers(raw).get(EVENTS_HEADER, 0)
    except UnreadableMessage:
        return 0
    return events if isinstance(events, int) else 0


def queue_of(message_id: str) -> str:
    """The queue of a parked message's id; an empty string for no id of ours."""
    return _parts(message_id)[0]


def _parts(message_id: str) -> tuple[str, str]:
    """Queue and digest; two empty strings, which name nothing, for any other text."""
    match = _ID.fullmatch(message_id)
    return (match["queue"], match["digest"]) if match else ("", "")


def _messages(queue: str, flat: list[bytes | int]) -> Iterator[ParkedMessage]:
    for at in range(0, len(flat), 4):
        digest, why, size, head = flat[at : at + 4]
        if not isinstance(digest, bytes) or not isinstance(why, bytes):
            raise TypeError("the script gives digests and reasons as bytes")
        start = head if isinstance(head, bytes) else b""
        text = start.decode("utf-8", "replace")
        task, events = (found.search(text) for found in (_TASK, _EVENTS))
        yield ParkedMessage(
            id=f"{queue}:{digest.decode()}",
            queue=queue,
            why=why.decode("utf-8", "replace"),
            task=task[1] if task else None,
            events=int(events[1]) if events else 0,
            bytes=int(size),
            oldest_ms=oldest_in(start),
        )
