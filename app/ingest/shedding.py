"""Refusing events while the workers are too far behind, the less important types first.

A type is refused while a queue of its own, or of a type that matters more, has waited too long or
grown too deep. The limits of the type that matters most are the settings'; those of the others are
a share of them. What is accepted already is never touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

from app.errors import Code
from broker.load import QueueLoad
from config.policy import EVENT_TYPES, EventTypePolicy

CODE: Code = "overloaded"
SHED_SECONDS = 60
"""How long the sender of a refused event is asked to wait."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """When the most important type is refused: events of a queue, age in seconds; 0 is never."""

    events: int
    age_seconds: float

    @property
    def never(self) -> bool:
        """Whether nothing is ever refused."""
        return self.events <= 0 and self.age_seconds <= 0


def share_of(kind: EventTypePolicy) -> float:
    """The share of the limits at which a type is refused: 1 for what is shed last."""
    orders = sorted({row.shed_order for row in EVENT_TYPES})
    return (orders.index(kind.shed_order) + 1) / len(orders)


def refused_types(loads: Iterable[QueueLoad], limits: LoadLimits) -> dict[str, str]:
    """The types to refuse now, each with the queue that is at fault and why."""
    loads = list(loads)
    found: dict[str, str] = {}
    for kind in EVENT_TYPES:
        share = share_of(kind)
        for load in loads:
            matters = load.policy.event_type.shed_order >= kind.shed_order
            if matters and (why := _excess(load, limits, share)):
                found.setdefault(kind.name, f"{load.policy.queue} {why}")
    return found


def _excess(load: QueueLoad, limits: LoadLimits, share: float) -> str | None:
    if 0 < limits.events * share < load.events:
        return f"holds {load.events} events"
    if 0 < limits.age_seconds * share < load.age_seconds:
        return f"waits for {load.age_seconds:.0f} s"
    return None


class Shedder:
    """What this process refuses now: read in the background, never within a request.

    Thread-safe. While the broker does not answer, the last word stands.
    """

    def __init__(self, read: Callable[[], list[QueueLoad]], limits: LoadLimits) -> None:
        self._read = read
        self._limits = limits
        self._refused: dict[str, str] = {}

    def why(self, event_type: str) -> str | None:
        """Why events of this type are refused now; None while they are welcome."""
        return self._refused.get(event_type)

    def step(self) -> None:
        """Look how far behind the workers are; raises :class:`storage.errors.StoreDown`."""
        if self._limits.never:
            return
        refused = refused_types(self._read(), self._limits)
        for name in refused.keys() - self._refused.keys():
            _log.warning("shedding_starts", type=name, reason=refused[name])
        for name in self._refused.keys() - refused.keys():
            _log.warning("shedding_ends", type=name)
        self._refused = refused
