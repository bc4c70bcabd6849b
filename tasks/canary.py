"""Canaries: one event of each type a minute through every queue and store, hidden from people.

Every process may look alive while nothing gets through; a canary that does not arrive tells.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from broker.client import Broker
from broker.progress import Progress
from config.policy import EVENT_TYPES
from config.settings import Settings
from events.envelope import SYSTEM_PROJECT, Envelope
from events.ids import Clock, new_id, now_ms
from events.registry import event_type
from storage.errors import StoreDown
from storage.files.store import FileStore
from storage.sql.database import Database
from storage.sql.events import Events

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Canaries:
    """What sending canaries and looking for them takes."""

    broker: Broker
    progress: Progress
    events: Events
    files: FileStore
    clock: Clock


def open_canaries(settings: Settings) -> Canaries:
    """Build the clients; each connects when it is first used."""
    timeout = settings.broker_timeout_seconds
    return Canaries(
        broker=Broker(settings.redis_url, timeout=timeout),
        progress=Progress(settings.redis_url, timeout=timeout),
        events=Events(Database(settings.postgres_dsn, max_connections=1)),
        files=FileStore(settings),
        clock=now_ms,
    )


def run_canaries(canaries: Canaries) -> None:
    """Look for the canaries sent before, then send one of each type.

    Looking fails while a store is away: then they are sent all the same, and the age of the last
    that arrived grows. Raises :class:`StoreDown` when the broker is away.
    """
    for row in EVENT_TYPES:
        try:
            _look(canaries, row.name)
        except StoreDown as exc:
            if exc.store == "broker":
                raise
            _log.warning("canary_unseen", type=row.name, store=exc.store, reason=exc.detail)
        _send(canaries, row.name)


def _look(canaries: Canaries, type_name: str) -> None:
    for event_id in canaries.progress.waiting(type_name):
        receipt = canaries.events.receipt(event_id)
        found = canaries.events.find(event_id)
        if receipt is not None and receipt.search_at is not None and found is not None:
            canaries.files.read_event(found.location)
            canaries.progress.arrived(type_name, event_id)
            return


def _send(canaries: Canaries, type_name: str) -> None:
    module = event_type(type_name)
    event_id = new_id(canaries.clock())
    canary = Envelope(
        event_id, SYSTEM_PROJECT, type_name, module.CANARY_PROTOCOL, module.CANARY_BODY
    )
    canaries.broker.publish(type_name, event_id, [canary])
    canaries.progress.sent(type_name, event_id)
