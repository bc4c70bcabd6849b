"""How long a project keeps its events, in a tab of its settings."""

from __future__ import annotations

from dataclasses import dataclass

from marshmallow import Schema, fields, validate

from app.dashboard import links
from app.dashboard.page import Action, Page, SeeOther, Tab, Visit
from app.dashboard.pages.settings.keys import OF
from app.refusing import telling
from config.policy import EVENT_TYPES
from config.retention import MAX_DAYS


class TermForm(Schema):
    """A project's own term of a type in days; without one the type's is its again."""

    type = fields.String(required=True, validate=validate.OneOf([row.name for row in EVENT_TYPES]))
    days = fields.Integer(load_default=None, validate=validate.Range(min=1, max=MAX_DAYS))


@dataclass(frozen=True, slots=True)
class TermRow:
    """How long events of a type are kept: by all projects, 0 for ever, and by this one, null where
    it has no term of its own.
    """

    type: str
    of_all: int
    own: int | None


@dataclass(frozen=True, slots=True)
class RetentionView:
    """The terms of each type. ``may`` says whether the reader may change them."""

    title: str
    terms: tuple[TermRow, ...]
    may: bool


def retention(visit: Visit) -> RetentionView:
    """The terms in effect."""
    project, desk = visit.of_project, visit.desk
    terms = desk.stores.retention.terms
    own = {one.type: one.days for one in terms.listed() if one.project_id == project.id}
    rows = (
        TermRow(row.name, terms.days.get(row.name, 0), own.get(row.name)) for row in EVENT_TYPES
    )
    return RetentionView("Retention", tuple(rows), desk.caller.may("admin", project.id))


def set_term(visit: Visit) -> SeeOther:
    """Give the project a term of its own, or take it. Older events are hidden at once."""
    given, project = visit.arguments, visit.of_project
    with telling("days"):
        visit.desk.stores.retention.terms.set(
            project.id, given["type"], given["days"], visit.desk.caller.actor
        )
    kept = f"for {given['days']} days" if given["days"] else "as long as by all projects"
    return SeeOther(
        links.settings(project, "retention"), f"{given['type']} events are kept {kept}."
    )


RETENTION = Page(
    "/p/<project>/settings/retention",
    "project_retention",
    retention,
    "pages/settings/retention.html",
    needs="read",
    table="terms",
    tab=Tab("Retention", OF),
)
PAGES = (RETENTION,)
ACTIONS = (
    Action(
        "/p/<project>/settings/retention",
        "set_term",
        set_term,
        TermForm,
        needs="admin",
        again=RETENTION,
    ),
)
