"""project key add, list, revoke: several keys a project, so that one can be replaced."""

from __future__ import annotations

import click

from ops.commands.actor import actor
from ops.commands.context import current_settings, open_database
from ops.commands.output import json_option, print_json, print_table, say, told
from ops.errors import OpsError
from ops.key_sharing import share_digest, share_key
from storage.sql.api_keys import ApiKeys
from storage.sql.database import Database
from storage.sql.projects import Project, Projects


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
@click.option("--dsn", "public", is_flag=True, help="It stands in the project's DSN from now on.")
@json_option
@told
def add(project_name: str, given: str | None, public: bool, as_json: bool) -> None:
    """Give a project one more key and print it; unless it is a DSN's, it is not shown again."""
    with open_database() as database:
        project = require_project(database, project_name)
        made = ApiKeys(database).add(project, actor(), given, public=public)
        share_key(current_settings(), Projects(database), made, say)
    if as_json:
        print_json({"project": project.name, "key": made})
    else:
        print_table(("project", "key"), [(project.name, made)])


@key.command("list")
@click.argument("project_name", metavar="PROJECT")
@json_option
@told
def list_keys(project_name: str, as_json: bool) -> None:
    """A project's keys, by the beginning of each."""
    with open_database() as database:
        found = ApiKeys(database).list(require_project(database, project_name))
    rows = [(one.prefix, one.created_at, one.revoked_at) for one in found]
    names = ("prefix", "created_at", "revoked_at")
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
        revoked, owner = ApiKeys(database).revoke(project, key_or_prefix, actor())
    if not share_digest(current_settings(), revoked.digest, owner, say):
        say("repeat with ./sluice project revoke and the whole key once the broker is back")
    click.echo(f"revoked {revoked.prefix}…")
