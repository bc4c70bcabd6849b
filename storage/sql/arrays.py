"""Many rows in one statement: columns travel as PostgreSQL array literals.

An array literal is one constant to the server's parser. psycopg2's own lists become an
expression an element, which costs more than the insert itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import psycopg2
from psycopg2 import sql

from events.record import Column
from storage.sql.connection import Cursor


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _moment(value: datetime) -> str:
    if value.tzinfo is None:
        raise psycopg2.DataError(f"a time without a time zone: {value}")
    try:
        return f'"{value.astimezone(UTC).isoformat()}"'
    except OverflowError as exc:
        raise psycopg2.DataError(f"a time outside years 1 to 9999: {value}") from exc


def _array(values: Sequence[Any]) -> str:
    return _quoted(array_literal(values))


def _sent_as(column: Column) -> str:
    """The type of a value on its way: arrays travel as text, since an array of arrays would have
    to be of one shape.
    """
    return "text" if column.pg_type.endswith("[]") else column.pg_type


def _selected(column: Column) -> sql.Composable:
    name = sql.Identifier(column.name)
    if not column.pg_type.endswith("[]"):
        return name
    return sql.SQL("{}::" + column.pg_type).format(name)


_ENCODERS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "NULL",
    str: _quoted,
    int: str,
    float: str,
    bool: lambda value: "t" if value else "f",
    UUID: lambda value: value.hex,
    datetime: _moment,
    date: str,
    tuple: _array,
    bytes: lambda value: f'"\\\\x{value.hex()}"',
}


def array_literal(values: Iterable[Any]) -> str:
    """The values as text of a one-dimensional array.

    Raises ``psycopg2.DataError`` for a time PostgreSQL cannot hold, ``KeyError`` for a type that
    has no encoder.
    """
    return "{" + ",".join([_ENCODERS[type(value)](value) for value in values]) + "}"


def insert_rows(
    cursor: Cursor,
    table: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Any]],
    *,
    key: int,
    then: str,
) -> None:
    """Insert rows in order of their first ``key`` columns, so that two writers never deadlock.

    ``then`` is what follows: ON CONFLICT, in which the table is called ``kept``, and RETURNING.
    """
    if not rows:
        raise ValueError("no rows to insert")
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    statement = sql.SQL(
        "INSERT INTO {} AS kept ({}) SELECT {} FROM unnest({}) AS given ({}) ORDER BY {} {}"
    ).format(
        sql.Identifier(table),
        names,
        sql.SQL(", ").join(_selected(column) for column in columns),
        sql.SQL(", ").join(sql.SQL(f"%s::{_sent_as(column)}[]") for column in columns),
        names,
        sql.SQL(", ").join(sql.SQL(str(position + 1)) for position in range(key)),
        sql.SQL(then),
    )
    cursor.execute(statement, [array_literal(column) for column in zip(*rows, strict=True)])
