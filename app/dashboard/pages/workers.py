"""Pools of workers, as they tell of themselves."""

from __future__ import annotations

from dataclasses import dataclass

from app.dashboard.page import Page, Place, Visit
from app.dashboard.queue_rows import PoolRow, pool_row


@dataclass(frozen=True, slots=True)
class WorkersView:
    """Every pool of the last day. ``waiting`` events wait for one of them, null if unknown."""

    title: str
    pools: tuple[PoolRow, ...]
    waiting: int | None


def workers(visit: Visit) -> WorkersView:
    """The pools; raises ``StoreDown``."""
    stores = visit.desk.stores
    pools = stores.queues.pools.list()
    waiting = sum(state.events for state in stores.broker.queues())
    return WorkersView("Workers", tuple(pool_row(pool, visit.now) for pool in pools), waiting)


PAGES = (
    Page(
        "/ops/workers",
        "workers",
        workers,
        "pages/workers.html",
        needs="read",
        table="pools",
        place=Place("Workers", "installation", key="w"),
        live=True,
    ),
)
