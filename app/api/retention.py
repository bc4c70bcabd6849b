"""Retention: how long events are kept, what would go now, and the terms of projects."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from app.api.endpoint import Arguments, Desk, Endpoint
from app.errors import bad_argument
from config.policy import EVENT_TYPES
from config.retention import MAX_DAYS
from storage.errors import Rejected


class TermBody(Schema):
    """A project's own term of a type in days; null gives it the type's again."""

    project = fields.String(required=True, validate=validate.Length(max=200))
    type = fields.String(required=True, validate=validate.OneOf([row.name for row in EVENT_TYPES]))
    days = fields.Integer(
        required=True, allow_none=True, strict=True, validate=validate.Range(min=1, max=MAX_DAYS)
    )


class TypeTerm(Schema):
    """What of a type is kept: 0 days is for ever, 0 bytes is without a bound."""

    type = fields.String(required=True)
    days = fields.Integer(required=True)
    bytes = fields.Integer(required=True)


class ProjectTerm(Schema):
    """A project's shorter term."""

    project = fields.String(required=True)
    type = fields.String(required=True)
    days = fields.Integer(required=True)


class RetentionTerms(Schema):
    """Terms, and the plan: what would go now, with events, packs, indices and bytes."""

    types = fields.List(fields.Nested(TypeTerm), required=True)
    projects = fields.List(fields.Nested(ProjectTerm), required=True)
    plan = fields.Dict(required=True)


def read_retention(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /retention: changes nothing."""
    del arguments
    parts = desk.stores.retention
    return {
        "types": [
            {"type": name, "days": term.days, "bytes": term.bytes}
            for name, term in parts.of_types.items()
        ],
        "projects": _projects(desk),
        "plan": parts.planner.plan().document(),
    }


def set_term(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /retention: the terms of projects afterwards."""
    number = desk.names.number(arguments["project"])
    if number is None:  # the schema asks for a name
        raise bad_argument("project", "is missing")
    desk.require(number, "project")
    try:
        desk.stores.retention.terms.set(
            number, arguments["type"], arguments["days"], arguments["actor"]
        )
    except Rejected as exc:
        raise bad_argument("days", exc.detail) from None
    return {"projects": _projects(desk)}


def _projects(desk: Desk) -> list[dict[str, Any]]:
    return [
        {"project": one.project, "type": one.type, "days": one.days}
        for one in desk.stores.retention.terms.listed()
    ]


class ProjectTerms(Schema):
    """Every project's shorter term."""

    projects = fields.List(fields.Nested(ProjectTerm), required=True)


ENDPOINTS = (
    Endpoint(
        "/retention",
        "read_retention",
        "How long events are kept, and what would go now",
        read_retention,
        RetentionTerms,
        needs="read",
    ),
    Endpoint(
        "/retention",
        "set_retention",
        "Give a project a shorter term for a type, or its type's again",
        set_term,
        ProjectTerms,
        method="POST",
        body=TermBody,
        needs="admin",
    ),
)
