"""Quotas: how many events of a type a project may send, and how many it did."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from marshmallow import Schema, fields, validate

from app.api.answers import nullable
from app.api.endpoint import Arguments, Desk, Endpoint
from app.errors import bad_argument
from config.policy import EVENT_TYPES
from storage.quotas import MOST, Quota


def _bound(least: int) -> fields.Integer:
    return fields.Integer(
        required=True, allow_none=True, strict=True, validate=validate.Range(min=least, max=MOST)
    )


class QuotaBody(Schema):
    """A quota, whole: events of a UTC day and month that are kept, and of a minute that are not
    refused; null is no bound.
    """

    project = fields.String(required=True, validate=validate.Length(max=200))
    type = fields.String(required=True, validate=validate.OneOf([row.name for row in EVENT_TYPES]))
    day = _bound(0)
    month = _bound(0)
    minute = _bound(1)


class Bounds(Schema):
    """Events by period; null: no bound."""

    day = nullable(fields.Integer, required=True)
    month = nullable(fields.Integer, required=True)
    minute = nullable(fields.Integer, required=True)


class Use(Schema):
    """Events that were kept in the present day and month, and taken in the present minute."""

    day = fields.Integer(required=True)
    month = fields.Integer(required=True)
    minute = fields.Integer(required=True)


class QuotaLine(Schema):
    """A project's quota of a type; ``used`` is null while the broker cannot tell."""

    project = fields.String(required=True)
    type = fields.String(required=True)
    quota = fields.Nested(Bounds, required=True)
    used = fields.Nested(Use, required=True, allow_none=True)


class QuotaList(Schema):
    """Every quota there is."""

    items = fields.List(fields.Nested(QuotaLine), required=True)


def read_quotas(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /quotas: those of all projects, or of the token's."""
    del arguments
    return {
        "items": [
            {
                "project": desk.names.name(project_id),
                "type": type_name,
                "quota": asdict(state.quota),
                "used": None if state.used is None else asdict(state.used),
            }
            for (project_id, type_name), state in desk.stores.quotas.listed().items()
        ]
    }


def set_quota(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """POST /quotas: a quota in place of the one before; the quotas afterwards."""
    project = desk.stores.projects.by_name(arguments["project"])
    if project is None:
        raise bad_argument("project", "there is no such project")
    quota = Quota(arguments["day"], arguments["month"], arguments["minute"])
    desk.stores.quotas.change(project, arguments["type"], quota, arguments["actor"])
    return read_quotas(desk, arguments)


ENDPOINTS = (
    Endpoint(
        "/quotas",
        "read_quotas",
        "How many events of a type projects may send, and how many they did",
        read_quotas,
        QuotaList,
        needs="read",
    ),
    Endpoint(
        "/quotas",
        "set_quota",
        "Give a project a quota for a type; without any bound it has none",
        set_quota,
        QuotaList,
        method="POST",
        body=QuotaBody,
        needs="admin",
    ),
)
