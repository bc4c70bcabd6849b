"""project members, member: who belongs to a project, in which role."""

from __future__ import annotations

import click

from ops.commands.actor import actor
from ops.commands.context import open_database
from ops.commands.output import json_option, print_json, print_table, told
from ops.commands.project_keys import require_project
from ops.errors import OpsError
from storage.rights import PROJECT_ROLES
from storage.sql.memberships import Memberships
from storage.sql.users import Users


@click.command()
@click.argument("project_name", metavar="PROJECT")
@json_option
@told
def members(project_name: str, as_json: bool) -> None:
    """Who belongs to a project."""
    with open_database() as database:
        found = Memberships(database).of_project(require_project(database, project_name).id)
    names = ("email", "name", "role", "active")
    rows = [[getattr(one, name) for name in names] for one in found]
    if as_json:
        print_json({"items": [dict(zip(names, row, strict=True)) for row in rows]})
    else:
        print_table(names, rows)


@click.command()
@click.argument("project_name", metavar="PROJECT")
@click.argument("email")
@click.argument("role", type=click.Choice([*PROJECT_ROLES, "none"]))
@told
def member(project_name: str, email: str, role: str) -> None:
    """Give a user a role in a project, or take them out of it with none.

    Somebody without an account is invited with ./sluice user invite EMAIL --project PROJECT.
    """
    with open_database() as database:
        project = require_project(database, project_name)
        user = Users(database).by_email(email)
        if user is None:
            raise OpsError(f"there is no user {email!r}: invite them with --project {project_name}")
        memberships = Memberships(database)
        if role == "none":
            memberships.remove(project, user.id, actor())
        else:
            memberships.set(project, user.id, role, actor())  # type: ignore[arg-type]
    click.echo(f"{user.email} in {project.name}: {role}")
