"""Path rules of a project: which paths are one page, tried on real paths before they apply."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from marshmallow import Schema, fields, validate

from app.api.path_rules import LOOKED_AT, change_path_rules, preview_of
from app.api.scopes import scope_of
from app.dashboard import links
from app.dashboard.page import Action, Page, SeeOther, Visit
from app.errors import ApiError
from events.path_rules import MAX_RULE_CHARS, MAX_RULES, BadPathRules, path_rules_of

_MOST_CHARS = MAX_RULES * (MAX_RULE_CHARS + 2)
_SPAN = {"start": None, "end": None, "q": None}


class DraftArguments(Schema):
    """Rules to try, one a line; those in force where absent."""

    rules = fields.String(load_default=None, validate=validate.Length(max=_MOST_CHARS))


class RulesFields(Schema):
    """The rules as a whole, one a line, and the version that they are to follow."""

    rules = fields.String(load_default="", validate=validate.Length(max=_MOST_CHARS))
    version = fields.Integer(load_default=None)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a rule does to the paths of the last 7 days."""

    rule: str
    paths: int
    views: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Advice:
    """A rule that would make one page of many; ``href`` tries it with the others."""

    rule: str
    paths: int
    views: int
    href: str


@dataclass(frozen=True, slots=True)
class RulesView:
    """``rules`` are those in force, ``draft`` those that are tried, and the rest is what these do;
    null while search does not answer. ``wrong`` says what is wrong with a draft.
    """

    title: str
    back: str
    version: int
    rules: tuple[str, ...]
    changed_by: str | None
    changed_at: datetime | None
    draft: str
    changed: bool
    wrong: str | None
    looked_at: int | None
    pages: int | None
    effects: tuple[Effect, ...]
    advice: tuple[Advice, ...]


def path_rules(visit: Visit) -> RulesView:
    """The rules, with what a draft would do; raises ``StoreDown`` for PostgreSQL."""
    project, stores = visit.of_project, visit.desk.stores
    stored = stores.rum.rules.read(project.id)
    told = stored.rules.told()
    asked = visit.arguments.get("rules")
    lines = told if asked is None else rule_lines(asked)
    wrong = None
    try:
        tried = path_rules_of(lines)
    except BadPathRules as exc:
        tried, wrong = stored.rules, f"{exc}."
    scope = scope_of(visit.desk, project, _SPAN)
    views = visit.gaps.fill("what the rules do", lambda: stores.rum.paths(scope, LOOKED_AT), None)
    found = preview_of(tried, views) if views is not None else None
    return RulesView(
        "Path rules",
        links.rum(project),
        stored.version,
        tuple(told),
        stored.changed_by,
        stored.changed_at,
        "\n".join(lines),
        wrong is None and lines != told,
        wrong,
        None if found is None else found["looked_at"],
        None if found is None else found["rows_after"],
        tuple(
            Effect(one["rule"], one["paths"], one["views"], tuple(one["examples"]))
            for one in (found["effects"] if found else ())
        ),
        tuple(
            Advice(
                one.rule,
                one.paths,
                one.views,
                links.path_rules(project, rules="\n".join([*lines, one.rule])),
            )
            for one in (found["suggestions"] if found else ())
        ),
    )


def rule_lines(text: str) -> list[str]:
    """The rules of a text, one a line; pure."""
    return [line for part in text.splitlines() if (line := part.strip())]


def change(visit: Visit) -> SeeOther:
    """Have these rules and no others; raises ``ApiError`` 400, and 409 when somebody changed them
    meanwhile.
    """
    project, given = visit.of_project, visit.arguments
    body = {"rules": rule_lines(given["rules"]), "version": given["version"]}
    asked = {**body, "project": project.name, "actor": visit.desk.caller.actor}
    try:
        done = change_path_rules(visit.desk, asked)
    except ApiError as exc:
        if exc.code == "rules_changed":
            raise ApiError(
                409, "rules_changed", "Somebody changed the rules meanwhile: look at them again."
            ) from exc
        raise
    rules = done["rules"]
    return SeeOther(
        links.path_rules(project),
        f"{'1 rule applies' if len(rules) == 1 else f'{len(rules)} rules apply'} now, to what is"
        " stored too.",
    )


_PAGE = Page(
    "/p/<project>/rum/rules",
    "path_rules",
    path_rules,
    "pages/path_rules.html",
    DraftArguments,
    needs="read",
    table="effects",
)
PAGES = (_PAGE,)
ACTIONS = (
    Action(
        "/p/<project>/rum/rules",
        "change_path_rules",
        change,
        RulesFields,
        needs="admin",
        again=_PAGE,
    ),
)
