"""migrate, token create: what an installation on servers of one's own needs before its start."""

from __future__ import annotations

import click

from ops.commands.context import current_settings, open_database
from ops.commands.output import json_option, print_json, print_table, say, told
from ops.stack.provision import bring_up_to_date
from storage.sql.tokens import Tokens


@click.command()
@told
def migrate() -> None:
    """Make tables, the bucket and index templates, or bring them to this version's shape.

    ``up`` does it by itself; a deployment runs it once before its parts start.
    """
    bring_up_to_date(current_settings(), say)


@click.group()
def token() -> None:
    """API tokens."""


@token.command()
@click.argument("name")
@json_option
@told
def create(name: str, as_json: bool) -> None:
    """Make a token and print it; it is not shown again."""
    with open_database() as database:
        made = Tokens(database).create(name)
    if as_json:
        print_json({"name": name, "token": made})
    else:
        print_table(("name", "token"), [(name, made)])
