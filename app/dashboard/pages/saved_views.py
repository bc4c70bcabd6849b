"""Saving the list's query as a view with a name, and removing one."""

from __future__ import annotations

from marshmallow import fields

from app.api.endpoint import parse_id
from app.api.triage_shapes import ViewBody
from app.api.views import keep_view
from app.dashboard import links
from app.dashboard.page import Action, SeeOther, Visit
from app.errors import not_found


class ViewForm(ViewBody):
    """A name for the query; a checkbox lets others see it."""

    shared = fields.Boolean(load_default=False, truthy={"yes"}, falsy={"no"})


def save(visit: Visit) -> SeeOther:
    """Save a view, and show it."""
    form, project = visit.arguments, visit.of_project
    view = keep_view(visit.desk, project, form)
    return SeeOther(
        links.groups(project, query=view.query, sort=view.sort), f"The view {view.name} is saved."
    )


def remove(visit: Visit) -> SeeOther:
    """Remove a shared view, or one's own; raises ``ApiError`` 404."""
    project, view_id = visit.of_project, parse_id(visit.arguments["view"], "view")
    if not visit.desk.stores.triage.views.remove(project.id, view_id, visit.desk.caller.name):
        raise not_found("view")
    return SeeOther(links.groups(project), "The view is removed.")


ACTIONS = (
    Action("/p/<project>/views", "save_view", save, ViewForm, needs="triage"),
    Action("/p/<project>/views/<view>/remove", "remove_view", remove, needs="triage"),
)
