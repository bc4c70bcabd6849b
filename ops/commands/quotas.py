"""quota list, set: how many events of a type projects may send, and how many they did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from config.policy import EVENT_TYPES
from ops.commands.actor import actor
from ops.commands.context import current_settings, open_database
from ops.commands.output import json_option, print_json, print_table, told
from ops.errors import OpsError
from storage.quotas import Quota
from storage.sql.database import Database
from storage.sql.projects import Projects
from workbench.quotas import QuotaBook, QuotaState, open_quotas

_TYPE = click.Choice([row.name for row in EVENT_TYPES])
_PERIODS = ("day", "month", "minute")


@click.group()
def quota() -> None:
    """What projects may send: beyond a day's or month's bound events are accepted, dropped and
    counted; beyond a minute's they are refused with 429.
    """


@quota.command("list")
@json_option
@told
def list_quotas(as_json: bool) -> None:
    """Every quota, with what was used of it in the present day, month and minute (UTC)."""
    with _opened() as (book, database):
        names = {project.id: project.name for project in Projects(database).list()}
        found = [(names[key[0]], key[1], state) for key, state in book.listed().items()]
    if as_json:
        print_json(
            [
                {
                    "project": project,
                    "type": kind,
                    "quota": asdict(state.quota),
                    "used": None if state.used is None else asdict(state.used),
                }
                for project, kind, state in found
            ]
        )
        return
    rows = [(project, kind, *_cells(state)) for project, kind, state in found]
    print_table(("project", "type", *_PERIODS), rows)


@quota.command("set")
@click.argument("project")
@click.argument("kind", metavar="TYPE", type=_TYPE)
@click.option("--day", type=click.IntRange(0), help="Events kept of a UTC day.")
@click.option("--month", type=click.IntRange(0), help="Events kept of a UTC month.")
@click.option("--minute", type=click.IntRange(1), help="Events taken of a minute.")
@click.option("--none", "none", is_flag=True, help="Bound nothing any more.")
@told
def set_quota(
    project: str, kind: str, day: int | None, month: int | None, minute: int | None, *, none: bool
) -> None:
    """Give a project a quota for a type, in place of the one before: a bound that is not given is
    none. Web processes know it within seconds.
    """
    made = Quota(day, month, minute)
    if made.bounds_nothing != none:
        raise click.UsageError("give --day, --month or --minute, or else --none")
    with _opened() as (book, database):
        found = Projects(database).by_name(project)
        if found is None:
            raise OpsError(f"there is no project named {project!r}")
        book.change(found, kind, made, actor())
    bounds = [f"{bound} a {name}" for name, bound in asdict(made).items() if bound is not None]
    click.echo(f"{project} may send {kind} events: {', '.join(bounds) or 'any number'}")


def _cells(state: QuotaState) -> Iterator[str]:
    for name in _PERIODS:
        bound = getattr(state.quota, name)
        used = "?" if state.used is None else getattr(state.used, name)
        yield f"{used} of {bound}" if bound is not None else str(used)


@contextmanager
def _opened() -> Iterator[tuple[QuotaBook, Database]]:
    with open_database() as database:
        yield open_quotas(current_settings(), database), database
