"""What happened to a group, all of it, and what people say of it."""

from __future__ import annotations

from dataclasses import dataclass

from marshmallow import Schema, fields, validate

from app.api.arguments import bad_argument
from app.api.triage_shapes import CommentBody
from app.dashboard import links
from app.dashboard.page import Action, Page, SeeOther, Visit
from app.dashboard.pages.group import OF_GROUP, of_path, path_of
from app.dashboard.paging import PageArguments, Paging, paging
from app.dashboard.session import local_path
from app.dashboard.triage.telling import Told, telling
from app.errors import not_found

_MOST_DIGITS = 18


class CommentForm(CommentBody):
    """What somebody says; ``next`` is the page to go back to."""

    next = fields.String(load_default=None, validate=validate.Length(max=4000))


class TakeBackForm(Schema):
    """The page to go back to."""

    next = fields.String(load_default=None, validate=validate.Length(max=4000))


@dataclass(frozen=True, slots=True)
class ActivityView:
    """A page of what happened to a group, the last first."""

    title: str
    path: str
    group_title: str
    entries: tuple[Told, ...]
    paging: Paging


def activity(visit: Visit) -> ActivityView:
    """The history of the group that the path names."""
    found, asked = of_path(visit), visit.arguments
    try:
        page = visit.desk.stores.triage.history.list(found.id, asked["cursor"], asked["limit"])
    except ValueError as exc:
        raise bad_argument("cursor", str(exc)) from None
    path = path_of(visit, found)
    entries = tuple(telling(entry, visit.desk.caller.name) for entry in page.items)
    return ActivityView(
        f"Activity of #{found.number}",
        path,
        found.title,
        entries,
        paging(links.activity(path), _query(asked), len(entries), page.next_cursor),
    )


def comment(visit: Visit) -> SeeOther:
    """Say something on the group that the path names."""
    found = of_path(visit)
    text = visit.arguments["text"]
    visit.desk.stores.triage.history.comment(found.id, text, visit.desk.caller.name)
    return SeeOther(_back(visit, path_of(visit, found)), "Your comment is kept.")


def take_back(visit: Visit) -> SeeOther:
    """Take one's own comment back; raises ``ApiError`` 404 for one that is none."""
    found, entry = of_path(visit), visit.arguments["entry"]
    history = visit.desk.stores.triage.history
    is_number = entry.isascii() and entry.isdigit() and len(entry) <= _MOST_DIGITS
    if not is_number or not history.take_back(found.id, int(entry), visit.desk.caller.name):
        raise not_found("comment of yours")
    return SeeOther(_back(visit, path_of(visit, found)), "Your comment is taken back.")


def _back(visit: Visit, path: str) -> str:
    asked = visit.arguments["next"]
    return local_path(asked) if asked else path


def _query(asked: dict[str, object]) -> dict[str, object]:
    return {name: asked[name] for name in ("cursor", "limit")}


PAGES = (
    Page(
        f"{OF_GROUP}/activity",
        "activity",
        activity,
        "pages/activity.html",
        PageArguments,
        needs="read",
        table="entries",
    ),
)
ACTIONS = (
    Action(f"{OF_GROUP}/comments", "comment", comment, CommentForm, needs="triage"),
    Action(
        f"{OF_GROUP}/comments/<entry>/take-back",
        "take_comment_back",
        take_back,
        TakeBackForm,
        needs="triage",
    ),
)
