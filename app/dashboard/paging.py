"""Pages of a list by keyset: older ones by a cursor, back to the newest. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, fields, validate

from app.dashboard.links import Query, with_query

LIMITS = (25, 50, 100)


class PageArguments(Schema):
    """Arguments of every page with a list."""

    cursor = fields.String(load_default=None, validate=validate.Length(max=2000))
    limit = fields.Integer(load_default=50, validate=validate.OneOf(LIMITS))


@dataclass(frozen=True, slots=True)
class Paging:
    """Links to the pages around this one, null where there is none. ``total`` is null when nobody
    counted, and ``about`` says that it is an estimate. ``limits`` are the sizes to choose from.
    """

    shown: int
    older: str | None
    newer: str | None
    newest: str | None
    limits: tuple[tuple[int, str], ...]
    limit: int
    total: int | None = None
    about: bool = False


def paging(
    path: str,
    query: Query,
    shown: int,
    next_cursor: str | None,
    *,
    newer_cursor: str | None = None,
    total: int | None = None,
    about: bool = False,
) -> Paging:
    """The paging of a list at ``path`` that was asked for with ``query``, its arguments."""
    kept: dict[str, Any] = {name: value for name, value in query.items() if name != "cursor"}
    limit = int(kept.get("limit") or LIMITS[1])

    def at(cursor: str | None) -> str | None:
        return None if cursor is None else with_query(path, {**kept, "cursor": cursor})

    return Paging(
        shown=shown,
        older=at(next_cursor),
        newer=at(newer_cursor),
        newest=with_query(path, kept) if query.get("cursor") else None,
        limits=tuple((one, with_query(path, {**kept, "limit": one})) for one in LIMITS),
        limit=limit,
        total=total,
        about=about,
    )
