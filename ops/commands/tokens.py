"""token create, list, revoke: API tokens, of one project or of all."""

from __future__ import annotations

import click

from ops.commands.actor import actor
from ops.commands.context import open_database
from ops.commands.output import json_option, print_json, print_table, told
from ops.commands.project_keys import require_project
from storage.sql.tokens import Tokens


@click.group()
def token() -> None:
    """API tokens."""


@token.command()
@click.argument("name")
@click.option("--project", "project_name", help="See this project alone, instead of all.")
@json_option
@told
def create(name: str, project_name: str | None, as_json: bool) -> None:
    """Make a token and print it; it is not shown again."""
    with open_database() as database:
        project = None if project_name is None else require_project(database, project_name)
        number = None if project is None else project.id
        made = Tokens(database).create(name, project_id=number, actor=actor())
    if as_json:
        print_json({"name": name, "project": project_name, "token": made})
    else:
        print_table(("name", "project", "token"), [(name, project_name or "all", made)])


@token.command("list")
@json_option
@told
def list_tokens(as_json: bool) -> None:
    """Every token, by its beginning."""
    with open_database() as database:
        found = Tokens(database).list()
    rows = [(one.prefix, one.name, one.project, one.created_at, one.revoked_at) for one in found]
    names = ("prefix", "name", "project", "created_at", "revoked_at")
    if as_json:
        print_json({"items": [dict(zip(names, row, strict=True)) for row in rows]})
    else:
        print_table(names, [(*row[:2], row[2] or "all", *row[3:]) for row in rows])


@token.command()
@click.argument("token_or_prefix", metavar="TOKEN")
@told
def revoke(token_or_prefix: str) -> None:
    """Refuse a token, given whole or by its prefix, from now on (within SLUICE_KEY_CACHE_SECONDS).

    Sessions that were begun with it end too.
    """
    with open_database() as database:
        revoked = Tokens(database).revoke(token_or_prefix, actor())
    click.echo(f"revoked {revoked.prefix}… ({revoked.name})")
