"""Reconcile: compares packs, SQL and search, repairs gaps from packs, and says what it repaired.

Four passes, each harmless to repeat and to be killed in: packs whose message was lost, packs on
record event by event, packs that never reached SQL, counters of empty queues.
"""

from __future__ import annotations

from datetime import UTC, datetime

import structlog

from config.policy import EVENT_TYPES, QUEUES, SYSTEM_TASKS
from events.ids import Clock
from tasks.comparing import Comparison
from tasks.lost import resume_orphans, resume_unsearched
from tasks.mending import Mender
from tasks.reconciling import Report, Scope, recent_scope
from tasks.rerun import Rerun
from tasks.upkeep import Upkeep

_log = structlog.get_logger(__name__)


def reconcile(upkeep: Upkeep, rerun: Rerun, scope: Scope, clock: Clock, *, dry_run: bool) -> Report:
    """Compare and repair what a scope names; a dry run only tells. Raises :class:`StoreDown`."""
    report = Report()
    mender = Mender(upkeep, rerun, report, dry_run=dry_run)
    for kind in EVENT_TYPES:
        resume_unsearched(upkeep, mender, kind.name, scope.settled)
        whole = Comparison(upkeep, mender, report, kind.name).run(scope)
        if whole and not dry_run:
            upkeep.packs.mark_checked(whole, datetime.fromtimestamp(clock() / 1000, UTC))
        resume_orphans(upkeep, mender, kind.name, scope)
    if not dry_run:
        report.corrected = sum(_correct(upkeep, queue) for queue in QUEUES)
    return report


def reconcile_recent(upkeep: Upkeep, rerun: Rerun, clock: Clock) -> None:
    """The periodic task: a bounded part of the recent past. Raises :class:`StoreDown`."""
    settings = upkeep.settings
    scope = recent_scope(
        clock(),
        hours=settings.reconcile_hours,
        grace=settings.reconcile_grace_seconds,
        recheck=settings.reconcile_recheck_seconds,
        events=settings.reconcile_events,
        period=next(row.every for row in SYSTEM_TASKS if row.task == "sluice.reconcile"),
    )
    report = reconcile(upkeep, rerun, scope, clock, dry_run=False)
    _log.info(
        "reconciled",
        packs=report.packs,
        events=report.events,
        repaired=report.repaired(),
        troubles=len(report.troubles),
    )


def _correct(upkeep: Upkeep, queue: str) -> int:
    wrong = upkeep.contents.correct_empty(queue)
    if wrong:
        _log.error("counter_corrected", queue=queue, events=wrong)
    return wrong
