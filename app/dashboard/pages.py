"""The pages: groups, a group's occurrences, a crash. Plain HTML, no script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, session
from flask.blueprints import BlueprintSetupState

from app.api.arguments import GroupArguments, Paged, load_arguments
from app.api.endpoint import Desk
from app.api.events import find_event, read_event_raw
from app.api.groups import find_group, page_of_groups, page_of_occurrences
from app.api.names import narrowed
from app.api.picture import full_picture, identity
from app.api.projects import visible_projects
from app.api.routes import open_desk
from app.dashboard.event import EventView, event_view
from app.dashboard.lists import group_row, occurrence_row
from app.dashboard.session import (
    COOKIE_CONFIG,
    guard,
    local_path,
    refuse_other_sites,
    sign_in,
    wants_json,
)
from app.dashboard.text import visible
from app.errors import ApiError
from app.outage import store_down
from app.raw import read_raw
from app.stores import Stores
from storage.errors import StoreDown
from storage.sql.events import StoredEvent

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}


def view_of(desk: Desk, event: StoredEvent) -> EventView:
    """The page of an event; without its raw bytes, what its row gives and why."""
    try:
        return event_view(full_picture(event, read_raw(desk.stores.payloads, event)))
    except (ApiError, StoreDown) as exc:
        known = {**identity(event), "version": event.columns.get("version")}
        names = {key: event.columns.get(key) for key in ("class_name", "message")}
        error = names if any(names.values()) else None
        return event_view({**known, "error": error}, str(exc))


def _groups(desk: Desk) -> str:
    arguments = load_arguments(GroupArguments, request.args.items(multi=True))
    arguments = narrowed(arguments, desk.caller)
    page = page_of_groups(desk, arguments)
    return render_template(
        "groups.html",
        groups=[group_row(group) for group in page.items],
        projects=[project.name for project in visible_projects(desk)],
        asked=arguments,
        next_cursor=page.next_cursor,
    )


def _group(desk: Desk, group_id: str) -> str:
    arguments = load_arguments(Paged, request.args.items(multi=True))
    group = find_group(desk, group_id)
    page = page_of_occurrences(desk, group, arguments)
    return render_template(
        "group.html",
        group=group_row(group),
        occurrences=[occurrence_row(event) for event in page.items],
        asked=arguments,
        next_cursor=page.next_cursor,
    )


def _add_pages(blueprint: Blueprint, desk_of_caller: Callable[[], Desk]) -> None:
    @blueprint.get("/")
    def groups() -> str:
        return _groups(desk_of_caller())

    @blueprint.get("/groups/<group_id>")
    def group(group_id: str) -> str:
        return _group(desk_of_caller(), group_id)

    @blueprint.get("/events/<event_id>")
    def event(event_id: str) -> str:
        desk = desk_of_caller()
        return render_template("event.html", event=view_of(desk, find_event(desk, event_id)))

    @blueprint.get("/events/<event_id>/raw")
    def raw(event_id: str) -> Response:
        return read_event_raw(desk_of_caller(), {"event_id": event_id})


def _add_session_forms(blueprint: Blueprint, desk: Desk) -> None:
    @blueprint.get("/login")
    def login() -> str:
        return render_template("login.html", next=local_path(request.args.get("next")))

    @blueprint.post("/login")
    def start() -> Any:
        refuse_other_sites(request)
        path = local_path(request.form.get("next"))
        if sign_in(desk.tokens, request.form.get("token", "")):
            return redirect(path, 303)
        problem = "There is no such token."
        return render_template("login.html", next=path, problem=problem), 401

    @blueprint.post("/logout")
    def end() -> Any:
        refuse_other_sites(request)
        session.clear()
        return redirect("/login", 303)


def _add_problems(blueprint: Blueprint) -> None:
    @blueprint.errorhandler(ApiError)
    def told(error: ApiError) -> Response:
        if wants_json(request):
            body: str | bytes = error.body()
            kind = "application/json"
        else:
            body = render_template("problem.html", error=error)
            kind = "text/html; charset=utf-8"
        return Response(body, error.status, error.headers, content_type=kind)

    @blueprint.errorhandler(StoreDown)
    def away(error: StoreDown) -> Response:
        return told(store_down(error))


def create_blueprint(stores: Stores) -> Blueprint:
    """The pages over the stores; ``/login`` takes an API token."""
    blueprint = Blueprint(
        "pages",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path="/assets",
    )
    desk = open_desk(stores)
    open_to_all = {"pages.static", "pages.login", "pages.start", "pages.end"}

    @blueprint.record_once
    def configure(state: BlueprintSetupState) -> None:
        state.app.config.update(COOKIE_CONFIG)

    @blueprint.before_request
    def check() -> Response | None:
        if request.endpoint in open_to_all:
            return None
        guarded = guard(desk.tokens)
        if isinstance(guarded, Response):
            return guarded
        g.caller = guarded
        return None

    @blueprint.after_request
    def protect(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if request.endpoint != "pages.static":
            response.headers["Cache-Control"] = "no-store"
        return response

    blueprint.add_app_template_filter(visible, "visible")
    _add_pages(blueprint, lambda: replace(desk, caller=g.caller))
    _add_session_forms(blueprint, desk)
    _add_problems(blueprint)
    return blueprint
