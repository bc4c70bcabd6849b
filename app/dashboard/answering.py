"""From a row to an answer: who asks, which project, the view, and the page or twin of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Response, g, render_template, request, session
from werkzeug.datastructures import MultiDict

from app.api.access import Need
from app.api.arguments import load_arguments
from app.api.endpoint import Desk
from app.dashboard import links
from app.dashboard.csrf import FIELD, require_form_token
from app.dashboard.forms import load_form
from app.dashboard.leading import lead_to
from app.dashboard.links import ProjectName
from app.dashboard.notices import Notice, say
from app.dashboard.page import Action, Made, Page, SeeOther, Visit
from app.dashboard.session import by_token, refuse_other_sites, wants_text
from app.dashboard.shell import ShellMaker
from app.dashboard.twins import CONTENT_TYPES, as_csv, as_json, as_markdown
from app.errors import ApiError, not_found
from storage.rights import NOBODY
from storage.sql.projects import Project


class Answering:
    """Answers every page and form of the dashboard, at the desk of who asks."""

    def __init__(self, desk: Desk, shells: ShellMaker) -> None:
        self._desk = desk
        self._shells = shells

    def page(self, page: Page) -> Callable[..., Response]:
        """The route of a page; of a text twin, when it is given ``twin``."""

        def route(twin: str | None = None, **path: str) -> Response:
            visit = self._visit(page, path)
            asked = load_arguments(page.arguments, request.args.items(multi=True))
            visit = replace(visit, arguments={**asked, **visit.arguments})
            return self._shown(page, visit, twin)

        return route

    def action(self, action: Action) -> Callable[..., Response]:
        """The route of a form."""

        def route(**path: str) -> Response:
            refuse_other_sites(request)
            visit = self._visit(action, path)
            if action.needs == "nothing" or not by_token():
                require_form_token(session, request.form.get(FIELD, ""))
            try:
                given = load_form(action.fields, request.form, FIELD)
                done = action.handler(replace(visit, arguments={**given, **visit.arguments}))
            except ApiError as exc:
                if action.again is None or exc.status >= 500 or wants_text(request):
                    raise
                return self._again(action.again, visit, exc)
            return self._done(action, visit, done)

        return route

    def problem(self, error: ApiError) -> Response:
        """The page of an error, within the navigation as far as it can be made."""
        visit = Visit(self._desk_of_caller("nothing"), {}, g.get("project"))
        shell = self._shells.shell(g.looking, visit, None, visit.project)
        html = render_template("problem.html", error=error, shell=shell, gaps=visit.gaps.found())
        return Response(html, error.status, error.headers, content_type="text/html; charset=utf-8")

    def _visit(self, row: Page | Action, path: dict[str, str]) -> Visit:
        """The visit of who asks, once the check of what the path names is made."""
        desk = self._desk_of_caller(row.needs)
        project = None
        if "project" in path:
            project = self._project(path.pop("project"))
            desk.require(project.id, "project")
            g.project = project  # for the page of an error from here on
        elif row.scope == "installation":
            desk.require(None, "this page")
        return Visit(desk, dict(path), project)

    def _desk_of_caller(self, needs: Need) -> Desk:
        return replace(self._desk, caller=g.get("caller", NOBODY), needs=needs)

    def _project(self, segment: str) -> Project:
        projects = self._desk.stores.projects
        number = links.project_number(segment)
        found = projects.by_name(segment) if number is None else projects.by_number(number)
        if found is None:
            raise not_found("project")
        return found

    def _shown(self, page: Page, visit: Visit, twin: str | None) -> Response:
        view = page.view(visit)
        if isinstance(view, Response):
            return view
        response = self._html(page, visit, view) if twin is None else _twin(page, view, twin)
        response.status_code = getattr(view, "http_status", 200)
        return response

    def _html(self, page: Page, visit: Visit, view: Any, **more: Any) -> Response:
        project = visit.project or _project_of(view)
        shell = self._shells.shell(g.looking, visit, page, project)
        gaps = (*getattr(view, "gaps", ()), *visit.gaps.found())
        html = render_template(page.template, view=view, shell=shell, gaps=gaps, **more)
        return Response(html, content_type="text/html; charset=utf-8")

    def _again(self, page: Page, visit: Visit, error: ApiError) -> Response:
        """The page with its form as it was sent, and what is wrong with it."""
        response = self._after(page, visit, problem=error, entered=_entered(request.form))
        response.status_code = error.status
        response.headers.update(error.headers)
        return response

    def _done(self, action: Action, visit: Visit, done: Any) -> Response:
        if isinstance(done, Response):
            return done
        if isinstance(done, SeeOther):
            return _led_on(done)
        if action.again is None:
            raise LookupError(f"the form {action.name} names no page to show what it did")
        if isinstance(done, Made):
            return self._after(action.again, visit, made=done)
        return self._html(action.again, visit, done)

    def _after(self, page: Page, visit: Visit, **more: Any) -> Response:
        """A page as it is after a form of it was sent."""
        asked = load_arguments(page.arguments, ())
        desk = replace(visit.desk, needs=page.needs)
        visit = replace(visit, desk=desk, arguments={**asked, **visit.arguments})
        return self._html(page, visit, page.view(visit), **more)


def _project_of(view: Any) -> ProjectName | None:
    """The project of the one thing a view shows; a name alone is what a list is filtered by."""
    project = getattr(view, "project", None)
    return project if isinstance(project, ProjectName) else None


def _twin(page: Page, view: Any, twin: str) -> Response:
    if twin == "json":
        body: str | bytes = as_json(view)
    elif twin == "csv":
        body = as_csv(view, page.table)
    elif page.markdown is not None:
        body = render_template(page.markdown, view=view)
    else:
        body = as_markdown(view)
    response = Response(body, content_type=CONTENT_TYPES[twin])
    paging = getattr(view, "paging", None)
    if paging is not None and paging.older:
        path, _, query = paging.older.partition("?")
        response.headers["Link"] = f'<{links.twin(path, twin)}?{query}>; rel="next"'
    return response


def _led_on(done: SeeOther) -> Response:
    if done.said:
        say(Notice(done.said, done.undo))
    return lead_to(done.path)


def _entered(form: MultiDict[str, str]) -> MultiDict[str, str]:
    """What was entered, but for passwords and tokens, which are typed anew."""
    hidden = ("password", "token", FIELD)
    kept = [pair for pair in form.items(multi=True) if not pair[0].endswith(hidden)]
    return MultiDict(kept)
