"""What an erasure must wait for, so that nothing it was asked for arrives after it is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from broker.older import OnTheWay
from storage.erasure import Erasure
from storage.spool.state import read_spool_state
from storage.sql.erasure_traces import Traces

#: How far clocks of web tier and PostgreSQL may be apart.
_SKEW = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Methods tell in a sentence what is waited for, null when for nothing. Raise ``StoreDown``."""

    traces: Traces
    on_the_way: OnTheWay
    home: Path

    def for_accepted(self, erasure: Erasure) -> str | None:
        """Events accepted before the request that are not stored yet, parked ones aside.

        The spool before the broker, to which its events move.
        """
        moment = erasure.at + _SKEW
        moment_ms = round(moment.timestamp() * 1000)
        try:
            spool = read_spool_state(self.home)
        except OSError as exc:
            return f"the spool of this machine cannot be read: {exc}"
        if spool.oldest_ms is not None and spool.oldest_ms <= moment_ms:
            return f"the spool of this machine holds {spool.events} events accepted before"
        if queue := self.on_the_way.queue_with_older(moment_ms):
            return f"queue {queue} holds events accepted before"
        return None

    def for_writers(self, tags: set[str]) -> str | None:
        """Work that began before everything was found and may still write what it had read."""
        if left := tags & self.on_the_way.in_hand():
            return f"{len(left)} messages are worked on since before"
        if self.traces.rebuilding():
            return "a rebuild is at work"
        return None
