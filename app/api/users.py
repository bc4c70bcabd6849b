"""Users of the installation, their roles, and the links by which they set a password."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from app.accounts.inviting import Invited, invite, new_link
from app.api.answers import Time, nullable, page_of
from app.api.arguments import Paged, bad_argument
from app.api.endpoint import Arguments, Desk, Endpoint
from app.errors import not_found
from app.refusing import telling
from storage.rights import INSTALLATION_ROLES
from storage.sql.users import User as StoredUser

_ROLE = validate.OneOf([*INSTALLATION_ROLES, None])


class InviteBody(Schema):
    """Whom to invite; ``role`` is in the installation, null for none."""

    email = fields.String(required=True, validate=validate.Length(max=500))
    name = fields.String(load_default="", validate=validate.Length(max=500))
    role = nullable(fields.String, load_default=None, validate=_ROLE)


class RoleBody(Schema):
    """A role in the installation; null takes it."""

    role = nullable(fields.String, required=True, validate=_ROLE)


class User(Schema):
    """A person. ``has_password`` is false until the link of the invitation was used."""

    id = fields.Integer(required=True)
    email = fields.String(required=True)
    name = fields.String(required=True)
    role = nullable(fields.String, required=True)
    has_password = fields.Boolean(required=True)
    created_at = Time(required=True)
    disabled_at = nullable(Time, required=True)


class InvitedUser(User):
    """A user, and where a password is set, once; null for who has no need of that."""

    link = nullable(fields.String, required=True)


def dump_invited(invited: Invited) -> dict[str, Any]:
    """A user with the link that was made."""
    return {**User().dump(invited.user), "link": invited.link}


def list_users(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /users, by e-mail address."""
    try:
        page = desk.stores.accounts.users.list(arguments["cursor"], arguments["limit"])
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    return {"items": User(many=True).dump(page.items), "next_cursor": page.next_cursor}


def invite_user(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /users."""
    stores = desk.stores
    invited = invite(
        stores.accounts,
        stores.settings,
        arguments["email"],
        arguments["name"],
        arguments["role"],
        arguments["actor"],
    )
    return dump_invited(invited)


def set_user_role(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """PUT /users/{user_id}/role."""
    users, user = desk.stores.accounts.users, find_user(desk, arguments["user_id"])
    with telling("role"):
        changed = users.set_role(user.id, arguments["role"], arguments["actor"])
    forget_callers(desk)
    return dict(User().dump(changed))


def disable_user(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /users/{user_id}/disable: sessions and tokens are good no more."""
    return _set_disabled(desk, arguments, disabled=True)


def enable_user(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /users/{user_id}/enable."""
    return _set_disabled(desk, arguments, disabled=False)


def link_user(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /users/{user_id}/link: the link before it is good no more."""
    stores, user = desk.stores, find_user(desk, arguments["user_id"])
    return dump_invited(new_link(stores.accounts, stores.settings, user.id, arguments["actor"]))


def find_user(desk: Desk, text: str) -> StoredUser:
    """The user of a number in a path; raises ``ApiError`` 404 and ``StoreDown``."""
    user = desk.stores.accounts.users.find(parse_number(text, "user"))
    if user is None:
        raise not_found("user")
    return user


def parse_number(text: str, what: str) -> int:
    """A number of a path; one that is none names nothing: raises ``ApiError`` 404."""
    if not (text.isascii() and text.isdigit() and len(text) < _TOO_LONG):
        raise not_found(what)
    return int(text)


def forget_callers(desk: Desk) -> None:
    """Let this process ask anew what each caller may: somebody's rights were changed."""
    desk.tokens.forget_all()
    desk.sessions.forget_all()


def _set_disabled(desk: Desk, arguments: Arguments, *, disabled: bool) -> dict[str, Any]:
    users, user = desk.stores.accounts.users, find_user(desk, arguments["user_id"])
    with telling("user"):
        changed = users.set_disabled(user.id, disabled=disabled, actor=arguments["actor"])
    forget_callers(desk)
    return dict(User().dump(changed))


_TOO_LONG = 10
"""Digits of a number that PostgreSQL's integers cannot hold, or might not."""


ENDPOINTS = (
    Endpoint(
        "/users",
        "list_users",
        "Everybody with an account",
        list_users,
        page_of(User),
        Paged,
        needs="admin",
    ),
    Endpoint(
        "/users",
        "invite_user",
        "Make an account, and a link by which its owner sets a password",
        invite_user,
        InvitedUser,
        method="POST",
        body=InviteBody,
        needs="admin",
    ),
    Endpoint(
        "/users/<user_id>/role",
        "set_user_role",
        "Give a user a role in the installation, or none",
        set_user_role,
        User,
        method="PUT",
        body=RoleBody,
        needs="admin",
    ),
    Endpoint(
        "/users/<user_id>/disable",
        "disable_user",
        "Let a user in no more",
        disable_user,
        User,
        method="POST",
        needs="admin",
    ),
    Endpoint(
        "/users/<user_id>/enable",
        "enable_user",
        "Let a user in again",
        enable_user,
        User,
        method="POST",
        needs="admin",
    ),
    Endpoint(
        "/users/<user_id>/link",
        "link_user",
        "A link by which a user sets a new password",
        link_user,
        InvitedUser,
        method="POST",
        needs="admin",
    ),
)
