"""A user of an application: groups, sessions, devices, and all that is theirs to take or erase."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields, validate

from app.api.app_users import export_user, find_user
from app.api.erasures import ask_erasure
from app.dashboard import links
from app.dashboard.leading import lead_to
from app.dashboard.page import Action, Page, Place, SeeOther, Visit
from app.errors import bad_argument
from storage.sql.projects import Project
from workbench.erasure.asking import MAX_USER_CHARS
from workbench.people import UserView as Found


class WhichUser(Schema):
    """A user by identifier or e-mail."""

    user = fields.String(load_default=None, validate=validate.Length(max=MAX_USER_CHARS))


class EraseFields(Schema):
    """The user's name, typed once more: erasing cannot be taken back."""

    again = fields.String(required=True)


@dataclass(frozen=True, slots=True)
class UsersView:
    """Where a user is looked for."""

    title: str


@dataclass(frozen=True, slots=True)
class GroupLine:
    """A group of crashes that a user met; without a title it is not known by name now."""

    href: str
    title: str | None
    status: str | None
    count: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A session of the user."""

    id: str
    href: str
    first_at: datetime
    lasted_seconds: float
    views: int


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """What the user came with: an attribute, a value, how often."""

    attribute: str
    value: str
    events: int


@dataclass(frozen=True, slots=True)
class UserView:
    """A user. Groups and sessions are the latest ones, of so many."""

    title: str
    user: str
    names: tuple[tuple[str, str], ...]
    crashes: int
    rum_events: int
    first_at: datetime
    last_at: datetime
    groups: tuple[GroupLine, ...]
    group_count: int
    sessions: tuple[SessionLine, ...]
    session_count: int
    devices: tuple[DeviceLine, ...]
    here: str


def users(visit: Visit) -> UsersView | Response:
    """Leads to the user that was typed."""
    typed = (visit.arguments["user"] or "").strip()
    if typed:
        return lead_to(links.user(visit.of_project, typed))
    return UsersView("Users")


def user(visit: Visit) -> UserView:
    """The user that the path names; raises ``ApiError`` 404 and ``StoreDown``."""
    project = visit.of_project
    return user_view(project, find_user(visit.desk, project, _named(visit)))


def _named(visit: Visit) -> str:
    return links.unsegmented(visit.arguments["user"])


def user_view(project: Project, found: Found) -> UserView:
    """A user as a page shows them; pure."""
    picture = found.picture
    groups = []
    for group in picture.groups:
        known = found.groups.get(group.group_id)
        groups.append(
            GroupLine(
                links.group_of(project, UUID(group.group_id), known.number if known else None),
                known.title if known else None,
                known.status if known else None,
                group.count,
                group.first_at,
                group.last_at,
            )
        )
    return UserView(
        found.user,
        found.user,
        tuple(picture.names.items()),
        picture.crashes,
        picture.rum_events,
        picture.first_at,
        picture.last_at,
        tuple(groups),
        picture.group_count,
        tuple(
            SessionLine(
                one.session_id,
                links.session(one.session_id, project),
                one.first_at,
                max(0.0, (one.last_at - one.first_at).total_seconds()),
                one.views,
            )
            for one in picture.sessions
        ),
        picture.session_count,
        tuple(
            DeviceLine(name, share.value, share.views)
            for name, shares in picture.devices.items()
            for share in shares
        ),
        links.user(project, found.user),
    )


def export(visit: Visit) -> Response:
    """Everything of the user with its payload, as NDJSON."""
    return export_user(visit.desk, {"project": visit.of_project.name, "user": _named(visit)})


def erase(visit: Visit) -> SeeOther:
    """Ask for everything of the user to be erased; raises ``ApiError``."""
    project, name = visit.of_project, _named(visit)
    if visit.arguments["again"] != name:
        raise bad_argument("again", "type the user's name exactly as it stands above")
    asked = {"kind": "user", "event": None, "user": name, "project": project.name}
    done = ask_erasure(visit.desk, {**asked, "actor": visit.desk.caller.actor})
    said = f"Erasure {done['id']} is under way: what is found goes from all stores."
    return SeeOther(links.of_project(project, "users"), said)


_PAGE = Page("/p/<project>/users/<user>", "user", user, "pages/user.html", needs="read",
             table="groups")  # fmt: skip
PAGES = (
    Page(
        "/p/<project>/users",
        "users",
        users,
        "pages/users.html",
        WhichUser,
        needs="read",
        place=Place("Users"),
    ),
    _PAGE,
    Page("/p/<project>/users/<user>/export", "export_user", export, needs="read", twins=False),
)
ACTIONS = (
    Action(
        "/p/<project>/users/<user>/erase",
        "erase_user",
        erase,
        EraseFields,
        needs="admin",
        again=_PAGE,
    ),
)
