"""project key add, list, revoke: several keys a project, so that one can be replaced."""

from __future__ import annotations

import click

from ops.commands.actor import actor
from ops.commands.context import current_settings, open_database
from ops.commands.output import json_option, print_json, print_table, say, told
from ops.errors import OpsError
from storage.sql.api_keys import ApiKeys
from storage.sql.database import Database
from storage.sql.projects import Project, Projects
from workbench.keys import open_keys

UNSHARED = "the broker is away, so its copy of keys is behind"


def require_project(database: Database, name: str) -> Project:
    """The project of a name; raises :class:`OpsError` when there is none."""
    project = Projects(database).by_name(name)
    if project is None:
        raise OpsError(f"there is no project named {name!r}")
    return project


@click.group()
def key() -> None:
    """A project's API keys."""


@key.command()
@click.argument("project_name", metavar="PROJECT")
@click.option("--key", "given", help="Keep the key that SDKs in the field already have.")
@click.option("--name", default="", help="What people know it by.")
@click.option("--dsn", "public", is_flag=True, help="It stands in the project's DSN from now on.")
@json_option
@told
def add(project_name: str, given: str | None, name: str, *, public: bool, as_json: bool) -> None:
    """Give a project one more key and print it; unless it is a DSN's, it is not shown again."""
    with open_database() as database:
        project = require_project(database, project_name)
        keys = open_keys(current_settings(), database)
        made = keys.add(project, actor(), key=given, public=public, name=name)
    if not made.shared:
        say(UNSHARED)
    if as_json:
        print_json({"project": project.name, "key": made.key})
    else:
        print_table(("project", "key"), [(project.name, made.key)])


@key.command("list")
@click.argument("project_name", metavar="PROJECT")
@json_option
@told
def list_keys(project_name: str, as_json: bool) -> None:
    """A project's keys, by the beginning of each."""
    with open_database() as database:
        found = ApiKeys(database).list(require_project(database, project_name))
    rows = [(one.id, one.prefix, one.name, one.created_at, one.revoked_at) for one in found]
    names = ("id", "prefix", "name", "created_at", "revoked_at")
    if as_json:
        print_json({"items": [dict(zip(names, row, strict=True)) for row in rows]})
    else:
        print_table(names, rows)


@key.command()
@click.argument("project_name", metavar="PROJECT")
@click.argument("key_or_prefix", metavar="KEY")
@told
def revoke(project_name: str, key_or_prefix: str) -> None:
    """Refuse a key, given whole or by its prefix, from now on (within SLUICE_KEY_CACHE_SECONDS).

    The events it brought stay.
    """
    with open_database() as database:
        project = require_project(database, project_name)
        keys = open_keys(current_settings(), database)
        revoked, shared = keys.revoke(project, key_or_prefix, actor())
    if not shared:
        say(f"{UNSHARED}: repeat with ./sluice project revoke and the whole key once it is back")
    click.echo(f"revoked {revoked.prefix}…")
