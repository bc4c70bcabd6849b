"""custody: who holds the events in flight, minute by minute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from events.ids import now_ms
from ops.commands.context import current_settings, open_database
from ops.commands.output import json_option, print_json, print_table, told
from ops.errors import OpsError
from storage.files.store import FileStore
from storage.ledger import Row
from storage.sql.database import Database
from storage.sql.projects import Projects
from workbench.custody import CustodyBook, CustodyReading, Sample, open_custody
from workbench.ledger import open_ledger

_TIME = click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%MZ", "%Y-%m-%dT%H:%M:%SZ"])


@click.command()
@click.option("--minute", type=_TIME, help="Look into this minute (UTC), with ids of its events.")
@click.option(
    "--hours", default=24, show_default=True, type=click.IntRange(1, 24 * 31), help="How far back."
)
@json_option
@told
def custody(minute: datetime | None, hours: int, as_json: bool) -> None:
    """Events in flight, and how many of them queues and spools hold; exit 1 if any are unexplained.

    Each message is looked into, and nothing is taken.
    """
    last = now_ms() // 60_000
    with open_database() as database:
        book = _open(database)
        names = {item.id: item.name for item in Projects(database).list()}
        samples: list[Sample] = []
        if minute is None:
            found = book.read(last - hours * 60, last)
        else:
            number = int(minute.replace(tzinfo=UTC).timestamp() // 60)
            found = book.of_minute(number)
            samples = [*found.samples, *(book.adrift(number) if found.rows else ())]
    if as_json:
        print_json(_document(found, samples, names))
    else:
        _print(found, samples, names)
    if found.unexplained:
        raise OpsError(f"{found.unexplained} events in flight are held by nobody")


def _open(database: Database) -> CustodyBook:
    settings = current_settings()
    ledger = open_ledger(settings, database, timeout=settings.broker_timeout_seconds)
    return open_custody(settings, database, FileStore(settings), ledger)


def _document(
    found: CustodyReading, samples: Sequence[Sample], names: dict[int, str]
) -> dict[str, Any]:
    return {
        "complete": found.held.complete,
        "why": found.held.why,
        "in_flight": sum(row.in_flight for row in found.rows),
        "unexplained": found.unexplained,
        "rows": [
            {**_place(row.row, names), "in_flight": row.in_flight, "held": row.held}
            for row in found.rows
        ],
        "samples": [
            {
                "event_id": one.event_id,
                "project": names.get(one.project_id),
                "type": one.type,
                "where": one.where,
            }
            for one in samples
        ],
    }


def _print(found: CustodyReading, samples: Sequence[Sample], names: dict[int, str]) -> None:
    print_table(
        ("minute", "project", "type", "in flight", "held"),
        ((*_place(row.row, names).values(), row.in_flight, row.held) for row in found.rows),
    )
    if samples:
        print_table(
            ("id", "project", "type", "where"),
            ((one.event_id, names.get(one.project_id), one.type, one.where) for one in samples),
        )
    if not found.held.complete:
        click.echo(f"not all could be looked through: {found.held.why}")
    if not found.rows:
        click.echo("nothing is in flight")


def _place(row: Row, names: dict[int, str]) -> dict[str, str]:
    minute, project_id, kind = row
    at = datetime.fromtimestamp(minute * 60, UTC).strftime("%Y-%m-%dT%H:%MZ")
    return {"minute": at, "project": names.get(project_id, f"#{project_id}"), "type": kind}
