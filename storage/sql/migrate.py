"""Brings the schema up to date with yoyo and the files in ``storage/sql/migrations``."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import psycopg2
import yoyo

from config.settings import Secret
from storage.errors import StoreDown
from storage.sql.connection import parameters
from storage.sql.database import Database
from storage.sql.faults import STORE, told
from storage.sql.locks import MIGRATE, hold_alone

MIGRATIONS = Path(__file__).parent / "migrations"
_WAIT_SECONDS = 300.0


def migrate(dsn: Secret) -> list[str]:
    """Apply what is not applied yet; the names of those applied now, in order.

    Any number of processes may call it at once: one works, the others wait and find it done.
    Each file is one transaction, so a kill leaves whole files applied. Raises :class:`StoreDown`.
    """
    database = Database(dsn, max_connections=1, timeout=_WAIT_SECONDS)
    try:
        with database.transaction() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            hold_alone(cursor, MIGRATE)
            return _apply(dsn)
    finally:
        database.close()


def _apply(dsn: Secret) -> list[str]:
    try:
        with yoyo.get_backend(_yoyo_uri(dsn)) as backend:
            # We hold the lock that counts: a row in yoyo's own is left over from a kill.
            backend.break_lock()
            pending = backend.to_apply(yoyo.read_migrations(str(MIGRATIONS)))
            with backend.lock():
                backend.apply_migrations(pending)
            return [migration.id for migration in pending]
    except psycopg2.OperationalError as exc:
        raise StoreDown(STORE, told(exc)) from exc


def _yoyo_uri(dsn: Secret) -> str:
    """The DSN in the one form in which yoyo hands every parameter on to psycopg2 as it is."""
    return f"postgresql:///?{urlencode(parameters(dsn))}"
