"""The cost meter: what a month of the object store costs, against one object per event."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from marshmallow import Schema, fields, validate

from app.api.answers import nullable
from app.api.arguments import bad_argument
from app.api.endpoint import Arguments, Desk, Endpoint
from events.envelope import SYSTEM_PROJECT
from storage.billing import month_bill
from storage.cost import CostRow, sentence

_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")


class CostArguments(Schema):
    """A month, as ``2026-11``; this one by default."""

    project = fields.String(load_default=None, validate=validate.Length(max=200))
    month = fields.String(load_default=None, validate=validate.Length(max=7))


class CostAnswer(Schema):
    """A project's type in a month. ``puts`` and ``gets`` are its share of the type's requests;
    objects and bytes are what lay there at the last look.
    """

    project = nullable(fields.String, required=True)
    type = fields.String(required=True)
    events = fields.Integer(required=True)
    objects = fields.Float(required=True)
    puts = fields.Float(required=True)
    gets = fields.Float(required=True)
    raw_bytes = fields.Integer(required=True)
    stored_bytes = fields.Integer(required=True)
    saved_bytes = fields.Integer(required=True)
    cost = fields.Float(required=True)
    one_object_per_event = fields.Float(required=True)


class PricesAnswer(Schema):
    """Dollars: of a thousand requests, and of a GB kept for a month."""

    put_per_1000 = fields.Float(required=True)
    get_per_1000 = fields.Float(required=True)
    gb_month = fields.Float(required=True)


class Cost(Schema):
    """The bill of a month, in dollars."""

    month = fields.String(required=True)
    sentence = fields.String(required=True)
    cost = fields.Float(required=True)
    one_object_per_event = fields.Float(required=True)
    prices = fields.Nested(PricesAnswer, required=True)
    items = fields.List(fields.Nested(CostAnswer), required=True)
    next_cursor = nullable(fields.String, required=True)


def read_cost(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /cost: of a project or all but the system's own."""
    month = _month(desk, arguments["month"])
    number = desk.names.number(arguments["project"])
    settings = desk.stores.settings
    prices, rows = month_bill(settings, desk.stores.database, month)
    shown = [row for row in rows if _is_shown(row, number)]
    return {
        "month": month.strftime("%Y-%m"),
        "sentence": sentence(month, shown),
        "cost": sum(row.cost for row in shown),
        "one_object_per_event": sum(row.one_object_per_event for row in shown),
        "prices": PricesAnswer().dump(prices),
        "items": [
            {
                "project": desk.names.name(row.project_id),
                **CostAnswer(exclude=["project"]).dump(row),
            }
            for row in shown
        ],
        "next_cursor": None,
    }


def _is_shown(row: CostRow, number: int | None) -> bool:
    return row.project_id != SYSTEM_PROJECT if number is None else row.project_id == number


def _month(desk: Desk, asked: str | None) -> date:
    if asked is None:
        return datetime.fromtimestamp(desk.now_ms() / 1000, UTC).date().replace(day=1)
    found = _MONTH.fullmatch(asked)
    if found is None:
        raise bad_argument("month", "must be a month such as 2026-11")
    return date(int(found[1]), int(found[2]), 1)


ENDPOINTS = (
    Endpoint(
        "/cost",
        "read_cost",
        "What a month of the object store costs, against one object per event",
        read_cost,
        Cost,
        CostArguments,
        scope="filtered",
        needs="read",
    ),
)
