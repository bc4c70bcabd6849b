"""Path rules: which paths of a project are one page, tried out before they apply."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from marshmallow import Schema, fields

from app.api import rum_answers
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.projects import find_project
from app.api.scopes import scope_of
from app.errors import ApiError
from events.path_rules import BadPathRules, PathRules, path_rules_of, suggest
from storage.errors import RulesChanged
from storage.sql.path_rules import StoredPathRules
from storage.sql.projects import Project

#: Most paths that a preview looks at: those with most views.
LOOKED_AT = 2_000
_EXAMPLES = 5
_SPAN = {"start": None, "end": None, "q": None}


class PathRulesBody(Schema):
    """The rules as a whole. ``version`` is the one they are to follow: when somebody changed them
    meanwhile, nothing is changed.
    """

    rules = fields.List(fields.String(), required=True)
    version = fields.Integer(load_default=None, strict=True)


class PathRulesDraft(Schema):
    """Rules to try out; the project's own where absent."""

    rules = fields.List(fields.String(), load_default=None)


def read_path_rules(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /projects/{project}/path-rules."""
    project = find_project(desk, arguments["project"])
    return _told(project, desk.stores.rum.rules.read(project.id))


def change_path_rules(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """PUT /projects/{project}/path-rules: they apply at once, to what is stored already too."""
    project = find_project(desk, arguments["project"])
    rules = _rules(arguments["rules"])
    try:
        stored = desk.stores.rum.rules.change(
            project.id, project.name, rules, arguments["actor"], arguments["version"]
        )
    except RulesChanged as exc:
        raise ApiError(
            409, "rules_changed", f"The rules are of version {exc.version} by now: read them again."
        ) from None
    return _told(project, stored)


def preview_path_rules(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /projects/{project}/path-rules/preview. Changes nothing."""
    project = find_project(desk, arguments["project"])
    if arguments["rules"] is None:
        rules = desk.stores.rum.rules.read(project.id).rules
    else:
        rules = _rules(arguments["rules"])
    views = desk.stores.rum.paths(scope_of(desk, project, _SPAN), LOOKED_AT)
    return dict(rum_answers.RulesPreview().dump(preview_of(rules, views)))


def preview_of(rules: PathRules, views: dict[str, int]) -> dict[str, Any]:
    """What rules do to paths with so many views each; pure."""
    pages: dict[str, list[str]] = defaultdict(list)
    for path in views:
        pages[rules.page_of(path)].append(path)
    return {
        "looked_at": len(views),
        "rows_before": len(views),
        "rows_after": len(pages),
        "effects": [
            {
                "rule": rule,
                "paths": len(pages.get(rule, ())),
                "views": sum(views[path] for path in pages.get(rule, ())),
                "examples": pages.get(rule, [])[:_EXAMPLES],
            }
            for rule in rules.rules
        ],
        "suggestions": suggest(
            {path: n for path, n in views.items() if rules.page_of(path) == path}
        ),
    }


def _rules(document: list[str]) -> PathRules:
    try:
        return path_rules_of(document)
    except BadPathRules as exc:
        raise ApiError(400, "bad_rules", f"{exc}.") from None


def _told(project: Project, stored: StoredPathRules) -> dict[str, Any]:
    return dict(
        rum_answers.PathRulesAnswer().dump(
            {
                "project": project.name,
                "version": stored.version,
                "rules": stored.rules.told(),
                "changed_by": stored.changed_by,
                "changed_at": stored.changed_at,
            }
        )
    )


ENDPOINTS = (
    Endpoint(
        "/projects/<path:project>/path-rules",
        "read_path_rules",
        "Which paths of a project are one page",
        read_path_rules,
        rum_answers.PathRulesAnswer,
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/projects/<path:project>/path-rules",
        "change_path_rules",
        "Change which paths of a project are one page; what is stored is told by them too",
        change_path_rules,
        rum_answers.PathRulesAnswer,
        method="PUT",
        body=PathRulesBody,
        scope="owned",
        needs="admin",
    ),
    Endpoint(
        "/projects/<path:project>/path-rules/preview",
        "preview_path_rules",
        "What path rules would do, and rules that would help; changes nothing",
        preview_path_rules,
        rum_answers.RulesPreview,
        method="POST",
        body=PathRulesDraft,
        scope="owned",
        needs="read",
    ),
)
