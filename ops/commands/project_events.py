"""What commands about real users share: a project with those of its events that they ask about."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click

from config.settings import Settings
from events.ids import now_ms
from ops.commands.context import current_settings, open_database
from ops.errors import OpsError
from storage.query.parse import QueryError, parse_query
from storage.search.scope import EVER_SINCE, FOREVER, Scope
from storage.search.store import SearchStore
from storage.sql.database import Database
from storage.sql.events import Events
from storage.sql.groups import Groups
from storage.sql.projects import Project, Projects
from storage.sql.terms import open_terms
from workbench.people import PeopleBook, open_people
from workbench.rum import RumBook, open_rum

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Asked:
    """A project, the events of it that a command asks about, and what can be read of them."""

    project: Project
    scope: Scope
    settings: Settings
    database: Database
    search: SearchStore

    @property
    def rum(self) -> RumBook:
        """Its pages and vitals."""
        return open_rum(self.database, self.search)

    @property
    def people(self) -> PeopleBook:
        """Its sessions and users."""
        return open_people(self.search, Events(self.database), Groups(self.database))


@contextlib.contextmanager
def asked(name: str, days: float | None, query: str | None = None) -> Iterator[Asked]:
    """A project of this home and its last days, or all of them; raises :class:`OpsError`."""
    settings = current_settings()
    search = SearchStore(settings)
    try:
        parsed = parse_query(query) if query else None
    except QueryError as exc:
        raise OpsError(f"{exc.message} (at character {exc.position + 1})") from exc
    with open_database() as database, contextlib.closing(search):
        project = Projects(database).by_name(name)
        if project is None:
            raise OpsError(f"there is no project named {name!r}")
        start, end = EVER_SINCE, FOREVER
        if days is not None:
            end = datetime.fromtimestamp(now_ms() / 1000, UTC)
            start = end - timedelta(days=days)
        floors = open_terms(settings, database).floors()
        scope = Scope(project.id, start, end, parsed, floors)
        yield Asked(project, scope, settings, database, search)


def span_options(function: F) -> F:
    """Give a command ``days`` and ``query``."""
    option = click.option(
        "--days",
        default=7.0,
        show_default=True,
        type=click.FloatRange(0.01, 31),
        help="How far back.",
    )
    query = click.option("--query", help="Only events that match, in the search syntax.")
    return query(option(function))
