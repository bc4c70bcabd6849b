"""Who holds the events in flight: the ledger's remainder against what queues and spools hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.api import operator_answers
from app.api.arguments import Span
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.ledger import span_of
from app.api.times import iso_minute, minute_of
from app.errors import not_found
from events.envelope import SYSTEM_PROJECT
from workbench.custody import CustodyReading, Sample


@dataclass(frozen=True, slots=True)
class MinuteReading:
    """One minute looked into."""

    minute: int
    custody: CustodyReading
    adrift: Sequence[Sample]


def minute_reading(desk: Desk, minute: int) -> MinuteReading:
    """One minute with the ids of events in flight; raises ``StoreDown``."""
    custody = desk.stores.custody.of_minute(minute)
    adrift = desk.stores.custody.adrift(minute) if custody.rows else []
    shown = [one for one in adrift if one.project_id != SYSTEM_PROJECT]
    return MinuteReading(minute, custody, shown)


def read_custody(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /ledger/custody: the last 24 hours by default."""
    now = datetime.fromtimestamp(desk.now_ms() / 1000, UTC)
    found = desk.stores.custody.read(*span_of(arguments, now))
    return dict(
        operator_answers.Custody().dump(
            {
                "complete": found.held.complete,
                "why": found.held.why,
                "in_flight": sum(row.in_flight for row in found.rows),
                "held": sum(row.held for row in found.rows),
                "unexplained": found.unexplained,
                "rows": row_documents(desk, found),
            }
        )
    )


def read_minute(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /ledger/minutes/{minute}: such as 2026-11-22T22:35:00Z."""
    found = minute_reading(desk, minute_of_path(arguments["minute"]))
    return dict(
        operator_answers.Minute().dump(
            {
                "minute": iso_minute(found.minute),
                "complete": found.custody.held.complete,
                "why": found.custody.held.why,
                "rows": row_documents(desk, found.custody),
                "held": [sample_document(desk, one) for one in found.custody.samples],
                "adrift": [sample_document(desk, one) for one in found.adrift],
            }
        )
    )


def minute_of_path(text: str) -> int:
    """The minute of a time in a path; raises ``ApiError`` 404 for what is none."""
    try:
        moment = datetime.fromisoformat(text)
        if not 1970 <= moment.year <= 9998:
            raise ValueError
    except ValueError:
        raise not_found("minute") from None
    return minute_of(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def row_documents(desk: Desk, found: CustodyReading) -> list[dict[str, Any]]:
    """The rows as the API gives them."""
    return [
        {
            "minute": iso_minute(row.row[0]),
            "project": desk.names.name(row.row[1]),
            "type": row.row[2],
            "in_flight": row.in_flight,
            "held": row.held,
            "unexplained": row.unexplained if found.held.complete else None,
        }
        for row in found.rows
    ]


def sample_document(desk: Desk, sample: Sample) -> dict[str, Any]:
    """A sample as the API gives it."""
    return {
        "event_id": sample.event_id,
        "project": desk.names.name(sample.project_id),
        "type": sample.type,
        "where": sample.where,
    }


ENDPOINTS = (
    Endpoint(
        "/ledger/custody",
        "read_custody",
        "Events in flight against what queues and spools hold, minute by minute",
        read_custody,
        operator_answers.Custody,
        Span,
        needs="read",
    ),
    Endpoint(
        "/ledger/minutes/<minute>",
        "read_ledger_minute",
        "A minute of the ledger, with ids of events in flight",
        read_minute,
        operator_answers.Minute,
        needs="read",
    ),
)
