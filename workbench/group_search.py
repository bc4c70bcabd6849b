"""Groups by what their events hold: search answers which, SQL lists them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from storage.errors import StoreDown
from storage.search.store import SearchStore
from storage.sql.group_filter import GroupFilter
from storage.sql.terms import Terms

#: Groups that one search may give: those with the most matching events.
MAX_FOUND = 10_000


@dataclass(frozen=True, slots=True)
class Narrowed:
    """The groups to list. ``left_out`` are conditions on events that could not be asked, because
    search is away: the list has groups that do not meet them. ``bounded``: search knows of more.
    """

    wanted: GroupFilter
    left_out: tuple[str, ...] = ()
    bounded: bool = False

    def notices(self) -> list[dict[str, str]]:
        """What the list lacks, by a stable code, and for a person."""
        found = []
        if self.left_out:
            said = f"Search is away: the list is not narrowed by {', '.join(self.left_out)}."
            found.append({"code": "search_away", "message": said})
        if self.bounded:
            said = f"Only the {MAX_FOUND:,} groups with the most matching events are looked at."
            found.append({"code": "search_bounded", "message": said})
        return found


def narrow(search: SearchStore, terms: Terms, wanted: GroupFilter) -> Narrowed:
    """Have a query's conditions on events answered by one search: groups that have an event which
    meets them all. Raises :class:`StoreDown` while PostgreSQL is away, not while search is.
    """
    own, searched = wanted.query.parts()
    wanted = replace(wanted, query=own)
    if not searched.terms:
        return Narrowed(wanted)
    floors = terms.floors()
    try:
        found = search.groups_with(wanted.project_id, searched, floors, MAX_FOUND + 1)
    except StoreDown:
        return Narrowed(wanted, tuple(str(term.key) for term in searched.terms))
    wanted = replace(wanted, among=tuple(found[:MAX_FOUND]))
    return Narrowed(wanted, bounded=len(found) > MAX_FOUND)
