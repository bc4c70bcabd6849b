"""How much waits in the queues, asked often and cheaply, over a connection of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from broker import scripts
from broker.connection import broker_errors, connect
from config.policy import QUEUES, QueuePolicy
from config.settings import Secret
from events.ids import Clock, now_ms


@dataclass(frozen=True, slots=True)
class QueueLoad:
    """Events of a queue, and the age of the oldest that waits: 0 when none does."""

    policy: QueuePolicy
    events: int
    age_seconds: float


class Load:
    """Thread-safe; connects when used. Methods raise :class:`StoreDown`."""

    def __init__(self, redis_url: Secret, *, timeout: float, clock: Clock = now_ms) -> None:
        self._client = connect(redis_url, timeout=timeout)
        self._clock = clock

    def queues(self) -> list[QueueLoad]:
        """The load of every queue of the policy table, in one command; up to a second old."""
        with broker_errors():
            answer = scripts.run(self._client, "load", *QUEUES)
        flat = [int(part) for part in answer.split()]
        now = self._clock()
        return [
            QueueLoad(policy, events, max(0.0, (now - oldest) / 1000) if oldest else 0.0)
            for policy, events, oldest in zip(QUEUES.values(), flat[::2], flat[1::2], strict=True)
        ]

    def count(self, amounts: Mapping[str, int]) -> None:
        """Add to running counters, to all or to none; which of these is unknown if it raises."""
        with broker_errors():
            scripts.run(self._client, "count", *(part for pair in amounts.items() for part in pair))
