"""What a group's occurrences have in common, by value, and what of it is unusual."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.dashboard.amounts import share
from app.dashboard.room import Room
from storage.query.parse import quoted
from workbench.group_facets import GroupFacets

LABELS = {
    "version": "Release",
    "os": "System",
    "browser": "Browser",
    "device": "Device",
    "runtime": "Runtime",
    "arch": "Architecture",
    "locale": "Language",
    "machine": "Machine",
    "sdk": "SDK",
    "tag": "Tag",
}
#: Values of a facet that a page shows.
VALUES = 5
_UNUSUAL = 8
_BYTES = 6_000
_AROUND = 100

Href = Callable[[str], str]
"""The page of the occurrences that a query finds."""


@dataclass(frozen=True, slots=True)
class ValueView:
    """A value, and how many of the counted events have it. ``href`` leads to them."""

    value: str
    events: int
    share: str
    href: str


@dataclass(frozen=True, slots=True)
class FacetView:
    """A facet with its most frequent values; ``more`` events have another one."""

    label: str
    values: tuple[ValueView, ...]
    more: int


@dataclass(frozen=True, slots=True)
class UnusualView:
    """A value that is more frequent here than in the project's other groups, by plain counts."""

    label: str
    value: str
    here: str
    elsewhere: str
    href: str


@dataclass(frozen=True, slots=True)
class FacetsView:
    """``told`` says of how many events this is, and what could not be told."""

    facets: tuple[FacetView, ...] = ()
    unusual: tuple[UnusualView, ...] = ()
    told: str = ""


def facets_view(found: GroupFacets, href: Href) -> FacetsView:
    """The facets of a group, as much of them as there is room for."""
    counted, room = found.facets.counted, Room(_BYTES)
    unusual = [
        UnusualView(
            LABELS[one.facet],
            one.value,
            _of(one.events, one.of),
            _of(one.other_events, one.other_of),
            href(_query(one.facet, one.value)),
        )
        for one in found.unusual[:_UNUSUAL]
    ]
    return FacetsView(
        tuple(
            _facet(name, values, found.facets.more.get(name, 0), counted.events, room, href)
            for name, values in counted.values.items()
        ),
        tuple(one for one in unusual if room.take(one.label, one.value, one.href, around=_AROUND)),
        _told(found),
    )


def _facet(
    name: str, counts: Mapping[str, int], more: int, events: int, room: Room, href: Href
) -> FacetView:
    shown = []
    for value, count in list(counts.items())[:VALUES]:
        view = ValueView(value, count, share(count, events), href(_query(name, value)))
        if room.take(value, view.href, around=_AROUND):
            shown.append(view)
    rest = sum(counts.values()) - sum(one.events for one in shown)
    return FacetView(LABELS[name], tuple(shown), rest + more)


def _query(facet: str, value: str) -> str:
    return f"{facet}:{quoted(value)}"


def _of(events: int, of: int) -> str:
    return f"{events:,} of {of:,} ({share(events, of)})"


def _told(found: GroupFacets) -> str:
    events, sampled = found.facets.counted.events, found.facets.sampled
    told = f"Of {events:,} occurrences that search knows"
    if sampled < 1:
        told = f"Of a random sample of {events:,} occurrences"
    if found.other_sampled is None:
        return f"{told}. The project's other events were not counted in time."
    if found.other_sampled < 1:
        return f"{told}; what is unusual is told by a sample of the project's other events."
    return f"{told}."
