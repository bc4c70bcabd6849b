"""user: who may use the pages, in which role; links that set a password; sessions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import click

from ops.commands.actor import actor
from ops.commands.context import current_settings, open_database
from ops.commands.output import json_option, print_json, print_table, say, told
from ops.commands.project_keys import require_project
from ops.errors import OpsError
from ops.joining import first_link, join_link
from storage.rights import INSTALLATION_ROLES, PROJECT_ROLES
from storage.sql.database import Database
from storage.sql.memberships import Memberships
from storage.sql.page_sessions import PageSessions
from storage.sql.password_links import PasswordLinks
from storage.sql.users import User, Users

ROLE = click.Choice([*INSTALLATION_ROLES, "none"])


@click.group()
def user() -> None:
    """Accounts of people, and links by which they set a password."""


@user.command()
@json_option
@told
def first(as_json: bool) -> None:
    """Print a link that makes the first administrator; it is good once, for a day."""
    with open_database() as database:
        link = first_link(current_settings(), database, actor())
    if link is None:
        raise OpsError("there is an administrator: invite others with ./sluice user invite")
    _print_link("the first administrator", link, as_json=as_json)


@user.command()
@click.argument("email")
@click.option("--name", help="What others see; the e-mail address unless said.")
@click.option("--role", type=ROLE, default="none", help="In the whole installation.")
@click.option("--project", "project_name", help="A project to be a member of.")
@click.option("--as", "member", type=click.Choice(list(PROJECT_ROLES)), default="member")
@json_option
@told
def invite(
    email: str, name: str | None, role: str, project_name: str | None, member: str, as_json: bool
) -> None:
    """Make an account and print a link by which its owner sets a password; no mail is sent."""
    with open_database() as database:
        project = require_project(database, project_name) if project_name else None
        made, secret = PasswordLinks(database).invite(
            email,
            name or email,
            actor(),
            None if role == "none" else role,  # type: ignore[arg-type]
            (project, member) if project else None,  # type: ignore[arg-type]
        )
    _print_link(made.email, join_link(current_settings(), secret), as_json=as_json)


@user.command("list")
@json_option
@told
def list_users(as_json: bool) -> None:
    """Everybody with an account."""
    with open_database() as database:
        rows = [_told(database, one) for one in _every(Users(database))]
    if as_json:
        print_json({"items": rows})
        return
    names = ("email", "name", "role", "state", "projects")
    print_table(names, [[*(row[n] for n in names[:4]), _projects(row["projects"])] for row in rows])


@user.command()
@click.argument("email")
@click.argument("new_role", metavar="ROLE", type=ROLE)
@told
def role(email: str, new_role: str) -> None:
    """Give somebody a role in the whole installation: operator, admin or none."""
    given = None if new_role == "none" else new_role
    with _opened(email) as (users, found):
        users.set_role(found.id, given, actor())  # type: ignore[arg-type]
    click.echo(f"{found.email}: {new_role}")


@user.command()
@click.argument("email")
@told
def disable(email: str) -> None:
    """Let somebody in no more, also by tokens of their own; sessions end.

    Web processes know it within SLUICE_KEY_CACHE_SECONDS.
    """
    with _opened(email) as (users, found):
        users.set_disabled(found.id, disabled=True, actor=actor())
    click.echo(f"disabled {found.email}")


@user.command()
@click.argument("email")
@told
def enable(email: str) -> None:
    """Let somebody in again."""
    with _opened(email) as (users, found):
        users.set_disabled(found.id, disabled=False, actor=actor())
    click.echo(f"enabled {found.email}")


@user.command()
@click.argument("email")
@json_option
@told
def reset(email: str, as_json: bool) -> None:
    """Print a link by which somebody sets a new password; all their sessions end when they do."""
    with open_database() as database:
        found = _find(Users(database), email)
        _, secret = PasswordLinks(database).for_user(found.id, actor())
    _print_link(found.email, join_link(current_settings(), secret), as_json=as_json)


@user.command()
@click.argument("email")
@click.option("--end", is_flag=True, help="End them all.")
@json_option
@told
def sessions(email: str, *, end: bool, as_json: bool) -> None:
    """Browsers in which somebody is signed in."""
    settings = current_settings()
    idle, most = (timedelta(hours=h) for h in (settings.session_idle_hours, settings.session_hours))
    with open_database() as database:
        found, known = _find(Users(database), email), PageSessions(database, idle, most)
        rows = known.of_user(found.id)
        ended = known.end_of_user(found.id, None, actor()) if end else 0
    names = ("id", "began_at", "seen_at", "address", "browser")
    if as_json:
        items = [{name: getattr(row, name) for name in names} for row in rows]
        print_json({"items": items, "ended": ended})
        return
    print_table(names, [[getattr(row, name) for name in names] for row in rows])
    if end:
        say(f"ended {ended}")


@contextmanager
def _opened(email: str) -> Iterator[tuple[Users, User]]:
    with open_database() as database:
        users = Users(database)
        yield users, _find(users, email)


def _find(users: Users, email: str) -> User:
    found = users.by_email(email)
    if found is None:
        raise OpsError(f"there is no user {email!r}")
    return found


def _every(users: Users) -> Iterator[User]:
    cursor: str | None = None
    while True:
        page = users.list(cursor, 500)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def _told(database: Database, one: User) -> dict[str, Any]:
    memberships = Memberships(database).of_user(one.id)
    state = "disabled" if one.disabled_at else "active" if one.has_password else "invited"
    return {
        "id": one.id,
        "email": one.email,
        "name": one.name,
        "role": one.role,
        "state": state,
        "created_at": one.created_at,
        "projects": {membership.project: membership.role for membership in memberships},
    }


def _projects(roles: dict[str, str]) -> str:
    return ", ".join(f"{project} ({role})" for project, role in roles.items())


def _print_link(whose: str, link: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"user": whose, "link": link})
    else:
        say(f"for {whose}, once:")
        click.echo(link)
