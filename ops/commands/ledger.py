"""ledger: what was accepted against what became of it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from broker.client import Broker
from events.ids import now_ms
from ops.commands.context import current_settings, open_database
from ops.commands.output import json_option, print_json, print_table, told
from storage.ledger import Ledger, MinuteRow, balance
from storage.sql.ledger import Settled
from storage.sql.projects import Projects


@click.command()
@click.option("--check", is_flag=True, help="Exit 1, naming the minutes, unless it balances.")
@click.option("--project", help="Only this project.")
@click.option("--hours", default=24, show_default=True, help="How far back to look.")
@json_option
@told
def ledger(check: bool, project: str | None, hours: int, as_json: bool) -> None:
    """Accepted = stored + filtered + over quota + dead + discarded + in flight, by the minute."""
    found, names = read_ledger(project, timedelta(hours=hours))
    if as_json:
        print_json(document(found, names))
    else:
        print_table(("", "events"), asdict(found.totals).items())
    if check and not found.balanced:
        raise click.ClickException(complaint(found, names))
    if not as_json:
        click.echo("balanced" if found.balanced else complaint(found, names))


def read_ledger(project: str | None, span: timedelta) -> tuple[Ledger, dict[int, str]]:
    """The ledger of the last ``span``, and the projects' names. Raises ``StoreDown``.

    Settled is read before accepted: what is stored between the two reads then shows as in
    flight, never as stored without having been accepted.
    """
    settings = current_settings()
    at = now_ms()
    last = at // 60_000
    first = last - int(span.total_seconds() // 60)
    with open_database() as database:
        names = {item.id: item.name for item in Projects(database).list()}
        settled = Settled(database).minutes(project, first, last)
    accepted = Broker(settings.redis_url, timeout=settings.publish_timeout_seconds).accepted(
        first, last
    )
    if project is not None:
        accepted = {row: n for row, n in accepted.items() if names.get(row[1]) == project}
    return balance(accepted, settled, at), names


def document(found: Ledger, names: dict[int, str]) -> dict[str, Any]:
    """The ledger as the API gives it."""
    return {
        "balanced": found.balanced,
        "totals": asdict(found.totals),
        "minutes": [
            {
                "minute": _iso(row),
                "project": names.get(row.project_id, f"#{row.project_id}"),
                "type": row.type,
                **asdict(row.counts),
            }
            for row in found.minutes
        ],
    }


def complaint(found: Ledger, names: dict[int, str]) -> str:
    """The minutes that do not balance or are overdue, a line each."""
    lines = ["the ledger does not balance:"]
    for row in found.minutes:
        counts = row.counts
        place = f"{_iso(row)} {names.get(row.project_id, f'#{row.project_id}')} {row.type}"
        if counts.in_flight < 0:
            lines.append(f"  {place}: {-counts.in_flight} more settled than accepted")
        elif counts.overdue:
            lines.append(f"  {place}: {counts.overdue} overdue")
    return "\n".join(lines)


def _iso(row: MinuteRow) -> str:
    return datetime.fromtimestamp(row.minute * 60, UTC).strftime("%Y-%m-%dT%H:%MZ")
