"""Going through a group's occurrences: which one to show, and the ways to those around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.api.arguments import query_of
from app.dashboard import links
from app.dashboard.page import Visit
from storage.sql.groups import Group
from storage.sql.occurrences import LATEST, Around

FOUND = "the occurrences that the filter finds"


@dataclass(frozen=True, slots=True)
class Steps:
    """Ways to other occurrences, null where there is none. ``why`` says why this one is shown,
    empty when it was asked for; ``compare`` leads to its differences from the one before.
    """

    why: str = ""
    newer: str | None = None
    older: str | None = None
    newest: str | None = None
    oldest: str | None = None
    all: str = ""
    compare: str | None = None


class Walk:
    """One visit's way through the occurrences of a group, of all or of those that a filter finds.

    With a filter at most two questions are put to search; what it cannot answer goes to the gaps.
    """

    def __init__(self, visit: Visit, group: Group, ids: Sequence[UUID], path: str) -> None:
        self._visit = visit
        self._group = group
        self._ids = ids
        self._path = path
        self._stores = visit.desk.stores
        self._query = query_of("q", visit.arguments["q"], "events")

    @property
    def filtered(self) -> bool:
        """Whether a filter is asked for."""
        return bool(self._query.terms)

    def first(self) -> tuple[UUID | None, Steps]:
        """The occurrence to begin with: the one that tells most, or the newest match."""
        occurrences = self._stores.triage.occurrences
        if self.filtered:
            found: list[UUID | None] = [*self._found(None, limit=2), None, None]
            shown, older = found[:2]
            why = "The newest that the filter finds."
            return shown, self._steps(why, Around(older=older), shown)
        shown = occurrences.best(self._group, self._ids)
        if shown is None:
            return None, self._steps("", Around())
        why = f"Of the last {LATEST} occurrences the one with most data."
        return shown, self._steps(why, occurrences.around(self._group, self._ids, shown), shown)

    def at(self, event_id: UUID) -> Steps:
        """The ways from an occurrence."""
        occurrences = self._stores.triage.occurrences
        around = occurrences.around(self._group, self._ids, event_id)
        if self.filtered:
            newer, older = self._found(event_id, newer=True), self._found(event_id)
            around = Around(next(iter(newer), None), next(iter(older), None))
        return self._steps("", around, event_id)

    def _found(self, event_id: UUID | None, *, newer: bool = False, limit: int = 1) -> list[UUID]:
        def read() -> list[UUID]:
            return self._stores.search.beside(
                self._group.project_id,
                self._ids,
                self._query,
                self._stores.retention.terms.last_floors(),
                event_id,
                newer=newer,
                limit=limit,
            )

        return self._visit.gaps.fill(FOUND, read, [])

    def _steps(self, why: str, around: Around, shown: UUID | None = None) -> Steps:
        other = around.older or around.newer
        return Steps(
            why,
            self._way(around.newer),
            self._way(around.older),
            self._way(around.newest),
            self._way(around.oldest),
            links.occurrences(self._path, q=self._visit.arguments["q"]),
            links.difference(self._path, other, shown) if other and shown else None,
        )

    def _way(self, event_id: UUID | None) -> str | None:
        if event_id is None:
            return None
        asked = self._visit.arguments
        kept = {name: asked[name] for name in ("q", "level") if asked[name]}
        kept |= {name: "all" for name in ("frames", "show") if asked[name] == "all"}
        return links.in_group(self._path, event_id, **kept)
