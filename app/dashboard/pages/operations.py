"""The installation at a glance: stores, queues, pools, what is dead, and what is unexplained."""

from __future__ import annotations

from dataclasses import dataclass

from app.api.operations import OperationsReading, operations_reading
from app.dashboard import links
from app.dashboard.charts import Tone
from app.dashboard.gaps import STORES
from app.dashboard.links import Named
from app.dashboard.page import Page, Place, Visit
from app.dashboard.queue_rows import PoolRow, QueueRow, pool_row, queue_row
from app.dashboard.strip import Tally
from app.stores import Stores

#: An oldest event older than that is looked at.
_OLD_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class StoreRow:
    """A store, and how it answered just now."""

    name: str
    tone: Tone
    state: str
    problem: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Light:
    """A number that should be low; null while it is unknown."""

    label: str
    value: float | None
    tone: Tone
    href: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class CanaryRow:
    """How long ago the last canary of a type that arrived was sent."""

    type: str
    age_seconds: float


@dataclass(frozen=True, slots=True)
class OperationsView:
    """What could not be asked is null: unknown, never none."""

    title: str
    stores: tuple[StoreRow, ...]
    lights: tuple[Light, ...]
    in_per_second: float | None
    out_per_second: float | None
    canaries: tuple[CanaryRow, ...] | None
    queues: tuple[QueueRow, ...] | None
    pools: tuple[PoolRow, ...] | None
    flower: str


def operations(visit: Visit) -> OperationsView:
    """Everything that can be asked now."""
    found = operations_reading(visit.desk)
    for name, result in found.stores.items():
        if result.problem is not None:
            visit.gaps.note("what it knows", name, result.problem)
    queues, pools, canaries = found.queues, found.pools, found.canaries
    return OperationsView(
        "Operations",
        tuple(
            StoreRow(
                STORES.get(name, name),
                "ok" if result.problem is None else "bad",
                "ok" if result.problem is None else "away",
                result.problem,
                result.seconds,
            )
            for name, result in found.stores.items()
        ),
        _lights(found),
        found.in_per_second,
        found.out_per_second,
        None if canaries is None else tuple(CanaryRow(*one) for one in sorted(canaries.items())),
        None if queues is None else tuple(queue_row(view) for view in queues),
        None if pools is None else tuple(pool_row(pool, visit.now) for pool in pools),
        visit.desk.stores.settings.flower_url,
    )


def _lights(found: OperationsReading) -> tuple[Light, ...]:
    queues, pools = found.queues, found.pools
    waiting = None if queues is None else sum(view.state.events for view in queues)
    parked = None if queues is None else sum(view.state.parked for view in queues)
    missing = None if pools is None else sum(pool.state == "missing" for pool in pools)
    oldest = found.oldest_age_seconds
    old: Tone = "warn" if oldest is not None and oldest > _OLD_SECONDS else "plain"
    return (
        Light("Unexplained", found.unexplained, _above(found.unexplained, "bad"), links.ledger()),
        Light("Dead letters", found.dead_letters, _above(found.dead_letters, "dead"), links.dead()),
        Light("Parked messages", parked, _above(parked, "dead"), links.parked()),
        Light("Missing pools", missing, _above(missing, "bad"), links.workers()),
        Light("Events waiting", waiting, "plain", links.operations() + "#queues"),
        Light("Oldest waits", oldest, old, links.operations() + "#queues", "seconds"),
        Light(
            "In spools here",
            found.spool_events,
            _above(found.spool_events, "warn"),
            links.ledger(),
        ),
    )


def _above(value: float | None, tone: Tone) -> Tone:
    return tone if value else "plain"


def _open_letters(stores: Stores, project: Named | None) -> int:
    del project
    return stores.dead_letters.count_open()


def _parked(stores: Stores, project: Named | None) -> int:
    del project
    return sum(state.parked for state in stores.broker.queues())


def _missing(stores: Stores, project: Named | None) -> int:
    del project
    return sum(pool.state == "missing" for pool in stores.queues.pools.list())


def _waiting(stores: Stores, project: Named | None) -> int:
    del project
    return sum(state.events for state in stores.broker.queues())


TALLIES = (
    Tally(
        "Events waiting",
        _waiting,
        lambda _: links.operations(),
        "read",
        "installation",
        most=100_000_000,
    ),
    Tally(
        "Dead letters",
        _open_letters,
        lambda _: links.dead(),
        "read",
        "installation",
        "dead",
        most=10_000_000,
    ),
    Tally("Parked messages", _parked, lambda _: links.parked(), "read", "installation", "dead"),
    Tally("Missing pools", _missing, lambda _: links.workers(), "read", "installation", "bad"),
)

PAGES = (
    Page(
        "/ops",
        "operations",
        operations,
        "pages/operations.html",
        needs="read",
        table="queues",
        place=Place("Operations", "installation", key="o"),
        live=True,
    ),
)
