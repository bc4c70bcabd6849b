"""When a token or session was used last, noted where it can be.

Who is recognised must not depend on it: pages and the API are read while PostgreSQL takes no
writes. What is lost then is the time of one use.
"""

from __future__ import annotations

from typing import Any

import psycopg2
import structlog

from storage.errors import StoreDown
from storage.sql.connection import Cursor
from storage.sql.faults import fate, told

_log = structlog.get_logger(__name__)


def note_use(cursor: Cursor, statement: str, values: tuple[Any, ...]) -> None:
    """Run a statement that notes a use, in a transaction that goes on if it is refused."""
    cursor.execute("SAVEPOINT use")
    try:
        cursor.execute(statement, values)
    except psycopg2.Error as error:
        if not isinstance(fate(error, closed=False), StoreDown):
            raise
        cursor.execute("ROLLBACK TO SAVEPOINT use")  # raises on a connection that is lost
        _log.warning("use_not_noted", reason=told(error))
