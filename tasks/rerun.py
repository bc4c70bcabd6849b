"""Running stages again for a pack that is stored already."""

from __future__ import annotations

from celery import Celery

from broker.handoff import Handoff
from broker.message import size_headers
from events.ids import Clock
from tasks.chains import send_pack


class Rerun:
    """Publishes a pack to its stages once more.

    ``events`` is how many of the pack the ledger has in flight: those alone count as held by the
    broker, so that its count still equals the ledger's. The message's age begins now: an old pack
    that is repaired must not look as if the queue were hours behind.
    """

    def __init__(self, app: Celery, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    def search(self, handoff: Handoff, events: int) -> None:
        """Stage ``search`` alone. Raises :class:`StoreDown`."""
        self._send(handoff, ("search",), events)

    def chain(self, handoff: Handoff, events: int) -> None:
        """Stage ``sql`` and what follows it. Raises :class:`StoreDown`."""
        self._send(handoff, ("sql", "search"), events)

    def _send(self, handoff: Handoff, stages: tuple[str, ...], events: int) -> None:
        headers = size_headers(events, handoff.pack.raw_bytes, self._clock())
        send_pack(self._app, handoff, stages, headers)
