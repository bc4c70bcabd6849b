"""The members of a project, in a tab of its settings."""

from __future__ import annotations

from dataclasses import dataclass

from marshmallow import Schema, fields, validate

from app.accounts.inviting import admit
from app.api.users import forget_callers
from app.dashboard import links
from app.dashboard.page import Action, Made, Page, SeeOther, Tab, Visit
from app.dashboard.pages.settings.keys import OF
from app.refusing import telling
from storage.rights import PROJECT_ROLES, ProjectRole

_ROLE = validate.OneOf(list(PROJECT_ROLES))


class MemberForm(Schema):
    """Who gets which role; who has no account is invited under ``name``."""

    email = fields.String(load_default="", validate=validate.Length(max=500))
    name = fields.String(load_default="", validate=validate.Length(max=500))
    role = fields.String(load_default="member", validate=_ROLE)


class RemoveForm(Schema):
    """Who is to leave."""

    user = fields.Integer(required=True)


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member; ``active`` is false for one who cannot sign in: disabled, or only invited."""

    id: int
    email: str
    name: str
    role: ProjectRole
    active: bool


@dataclass(frozen=True, slots=True)
class MembersView:
    """Who belongs to a project. ``may`` says whether the reader may change that."""

    title: str
    members: tuple[MemberRow, ...]
    may: bool


def members(visit: Visit) -> MembersView:
    """The members, by e-mail address."""
    project, desk = visit.of_project, visit.desk
    rows = (
        MemberRow(one.user_id, one.email, one.name, one.role, one.active)
        for one in desk.stores.accounts.memberships.of_project(project.id)
    )
    return MembersView("Members", tuple(rows), desk.caller.may("admin", project.id))


def set_member(visit: Visit) -> Made | SeeOther:
    """Give somebody a role; who is new is invited."""
    given, project, stores = visit.arguments, visit.of_project, visit.desk.stores
    invited = admit(
        stores.accounts,
        stores.settings,
        project,
        given["email"],
        given["name"],
        given["role"],
        visit.desk.caller.actor,
    )
    forget_callers(visit.desk)
    if invited.link is None:
        said = f"{invited.user.email} is {given['role']} of {project.name}."
        return SeeOther(links.settings(project, "members"), said)
    return Made(
        f"{invited.user.email} is invited. Send them this link:",
        invited.link,
        "It lets them choose a password, once, within three days.",
    )


def remove(visit: Visit) -> SeeOther:
    """Take somebody out of the project."""
    project, number = visit.of_project, visit.arguments["user"]
    with telling("user"):
        visit.desk.stores.accounts.memberships.remove(project, number, visit.desk.caller.actor)
    forget_callers(visit.desk)
    return SeeOther(links.settings(project, "members"), "They are no member any more.")


MEMBERS = Page(
    "/p/<project>/settings/members",
    "members",
    members,
    "pages/settings/members.html",
    needs="read",
    table="members",
    tab=Tab("Members", OF),
)
PAGES = (MEMBERS,)
ACTIONS = (
    Action(
        "/p/<project>/settings/members",
        "set_member",
        set_member,
        MemberForm,
        needs="admin",
        again=MEMBERS,
    ),
    Action(
        "/p/<project>/settings/members/remove",
        "remove_member",
        remove,
        RemoveForm,
        needs="admin",
        again=MEMBERS,
    ),
)
