"""Real-user monitoring as API, pages and commands read it: what search tells, by path rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from events.path_rules import PathRules
from storage.errors import StoreDown
from storage.rum import Mover, PageDetail, PageErrors, PageRow, RumOverview, worst_movers
from storage.search.rum.page import RumPage
from storage.search.rum.pages import RumPages
from storage.search.scope import Scope
from storage.search.store import SearchStore
from storage.sql.database import Database
from storage.sql.path_rules import ProjectPathRules

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RumView:
    """A project's overview; its pages have their errors where crashes could be counted."""

    overview: RumOverview
    pages: list[PageRow]
    movers: list[Mover]


@dataclass(frozen=True, slots=True)
class PageView:
    """One page; ``errors`` is null while crashes cannot be counted."""

    page: str
    rule: bool
    detail: PageDetail
    errors: PageErrors | None


@dataclass(frozen=True, slots=True)
class RumBook:
    """Each method asks search twice at the most, and raises :class:`StoreDown` when the first
    question is not answered; without the second, what it is about is unknown.
    """

    pages: RumPages
    page: RumPage
    rules: ProjectPathRules

    def overview(self, project_id: int, scope: Scope) -> RumView:
        """Vitals and pages of a project."""
        rules = self.rules.read(project_id).rules
        overview = self.pages.overview(scope, rules)
        errors = self._errors(scope, rules, [row.page for row in overview.pages])
        pages = [_with_errors(row, errors) for row in overview.pages]
        return RumView(overview, pages, worst_movers(overview.pages))

    def one(self, project_id: int, scope: Scope, page: str) -> PageView:
        """One page, by its path or its rule."""
        rules = self.rules.read(project_id).rules
        detail = self.page.read(scope, rules, page)
        errors = self._errors(scope, rules, [page])
        found = None if errors is None else errors.get(page, PageErrors(0, 0))
        return PageView(page, page in rules.rules, detail, found)

    def paths(self, scope: Scope, most: int) -> dict[str, int]:
        """The paths with most views, whatever rules say of them."""
        return self.pages.paths(scope, None, most)

    def _errors(
        self, scope: Scope, rules: PathRules, pages: list[str]
    ) -> Mapping[str, PageErrors] | None:
        try:
            return self.pages.errors(scope, rules, pages)
        except StoreDown as exc:
            _log.warning("page_errors_unknown", reason=exc.detail)
            return None


def _with_errors(row: PageRow, errors: Mapping[str, PageErrors] | None) -> PageRow:
    if errors is None:
        return row
    found = errors.get(row.page, PageErrors(0, 0))
    return replace(row, errors=found.errors, error_users=found.users)


def open_rum(database: Database, search: SearchStore) -> RumBook:
    """The book over stores that are open already."""
    return RumBook(RumPages(search), RumPage(search), ProjectPathRules(database))
