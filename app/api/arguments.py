"""Arguments of queries and bodies: their schemas, and the 400 that names the one that is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from marshmallow import Schema, ValidationError, fields, validate

from app.errors import ApiError, bad_argument
from broker.pauses import MAX_REASON_CHARS
from config.policy import EVENT_TYPES
from storage.query.keys import Side
from storage.query.parse import ParsedQuery, QueryError, parse_query

__all__ = [
    "MAX_LIMIT",
    "GroupArguments",
    "Moment",
    "Nothing",
    "Paged",
    "PauseBody",
    "ResumeBody",
    "SearchArguments",
    "Span",
    "bad_argument",
    "load_arguments",
    "load_body",
    "load_fields",
    "query_of",
]

MAX_LIMIT = 500
_ZONE_AFTER_A_DECODED_PLUS = re.compile(r" (\d\d:?\d\d)$")


class Moment(fields.AwareDateTime):
    """A time in ISO 8601, given back in UTC; years outside 1970 to 9998 are refused."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=UTC, **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> datetime:
        # An unescaped "+02:00" in a query string arrives with a space for its plus.
        text = _ZONE_AFTER_A_DECODED_PLUS.sub(r"+\1", str(value))
        moment = super()._deserialize(text, attr, data, **kwargs)
        if not 1970 <= moment.year <= 9998:
            raise ValidationError("must lie in the years 1970 to 9998")
        return moment.astimezone(UTC)


def _text(most: int, **kwargs: Any) -> fields.String:
    return fields.String(load_default=None, validate=validate.Length(max=most), **kwargs)


def _one_of(names: Iterable[str]) -> fields.String:
    return fields.String(load_default=None, validate=validate.OneOf(list(names)))


class Nothing(Schema):
    """No query arguments."""


class Paged(Schema):
    """Arguments of every list: ``cursor`` is a list's own ``next_cursor``."""

    cursor = _text(2000)
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=MAX_LIMIT))


class GroupArguments(Paged):
    """Filters and order of groups."""

    project = _text(200)
    query = _text(2000)
    status = _text(50)
    sort = fields.String(
        load_default="last_seen",
        validate=validate.OneOf(["last_seen", "first_seen", "count", "users"]),
    )


class Span(Schema):
    """A project and a time range."""

    project = _text(200)
    start = Moment(data_key="from", load_default=None)
    end = Moment(data_key="to", load_default=None)


class SearchArguments(Paged, Span):
    """Filters of a search; ``q`` is in the search syntax."""

    type = _one_of(row.name for row in EVENT_TYPES)
    q = _text(2000)


class PauseBody(Schema):
    """Why an operator pauses a queue."""

    reason = fields.String(load_default="", validate=validate.Length(max=MAX_REASON_CHARS))


class ResumeBody(Schema):
    """Whether a resumed stage may dead-letter any share of its events for a while."""

    accept_dead_letters = fields.Boolean(
        load_default=False, truthy={True}, falsy={False}, required=False
    )


def query_of(name: str, text: str | None, side: Side) -> ParsedQuery:
    """A query in the search language; raises ``ApiError`` 400 that names the character."""
    try:
        return parse_query(text or "", side)
    except QueryError as exc:
        raise bad_argument(name, f"{exc.message} (at character {exc.position + 1})") from None


def load_arguments(schema: type[Schema], pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Parsed query arguments; an empty value counts as absent. One that the schema has as a list
    may be repeated.

    Raises ``ApiError`` 400 ``bad_argument`` for one that is unknown, repeated or wrong: a filter
    that is misspelt must not silently show everything.
    """
    lists = {name for name, known in schema().fields.items() if isinstance(known, fields.List)}
    given: dict[str, Any] = {}
    for name, value in pairs:
        if "\0" in value:
            raise bad_argument(name[:100], "holds a NUL character")
        if name in lists:
            given.setdefault(name, []).extend([value] if value else [])
            continue
        if name in given:
            raise bad_argument(name[:100], "is given more than once")
        if value:
            given[name] = value
    return load_fields(schema, given)


def load_body(schema: type[Schema], body: bytes) -> dict[str, Any]:
    """The fields of a JSON object; no body at all is an empty one.

    Raises ``ApiError`` 400 ``not_json``, ``not_an_object``, or ``bad_argument`` for a field that
    is unknown or wrong.
    """
    try:
        given = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as exc:
        raise ApiError(400, "not_json", f"The body is not JSON: {exc}") from None
    if not isinstance(given, dict):
        raise ApiError(400, "not_an_object", "The body is not a JSON object.")
    return load_fields(schema, given)


def load_fields(schema: type[Schema], given: dict[str, Any]) -> dict[str, Any]:
    """What ``schema`` makes of fields; raises ``ApiError`` 400 ``bad_argument``."""
    try:
        return dict(schema().load(given))
    except ValidationError as exc:
        messages = exc.messages_dict
        name = next(iter(messages))
        raise bad_argument(name[:100], "; ".join(_sentences(messages[name]))) from None


def _sentences(found: Any) -> Iterator[str]:
    """What marshmallow says of a field, also where it says it item by item."""
    if isinstance(found, dict):
        for part in found.values():
            yield from _sentences(part)
    else:
        yield from found
