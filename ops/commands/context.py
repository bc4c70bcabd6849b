"""Where a command works: the home of its environment, and clients of the stores."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from config.settings import Settings
from ops.errors import OpsError
from ops.home import Home
from ops.paths import home_path
from ops.stack.plan import client_environment, read_settings
from storage.sql.database import Database


def current_home() -> Home:
    """The home that ``SLUICE_HOME`` names, or the checkout's."""
    return Home(home_path(os.environ))


def current_environment() -> dict[str, str]:
    """``SLUICE_*`` of the last start in this home, overruled by the caller's."""
    return client_environment(current_home().load(), os.environ)


def current_settings() -> Settings:
    """Settings of this home; raises :class:`OpsError` when no PostgreSQL or broker is known."""
    settings = read_settings(current_environment())
    if not settings.postgres_dsn or not settings.redis_url:
        raise OpsError(
            "no addresses are known here: start with ./sluice up, or set SLUICE_POSTGRES_DSN "
            "and SLUICE_REDIS_URL"
        )
    return settings


@contextlib.contextmanager
def open_database() -> Iterator[Database]:
    """PostgreSQL of this home, closed afterwards."""
    database = Database(current_settings().postgres_dsn, max_connections=1)
    try:
        yield database
    finally:
        database.close()
