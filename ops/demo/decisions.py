"""What people in the shop decided on its groups, and when; and how it is decided.

Times are shares of the span, as in :mod:`ops.demo.story`: what is decided while the story is told
meets what arrives afterwards, so a group that comes back is a regression like any other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from events.ids import Clock, now_ms
from ops.demo.script import Told
from ops.demo.story import API, APP, WEB, Span
from storage.query.parse import parse_query, quoted
from storage.sql.group_filter import GroupFilter
from storage.sql.groups import Group, Groups
from storage.sql.triaging import Triaging

_FEWEST_TO_MERGE = 2


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decides what, on groups whose titles hold these texts; and says of it, if anything."""

    at: float
    who: str
    app: str
    verb: str
    titles: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    comment: str = ""


#: In order of time. The hotfix 3.5.1 did not mend all of it, and 2.9.1 brought back what 2.8.0 had
#: mended.
DECISIONS = (
    Decision(0.575, "ann", WEB, "resolve", ("(reading 'amount')",), {"version": "3.5.1"},
             "The total is there before the payment form is now."),
    Decision(0.62, "bo", API, "resolve", ("discount_code",), {"version": "2.8.0"}),
    Decision(0.85, "ann", WEB, "ignore", ("gtag is not defined",), {"count": 5_000}),
    Decision(1.0, "ann", WEB, "assign", ("(reading 'amount')",), {"assignee": "ann"},
             "Not all of it: carts that were saved before 3.5.1 have no total either."),
    Decision(1.0, "bo", WEB, "merge", ("Failed to fetch", "user aborted a request")),
    Decision(1.0, "bo", WEB, "discard", ("play() failed",),
             {"reason": "browsers refuse to play; nothing of ours"}),
    Decision(1.0, "bo", API, "resolve", ("division by zero",)),
    Decision(1.0, "kim", APP, "assign", ("Attempt to read from field",), {"assignee": "kim"}),
)  # fmt: skip


class Deciding:
    """Decides as people do: groups are frozen, and what is decided on them can be taken back.

    Methods raise :class:`StoreDown`.
    """

    def __init__(
        self, projects: Mapping[str, int], groups: Groups, triage: Triaging, clock: Clock = now_ms
    ) -> None:
        self._projects = projects
        self._groups = groups
        self._triage = triage
        self._clock = clock

    def decide(self, decision: Decision) -> None:
        """Decide on the groups that are meant; on none where a short story has none of them."""
        project_id, actions = self._projects[decision.app], self._triage.actions
        meant = list(self._meant(project_id, decision.titles))
        if len(meant) < (_FEWEST_TO_MERGE if decision.verb == "merge" else 1):
            return
        ids = [group.id for group in meant]
        action = actions.freeze(project_id, decision.verb, decision.options, ids, decision.who)
        actions.start(action.id, decision.who)
        while actions.step(action.id).state == "running":
            continue
        if decision.comment:
            self._comment(ids, decision)

    def save_views(self) -> None:
        """Keep a list that people come back to."""
        self._triage.views.save(
            self._projects[WEB], "Came back", "is:regressed", "last_seen", "ann", shared=True
        )

    def _meant(self, project_id: int, titles: Iterable[str]) -> Iterator[Group]:
        now = datetime.fromtimestamp(self._clock() / 1000, UTC)
        for title in titles:
            query = parse_query(quoted(title), "groups")
            yield from self._groups.list(GroupFilter(now, project_id, query), "count").items[:1]

    def _comment(self, groups: Iterable[UUID], decision: Decision) -> None:
        for group_id in groups:
            self._triage.history.comment(group_id, decision.comment, decision.who)


def chapters(
    story: Iterable[Told],
    span: Span,
    send: Callable[[Iterable[Told]], Any],
    decide: Callable[[Decision], Any],
) -> None:
    """Send a story, which is in order of time, and decide in between, each at its time."""
    moments = [decision.at for decision in DECISIONS]
    decided = 0
    for due, part in groupby(story, key=lambda told: bisect_right(moments, span.share(told.at_ms))):
        for decision in DECISIONS[decided:due]:
            decide(decision)
        decided = due
        send(part)
    for decision in DECISIONS[decided:]:
        decide(decision)
