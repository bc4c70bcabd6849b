"""Who asks: what a token speaks for, and what it may."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from app.api.answers import nullable
from app.api.endpoint import Arguments, Desk, Endpoint


class ProjectRight(Schema):
    """The highest right in a project: read, triage, operate or admin."""

    project = fields.String(required=True)
    right = fields.String(required=True)


class Account(Schema):
    """``name`` is the user's e-mail address or the token's name; ``token`` the name of a user's
    token. ``everywhere`` is the right in the installation and in all projects, null for none.
    """

    name = fields.String(required=True)
    token = nullable(fields.String, required=True)
    everywhere = nullable(fields.String, required=True)
    projects = fields.List(fields.Nested(ProjectRight), required=True)


def read_account(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /account."""
    del arguments
    caller = desk.caller
    return {
        "name": caller.name,
        "token": caller.token,
        "everywhere": caller.everywhere,
        "projects": [
            {"project": grant.project, "right": grant.right} for grant in caller.grants.values()
        ],
    }


ENDPOINTS = (
    Endpoint(
        "/account",
        "read_account",
        "Whom the token speaks for, and what it may",
        read_account,
        Account,
        scope="owned",
        needs="signed_in",
    ),
)
