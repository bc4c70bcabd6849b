"""What is unusual about some events: values that are more frequent there than among others; pure.

Plain arithmetic, so that a person can follow it: of the events of a group so many have a value, of
all others of the project so many.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: Fewer events than this with a value show nothing.
MIN_EVENTS = 5
#: By how much of all events a value must be more frequent.
MIN_DIFFERENCE = 0.10
#: And how many times as frequent.
MIN_RATIO = 1.5


@dataclass(frozen=True, slots=True)
class Counted:
    """Events of a kind, and how many of them have each value of each facet."""

    events: int
    values: Mapping[str, Mapping[str, int]]

    def of(self, facet: str, value: str) -> int:
        return self.values.get(facet, {}).get(value, 0)


@dataclass(frozen=True, slots=True)
class Unusual:
    """A value that ``events`` of ``of`` events have here, and ``other_events`` of ``other_of``
    elsewhere.
    """

    facet: str
    value: str
    events: int
    of: int
    other_events: int
    other_of: int

    @property
    def share(self) -> float:
        return self.events / self.of

    @property
    def other_share(self) -> float:
        return self.other_events / self.other_of


def unusual(here: Counted, elsewhere: Counted) -> list[Unusual]:
    """The values that tell events from all others, those that tell most first."""
    if not here.events or not elsewhere.events:
        return []
    found = [
        Unusual(facet, value, events, here.events, elsewhere.of(facet, value), elsewhere.events)
        for facet, values in here.values.items()
        for value, events in values.items()
        if events >= MIN_EVENTS
    ]
    telling = [
        one
        for one in found
        if one.share - one.other_share >= MIN_DIFFERENCE
        and one.share >= MIN_RATIO * one.other_share
    ]
    return sorted(telling, key=lambda one: (one.other_share - one.share, one.facet, one.value))
