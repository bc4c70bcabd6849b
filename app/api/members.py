"""The members of a project, and their roles there."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from app.accounts.inviting import admit
from app.api.answers import page_of
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.projects import find_project
from app.api.users import InvitedUser, dump_invited, forget_callers, parse_number
from app.refusing import telling
from storage.rights import PROJECT_ROLES


class MemberBody(Schema):
    """Who gets which role. Somebody without an account is invited, under ``name``."""

    email = fields.String(required=True, validate=validate.Length(max=500))
    role = fields.String(required=True, validate=validate.OneOf(list(PROJECT_ROLES)))
    name = fields.String(load_default="", validate=validate.Length(max=500))


class Member(Schema):
    """A user's role in a project. ``active`` is false for one who cannot sign in."""

    user_id = fields.Integer(required=True)
    email = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True)
    active = fields.Boolean(required=True)


class Removed(Schema):
    """Who is no member any more."""

    user_id = fields.Integer(required=True)


def list_members(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /projects/{project}/members, in one page."""
    project = find_project(desk, arguments["project"])
    members = desk.stores.accounts.memberships.of_project(project.id)
    return {"items": Member(many=True).dump(members), "next_cursor": None}


def set_member(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """PUT /projects/{project}/members."""
    project = find_project(desk, arguments["project"])
    invited = admit(
        desk.stores.accounts,
        desk.stores.settings,
        project,
        arguments["email"],
        arguments["name"],
        arguments["role"],
        arguments["actor"],
    )
    forget_callers(desk)
    return dump_invited(invited)


def remove_member(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """DELETE /projects/{project}/members/{user_id}."""
    project = find_project(desk, arguments["project"])
    user_id = parse_number(arguments["user_id"], "member")
    with telling("user"):
        desk.stores.accounts.memberships.remove(project, user_id, arguments["actor"])
    forget_callers(desk)
    return {"user_id": user_id}


ENDPOINTS = (
    Endpoint(
        "/projects/<path:project>/members",
        "list_members",
        "Who belongs to a project, in which role",
        list_members,
        page_of(Member),
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/projects/<path:project>/members",
        "set_member",
        "Give somebody a role in a project; who has no account is invited",
        set_member,
        InvitedUser,
        method="PUT",
        body=MemberBody,
        scope="owned",
        needs="admin",
    ),
    Endpoint(
        "/projects/<path:project>/members/<user_id>",
        "remove_member",
        "Take somebody out of a project",
        remove_member,
        Removed,
        method="DELETE",
        scope="owned",
        needs="admin",
    ),
)
