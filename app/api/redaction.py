"""Redaction rules of a project, and what rules would make of an event."""

from __future__ import annotations

from typing import Any

import orjson
from marshmallow import Schema, fields

from app.api.answers import Time, nullable
from app.api.arguments import bad_argument, load_body
from app.api.endpoint import Arguments, Desk, Endpoint, parse_id
from app.api.projects import find_project
from app.api.raw_body import read_raw_body
from app.errors import ApiError, not_found
from app.raw import read_raw
from events.redact.redactor import Preview, Redactor
from events.redact.rules import BadRules, Rules, rules_of
from storage.errors import RulesChanged
from storage.sql.projects import Project
from storage.sql.redaction import StoredRules
from workbench.payloads import told


class RulesBody(Schema):
    """Rules as a whole; what is absent is the default. ``version`` is the one they are to follow:
    when somebody changed them meanwhile, nothing is changed.
    """

    default_names = fields.Boolean(load_default=True, truthy={True}, falsy={False})
    names = fields.List(fields.String(), load_default=list)
    keep = fields.List(fields.String(), load_default=list)
    values = fields.Dict(load_default=dict)
    version = fields.Integer(load_default=None, strict=True)


class PreviewBody(Schema):
    """An event by ``event_id``, or a ``body``: JSON, or a string with its text. ``rules`` are the
    project's own where absent.
    """

    event_id = fields.String(load_default=None)
    body = fields.Raw(load_default=None)
    rules = fields.Dict(load_default=None)


class RulesAnswer(Schema):
    """Rules of a project; ``version`` 0 are the defaults, which nobody changed."""

    project = fields.String(required=True)
    version = fields.Integer(required=True)
    default_names = fields.Boolean(required=True)
    names = fields.List(fields.String(), required=True)
    keep = fields.List(fields.String(), required=True)
    values = fields.Dict(required=True)
    blanked_names = fields.List(fields.String(), required=True)
    changed_by = nullable(fields.String, required=True)
    changed_at = nullable(Time, required=True)


class MatchAnswer(Schema):
    """A match: by which rule, and where."""

    rule = fields.String(required=True)
    path = fields.String(required=True)


class PreviewAnswer(Schema):
    """What would be stored."""

    redacted = fields.Integer(required=True)
    matches = fields.List(fields.Nested(MatchAnswer), required=True)
    body = fields.Dict(required=True)


def read_rules(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /projects/{project}/redaction."""
    project = find_project(desk, arguments["project"])
    return _told(project, desk.stores.redaction.read(project.id))


def change_rules(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """PUT /projects/{project}/redaction: the rules afterwards, known to workers within seconds."""
    project = find_project(desk, arguments["project"])
    rules = parse_rules(
        {part: arguments[part] for part in ("default_names", "names", "keep", "values")}
    )
    try:
        stored = desk.stores.redaction.change(
            project.id, project.name, rules, arguments["actor"], arguments["version"]
        )
    except RulesChanged as exc:
        raise ApiError(
            409, "rules_changed", f"The rules are of version {exc.version} by now: read them again."
        ) from None
    return _told(project, stored)


def preview(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /projects/{project}/redaction/preview. Stores nothing."""
    project = find_project(desk, arguments["project"])
    # JSON in JSON may be twice as long, for its quotation marks.
    limit = 2 * desk.stores.settings.max_event_bytes
    arguments |= load_body(PreviewBody, read_raw_body(limit, "twice SLUICE_MAX_EVENT_BYTES"))
    rules = None if arguments["rules"] is None else parse_rules(arguments["rules"])
    shown = preview_of(desk, project, rules, arguments["event_id"], arguments["body"])
    matches = [{"rule": match.rule, "path": match.path} for match in shown.matches]
    return {"redacted": shown.redacted, "matches": matches, "body": told(shown.body)}


def preview_of(
    desk: Desk, project: Project, rules: Rules | None, event_id: str | None, body: Any
) -> Preview:
    """What rules, or else the project's own, would make of an event or of a body, one of them.

    Raises ``ApiError`` and ``StoreDown``.
    """
    known = desk.stores.redaction.read(project.id).project
    return Redactor(rules or known.rules, known.keys).preview(_body(desk, project, event_id, body))


def parse_rules(document: dict[str, Any]) -> Rules:
    """The rules that JSON tells; raises ``ApiError`` 400 ``bad_rules``."""
    try:
        return rules_of(document)
    except BadRules as exc:
        raise ApiError(400, "bad_rules", f"{exc}.") from None


def _body(desk: Desk, project: Project, event_id: str | None, body: Any) -> bytes:
    if (event_id is None) == (body is None):
        raise bad_argument("event_id", "give an event_id or a body, one of them")
    if event_id is None:
        return bytes(body, "utf-8", "replace") if isinstance(body, str) else orjson.dumps(body)
    event = desk.stores.events.find(parse_id(event_id, "event"))
    if event is None or event.project_id != project.id:
        raise not_found("event")
    return read_raw(desk.stores.payloads, event)


def _told(project: Project, stored: StoredRules) -> dict[str, Any]:
    rules = stored.project.rules
    return dict(
        RulesAnswer().dump(
            {
                "project": project.name,
                "version": stored.project.version,
                **rules.told(),
                "blanked_names": list(rules.all_names),
                "changed_by": stored.changed_by,
                "changed_at": stored.changed_at,
            }
        )
    )


ENDPOINTS = (
    Endpoint(
        "/projects/<path:project>/redaction",
        "read_redaction",
        "What a project has redacted before its events are stored",
        read_rules,
        RulesAnswer,
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/projects/<path:project>/redaction",
        "change_redaction",
        "Change what a project has redacted; events that are stored stay as they are",
        change_rules,
        RulesAnswer,
        method="PUT",
        body=RulesBody,
        scope="owned",
        needs="admin",
    ),
    Endpoint(
        "/projects/<path:project>/redaction/preview",
        "preview_redaction",
        "What rules would make of an event, and why; stored nowhere",
        preview,
        PreviewAnswer,
        method="POST",
        body=None,
        scope="owned",
        needs="read",
    ),
)
