"""The state of the whole in one answer: stores, queues, pools, ledger. What cannot be asked now is
unknown, never nought.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import structlog

from app.api import operator_answers
from app.api.endpoint import Arguments, Desk, Endpoint
from app.probes import ProbeResult
from broker.pools import Pool
from storage.errors import StoreError
from storage.ledger import Custody
from storage.spool.state import read_spool_state
from workbench.ledger_check import custody_now
from workbench.queueing import QueueView

T = TypeVar("T")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OperationsReading:
    """Each part is null while it is unknown."""

    at: datetime
    stores: dict[str, ProbeResult]
    canaries: dict[str, float] | None
    queues: Sequence[QueueView] | None
    pools: Sequence[Pool] | None
    custody: Custody | None
    dead_letters: int | None
    spool_events: int | None

    @property
    def unexplained(self) -> int | None:
        """Events in flight that neither a queue nor this machine's spool holds."""
        return None if self.custody is None else self.custody.lost

    @property
    def oldest_age_seconds(self) -> float | None:
        """How long the oldest event of all queues has waited; 0 when none waits."""
        if self.queues is None:
            return None
        ages = (view.state.oldest_age_seconds for view in self.queues)
        return max((age for age in ages if age is not None), default=0.0)

    @property
    def in_per_second(self) -> float | None:
        """Events that come a second, into first stages."""
        views = self._of_stage(".files")
        return None if views is None else sum(view.flow.in_per_second for view in views)

    @property
    def out_per_second(self) -> float | None:
        """Events that are done with a second, out of last stages."""
        views = self._of_stage(".search")
        return None if views is None else sum(view.flow.out_per_second for view in views)

    def _of_stage(self, ending: str) -> list[QueueView] | None:
        if self.queues is None:
            return None
        return [view for view in self.queues if view.state.queue.endswith(ending)]


def operations_reading(desk: Desk) -> OperationsReading:
    """The whole, as far as it can be asked within the stores' time-outs."""
    stores = desk.stores
    probes = desk.health.stores()
    well = {name for name, result in probes.items() if result.problem is None}
    broker, sql = "broker" in well, "sql" in well
    return OperationsReading(
        at=datetime.fromtimestamp(desk.now_ms() / 1000, UTC),
        stores=probes,
        canaries=_known(broker, stores.progress.ages),
        queues=_known(broker, stores.queues.queues),
        pools=_known(broker, stores.queues.pools.list),
        custody=_known(broker and sql, lambda: custody_now(stores.ledger_sources)),
        dead_letters=_known(sql, stores.dead_letters.count_open),
        spool_events=_known(True, lambda: read_spool_state(stores.settings.home).events),
    )


def _known(askable: bool, ask: Callable[[], T]) -> T | None:
    """What a store tells; null while it is away."""
    if not askable:
        return None
    try:
        return ask()
    except (StoreError, OSError) as exc:
        _log.warning("operations_unknown", reason=str(exc))
        return None


def read_operations(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /operations."""
    del arguments
    return dict(operator_answers.Operations().dump(document(operations_reading(desk))))


def document(found: OperationsReading) -> dict[str, Any]:
    """The whole as the API gives it."""
    queues, pools = found.queues, found.pools
    return {
        "at": found.at,
        "stores": {
            name: {
                "ok": result.problem is None,
                "problem": result.problem,
                "seconds": result.seconds,
            }
            for name, result in found.stores.items()
        },
        "canary_age_seconds": found.canaries,
        "oldest_age_seconds": found.oldest_age_seconds,
        "events_waiting": queues and sum(view.state.events for view in queues),
        "in_per_second": found.in_per_second,
        "out_per_second": found.out_per_second,
        "pools_running": _count(pools, "running"),
        "pools_missing": _count(pools, "missing"),
        "unattended_queues": queues and [v.state.queue for v in queues if v.unattended],
        "paused_queues": queues and [v.state.queue for v in queues if v.state.paused],
        "dead_letters": found.dead_letters,
        "parked_messages": queues and sum(view.state.parked for view in queues),
        "spool_events": found.spool_events,
        "unexplained": found.unexplained,
    }


def _count(pools: Sequence[Pool] | None, state: str) -> int | None:
    return None if pools is None else sum(pool.state == state for pool in pools)


ENDPOINTS = (
    Endpoint(
        "/operations",
        "read_operations",
        "Stores, queues, pools and the ledger at a glance; what is unknown is null",
        read_operations,
        operator_answers.Operations,
        needs="read",
    ),
)
