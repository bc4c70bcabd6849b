"""What must be in the stores before the parts start: tables, bucket, templates, demo project."""

from __future__ import annotations

from collections.abc import Callable

from broker.progress import Progress
from config.settings import Settings
from ops.errors import OpsError
from ops.stack.plan import PROJECT, TOKEN
from storage.errors import StoreError
from storage.files.store import FileStore
from storage.search.store import SearchStore
from storage.sql.database import Database
from storage.sql.migrate import migrate
from storage.sql.projects import Project, Projects
from storage.sql.tokens import Tokens
from workbench.keys import open_keys


def provision(settings: Settings, key: str, token: str, say: Callable[[str], None]) -> Project:
    """Bring every store up to date, with project demo, which is returned, and an operator's token;
    may be repeated.

    Raises :class:`OpsError` when a store refuses.
    """
    bring_up_to_date(settings, say)
    try:
        Progress(settings.redis_url, timeout=settings.broker_timeout_seconds).begin_anew()
        return _demo(settings, key, token, say)
    except StoreError as error:
        raise OpsError(f"cannot make the project {PROJECT}: {error}") from error


def bring_up_to_date(settings: Settings, say: Callable[[str], None]) -> None:
    """Tables, the bucket and index templates as this version needs them; may be repeated.

    Raises :class:`OpsError` when a store refuses.
    """
    try:
        applied = migrate(settings.postgres_dsn)
        if applied:
            say(f"postgres: {len(applied)} migrations applied")
        FileStore(settings).ensure_bucket()
        SearchStore(settings).ensure_schema()
    except StoreError as error:
        raise OpsError(f"cannot prepare the stores: {error}") from error


def _demo(settings: Settings, key: str, token: str, say: Callable[[str], None]) -> Project:
    database = Database(settings.postgres_dsn, max_connections=1)
    try:
        projects, tokens = Projects(database), Tokens(database)
        project = projects.by_name(PROJECT) or projects.create(PROJECT, key)[0]
        if projects.find_key(key) is None:
            projects.add_key(project.id, key)
        if not open_keys(settings, database).share({key, project.public_key or key}):
            say("the broker's copy of keys could not be changed")
        if tokens.verify(token) is None:
            tokens.create(TOKEN, token)
        return project
    finally:
        database.close()
