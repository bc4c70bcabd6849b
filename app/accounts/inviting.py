"""Bringing people in: each gets a link, which is shown once to whoever asked, to pass it on."""

from __future__ import annotations

from dataclasses import dataclass

from app.accounts.opening import Accounts
from app.addresses import public_url
from app.refusing import telling
from config.settings import Settings
from storage.rights import InstallationRole, ProjectRole
from storage.sql.projects import Project
from storage.sql.users import User


@dataclass(frozen=True, slots=True)
class Invited:
    """A user, and the link by which a password is set; null for who has no need of one."""

    user: User
    link: str | None


def invite(
    accounts: Accounts,
    settings: Settings,
    email: str,
    name: str,
    role: InstallationRole | None,
    actor: str,
) -> Invited:
    """Make a user. Raises ``ApiError`` 400 for an address that has one, and ``StoreDown``."""
    with telling("email"):
        user, secret = accounts.links.invite(email, name or email, actor, role)
    return Invited(user, join_url(settings, secret))


def admit(
    accounts: Accounts,
    settings: Settings,
    project: Project,
    email: str,
    name: str,
    role: ProjectRole,
    actor: str,
) -> Invited:
    """Give somebody a role in a project: a user by e-mail address, or else a new one.

    A user who is there gets no link: it would open all that the user has elsewhere to whoever
    administers one project. Raises ``ApiError`` 400, and ``StoreDown``.
    """
    with telling("email"):
        user = accounts.users.by_email(email)
        if user is not None:
            accounts.memberships.set(project, user.id, role, actor)
            return Invited(user, None)
        membership = (project, role)
        user, secret = accounts.links.invite(email, name or email, actor, membership=membership)
    return Invited(user, join_url(settings, secret))


def new_link(accounts: Accounts, settings: Settings, user_id: int, actor: str) -> Invited:
    """A link by which a user sets a new password. Raises ``ApiError`` 400, and ``StoreDown``."""
    with telling("user"):
        user, secret = accounts.links.for_user(user_id, actor)
    return Invited(user, join_url(settings, secret))


def join_url(settings: Settings, secret: str) -> str:
    """The whole address of a link."""
    return f"{public_url(settings)}/join/{secret}"
