"""The ledger: what was accepted against what became of it, minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from app.api import answers
from app.api.arguments import Span, bad_argument
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.times import iso_minute, minute_of
from events.envelope import SYSTEM_PROJECT
from storage.ledger import Ledger, MinuteRow, Row, balance
from storage.spool.state import read_spool_state
from workbench.ledger import Sides

DEFAULT_SPAN = timedelta(hours=24)
MAX_SPAN = timedelta(days=31)


def span_of(arguments: Arguments, now: datetime) -> tuple[int, int]:
    """First and last minute asked for: the last 24 hours, and at most 31 days at once.

    Raises ``ApiError`` 400.
    """
    end = arguments["end"] or now
    start = arguments["start"] or end - DEFAULT_SPAN
    if start > end:
        raise bad_argument("from", "must not lie after to")
    if end - start > MAX_SPAN:
        raise bad_argument("from", f"at most {MAX_SPAN.days} days can be asked for at once")
    return minute_of(start), minute_of(end)


def read_ledger(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /ledger. Days older than ``SLUICE_LEDGER_MINUTE_DAYS`` are one row each, at their first
    minute.

    ``broker_events`` and ``spool_events`` are counted apart, where events in flight are held: of
    all projects and times, and of this machine's spools. Who may not read all gets null there.
    """
    now_ms = desk.now_ms()
    first, last = span_of(arguments, datetime.fromtimestamp(now_ms / 1000, UTC))
    ledger = shown_ledger(desk, arguments["project"], first, last)
    return {
        "balanced": ledger.balanced,
        "totals": answers.Counts().dump(ledger.totals),
        **_held(desk),
        "minutes": [_minute(desk, row) for row in ledger.minutes],
    }


def shown_ledger(desk: Desk, project: str | None, first: int, last: int) -> Ledger:
    """The ledger of minutes from first to last, of a project or of all but the system's own.

    Raises ``ApiError`` 400 for a project that is not there, and ``StoreDown``.
    """
    number = desk.names.number(project)
    return balanced(desk, number, desk.stores.ledger.read(project, first, last))


def balanced(desk: Desk, number: int | None, sides: Sides) -> Ledger:
    """The ledger of two sides that were read, of a project or of all but the system's own."""
    accepted = {row: n for row, n in sides.accepted.items() if _is_shown(row, number)}
    settled = {row: counts for row, counts in sides.settled.items() if _is_shown(row, number)}
    return balance(accepted, settled, desk.now_ms())


def _held(desk: Desk) -> dict[str, int | None]:
    if not desk.caller.may("read", None):
        return {"broker_events": None, "spool_events": None}
    return {
        "broker_events": sum(queue.events for queue in desk.stores.broker.queues()),
        "spool_events": read_spool_state(desk.stores.settings.home).events,
    }


def _is_shown(row: Row, number: int | None) -> bool:
    """Whether a row is of the project asked for, or, if none was, not of the system's own."""
    return row[1] != SYSTEM_PROJECT if number is None else row[1] == number


def _minute(desk: Desk, row: MinuteRow) -> dict[str, Any]:
    return {
        "minute": iso_minute(row.minute),
        "project": desk.names.name(row.project_id),
        "type": row.type,
        **answers.Counts().dump(row.counts),
    }


ENDPOINTS = (
    Endpoint(
        "/ledger",
        "read_ledger",
        "Accepted against stored, dropped, dead and in flight; the last 24 hours by default",
        read_ledger,
        answers.Ledger,
        Span,
        scope="filtered",
        needs="read",
    ),
)
