"""Once a period: a lock that lets one of many clocks start a periodic task."""

from __future__ import annotations

from broker import keys
from broker.connection import broker_errors, connect
from config.settings import Secret

#: The share of a period that a run holds it: less than all of it, so that the next beat of the
#: same clock is never refused for being some milliseconds early.
_SHARE = 0.9


class Periods:
    """Who may run a periodic task now. Connects when used."""

    def __init__(self, redis_url: Secret, *, timeout: float) -> None:
        self._client = connect(redis_url, timeout=timeout)

    def begin(self, task: str, run: str, seconds: float) -> bool:
        """Whether ``run`` is the one of this period; the same run may ask again after a kill.

        Raises :class:`StoreDown`.
        """
        key = keys.period(task)
        with broker_errors():
            if self._client.set(key, run, nx=True, px=int(seconds * _SHARE * 1000)):
                return True
            return self._client.get(key) == run.encode()
