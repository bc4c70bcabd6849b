"""API tokens on pages: one's own, a project's and the installation's are made and shown alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from marshmallow import Schema, fields, validate

from app.api.tokens import MAX_DAYS
from app.dashboard.page import Made, Visit
from app.errors import not_found
from app.refusing import telling
from storage.rights import RIGHTS, Right
from storage.sql.tokens import TokenRow as StoredToken


class NewTokenForm(Schema):
    """A token to make: what it gives at most, and for how many days; 0 is for ever."""

    name = fields.String(load_default="", validate=validate.Length(max=500))
    scope = fields.String(load_default="read", validate=validate.OneOf(RIGHTS))
    days = fields.Integer(load_default=90, validate=validate.Range(min=0, max=MAX_DAYS))


class RevokeForm(Schema):
    """Which token to revoke."""

    token = fields.Integer(required=True)


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as a line of a list."""

    id: int
    name: str
    prefix: str
    scope: Right
    project: str | None
    user: str | None
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


def token_row(token: StoredToken) -> TokenRow:
    """A token as a line of a list."""
    return TokenRow(
        token.id,
        token.name,
        token.prefix,
        token.scope,
        token.project,
        token.user,
        token.created_at,
        token.expires_at,
        token.used_at,
    )


def make(visit: Visit, project_id: int | None, user_id: int | None = None) -> Made:
    """Make the token of a :class:`NewTokenForm`, good in one project or all, perhaps a user's own.

    Raises ``ApiError`` 400 and ``StoreDown``.
    """
    given = visit.arguments
    with telling("name"):
        token = visit.desk.stores.tokens.create(
            given["name"],
            project_id=project_id,
            actor=visit.desk.caller.actor,
            scope=given["scope"],
            user_id=user_id,
            expires_at=visit.now + timedelta(days=given["days"]) if given["days"] else None,
        )
    return Made(f"The token {given['name']}:", token)


def revoke(visit: Visit, belongs: Callable[[StoredToken], bool]) -> str:
    """Revoke the token of a :class:`RevokeForm`, if it ``belongs`` to the page; its name.

    Raises ``ApiError`` 404 for one that does not, and ``StoreDown``.
    """
    tokens = visit.desk.stores.tokens
    found = tokens.find(visit.arguments["token"])
    if found is None or not belongs(found):
        raise not_found("token")
    with telling("token"):
        tokens.revoke_number(found.id, visit.desk.caller.actor)
    visit.desk.tokens.forget_all()
    visit.desk.sessions.forget_all()
    return found.name
