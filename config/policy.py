"""The queue policy table: every queue, its task, limits, retries and acknowledgement.

Code, ``docs/queues.md`` and a test read this one table. A queue is ``<type>.<stage>``; the
table is the product of the event types and the stages, so a new type is one row here. Beside it
stand the system's own tasks, which carry no events and run by the clock.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EventTypePolicy:
    """A row for an event type. ``shed_order``: lower is refused first under pressure.

    ``keep_days`` is its term where no setting says otherwise (:mod:`config.retention`).
    """

    name: str
    shed_order: int
    keep_days: int


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Backoff of one owner of retries: ``base * 2**n`` seconds up to ``cap``, with full jitter.

    ``attempts`` bounds the tries of an event that fails for a reason we do not know; an outage
    of a store never spends them.
    """

    attempts: int
    base: float
    cap: float

    def delay(self, attempt: int, random: float) -> float:
        """Seconds to wait after try ``attempt`` (from 1); ``random`` is in [0, 1)."""
        return float(min(self.cap, self.base * 2 ** (attempt - 1)) * (0.5 + random / 2))


@dataclass(frozen=True, slots=True)
class StagePolicy:
    """A row for a stage: the task that works its queues and that task's limits, in seconds."""

    name: str
    task: str
    soft_limit: int
    hard_limit: int
    retry: RetryPolicy


@dataclass(frozen=True, slots=True)
class QueuePolicy:
    """One queue of the product of the two tables."""

    event_type: EventTypePolicy
    stage: StagePolicy

    @property
    def queue(self) -> str:
        return f"{self.event_type.name}.{self.stage.name}"


@dataclass(frozen=True, slots=True)
class SystemTaskPolicy:
    """A row for a periodic task: its queue, and its period and limits in seconds."""

    task: str
    queue: str
    every: int
    soft_limit: int
    hard_limit: int


EVENT_TYPES = (
    EventTypePolicy("crash", shed_order=4, keep_days=90),
    EventTypePolicy("rum", shed_order=2, keep_days=30),
    EventTypePolicy("trace", shed_order=1, keep_days=14),
    EventTypePolicy("metric", shed_order=3, keep_days=90),
)

STAGES = (
    StagePolicy("files", "sluice.store_files", 60, 90, RetryPolicy(attempts=3, base=0.2, cap=2.0)),
    StagePolicy("sql", "sluice.store_sql", 60, 90, RetryPolicy(attempts=3, base=0.2, cap=2.0)),
    StagePolicy(
        "search", "sluice.index_search", 60, 90, RetryPolicy(attempts=3, base=0.2, cap=2.0)
    ),
)

SYSTEM_TASKS = (
    SystemTaskPolicy("sluice.canary", "system.maintenance", 60, soft_limit=45, hard_limit=60),
    SystemTaskPolicy("sluice.reconcile", "system.maintenance", 60, soft_limit=240, hard_limit=300),
    SystemTaskPolicy("sluice.compact", "system.maintenance", 60, soft_limit=240, hard_limit=300),
    SystemTaskPolicy("sluice.erase", "system.maintenance", 10, soft_limit=120, hard_limit=150),
    SystemTaskPolicy("sluice.uploads", "system.maintenance", 60, soft_limit=240, hard_limit=300),
    SystemTaskPolicy("sluice.redaction", "system.maintenance", 60, soft_limit=45, hard_limit=60),
    SystemTaskPolicy("sluice.quotas", "system.maintenance", 60, soft_limit=45, hard_limit=60),
    SystemTaskPolicy("sluice.retention", "system.maintenance", 600, soft_limit=240, hard_limit=300),
    SystemTaskPolicy("sluice.ledger", "system.maintenance", 600, soft_limit=240, hard_limit=300),
    SystemTaskPolicy("sluice.usage", "system.maintenance", 600, soft_limit=100, hard_limit=120),
    SystemTaskPolicy("sluice.rollups", "system.maintenance", 60, soft_limit=100, hard_limit=120),
    SystemTaskPolicy("sluice.replay", "system.maintenance", 5, soft_limit=60, hard_limit=90),
    SystemTaskPolicy("sluice.triage", "system.maintenance", 5, soft_limit=60, hard_limit=90),
)

#: Every message is acknowledged after its work, never before, and again after a lost worker.
ACKS_LATE = True

QUEUES: dict[str, QueuePolicy] = {
    policy.queue: policy
    for policy in (QueuePolicy(event_type, stage) for event_type in EVENT_TYPES for stage in STAGES)
}

#: Every queue that workers consume: those of events, then the system's own.
ALL_QUEUES: tuple[str, ...] = (*QUEUES, *dict.fromkeys(row.queue for row in SYSTEM_TASKS))


def queue_name(event_type: str, stage: str) -> str:
    """Name of a queue; raises ``KeyError`` when the table has no such row."""
    return QUEUES[f"{event_type}.{stage}"].queue


def stage_policy(name: str) -> StagePolicy:
    """The row of a stage; raises ``KeyError`` for an unknown one."""
    return {stage.name: stage for stage in STAGES}[name]


def match_queues(patterns: Iterable[str]) -> list[str]:
    """Queues that globs such as ``crash.*`` name, in table order; raises ``ValueError`` on none."""
    found: set[str] = set()
    for pattern in patterns:
        hits = fnmatch.filter(ALL_QUEUES, pattern)
        if not hits:
            raise ValueError(f"no queue matches {pattern!r}; there are: {', '.join(ALL_QUEUES)}")
        found.update(hits)
    return [name for name in ALL_QUEUES if name in found]
