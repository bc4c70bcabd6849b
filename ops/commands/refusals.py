"""project refusals: the last requests of a project's SDKs that were refused."""

from __future__ import annotations

import click

from broker.refusals import Refusals
from ops.commands.context import current_settings, open_database
from ops.commands.output import json_option, print_json, print_table, told
from ops.commands.project_keys import require_project


@click.command()
@click.argument("project_name", metavar="[PROJECT]", required=False)
@json_option
@told
def refusals(project_name: str | None, as_json: bool) -> None:
    """The last requests that were refused and why; without PROJECT, of keys that nobody has."""
    settings, number = current_settings(), None
    if project_name is not None:
        with open_database() as database:
            number = require_project(database, project_name).id
    store = Refusals(settings.redis_url, timeout=settings.broker_timeout_seconds)
    rows = [
        {
            "at": one.at,
            "status": one.status,
            "code": one.kind.code,
            "message": one.message,
            "path": one.kind.path,
            "key": one.kind.key,
            "sender": one.sender,
            "count": one.count,
        }
        for one in store.of_project(number)
    ]
    if as_json:
        print_json({"items": rows})
    else:
        names = ("at", "status", "code", "message", "path", "key", "sender", "count")
        print_table(names, [tuple(row.values()) for row in rows])
