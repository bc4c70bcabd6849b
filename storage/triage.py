"""Actions on groups, as stores and people see them: what is decided, on which groups, how far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

#: How long an action can be taken back, from when it was finished.
UNDO_FOR = timedelta(minutes=10)
#: Groups of one action at the most.
MAX_GROUPS = 50_000

VERBS = {
    "resolve": "Resolve",
    "reopen": "Reopen",
    "ignore": "Ignore",
    "assign": "Assign",
    "merge": "Merge",
    "split": "Split off",
    "discard": "Discard future events of",
    "undiscard": "Store future events of",
}
"""What can be decided, and how a person reads it."""

#: Decisions that concern all groups of the action at once, in one transaction.
AT_ONCE = frozenset({"merge", "split"})

ITEM_STATES = ("waiting", "done", "skipped", "undone", "kept")


@dataclass(frozen=True, slots=True)
class TriageAction:
    """A decision on groups that were chosen when it was made. ``query`` chose them, null for a list
    of ids; ``counts`` has its groups by their state.

    ``frozen`` until somebody confirms it, then ``running`` and ``finished``; ``undoing`` and
    ``undone`` when it is taken back. Groups are ``skipped`` that are gone, and ``kept`` that were
    decided on since, so that taking back would undo another decision.
    """

    id: UUID
    at: datetime
    project_id: int
    project: str
    actor: str
    verb: str
    options: dict[str, Any]
    query: str | None
    state: str
    finished_at: datetime | None
    undone_by: str | None
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """Its groups."""
        return sum(self.counts.values())

    @property
    def undo_until(self) -> datetime | None:
        """Until when it can be taken back; null when it cannot."""
        if self.state != "finished" or self.finished_at is None or not self.counts.get("done"):
            return None
        return self.finished_at + UNDO_FOR

    def sentence(self) -> str:
        """What it does to how many groups, chosen how: for whoever confirms it."""
        groups = "1 group" if self.total == 1 else f"{self.total:,} groups"
        if self.verb == "split":
            groups = groups.replace("group", "fingerprint")
        matching = f" matching {self.query or 'everything'}" if self.query is not None else ""
        return f"{VERBS[self.verb]} {groups}{matching}{self.terms()}"

    def terms(self) -> str:
        """How it does so: in which version, to whom, until when; with a space before it."""
        options = self.options
        if self.verb == "resolve" and options.get("version"):
            after = "after" if options.get("after") else "in"
            return f" {after} version {options['version']}"
        if self.verb == "assign":
            return f" to {options['assignee']}" if options.get("assignee") else " to nobody"
        if self.verb == "ignore":
            return _until(options)
        return ""


def _until(options: Mapping[str, Any]) -> str:
    parts = []
    if options.get("until"):
        parts.append(str(options["until"]))
    if options.get("count"):
        parts.append(f"{options['count']:,} more occurrences")
    if options.get("users"):
        parts.append(f"{options['users']:,} more users")
    return f" until {' or '.join(parts)}" if parts else " for ever"
