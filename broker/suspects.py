"""Who killed the worker: marks that outlive the process which set them.

A worker that works on a message which came back writes down, before each event, which one it is.
If it dies again, the mark names the event. An event is convicted only when two workers died on it:
one death may have had another cause, such as an operator's kill.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from broker import scripts
from broker.connection import broker_errors
from broker.reservations import Reservations, tag_queue

#: Deaths on the same event at which it is held responsible.
CONVICT_AFTER = 2

_REMEMBER_SECONDS = 86_400


class Suspects:
    """The marks of one message, by its task id. All methods raise :class:`StoreDown`."""

    def __init__(self, reservations: Reservations, tag: str, task_id: str) -> None:
        self._client = reservations.client
        self._queue, self._tag = tag_queue(tag), tag
        self._mark = f"suspect:{self._queue}:{task_id}"
        self._deaths = f"deaths:{self._queue}:{task_id}"
        self._forgiven = False
        self._finished = f"finished:{self._queue}:{task_id}"

    def convict(self) -> set[UUID]:
        """Blame the last mark for the last death; the events now held responsible."""
        with broker_errors():
            marked = self._client.getdel(self._mark)
            if marked is not None:
                deaths = self._client.hincrby(self._deaths, marked.decode(), 1)
                self._client.expire(self._deaths, _REMEMBER_SECONDS)
                if deaths >= CONVICT_AFTER:
                    scripts.run(self._client, "forgive", self._queue, self._tag)
            found = self._client.hgetall(self._deaths)
        return {UUID(name.decode()) for name, n in found.items() if int(n) >= CONVICT_AFTER}

    def clear(self) -> None:
        """Nothing is worked on any more, and nobody is to blame."""
        with broker_errors():
            self._client.delete(self._mark)

    def unfinished(self, event_ids: Iterable[UUID]) -> list[UUID]:
        """Those that no earlier delivery has finished: so a long message ends in several runs."""
        with broker_errors():
            finished = self._client.smembers(self._finished)
        return [event_id for event_id in event_ids if str(event_id).encode() not in finished]

    def mark(self, event_id: UUID) -> None:
        """Write down that this event is worked on from now."""
        with broker_errors():
            self._client.set(self._mark, str(event_id), ex=_REMEMBER_SECONDS)

    def finish(self, event_id: UUID) -> None:
        """Note that the event's work is done for good; such a run is no step towards parking."""
        with broker_errors():
            with self._client.pipeline(transaction=False) as pipe:
                pipe.sadd(self._finished, str(event_id))
                pipe.expire(self._finished, _REMEMBER_SECONDS)
                pipe.execute()
            if not self._forgiven:
                scripts.run(self._client, "forgive", self._queue, self._tag)
                self._forgiven = True
