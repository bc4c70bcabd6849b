"""Signs of life: owners of reservations renew leases, and take over from those that do not.

An owner is a channel of a worker's parent, or one task that joins messages of its own. Who is
killed stops renewing, and whoever consumes the same queue takes its messages back. So is what an
owner does not know of: a broker that hung may carry out a command whose sender gave up waiting.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import redis
import structlog

from broker import keys, scripts
from broker.connection import broker_errors

_log = structlog.get_logger(__name__)


def task_owner(owner: str) -> str:
    """The owner name of one task that a worker runs: never the same twice."""
    return f"{owner}/{uuid.uuid4().hex[:12]}"


def _renew(client: redis.Redis[bytes], owner: str, lease_ms: int) -> None:
    # A script, since a broker that is out of memory refuses plain writes: the living would lose
    # their leases to each other.
    scripts.run(client, "renew", lease_ms, keys.lease(owner))


@contextmanager
def task_lease(client: redis.Redis[bytes], owner: str, *, lease_seconds: float) -> Iterator[None]:
    """Hold the lease of a task while it runs; afterwards it lapses, with what the task forgot.

    Raises :class:`StoreDown` when the lease cannot be taken.
    """
    lease_ms = int(lease_seconds * 1000)
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(lease_seconds / 3):
            try:
                _renew(client, owner, lease_ms)
            except redis.RedisError as exc:
                _log.warning("lease_renewal_failed", owner=owner, error=str(exc))

    with broker_errors():
        _renew(client, owner, lease_ms)
    thread = threading.Thread(target=keep, name="sluice-task-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()


class Leases:
    """Renews the lease of one owner and reclaims its queues until closed. One thread."""

    def __init__(
        self,
        client: redis.Redis[bytes],
        owner: str,
        queues: Callable[[], Iterable[str]],
        *,
        lease_seconds: float,
    ) -> None:
        self._client = client
        self._owner = owner
        self._queues = queues
        self._lease_ms = int(lease_seconds * 1000)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sluice-leases", daemon=True)

    def start(self) -> None:
        """Take the lease now, so that nothing is reserved without one, and keep renewing it."""
        self.renew()
        self._thread.start()

    def close(self) -> None:
        """Stop renewing; what is still reserved goes back when the lease lapses."""
        self._closed.set()

    def go_on_as(self, owner: str) -> None:
        """Renew for another owner from now on; the lease of the one before lapses."""
        self._owner = owner

    def renew(self) -> None:
        """Renew the lease of the owner."""
        _renew(self._client, self._owner, self._lease_ms)

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
            except redis.RedisError as exc:
                _log.warning("lease_renewal_failed", owner=self._owner, error=str(exc))
                continue
            if reclaimed:
                _log.warning("messages_taken_over", messages=reclaimed)
