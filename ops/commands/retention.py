"""retention: how long events are kept, what would go now, and dropping it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from config.policy import EVENT_TYPES
from ops.commands.actor import actor
from ops.commands.context import current_settings
from ops.commands.output import json_option, print_json, print_table, say, told
from ops.errors import OpsError
from storage.retention.run import Report, Retention, open_retention, run_retention
from storage.search.store import SearchStore
from storage.sql.database import Database
from storage.sql.projects import Projects

#: A run by hand goes on until it is done.
_RUN_SECONDS = 86_400.0
_STATEMENT_SECONDS = 60.0

TYPE = click.Choice([row.name for row in EVENT_TYPES])


@click.group()
def retention() -> None:
    """How long events are kept: terms of types (settings) and of projects, and dropping."""


@retention.command("list")
@json_option
@told
def list_terms(as_json: bool) -> None:
    """The terms of types and of projects."""
    with _opened() as (parts, _):
        types = [
            {"type": name, "days": term.days, "bytes": term.bytes}
            for name, term in parts.of_types.items()
        ]
        projects = [
            {"project": one.project, "type": one.type, "days": one.days}
            for one in parts.terms.listed()
        ]
    if as_json:
        print_json({"types": types, "projects": projects})
        return
    rows: list[tuple[object, ...]] = [
        ("(all)", one["type"], one["days"] or "for ever", one["bytes"] or "no bound")
        for one in types
    ]
    rows += [(one["project"], one["type"], one["days"], "") for one in projects]
    print_table(("project", "type", "days", "bytes"), rows)


@retention.command("set")
@click.argument("project")
@click.argument("kind", metavar="TYPE", type=TYPE)
@click.argument("days", type=click.IntRange(1), required=False)
@click.option("--default", "default", is_flag=True, help="Give it the term of its type again.")
@told
def set_term(project: str, kind: str, days: int | None, *, default: bool) -> None:
    """Keep a project's events of a type for so many DAYS, fewer than all others.

    Older ones are hidden at once and dropped by the next run; nothing brings them back.
    """
    if (days is None) != default:
        raise click.UsageError("give either DAYS or --default")
    with _opened() as (parts, database):
        found = Projects(database).by_name(project)
        if found is None:
            raise OpsError(f"there is no project named {project!r}")
        parts.terms.set(found.id, kind, days, actor())
    click.echo(f"{project} keeps {kind} " + (f"{days} days" if days else "as its type says"))


@retention.command()
@json_option
@told
def plan(as_json: bool) -> None:
    """What would go now, and how many bytes; changes nothing."""
    with _opened() as (parts, _):
        document = parts.planner.plan().document()
    if as_json:
        print_json(document)
        return
    print_table(
        ("type", "day", "why", "events", "packs", "bytes", "waits for"),
        (
            (
                *(one["type"], one["day"], one["why"], one["events"], one["packs"], one["bytes"]),
                _waits(one["held"]),
            )
            for one in document["days"]
        ),
    )
    for one in document["indices"]:
        click.echo(f"index of {one['type']} {one['month']}")
    for one in document["projects"]:
        click.echo(f"{one['project']} {one['type']}: {one['events']} events before {one['before']}")
    click.echo(_total(document["totals"]))


@retention.command()
@json_option
@told
def run(as_json: bool) -> None:
    """Drop what is past its term now; workers do the same every ten minutes.

    Killed at any instant, the next run goes on. Exit code 1 when something must wait; it is named.
    """
    with _opened() as (parts, _):
        report = run_retention(parts, _RUN_SECONDS)
    if report is None:
        raise OpsError("another process drops, rebuilds or merges now; try again later")
    if as_json:
        print_json(report.document())
    else:
        _tell(report)
    if report.held:
        raise click.ClickException(f"{len(report.held)} must wait")


def _tell(report: Report) -> None:
    for day in report.days:
        click.echo(f"{day['type']} {day['day']}: {day['events']} events, {day['bytes']} bytes")
    for index in report.indices:
        click.echo(f"index of {index['type']} {index['month']}")
    for held in report.held:
        say(f"{held['type']} {held.get('day') or held['project']} waits: {_waits(held['why'])}")
    counts = report.counts
    click.echo(
        f"dropped {counts['events']} events in {len(report.days)} days and"
        f" {counts['project_events']} of projects with shorter terms"
    )


def _waits(why: dict[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in why.items())


def _total(totals: dict[str, Any]) -> str:
    return (
        f"{totals['days']} days, {totals['events']} events, {totals['packs']} packs,"
        f" {totals['partitions']} partitions, {totals['indices']} indices,"
        f" {totals['bytes']} bytes; {totals['held_days']} days wait"
    )


@contextmanager
def _opened() -> Iterator[tuple[Retention, Database]]:
    settings = current_settings()
    database = Database(settings.postgres_dsn, max_connections=1, timeout=_STATEMENT_SECONDS)
    search = SearchStore(settings)
    try:
        yield open_retention(settings, database, search), database
    finally:
        search.close()
        database.close()
