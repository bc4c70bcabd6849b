"""One delivery of a message to a task: its reservation, and what becomes of it on an outage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded

from broker.leases import task_owner
from broker.message import EVENTS_HEADER, OLDEST_HEADER, OWNER_HEADER, RETURNS_HEADER
from broker.reservations import Reservations, tag_queue
from storage.errors import StoreDown

#: How long an outage pauses a queue before one message probes the store, in seconds.
OUTAGE_PAUSE_SECONDS = 2.0

#: From this many returns on, events are worked on one by one: one of them may kill the worker.
CARE_AFTER_RETURNS = 2

_log = structlog.get_logger(__name__)


class Flood(Exception):
    """So many events fail that the stage must be at fault; its queue is paused for an operator."""


@dataclass(slots=True)
class Delivery:
    """The message in hand, and those that the task joined to it: tags to events. ``oldest_ms`` is
    when the first of all their events was accepted, as far as messages tell.
    """

    tag: str
    queue: str
    owner: str
    returns: int
    events: int
    joined: dict[str, int] = field(default_factory=dict)
    oldest_ms: int | None = None

    def join(self, tag: str, events: int, oldest_ms: int | None) -> None:
        """Take a message more in hand."""
        self.joined[tag] = events
        if oldest_ms is not None:
            self.oldest_ms = min(self.oldest_ms or oldest_ms, oldest_ms)

    @property
    def runs_alone(self) -> bool:
        """Whether nothing may be joined, because a worker died on this message before."""
        return self.returns > 0

    @property
    def needs_care(self) -> bool:
        """Whether one of its events is suspected of killing workers."""
        return self.returns >= CARE_AFTER_RETURNS


def delivery_of(request: Any) -> Delivery:
    """The delivery behind a Celery task request of our channel."""
    tag = request.properties["delivery_tag"]
    return Delivery(
        tag=tag,
        queue=tag_queue(tag),
        owner=task_owner(request.get(OWNER_HEADER)),
        returns=request.get(RETURNS_HEADER, 0),
        events=request.get(EVENTS_HEADER, 0),
        oldest_ms=request.get(OLDEST_HEADER),
    )


@contextmanager
def outages_pause(delivery: Delivery, reservations: Reservations) -> Iterator[None]:
    """Turn an outage of a store into a pause of the queue; no event is at fault.

    The messages in hand go back to the front of their queue, uncounted, and the task ends as
    ignored, so that the chain stops here: acknowledging a released message does nothing. A broker
    that is full takes both. When it is away, or the soft limit struck, the message is given back
    by Celery and counts as a failed delivery.
    """
    try:
        yield
    except StoreDown as exc:
        _wait_out(exc, delivery, reservations)
        raise Ignore from exc
    except Flood as exc:
        _log.error("flood", queue=delivery.queue, reason=str(exc))
        _give_back(delivery, reservations)
        raise Ignore from exc
    except SoftTimeLimitExceeded as exc:
        _log.exception("soft_limit_exceeded", queue=delivery.queue)
        reservations.release(delivery.queue, list(delivery.joined), failed=True)
        raise Reject(exc, requeue=True) from exc


def _wait_out(outage: StoreDown, delivery: Delivery, reservations: Reservations) -> None:
    _log.warning("queue_paused", queue=delivery.queue, store=outage.store, reason=outage.detail)
    try:
        reservations.pause(delivery.queue, str(outage), seconds=OUTAGE_PAUSE_SECONDS)
        _give_back(delivery, reservations)
    except StoreDown as exc:
        raise Reject(exc, requeue=True) from exc


def _give_back(delivery: Delivery, reservations: Reservations) -> None:
    reservations.release(delivery.queue, [*delivery.joined, delivery.tag], failed=False)
    reservations.count("retried", delivery.events + sum(delivery.joined.values()))
