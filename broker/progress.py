"""Whether events get through: the canaries that were sent, and the last that arrived, by type."""

from __future__ import annotations

from uuid import UUID

from broker.connection import broker_errors, connect
from config.policy import EVENT_TYPES
from config.settings import Secret
from events.ids import Clock, id_ms, now_ms

_KEY = "canaries"
_WAITING = "canaries-waiting:{}"

#: How many canaries of a type are waited for at once; older ones have had their time.
_MOST_WAITING = 60


class Progress:
    """The canaries' book. Connects when used; every method raises :class:`StoreDown`."""

    def __init__(self, redis_url: Secret, *, timeout: float, clock: Clock = now_ms) -> None:
        self._client = connect(redis_url, timeout=timeout)
        self._clock = clock

    def sent(self, event_type: str, event_id: UUID) -> None:
        """Note a canary that was accepted; the first one starts the clock."""
        waiting = _WAITING.format(event_type)
        with broker_errors(), self._client.pipeline() as pipe:
            pipe.hsetnx(_KEY, event_type, id_ms(event_id))
            pipe.lpush(waiting, str(event_id))
            pipe.ltrim(waiting, 0, _MOST_WAITING - 1)
            pipe.execute()

    def waiting(self, event_type: str) -> list[UUID]:
        """Canaries that have not been seen to arrive, newest first."""
        with broker_errors():
            found = self._client.lrange(_WAITING.format(event_type), 0, -1)
        return [UUID(event_id.decode()) for event_id in found]

    def arrived(self, event_type: str, event_id: UUID) -> None:
        """Note a canary that is in all three stores; those before it are waited for no more."""
        waiting = _WAITING.format(event_type)
        remaining = self.waiting(event_type).index(event_id)
        with broker_errors(), self._client.pipeline() as pipe:
            pipe.hset(_KEY, event_type, id_ms(event_id))
            if remaining:
                pipe.ltrim(waiting, 0, remaining - 1)
            else:
                pipe.delete(waiting)
            pipe.execute()

    def begin_anew(self) -> None:
        """Forget the canaries of before: an installation that was down had nothing to get through.

        For whoever starts the whole installation; a pool that restarts must not hide a stall.
        """
        with broker_errors():
            self._client.delete(_KEY, *(_WAITING.format(row.name) for row in EVENT_TYPES))

    def ages(self) -> dict[str, float]:
        """Seconds since the last canary of each type that arrived was sent; none before the first.

        As long as none has arrived, since the first was sent.
        """
        with broker_errors():
            found = self._client.hgetall(_KEY)
        now = self._clock()
        return {name.decode(): max(0.0, (now - int(ms)) / 1000) for name, ms in found.items()}
