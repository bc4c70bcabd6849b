"""project create, list, revoke, key: tenants and the keys of their SDKs."""

from __future__ import annotations

import click

from ops.commands.context import current_settings, open_database
from ops.commands.output import json_option, print_json, print_table, say, told
from ops.commands.project_keys import key as key_group
from ops.errors import OpsError
from ops.key_sharing import share_key
from storage.sql.projects import Projects
from workbench.redaction import open_redaction


@click.group()
def project() -> None:
    """Projects and their API keys."""


project.add_command(key_group)


@project.command()
@click.argument("name")
@click.option("--key", help="Keep the key that SDKs in the field already have.")
@json_option
@told
def create(name: str, key: str | None, as_json: bool) -> None:
    """Make a project and print its key, which is not shown again."""
    with open_database() as database:
        projects = Projects(database)
        made, made_key = projects.create(name, key)
        share_key(current_settings(), projects, made_key, say)
        # So that its first events can be stored even if PostgreSQL is away by then.
        open_redaction(current_settings(), database).known(made.id)
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
    """Refuse a key from now on (within SLUICE_KEY_CACHE_SECONDS); its events stay.

    May be repeated: do so when the broker was away, which would else go on taking the key while
    PostgreSQL is away.
    """
    with open_database() as database:
        projects = Projects(database)
        changed = projects.revoke_key(key)
        if not changed and projects.find_key(key) is None:
            raise OpsError("no such key")
        shared = share_key(current_settings(), projects, key, say)
    click.echo("revoked" if changed else "was revoked already")
    if not shared:
        raise OpsError("the key is revoked, but repeat this when the broker is back")
