"""The last requests of SDKs that a project refused, with why."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from app.api.answers import Time, page_of
from app.api.endpoint import Arguments, Desk, Endpoint
from app.api.projects import find_project


class Refusal(Schema):
    """Refusals of a kind (by code, path and key), how often, and the last of them."""

    code = fields.String(required=True, attribute="kind.code")
    path = fields.String(required=True, attribute="kind.path")
    key = fields.String(
        required=True, attribute="kind.key", metadata={"description": "How the key begins."}
    )
    status = fields.Integer(required=True)
    message = fields.String(required=True)
    sender = fields.String(required=True)
    count = fields.Integer(required=True)
    at = Time(required=True)


def list_refusals(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /projects/{project}/refusals, the last first, in one page; kept for a week."""
    project = find_project(desk, arguments["project"])
    items = Refusal(many=True).dump(desk.stores.refusals.of_project(project.id))
    return {"items": items, "next_cursor": None}


def list_strangers(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /refusals, likewise: of requests with no key, or one that nobody has."""
    del arguments
    items = Refusal(many=True).dump(desk.stores.refusals.of_project(None))
    return {"items": items, "next_cursor": None}


ENDPOINTS = (
    Endpoint(
        "/projects/<path:project>/refusals",
        "list_refusals",
        "The last requests of a project's SDKs that were refused, and why",
        list_refusals,
        page_of(Refusal),
        scope="owned",
        needs="read",
    ),
    Endpoint(
        "/refusals",
        "list_strangers",
        "The last requests without a key that anybody has",
        list_strangers,
        page_of(Refusal),
        needs="read",
    ),
)
