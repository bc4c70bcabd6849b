"""project create, list, revoke: tenants and the keys of their SDKs."""

from __future__ import annotations

import click

from ops.commands.context import open_database
from ops.commands.output import json_option, print_json, print_table, told
from ops.errors import OpsError
from storage.sql.projects import Projects


@click.group()
def project() -> None:
    """Projects and their API keys."""


@project.command()
@click.argument("name")
@click.option("--key", help="Keep the key that SDKs in the field already have.")
@json_option
@told
def create(name: str, key: str | None, as_json: bool) -> None:
    """Make a project and print its key, which is not shown again."""
    with open_database() as database:
        made, made_key = Projects(database).create(name, key)
    if as_json:
        print_json({"id": made.id, "name": made.name, "key": made_key})
    else:
        print_table(("project", "key"), [(made.name, made_key)])


@project.command("list")
@json_option
@told
def list_projects(as_json: bool) -> None:
    """Every project."""
    with open_database() as database:
        found = Projects(database).list()
    if as_json:
        print_json(
            {"items": [{"name": item.name, "created_at": item.created_at} for item in found]}
        )
    else:
        print_table(("project", "created"), [(item.name, item.created_at) for item in found])


@project.command()
@click.argument("key")
@told
def revoke(key: str) -> None:
    """Refuse a key from now on (within SLUICE_KEY_CACHE_SECONDS); its events stay."""
    with open_database() as database:
        if not Projects(database).revoke_key(key):
            raise OpsError("no such key, or it is revoked already")
    click.echo("revoked")
