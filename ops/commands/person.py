"""person show, export: what a user of an application met, and all that is theirs to take along."""

from __future__ import annotations

import sys

import click
import orjson

from ops.commands.output import json_option, print_json, print_table, told
from ops.commands.project_events import Asked, asked
from ops.errors import OpsError
from storage.files.store import FileStore
from storage.reading import EventReader
from storage.sql.events import Events
from workbench.people import UserView, told_user


@click.group()
def person() -> None:
    """People who use the applications; what is theirs goes with ./sluice erase."""


@person.command()
@click.argument("project")
@click.argument("user_key", metavar="USER")
@json_option
@told
def show(project: str, user_key: str, as_json: bool) -> None:
    """A user by identifier or e-mail: groups, sessions, devices."""
    with asked(project, None) as found:
        view = _require(found, user_key)
    shown = told_user(project, view)
    if as_json:
        print_json(shown)
        return
    click.echo(
        f"{shown['crashes']} crashes and {shown['rum_events']} events of use "
        f"from {shown['first_at']} to {shown['last_at']}"
    )
    print_table(
        ("group", "times", "last", "title"),
        ((one["group_id"], one["count"], one["last_at"], one["title"]) for one in shown["groups"]),
    )
    print_table(
        ("session", "from", "to", "events"),
        ((one.session_id, one.first_at, one.last_at, one.events) for one in view.picture.sessions),
    )


@person.command()
@click.argument("project")
@click.argument("user_key", metavar="USER")
@told
def export(project: str, user_key: str) -> None:
    """All that is known of a user, with every payload, as NDJSON on standard output."""
    with asked(project, None) as found:
        view = _require(found, user_key)
        _write(told_user(project, view))
        reader = EventReader(Events(found.database), FileStore(found.settings))
        for line in found.people.export(user_key, found.scope, reader):
            _write(line)


def _require(found: Asked, user_key: str) -> UserView:
    view = found.people.user(user_key, found.scope)
    if view is None:
        raise OpsError(f"no event of {found.project.name} is of user {user_key!r}")
    return view


def _write(line: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
