"""Dead-lettering what failed, unless so much fails that the stage itself must be at fault."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from broker.flood import FloodLimit
from events.envelope import Envelope
from events.ids import Clock
from storage.model import DeadLetter, PackedEvent
from tasks.delivery import Delivery, Flood
from tasks.isolation import Failure
from tasks.stores import WorkerStores

_log = structlog.get_logger(__name__)


def bury(
    failures: Sequence[Failure[PackedEvent]] | Sequence[Failure[Envelope]],
    events: int,
    delivery: Delivery,
    stores: WorkerStores,
    clock: Clock,
) -> None:
    """Dead-letter the failed ones of ``events`` events; raises :class:`Flood` if they are too many.

    Idempotent: an event is dead at most once. Raises :class:`StoreDown`.
    """
    settings = stores.settings
    limit = FloodLimit(settings.flood_share, settings.flood_events, settings.flood_seconds)
    reason = f"{failures[0].code}: {failures[0].reason}" if failures else ""
    dead = len(failures)
    if not limit.allows(
        stores.reservations, delivery.queue, good=events - dead, dead=dead, reason=reason
    ):
        raise Flood(reason)
    if failures:
        at = datetime.fromtimestamp(clock() / 1000, UTC)
        stage = delivery.queue.rpartition(".")[2]
        release = settings.release
        letters = [dead_letter_of(failure, stage, at, release) for failure in failures]
        stores.dead_letters.add(letters)
        _log.error("dead_lettered", queue=delivery.queue, events=dead, reason=reason)


def dead_letter_of(
    failure: Failure[PackedEvent] | Failure[Envelope], stage: str, at: datetime, release: str
) -> DeadLetter:
    """The letter of an event that a stage gives up on; its payload stays where it lies, and goes
    with the letter where no pack has it yet.
    """
    item = failure.item
    envelope, location = (
        (item, None) if isinstance(item, Envelope) else (item.envelope, item.location)
    )
    return DeadLetter(
        event_id=envelope.id,
        project_id=envelope.project_id,
        type=envelope.type,
        stage=stage,
        protocol=envelope.protocol,
        code=failure.code,
        reason=failure.reason,
        traceback=failure.traceback,
        attempts=failure.attempts,
        at=at,
        location=location,
        payload=envelope.body if location is None else None,
        release=release,
    )
