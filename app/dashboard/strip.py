"""The count strip: a few linked numbers on every page of a project or of the installation.

A number may be some seconds old: every page shows it, so it is asked for once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.api.access import Need
from app.dashboard.charts import Tone
from app.dashboard.links import Named
from app.dashboard.page import Section
from app.last_known import LastKnown
from app.stores import Stores
from storage.errors import StoreDown


@dataclass(frozen=True, slots=True)
class Tally:
    """A number to show: what is counted, where it leads, and how it looks when it is above zero.

    ``read`` is given the project of the page, null on pages of the installation. A number as high
    as ``most`` is shown as at least that: it counts no further.
    """

    label: str
    read: Callable[[Stores, Named | None], int]
    href: Callable[[Named | None], str]
    needs: Need
    section: Section = "project"
    tone: Tone = "plain"
    most: int = 1000


@dataclass(frozen=True, slots=True)
class Count:
    """A number of the strip; null when its store does not answer: unknown, not none."""

    label: str
    value: int | None
    href: str
    tone: Tone
    more: bool


class Strip:
    """Reads tallies, through the memory that pages share."""

    def __init__(self, stores: Stores, tallies: Sequence[Tally], memory: LastKnown) -> None:
        self._stores = stores
        self._tallies = tallies
        self._memory = memory

    def counts(
        self, section: Section, project: Named | None, may: Callable[[Need], bool]
    ) -> tuple[Count, ...]:
        """The numbers of a page of ``section`` that its reader ``may`` see."""
        shown = (one for one in self._tallies if one.section == section and may(one.needs))
        return tuple(self._count(one, project) for one in shown)

    def _count(self, tally: Tally, project: Named | None) -> Count:
        value = self._value(tally, project)
        return Count(
            tally.label,
            value,
            tally.href(project),
            tally.tone if value else "plain",
            value is not None and value >= tally.most,
        )

    def _value(self, tally: Tally, project: Named | None) -> int | None:
        name = ("tally", tally.label, project.id if project else None)
        try:
            known = self._memory.read(name, lambda: tally.read(self._stores, project))
        except StoreDown:
            return None
        return None if known.away else known.value
