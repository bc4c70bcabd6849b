"""Where the commands of groups work: a project, with what its groups are read and decided with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from ops.commands.actor import actor
from ops.commands.context import current_settings
from ops.errors import OpsError
from storage.query.parse import QueryError, parse_query
from storage.search.store import SearchStore
from storage.sql.database import Database
from storage.sql.group_filter import GroupFilter
from storage.sql.groups import Group, Groups
from storage.sql.projects import Project, Projects
from storage.sql.terms import Terms, open_terms
from storage.sql.triaging import Triaging, open_triaging
from workbench.group_search import Narrowed, narrow

_STATEMENT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    """Methods raise ``StoreDown``, and :class:`OpsError` for what is not there."""

    project: Project
    groups: Groups
    terms: Terms
    search: SearchStore
    triage: Triaging

    def narrowed(self, query: str, status: str | None) -> Narrowed:
        """The groups that a query lists."""
        try:
            parsed = parse_query(query, "groups")
        except QueryError as exc:
            raise OpsError(f"{exc.message} (at character {exc.position + 1})") from None
        wanted = GroupFilter(datetime.now(UTC), self.project.id, parsed, status=status, me=actor())
        return narrow(self.search, self.terms, wanted)

    def numbered(self, number: int) -> Group:
        """The group of a short number."""
        found = self.groups.find_number(self.project.id, number)
        if found is None:
            raise OpsError(f"{self.project.name} has no group {number}")
        return found


@contextmanager
def open_place(name: str) -> Iterator[Place]:
    """A project of this home; raises :class:`OpsError` when there is none of the name."""
    settings = current_settings()
    database = Database(settings.postgres_dsn, max_connections=1, timeout=_STATEMENT_SECONDS)
    search = SearchStore(settings)
    try:
        project = Projects(database).by_name(name)
        if project is None:
            raise OpsError(f"there is no project named {name!r}")
        terms = open_terms(settings, database)
        triage = open_triaging(database, terms)
        yield Place(project, Groups(database, terms), terms, search, triage)
    finally:
        search.close()
        database.close()
