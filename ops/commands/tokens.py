"""token create, list, revoke: API tokens, of one project or of all, up to a right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from ops.commands.actor import actor
from ops.commands.context import open_database
from ops.commands.output import json_option, print_json, print_table, told
from ops.commands.project_keys import require_project
from ops.errors import OpsError
from storage.rights import RIGHTS
from storage.sql.tokens import Tokens
from storage.sql.users import Users

_COLUMNS = (
    *("id", "prefix", "name", "scope", "project", "user"),
    *("created_at", "expires_at", "used_at", "revoked_at"),
)


@click.group()
def token() -> None:
    """API tokens."""


@token.command()
@click.argument("name")
@click.option("--project", "project_name", help="See this project alone, instead of all.")
@click.option(
    "--scope", type=click.Choice(RIGHTS), default="admin", help="The highest right that it gives."
)
@click.option("--user", "email", help="Give no more than this user has, and end with them.")
@click.option("--days", type=click.IntRange(1, 3650), help="Expire after so many days.")
@json_option
@told
def create(
    name: str,
    project_name: str | None,
    scope: str,
    email: str | None,
    days: int | None,
    as_json: bool,
) -> None:
    """Make a token and print it; it is not shown again."""
    with open_database() as database:
        project = None if project_name is None else require_project(database, project_name)
        owner = None if email is None else Users(database).by_email(email)
        if email is not None and owner is None:
            raise OpsError(f"there is no user {email!r}")
        made = Tokens(database).create(
            name,
            project_id=None if project is None else project.id,
            actor=actor(),
            scope=scope,  # type: ignore[arg-type]
            user_id=None if owner is None else owner.id,
            expires_at=None if days is None else datetime.now(UTC) + timedelta(days=days),
        )
    if as_json:
        print_json({"name": name, "project": project_name, "scope": scope, "token": made})
    else:
        print_table(("name", "project", "token"), [(name, project_name or "all", made)])


@token.command("list")
@json_option
@told
def list_tokens(as_json: bool) -> None:
    """Every token, by its beginning."""
    with open_database() as database:
        found = Tokens(database).list()
    rows = [{name: getattr(one, name) for name in _COLUMNS} for one in found]
    if as_json:
        print_json({"items": rows})
    else:
        shown = [{**row, "project": row["project"] or "all"} for row in rows]
        print_table(_COLUMNS, [tuple(row.values()) for row in shown])


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
