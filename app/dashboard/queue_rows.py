"""Queues and pools as rows of tables; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.dashboard import links
from app.dashboard.charts import Tone
from broker.pools import Child, Pool
from workbench.queueing import QueueView


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue. ``state`` is what is to be known of it first, ``why`` says more."""

    name: str
    href: str
    tone: Tone
    state: str
    why: str
    events: int
    ready: int
    reserved: int
    parked: int
    oldest_age_seconds: float | None
    in_per_second: float
    out_per_second: float
    seconds_to_drain: float | None
    pools: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A process of a pool, and what it has in hand: since so many seconds, when anything."""

    pid: int
    rss_bytes: int | None
    queue: str | None
    events: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class PoolRow:
    """A pool as it told of itself last."""

    name: str
    tone: Tone
    state: str
    age_seconds: float
    kind: str
    busy: int
    size: int
    rss_bytes: int | None
    replaced: int
    starts: int
    release: str
    started_at: datetime
    queues: tuple[str, ...]
    tasks: tuple[TaskRow, ...]


_PAUSED: dict[str, tuple[Tone, str]] = {
    "operator": ("warn", "paused"),
    "flood": ("bad", "flood"),
    "outage": ("warn", "store away"),
}
_POOLS: dict[str, Tone] = {
    "running": "ok",
    "stopping": "busy",
    "stopped": "plain",
    "missing": "bad",
}


def queue_row(view: QueueView) -> QueueRow:
    """A queue as a row."""
    state = view.state
    tone, word, why = _state(view)
    return QueueRow(
        name=state.queue,
        href=links.queue(state.queue),
        tone=tone,
        state=word,
        why=why,
        events=state.events,
        ready=state.ready,
        reserved=state.reserved,
        parked=state.parked,
        oldest_age_seconds=state.oldest_age_seconds,
        in_per_second=view.flow.in_per_second,
        out_per_second=view.flow.out_per_second,
        seconds_to_drain=view.seconds_to_drain,
        pools=tuple(view.pools),
    )


def _state(view: QueueView) -> tuple[Tone, str, str]:
    state = view.state
    if state.pause is not None:
        tone, word = _PAUSED.get(state.pause.kind, ("warn", state.pause.kind))
        return tone, word, state.pause.reason
    if not view.known:
        return "bad", "no task", "This version has no task for its messages."
    if view.unattended:
        return "bad", "nobody", f"{state.ready} messages wait and no pool works on it."
    if state.parked:
        return "dead", "parked", f"{state.parked} messages are put aside."
    return ("busy", "works", "") if state.events else ("ok", "empty", "")


def pool_row(pool: Pool, now: datetime) -> PoolRow:
    """A pool as a row."""
    report = pool.report
    return PoolRow(
        name=report.name,
        tone=_POOLS.get(pool.state, "warn"),
        state=pool.state,
        age_seconds=pool.age_seconds,
        kind=report.kind,
        busy=pool.busy,
        size=report.size,
        rss_bytes=pool.rss_bytes,
        replaced=report.replaced,
        starts=pool.starts,
        release=report.release,
        started_at=pool.started_at,
        queues=tuple(report.queues),
        tasks=tuple(_task(child, now) for child in report.children),
    )


def _task(child: Child, now: datetime) -> TaskRow:
    seconds = None
    if child.since_ms is not None:
        seconds = max(0.0, now.timestamp() - child.since_ms / 1000)
    return TaskRow(child.pid, child.rss_bytes, child.queue, child.events, seconds)
