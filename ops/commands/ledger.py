"""ledger: what was accepted against what became of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from events.ids import now_ms
from ops.commands.context import current_settings, open_database
from ops.commands.output import json_option, print_json, print_table, told
from ops.errors import OpsError
from storage.sql.projects import Projects
from workbench.ledger_check import Look, Verdict, check, judge, look, open_sources


@click.command()
@click.option(
    "--check", "checked", is_flag=True, help="Exit 1, naming minutes, unless it balances."
)
@click.option("--project", help="Only this project.")
@click.option(
    "--hours", default=24, show_default=True, type=click.IntRange(1, 24 * 366), help="How far back."
)
@json_option
@told
def ledger(checked: bool, project: str | None, hours: int, as_json: bool) -> None:
    """Accepted = stored + filtered + over quota + dead + discarded + in flight, by the minute.

    With --check it also holds all that is in flight against what the broker and this machine's
    spools hold. Only what several looks agree on counts as wrong.
    """
    with open_database() as database:
        names = {item.id: item.name for item in Projects(database).list()}
        sources = open_sources(current_settings(), database)
        number = _number(names, project)

        def read() -> Look:
            last = now_ms() // 60_000
            return look(sources, last - hours * 60, last, number)

        last, verdict = check(read, time.sleep) if checked else _glance(read())
    complaints = list(complain(verdict, names))
    if as_json:
        print_json(document(last, verdict, names))
    else:
        print_table(("", "events"), [*asdict(last.ledger.totals).items(), *_custody(last).items()])
        click.echo("\n".join(complaints) or "balanced")
    if checked and not verdict.balanced:
        raise click.ClickException(f"the ledger does not balance: {len(complaints)} complaints")


def _glance(only: Look) -> tuple[Look, Verdict]:
    return only, judge([only])


def _number(names: dict[int, str], project: str | None) -> int | None:
    if project is None:
        return None
    for number, name in names.items():
        if name == project:
            return number
    raise OpsError(f"there is no project named {project!r}")


def document(found: Look, verdict: Verdict, names: dict[int, str]) -> dict[str, Any]:
    """The ledger as the API gives it, with what is wrong."""
    return {
        "balanced": verdict.balanced,
        "totals": asdict(found.ledger.totals),
        **_custody(found),
        "lost": verdict.lost,
        "surplus": verdict.surplus,
        "older_than_span": verdict.before,
        "gaps": [
            {**_place(gap.row, names), "kind": gap.kind, "events": events}
            for gap, events in verdict.gaps.items()
        ],
        "minutes": [
            {**_place((row.minute, row.project_id, row.type), names), **asdict(row.counts)}
            for row in found.ledger.minutes
        ],
    }


def complain(verdict: Verdict, names: dict[int, str]) -> Iterator[str]:
    """What is wrong, a line each."""
    for gap, events in verdict.gaps.items():
        place = " ".join(_place(gap.row, names).values())
        what = "overdue" if gap.kind == "overdue" else "more settled than accepted"
        yield f"{place}: {events} {what}"
    if verdict.lost:
        yield f"{verdict.lost} events are in flight, and no queue or spool holds them"
    if verdict.surplus:
        yield f"{verdict.surplus} events are counted in queues that hold no message"
    if verdict.before:
        yield f"{verdict.before} events in flight are older than the span: widen it with --hours"


def _custody(found: Look) -> dict[str, int]:
    return {"broker_events": found.custody.held - found.spooled, "spool_events": found.spooled}


def _place(row: tuple[int, int, str], names: dict[int, str]) -> dict[str, str]:
    minute, project_id, kind = row
    at = datetime.fromtimestamp(minute * 60, UTC).strftime("%Y-%m-%dT%H:%MZ")
    return {"minute": at, "project": names.get(project_id, f"#{project_id}"), "type": kind}
