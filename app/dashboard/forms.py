"""The fields of a form: text that browsers send, through the same schemas as the API's."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields
from werkzeug.datastructures import MultiDict

from app.api.arguments import load_fields
from app.errors import bad_argument


def load_form(schema: type[Schema], form: MultiDict[str, str], but: str) -> dict[str, Any]:
    """Parsed fields of a form, apart from the field ``but``. A field of several values is a list
    where the schema has one. An empty field counts as absent.

    Raises ``ApiError`` 400 ``bad_argument`` for one that is unknown, repeated or wrong.
    """
    lists = {name for name, known in schema().fields.items() if isinstance(known, fields.List)}
    given: dict[str, Any] = {}
    for name, values in form.lists():
        if name == but:
            continue
        if any("\0" in value for value in values):
            raise bad_argument(name[:100], "holds a NUL character")
        if name in lists:
            given[name] = [value for value in values if value]
        elif len(values) > 1:
            raise bad_argument(name[:100], "is given more than once")
        elif values[0]:
            given[name] = values[0]
    return load_fields(schema, given)
