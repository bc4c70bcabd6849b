"""project: tenants, the keys of their SDKs, their members."""

from __future__ import annotations

import click

from events.sentry.dsn import dsn
from ops.commands.actor import actor
from ops.commands.context import current_settings, open_database
from ops.commands.members import member, members
from ops.commands.output import json_option, print_json, print_table, told
from ops.commands.project_keys import key as key_group
from ops.commands.refusals import refusals
from ops.errors import OpsError
from ops.stack.plan import public_web_address
from storage.sql.projects import Project, Projects
from workbench.keys import open_keys


@click.group()
def project() -> None:
    """Projects and their API keys."""


for command in (key_group, members, member, refusals):
    project.add_command(command)


@project.command()
@click.argument("name")
@click.option("--key", help="Keep the key that SDKs in the field already have.")
@json_option
@told
def create(name: str, key: str | None, as_json: bool) -> None:
    """Make a project and print its keys: one for Raygun's SDKs, which is not shown again, and the
    DSN for Sentry's.
    """
    with open_database() as database:
        keys = open_keys(current_settings(), database)
        made, made_key = keys.create_project(name, actor(), key)
    address = project_dsn(made)
    if as_json:
        print_json({"id": made.id, "name": made.name, "key": made_key, "dsn": address})
    else:
        print_table(("id", "project", "key", "dsn"), [(made.id, made.name, made_key, address)])


@project.command("list")
@json_option
@told
def list_projects(as_json: bool) -> None:
    """Every project, with its number and the DSN that Sentry's SDKs are set up with."""
    with open_database() as database:
        found = Projects(database).list()
    names = ("id", "name", "created_at", "dsn")
    rows = [(one.id, one.name, one.created_at, project_dsn(one)) for one in found]
    if as_json:
        print_json({"items": [dict(zip(names, row, strict=True)) for row in rows]})
    else:
        print_table(("id", "project", "created", "dsn"), rows)


def project_dsn(one: Project) -> str | None:
    """The DSN of a project; null when all its keys are revoked."""
    if one.public_key is None:
        return None
    return dsn(public_web_address(current_settings()), one.public_key, one.id)


@project.command()
@click.argument("key")
@told
def revoke(key: str) -> None:
    """Refuse a key from now on (within SLUICE_KEY_CACHE_SECONDS); its events stay.

    May be repeated: do so when the broker was away, which would else go on taking the key while
    PostgreSQL is away.
    """
    with open_database() as database:
        try:
            changed, shared = open_keys(current_settings(), database).revoke_anywhere(key, actor())
        except LookupError as error:
            raise OpsError(str(error)) from error
    click.echo("revoked" if changed else "was revoked already")
    if not shared:
        raise OpsError("the key is revoked, but repeat this when the broker is back")
