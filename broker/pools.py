"""What pools of workers tell of themselves: every few seconds, over a connection of their own.

A pool that is killed tells nothing more; what it told last stays for a day, with when that was.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from broker import keys, scripts
from broker.connection import broker_errors, connect
from config.settings import Secret
from events.ids import Clock, now_ms

#: How often a pool tells.
TELL_SECONDS = 5.0
#: Age of what it told last at which a pool is missing.
MISSING_SECONDS = 3 * TELL_SECONDS
_KEPT_SECONDS = 86_400
_DAY_MS = 86_400_000
#: Starts of a day are kept until the day after it is over.
_STARTS_SECONDS = 2 * 86_400
MAX_TEXT_CHARS = 200

State = Literal["running", "stopping", "stopped", "missing"]


@dataclass(frozen=True, slots=True)
class Child:
    """A process of a pool; ``task`` in hand since ``since_ms``, of ``queue`` with ``events``."""

    pid: int
    rss_bytes: int | None
    task: str | None = None
    queue: str | None = None
    events: int = 0
    since_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PoolReport:
    """What a pool tells. ``size`` is how many tasks it can have in hand; ``replaced`` counts its
    children that died or were recycled. Times are milliseconds since 1970.
    """

    name: str
    pid: int
    kind: str
    size: int
    queues: Sequence[str]
    release: str
    started_ms: int
    told_ms: int
    rss_bytes: int | None
    children: Sequence[Child] = ()
    replaced: int = 0
    state: str = "running"


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool as it is known. ``starts`` counts how often it was started today and yesterday."""

    report: PoolReport
    state: State
    age_seconds: float
    starts: int

    @property
    def busy(self) -> int:
        """How many of its places have a task in hand."""
        return sum(child.task is not None for child in self.report.children)

    @property
    def told_at(self) -> datetime:
        return datetime.fromtimestamp(self.report.told_ms / 1000, UTC)

    @property
    def started_at(self) -> datetime:
        return datetime.fromtimestamp(self.report.started_ms / 1000, UTC)

    @property
    def works(self) -> bool:
        """Whether it takes messages now."""
        return self.state == "running"

    @property
    def rss_bytes(self) -> int | None:
        """Resident memory of its parent and children together; shared pages count in each."""
        parts = [self.report.rss_bytes, *(child.rss_bytes for child in self.report.children)]
        known = [part for part in parts if part is not None]
        return sum(known) if known else None


_Pools: TypeAlias = list[Pool]  # the class has a method of the name


class Pools:
    """Connects when used; every method raises :class:`StoreDown`."""

    def __init__(self, redis_url: Secret, *, timeout: float, clock: Clock = now_ms) -> None:
        self._client = connect(redis_url, timeout=timeout)
        self._clock = clock

    def tell(self, report: PoolReport, *, started: bool = False) -> None:
        """Keep a report; with ``started`` count a start of the pool too."""
        day = report.told_ms // _DAY_MS
        with broker_errors():
            scripts.run(
                self._client,
                "tell_pool",
                report.name,
                json.dumps(asdict(report)),
                keys.pool_starts(day),
                "1" if started else "0",
                _STARTS_SECONDS,
            )

    def forget_old(self) -> None:
        """Forget pools that told nothing for a day."""
        old = [
            name for name, report in self._reports().items() if self._age(report) > _KEPT_SECONDS
        ]
        if old:
            with broker_errors():
                self._client.hdel(keys.POOLS, *old)

    def list(self) -> _Pools:
        """Every pool that told of itself within a day, by name."""
        today = self._clock() // _DAY_MS
        reports = self._reports()
        with broker_errors(), self._client.pipeline(transaction=False) as pipe:
            for day in (today - 1, today):
                pipe.hgetall(keys.pool_starts(day))
            starts = pipe.execute()
        return [
            Pool(
                report,
                self._state(report),
                self._age(report),
                sum(int(day.get(name.encode(), 0)) for day in starts),
            )
            for name, report in sorted(reports.items())
            if self._age(report) <= _KEPT_SECONDS
        ]

    def _reports(self) -> dict[str, PoolReport]:
        with broker_errors():
            found = self._client.hgetall(keys.POOLS)
        reports = ((name.decode(), _report(raw)) for name, raw in found.items())
        return {name: report for name, report in reports if report is not None}

    def _age(self, report: PoolReport) -> float:
        return max(0.0, (self._clock() - report.told_ms) / 1000)

    def _state(self, report: PoolReport) -> State:
        if report.state == "stopped":
            return "stopped"
        if self._age(report) > MISSING_SECONDS:
            return "missing"
        return "stopping" if report.state == "stopping" else "running"


def _report(raw: bytes) -> PoolReport | None:
    """A report as told; null for one that another version wrote and this cannot read."""
    try:
        told = json.loads(raw)
        children = [Child(**child) for child in told.pop("children")]
        return PoolReport(**told, children=children)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
