"""Whether events that were accepted before a moment are still on their way through the queues."""

from __future__ import annotations

from broker import keys, scripts
from broker.connection import broker_errors, connect
from config.policy import QUEUES
from config.settings import Secret

#: Longest queue that is looked through; the ready messages of a longer one count as old.
_LOOKED_AT = 5000


class OnTheWay:
    """Looks and takes nothing. Connects when used; methods raise :class:`StoreDown`."""

    def __init__(self, redis_url: Secret, *, timeout: float) -> None:
        self._client = connect(redis_url, timeout=timeout)

    def queue_with_older(self, moment_ms: int) -> str | None:
        """A queue with events accepted by then, waiting or being worked on; null when there is
        none. Parked messages do not count.
        """
        with broker_errors():
            found = scripts.run(self._client, "older", moment_ms, _LOOKED_AT, *QUEUES)
        return found.decode() if found else None

    def in_hand(self) -> set[str]:
        """The reservations of this moment. Once none of them is left, all work that had begun by
        then has ended.
        """
        with broker_errors(), self._client.pipeline(transaction=True) as pipe:
            for queue in QUEUES:
                pipe.hkeys(keys.reserved(queue))
            return {tag.decode() for tags in pipe.execute() for tag in tags}
