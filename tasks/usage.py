"""The periodic look at what lies in the object store, for the cost meter."""

from __future__ import annotations

from datetime import UTC, datetime

from config.settings import Settings
from storage.sql.database import Database
from storage.sql.usage import Usage

#: It reads all of table ``packs``.
_STATEMENT_SECONDS = 60.0


def open_usage(settings: Settings) -> Usage:
    """The usage tables; connects when used."""
    database = Database(settings.postgres_dsn, max_connections=1, timeout=_STATEMENT_SECONDS)
    return Usage(database)


def sample_storage(usage: Usage) -> None:
    """Look once; the day's last look counts. Raises ``StoreDown``."""
    usage.sample(datetime.now(UTC).date())
