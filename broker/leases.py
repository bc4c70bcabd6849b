"""Signs of life: a thread of each worker process renews leases and takes over from the dead.

An owner is a channel of a worker's parent, or ``<owner>/<pid>`` of one of its children, which joins
messages of its own. A worker that is killed stops renewing; whoever consumes the same queue takes
its messages back.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable

import psutil
import redis
import structlog

from broker import keys, scripts

_log = structlog.get_logger(__name__)


def child_owner(owner: str, pid: int) -> str:
    """The owner name of a worker's child."""
    return f"{owner}/{pid}"


def children_of_this_process() -> list[int]:
    """Process ids of the living children."""
    return [child.pid for child in psutil.Process().children()]


class Leases:
    """Renews the leases of one owner and reclaims its queues until closed. One thread."""

    def __init__(
        self,
        client: redis.Redis[bytes],
        owner: str,
        queues: Callable[[], Iterable[str]],
        *,
        lease_seconds: float,
        children: Callable[[], list[int]] = children_of_this_process,
    ) -> None:
        self._client = client
        self._owner = owner
        self._queues = queues
        self._lease_ms = int(lease_seconds * 1000)
        self._children = children
        self._closed = threading.Event()
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, name="sluice-leases", daemon=True)

    def start(self) -> None:
        """Take the lease now, so that nothing is reserved without one, and keep renewing it."""
        self.renew()
        self._thread.start()

    def close(self) -> None:
        """Stop renewing; what is still reserved goes back when the lease lapses."""
        self._closed.set()

    def renew(self) -> None:
        """Renew the lease of the owner and of each of its living children."""
        owners = [self._owner, *(child_owner(self._owner, pid) for pid in self._children())]
        # A script, since a broker that is out of memory refuses plain writes: the living would
        # lose their leases to each other.
        scripts.run(self._client, "renew", self._lease_ms, *map(keys.lease, owners))

    def reclaim(self) -> int:
        """Take back what dead owners held of this owner's queues; returns how many messages."""
        queues = list(self._queues())
        if not queues:
            return 0
        return int(scripts.run(self._client, "reclaim", self._lease_ms // 5, *queues))

    def _run(self) -> None:
        while not self._closed.wait(self._lease_ms / 10_000):
            try:
                self.renew()
                reclaimed = self.reclaim()
            except (redis.RedisError, psutil.Error) as exc:
                _log.warning("lease_renewal_failed", owner=self._owner, error=str(exc))
                continue
            if reclaimed:
                _log.warning("messages_taken_over", messages=reclaimed)
