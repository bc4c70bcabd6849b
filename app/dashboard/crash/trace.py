"""The trace in which a crash happened: what services did in it, and what else crashed there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.dashboard import links
from app.dashboard.links import Named, ProjectName
from app.dashboard.page import Visit
from app.dashboard.telemetry.trace import CrashRow, crash_rows
from app.dashboard.telemetry.transactions import TransactionRow, transaction_rows
from events.crash import trace_uuid
from storage.sql.events import StoredEvent
from storage.sql.traces import TraceCrash, Transaction

_TRANSACTIONS, _CRASHES = 8, 8


@dataclass(frozen=True, slots=True)
class TraceSection:
    """A crash's trace: its first transactions, and the first other crashes; ``more`` of each are
    on its page. ``href`` shows the span in which the crash happened, where that is known.
    """

    trace_id: str
    href: str
    transactions: tuple[TransactionRow, ...]
    more_transactions: bool
    crashes: tuple[CrashRow, ...]
    more_crashes: bool


def trace_of(visit: Visit, event: StoredEvent, trace_id: str) -> TraceSection | None:
    """The trace of an event, of all projects that the reader sees; null for an id that is none.

    Raises ``StoreDown``.
    """
    known = trace_uuid(trace_id)
    if known is None:
        return None
    number, traces, sees = UUID(known), visit.desk.stores.traces, visit.desk.caller.sees
    transactions = traces.transactions_of(number, _TRANSACTIONS + 1)
    crashes = traces.crashes_of(number, None, _CRASHES + 2)
    return trace_section(
        event,
        number.hex,
        [one for one in transactions if sees(one.project_id)],
        [one for one in crashes if sees(one.project_id)],
    )


def trace_section(
    event: StoredEvent,
    trace_id: str,
    transactions: Sequence[Transaction],
    crashes: Sequence[TraceCrash],
) -> TraceSection:
    """The section of what was found; pure."""
    project: Named = ProjectName(event.project_id, event.project)
    others = [one for one in crashes if one.id != event.id]
    span = event.columns.get("span_id")
    path = links.trace(project, trace_id)
    return TraceSection(
        trace_id,
        links.with_query(path, {"span": span}),
        transaction_rows(project, transactions[:_TRANSACTIONS]),
        len(transactions) > _TRANSACTIONS,
        crash_rows(project, path, others[:_CRASHES]),
        len(others) > _CRASHES,
    )
