"""cost: what a month of the object store costs, against one object per event."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import click

from ops.commands.context import current_settings
from ops.commands.output import json_option, print_json, print_table, told
from ops.commands.project_keys import require_project
from storage.billing import month_bill
from storage.cost import CostRow, sentence
from storage.sql.database import Database
from storage.sql.projects import Projects
from storage.sql.usage import Usage

#: The look at what lies there reads all of table ``packs``.
_STATEMENT_SECONDS = 60.0


@click.command()
@click.option("--month", type=click.DateTime(["%Y-%m"]), help="Such as 2026-11; this one if left.")
@click.option("--project", "project_name", help="Of one project alone.")
@json_option
@told
def cost(month: datetime | None, project_name: str | None, as_json: bool) -> None:
    """What a month of the object store costs, by project and type.

    Packs are shared by projects: their PUTs, GETs and bytes are told as shares.
    """
    today = datetime.now(UTC).date()
    first = today.replace(day=1) if month is None else month.date()
    settings = current_settings()
    database = Database(settings.postgres_dsn, max_connections=1, timeout=_STATEMENT_SECONDS)
    with closing(database):
        names = {project.id: project.name for project in Projects(database).list()}
        wanted = set(names)
        if project_name is not None:
            wanted = {require_project(database, project_name).id}
        Usage(database).sample(today)
        _, rows = month_bill(settings, database, first)
    shown = [(names[row.project_id], row) for row in rows if row.project_id in wanted]
    told_of_all = sentence(first, [row for _, row in shown])
    if as_json:
        items = [_document(name, row) for name, row in shown]
        print_json({"month": first.strftime("%Y-%m"), "sentence": told_of_all, "items": items})
        return
    columns = ("project", "type", "events", "objects", "PUTs", "GETs", "stored MB", "saved MB")
    print_table((*columns, "cost $", "alone $"), [_line(name, row) for name, row in shown])
    click.echo(told_of_all)


def _document(name: str, row: CostRow) -> dict[str, Any]:
    fields = ("type", "events", "objects", "puts", "gets", "raw_bytes", "stored_bytes")
    more = ("saved_bytes", "cost", "one_object_per_event")
    return {"project": name, **{field: getattr(row, field) for field in (*fields, *more)}}


def _line(name: str, row: CostRow) -> tuple[object, ...]:
    return (
        *(name, row.type, row.events, f"{row.objects:.1f}", f"{row.puts:.1f}", f"{row.gets:.1f}"),
        *(f"{row.stored_bytes / 1e6:.2f}", f"{row.saved_bytes / 1e6:.2f}"),
        *(f"{row.cost:.4f}", f"{row.one_object_per_event:.4f}"),
    )
