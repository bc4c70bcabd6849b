"""The settings that this web process works with, without secrets."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from app.api.answers import page_of
from app.api.endpoint import Arguments, Desk, Endpoint
from config.effective import effective_settings


class Setting(Schema):
    """A setting; of a secret one only whether it is set."""

    name = fields.String(required=True)
    value = fields.String(required=True)
    is_default = fields.Boolean(required=True)
    doc = fields.String(required=True)


def list_settings(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /settings, in one page."""
    del arguments
    items = Setting(many=True).dump(effective_settings(desk.stores.settings))
    return {"items": items, "next_cursor": None}


ENDPOINTS = (
    Endpoint(
        "/settings",
        "list_settings",
        "The settings in effect, without secrets",
        list_settings,
        page_of(Setting),
        needs="operate",
    ),
)
