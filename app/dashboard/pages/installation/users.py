"""The users of the installation: the first tab of its settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from marshmallow import Schema, fields, validate

from app.accounts.inviting import Invited, invite, new_link
from app.api.arguments import bad_argument
from app.api.users import forget_callers
from app.dashboard import links
from app.dashboard.page import Action, Made, Page, Place, SeeOther, Tab, Visit
from app.dashboard.paging import PageArguments, Paging, paging
from app.refusing import telling
from storage.rights import INSTALLATION_ROLES, InstallationRole

OF = "installation"
"""The name of the page that all tabs of the installation's settings stand beside."""
HERE = links.installation()
_ROLE = validate.OneOf(["", *INSTALLATION_ROLES])


class InviteForm(Schema):
    """Whom to invite; without a role in the installation, members of projects alone."""

    email = fields.String(load_default="", validate=validate.Length(max=500))
    name = fields.String(load_default="", validate=validate.Length(max=500))
    role = fields.String(load_default=None, validate=_ROLE)


class UserForm(Schema):
    """A user by number."""

    user = fields.Integer(required=True)


class RoleForm(UserForm):
    """A role in the installation; empty takes it."""

    role = fields.String(load_default=None, validate=_ROLE)


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user; ``state`` is active, invited or disabled."""

    id: int
    email: str
    name: str
    role: InstallationRole | None
    state: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class UsersView:
    """A page of users, by e-mail address."""

    title: str
    users: tuple[UserRow, ...]
    paging: Paging


def users(visit: Visit) -> UsersView:
    """Everybody with an account; raises ``ApiError`` 400 for a bad cursor."""
    asked = visit.arguments
    try:
        page = visit.desk.stores.accounts.users.list(asked["cursor"], asked["limit"])
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    rows = (
        UserRow(
            user.id,
            user.email,
            user.name,
            user.role,
            "disabled" if user.disabled_at else "active" if user.has_password else "invited",
            user.created_at,
        )
        for user in page.items
    )
    around = paging(
        HERE, {name: asked[name] for name in ("cursor", "limit")}, len(page.items), page.next_cursor
    )
    return UsersView("Users", tuple(rows), around)


def add(visit: Visit) -> Made:
    """Invite somebody."""
    given, stores = visit.arguments, visit.desk.stores
    role = given["role"] or None
    invited = invite(
        stores.accounts,
        stores.settings,
        given["email"],
        given["name"],
        role,
        visit.desk.caller.actor,
    )
    return _link(invited, f"{invited.user.email} is invited. Send them this link:")


def renew(visit: Visit) -> Made:
    """Make a link by which a user sets a new password."""
    stores, number = visit.desk.stores, visit.arguments["user"]
    made = new_link(stores.accounts, stores.settings, number, visit.desk.caller.actor)
    return _link(made, f"Send this link to {made.user.email}:")


def set_role(visit: Visit) -> SeeOther:
    """Give a user a role in the installation, or none."""
    given = visit.arguments
    with telling("role"):
        user = visit.desk.stores.accounts.users.set_role(
            given["user"], given["role"] or None, visit.desk.caller.actor
        )
    forget_callers(visit.desk)
    return SeeOther(HERE, f"{user.email} is {user.role or 'no more than a member of projects'}.")


def disable(visit: Visit) -> SeeOther:
    """Let a user in no more."""
    return _set_disabled(visit, disabled=True)


def enable(visit: Visit) -> SeeOther:
    """Let a user in again."""
    return _set_disabled(visit, disabled=False)


def _set_disabled(visit: Visit, *, disabled: bool) -> SeeOther:
    with telling("user"):
        user = visit.desk.stores.accounts.users.set_disabled(
            visit.arguments["user"], disabled=disabled, actor=visit.desk.caller.actor
        )
    forget_callers(visit.desk)
    said = "is disabled: sessions and tokens are good no more" if disabled else "may sign in again"
    return SeeOther(HERE, f"{user.email} {said}.")


def _link(invited: Invited, label: str) -> Made:
    note = "It lets them choose a password, once, within three days."
    return Made(label, invited.link or "", note)


USERS = Page(
    HERE,
    OF,
    users,
    "pages/installation/users.html",
    PageArguments,
    needs="admin",
    table="users",
    place=Place("Installation", "installation"),
    tab=Tab("Users", OF),
)
PAGES = (USERS,)
ACTIONS = (
    Action(f"{HERE}/users", "invite_user", add, InviteForm, again=USERS),
    Action(f"{HERE}/users/role", "set_user_role", set_role, RoleForm, again=USERS),
    Action(f"{HERE}/users/link", "link_user", renew, UserForm, again=USERS),
    Action(f"{HERE}/users/disable", "disable_user", disable, UserForm, again=USERS),
    Action(f"{HERE}/users/enable", "enable_user", enable, UserForm, again=USERS),
)
