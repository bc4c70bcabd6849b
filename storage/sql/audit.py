"""The audit: who did what, when and from where. Only ever added to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from events.text import storable
from storage.model import Page
from storage.sql.connection import Cursor
from storage.sql.cursors import bad_cursor, decode_cursor, encode_cursor
from storage.sql.database import Database

MAX_ACTOR_CHARS = 200

_ADDRESS: ContextVar[str] = ContextVar("address", default="")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """``actor`` is a user's e-mail address, the name of an API token, or ``cli:`` and a user of the
    operating system; ``address`` that of who asked the web tier, empty for a command.
    """

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    address: str


@contextmanager
def acting_from(address: str) -> Iterator[None]:
    """Note this address with whatever this thread does until the block ends."""
    token = _ADDRESS.set(address)
    try:
        yield
    finally:
        _ADDRESS.reset(token)


def write_audit(
    cursor: Cursor, actor: str, action: str, subject: object, detail: dict[str, Any]
) -> None:
    """Note an action in the transaction that does it, so that neither is without the other."""
    cursor.execute(
        "INSERT INTO audit (actor, action, subject, detail, address)"
        " VALUES (%s, %s, %s, %s::jsonb, %s)",
        (
            storable(actor[:MAX_ACTOR_CHARS]),
            action,
            storable(str(subject)[:MAX_ACTOR_CHARS]),
            orjson.dumps(_storable(detail)).decode(),
            _ADDRESS.get(),
        ),
    )


def _storable(value: Any) -> Any:
    """JSON without NUL and lone surrogates, which jsonb refuses."""
    if isinstance(value, dict):
        return {storable(str(name)): _storable(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(part) for part in value]
    return storable(value) if isinstance(value, str) else value


class Audit:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, actor: str, action: str, subject: object, detail: dict[str, Any]) -> None:
        """Note an action on what does not lie in SQL."""
        with self._database.transaction() as cursor:
            write_audit(cursor, actor, action, subject, detail)

    def list(
        self, subject: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[AuditEntry]:
        """Entries of a subject or all, newest first; ``ValueError`` for a bad cursor."""
        before = _decode(cursor)
        with self._database.transaction() as execute:
            execute.execute(
                "SELECT id, at, actor, action, subject, detail, address FROM audit"
                " WHERE (%s::text IS NULL OR subject = %s) AND (%s::int8 IS NULL OR id < %s)"
                " ORDER BY id DESC LIMIT %s",
                (*(subject and storable(subject),) * 2, before, before, limit + 1),
            )
            items = [AuditEntry(*row) for row in execute]
        more = len(items) > limit
        return Page(items[:limit], encode_cursor(items[limit - 1].id) if more else None)


def _decode(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    (last,) = decode_cursor(cursor, 1)
    if not isinstance(last, int) or not 0 <= last < 2**63:
        raise bad_cursor()
    return last
