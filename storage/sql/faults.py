"""Translates what psycopg2 raises into the fates of a store, by SQLSTATE."""

from __future__ import annotations

import psycopg2

from storage.errors import Rejected, StoreDown, StoreError

STORE = "sql"
_DETAIL_CHARS = 500

#: Classes and codes that say the server cannot do it now: connection lost, shutdown or timeout,
#: out of resources, deadlock or serialization, read-only standby, lock or session time-outs, I/O.
_DOWN = ("08", "57", "53", "40", "25006", "25P03", "25P04", "55P03", "58")

#: Classes and codes that say the data is at fault: its form, a constraint, its type, its size.
_REJECTED = ("22", "23", "42804", "42846", "54")


def told(error: psycopg2.Error) -> str:
    """What psycopg2 says in one line, without the question that libpq adds to a refusal."""
    lines = [line.strip() for line in str(error).splitlines()]
    kept = " ".join(line for line in lines if not line.startswith("Is the server "))
    return " ".join(kept.split())[:_DETAIL_CHARS] or type(error).__name__


def fate(error: psycopg2.Error, *, closed: bool) -> StoreError | None:
    """What ``error`` means, or None when it is a bug of ours and should propagate.

    ``closed`` says whether the connection was lost with it.
    """
    detail = told(error)
    code = error.pgcode or ""
    if code.startswith(_REJECTED):
        return Rejected(STORE, detail)
    if closed or code.startswith(_DOWN):
        return StoreDown(STORE, detail)
    if not code and isinstance(error, psycopg2.OperationalError):
        return StoreDown(STORE, detail)
    if not code and isinstance(error, psycopg2.DataError):
        return Rejected(STORE, detail)
    return None
