"""Working on a message that came back: one event at a time, so that a killer event shows itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from broker.suspects import Suspects
from storage.errors import StoreDown
from storage.model import PackedEvent
from tasks.delivery import Delivery
from tasks.isolation import Failure

_log = structlog.get_logger(__name__)

Process = Callable[[Sequence[PackedEvent]], list[Failure[PackedEvent]]]
"""A stage's work on some events of a pack, repeatable; returns those at fault."""


def work_on(
    packed: Sequence[PackedEvent], delivery: Delivery, suspects: Suspects, process: Process
) -> list[Failure[PackedEvent]]:
    """All events at once; or, when the message keeps coming back, one by one under a mark.

    Survives the death of this very process: the next delivery reads the mark it left. An event on
    which workers died again is a failure with code ``killed_worker`` and is not tried any more.
    """
    if not delivery.needs_care:
        return process(packed)
    convicted = suspects.convict()
    failures = [_killer(item) for item in packed if item.envelope.id in convicted]
    by_id = {item.envelope.id: item for item in packed if item.envelope.id not in convicted}
    try:
        for event_id in suspects.unfinished(by_id):
            suspects.mark(event_id)
            failed = process([by_id[event_id]])
            if not failed:  # a failure is only done when it is buried, after all of them
                suspects.finish(event_id)
            failures += failed
        suspects.clear()
    except StoreDown:
        suspects.clear()  # no event is to blame for an outage
        raise
    return failures


def _killer(item: PackedEvent) -> Failure[PackedEvent]:
    _log.error("killer_event", event_id=str(item.envelope.id))
    reason = "workers died while they worked on this event alone"
    return Failure(item, "killed_worker", reason, "", attempts=4)
