"""What a group's events have in common, and what of it is unusual for their project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from events.unusual import Unusual, unusual
from storage.errors import StoreDown
from storage.floors import Floors
from storage.search.facets import Facets
from storage.search.store import SearchStore
from storage.sql.groups import Group, Groups


@dataclass(frozen=True, slots=True)
class GroupFacets:
    """``other_sampled`` is the share of the project's other events that was counted; null: they
    could not be asked, so nothing is said of what is unusual.
    """

    facets: Facets
    unusual: tuple[Unusual, ...]
    other_sampled: float | None

    def notices(self) -> list[dict[str, str]]:
        """What is not told, by a stable code, and for a person."""
        if self.other_sampled is not None:
            return []
        said = "Search did not count the project's other events in time."
        return [{"code": "search_away", "message": said}]


def group_facets(
    search: SearchStore, groups: Groups, floors: Floors, group: Group, ids: Sequence[UUID]
) -> GroupFacets:
    """The facets of a group of these fingerprints. Two queries at most, of which the second may
    fail. Raises :class:`StoreDown` when the first does.
    """
    facets = search.facets(group.project_id, ids, group.count - group.dropped, floors)
    if not facets.counted.events:
        return GroupFacets(facets, (), 1.0)
    others = groups.events(group.project_id) - (group.count - group.dropped)
    try:
        elsewhere, share = search.elsewhere(group.project_id, ids, others, facets.counted, floors)
    except StoreDown:
        return GroupFacets(facets, (), None)
    return GroupFacets(facets, tuple(unusual(facets.counted, elsewhere)), share)
