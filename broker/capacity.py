"""How full the broker is, asked over a connection of its own."""

from __future__ import annotations

from dataclasses import dataclass

from broker.connection import broker_errors, connect
from config.settings import Secret


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes the broker uses, and may use; ``limit`` 0 means that none is set."""

    used: int
    limit: int

    def above(self, mark: float) -> bool:
        """Whether more than this share of the limit is used."""
        return self.limit > 0 and self.used > mark * self.limit


class Capacity:
    """Reads the broker's memory. Thread-safe; connects when used."""

    def __init__(self, redis_url: Secret, *, timeout: float) -> None:
        self._client = connect(redis_url, timeout=timeout)

    def memory(self) -> Memory:
        """Memory as the broker tells it; raises :class:`StoreDown` when it does not answer."""
        with broker_errors():
            found = self._client.info("memory")
        return Memory(int(found["used_memory"]), int(found["maxmemory"]))
