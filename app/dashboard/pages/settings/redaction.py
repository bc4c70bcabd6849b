"""What a project has redacted, with a preview, in a tab of its settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from marshmallow import Schema, fields, validate

from app.api.redaction import change_rules, parse_rules, preview_of
from app.dashboard import links
from app.dashboard.page import Action, Page, SeeOther, Tab, Visit
from app.dashboard.pages.settings.keys import OF
from events.redact.rules import DEFAULT_NAMES, DEFAULT_VALUES, MAX_NAME_CHARS, MAX_NAMES, Rules

_NAMES = validate.Length(max=(MAX_NAME_CHARS + 2) * MAX_NAMES)
_VALUES = {
    "card": "card numbers",
    "bearer": "bearer and basic credentials",
    "leaked_key": "keys of well-known services",
    "url_password": "passwords in URLs",
    "project_key": "this project's own keys",
    "email": "e-mail addresses",
    "ip": "IP addresses",
}


class RulesForm(Schema):
    """Rules as a whole; ``version`` is the one that they are to follow. Names are one a line.
    ``event`` or ``body`` is what to try them on.
    """

    version = fields.Integer(load_default=0)
    default_names = fields.Boolean(load_default=False)
    names = fields.String(load_default="", validate=_NAMES)
    keep = fields.String(load_default="", validate=_NAMES)
    values = fields.List(
        fields.String(validate=validate.OneOf(list(DEFAULT_VALUES))), load_default=list
    )
    event = fields.String(load_default=None, validate=validate.Length(max=100))
    body = fields.String(load_default=None)


@dataclass(frozen=True, slots=True)
class ValueRow:
    """A kind of value, and whether it is blanked."""

    kind: str
    label: str
    blanked: bool


@dataclass(frozen=True, slots=True)
class MatchRow:
    """By which rule something is blanked, and where."""

    rule: str
    path: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What rules would make of an event, and why. ``total`` counts all matches."""

    event: str
    total: int
    matches: tuple[MatchRow, ...]
    body: str


@dataclass(frozen=True, slots=True)
class RedactionView:
    """The rules, or those that are tried. ``of_all`` are the names blanked by default."""

    title: str
    version: int
    default_names: bool
    names: tuple[str, ...]
    keep: tuple[str, ...]
    values: tuple[ValueRow, ...]
    of_all: tuple[str, ...]
    changed_by: str | None
    changed_at: datetime | None
    may: bool
    shown: Shown | None = None


def redaction(visit: Visit) -> RedactionView:
    """The rules in effect."""
    stored = visit.desk.stores.redaction.read(visit.of_project.id)
    view = RedactionView(
        "Redaction",
        stored.project.version,
        False,
        (),
        (),
        (),
        DEFAULT_NAMES,
        stored.changed_by,
        stored.changed_at,
        visit.desk.caller.may("admin", visit.of_project.id),
    )
    return _with_rules(view, stored.project.rules)


def change(visit: Visit) -> SeeOther:
    """Set the rules; raises ``ApiError`` 400, and 409 when somebody else changed them."""
    project = visit.of_project
    changed = {"project": project.name, "actor": visit.desk.caller.actor}
    change_rules(
        visit.desk, {**_entered(visit).told(), **changed, "version": visit.arguments["version"]}
    )
    said = "The rules are changed, for events from now on: workers know them within seconds."
    return SeeOther(links.settings(project, "redaction"), said)


def try_out(visit: Visit) -> RedactionView:
    """What the rules of the form would make of an event; nothing is changed."""
    rules, given = _entered(visit), visit.arguments
    view = _with_rules(redaction(visit), rules)
    tried = preview_of(visit.desk, visit.of_project, rules, given["event"], given["body"])
    matches = tuple(MatchRow(match.rule, match.path) for match in tried.matches)
    body = tried.body.decode("utf-8", "replace")
    return replace(view, shown=Shown(given["event"] or "", tried.redacted, matches, body))


def _entered(visit: Visit) -> Rules:
    given = visit.arguments
    return parse_rules(
        {
            "default_names": given["default_names"],
            "names": _lines(given["names"]),
            "keep": _lines(given["keep"]),
            "values": {kind: kind in given["values"] for kind in DEFAULT_VALUES},
        }
    )


def _lines(text: str) -> list[str]:
    return [line for line in map(str.strip, text.splitlines()) if line]


def _with_rules(view: RedactionView, rules: Rules) -> RedactionView:
    values = (ValueRow(kind, _VALUES[kind], on) for kind, on in rules.values.items())
    return replace(
        view,
        default_names=rules.default_names,
        names=rules.names,
        keep=rules.keep,
        values=tuple(values),
    )


REDACTION = Page(
    "/p/<project>/settings/redaction",
    "project_redaction",
    redaction,
    "pages/settings/redaction.html",
    needs="read",
    tab=Tab("Redaction", OF),
)
PAGES = (REDACTION,)
ACTIONS = (
    Action(
        "/p/<project>/settings/redaction",
        "change_rules",
        change,
        RulesForm,
        needs="admin",
        again=REDACTION,
    ),
    Action(
        "/p/<project>/settings/redaction/preview",
        "try_rules",
        try_out,
        RulesForm,
        needs="read",
        again=REDACTION,
    ),
)
