"""API tokens of a project or of the installation: made, listed without secrets, revoked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from marshmallow import Schema, fields, validate

from app.api.answers import Time, nullable, page_of
from app.api.arguments import Nothing
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.users import forget_callers, parse_number
from app.errors import not_found
from app.refusing import telling
from events.ids import time_of
from storage.rights import RIGHTS
from storage.sql.tokens import MAX_NAME_CHARS

MAX_DAYS = 3650


class TokensArguments(Schema):
    """Whose tokens to list."""

    project = fields.String(load_default=None, validate=validate.Length(max=200))


class TokenBody(Schema):
    """A token to make: what it may at most, in a project or, by null, everywhere; for how long."""

    name = fields.String(required=True, validate=validate.Length(min=1, max=MAX_NAME_CHARS))
    scope = fields.String(load_default="read", validate=validate.OneOf(RIGHTS))
    project = fields.String(load_default=None, validate=validate.Length(max=200))
    days = nullable(
        fields.Integer,
        load_default=None,
        strict=True,
        validate=validate.Range(min=1, max=MAX_DAYS),
    )


class Token(Schema):
    """A token as it may be shown; ``user`` is whose it is, null for nobody's."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)
    prefix = fields.String(required=True)
    scope = fields.String(required=True)
    project = nullable(fields.String, required=True)
    user = nullable(fields.String, required=True)
    created_at = Time(required=True)
    expires_at = nullable(Time, required=True)
    used_at = nullable(Time, required=True)
    revoked_at = nullable(Time, required=True)


class NewToken(Schema):
    """A token that was made; it is not shown again."""

    name = fields.String(required=True)
    scope = fields.String(required=True)
    project = nullable(fields.String, required=True)
    expires_at = nullable(Time, required=True)
    token = fields.String(required=True)


def list_tokens(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /tokens, newest first: all, or those of a project, in one page."""
    found = desk.stores.tokens.list(desk.names.number(arguments["project"]))
    return {"items": Token(many=True).dump(found), "next_cursor": None}


def create_token(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /tokens: nobody's own, so that it outlives who makes it."""
    project = arguments["project"]
    expires_at = None
    if arguments["days"]:
        expires_at = time_of(desk.now_ms()) + timedelta(days=arguments["days"])
    with telling("name"):
        token = desk.stores.tokens.create(
            arguments["name"],
            project_id=desk.names.number(project),
            actor=arguments["actor"],
            scope=arguments["scope"],
            expires_at=expires_at,
        )
    shown = {**arguments, "expires_at": expires_at, "token": token}
    return dict(NewToken().dump(shown))


def revoke_token(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """DELETE /tokens/{token_id}."""
    number = parse_number(arguments["token_id"], "token")
    found = desk.stores.tokens.find(number)
    if found is None:
        raise not_found("token")
    # A user's own are the installation's to others, wherever they are good.
    place = found.project_id if found.user_id is None else None
    if not desk.caller.may("read", place):
        raise not_found("token")
    desk.require(place, "token")
    with telling("token"):
        row = desk.stores.tokens.revoke_number(number, arguments["actor"])
    forget_callers(desk)
    return dict(Token().dump(row))


ENDPOINTS = (
    Endpoint(
        "/tokens",
        "list_tokens",
        "API tokens, without their secrets",
        list_tokens,
        page_of(Token),
        TokensArguments,
        scope="filtered",
        needs="admin",
    ),
    Endpoint(
        "/tokens",
        "create_token",
        "Make an API token",
        create_token,
        NewToken,
        Nothing,
        method="POST",
        body=TokenBody,
        scope="filtered",
        needs="admin",
    ),
    Endpoint(
        "/tokens/<token_id>",
        "revoke_token",
        "Refuse an API token from now on; sessions that speak for it end",
        revoke_token,
        Token,
        method="DELETE",
        scope="owned",
        needs="admin",
    ),
)
