"""What becomes of a group's status, by what people decide and by what arrives; pure.

A group is ``open`` until somebody resolves or ignores it, and ``regressed`` once it came back after
it was resolved. Times are those of ids, that is of receipt: a device's clock decides nothing, and
what was received before a group was resolved, and is stored late, is no regression.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from events.moment import iso
from events.versions import VersionOrder

STATUSES = ("open", "regressed", "resolved", "ignored")

#: How long a group on which nobody has decided anything counts as new.
NEW_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Resolution:
    """In which version a group is resolved: from that version on or, ``after`` it, from the next.

    Null: the group comes back with whatever is received after it was resolved.
    """

    version: str | None = None
    after: bool = False


@dataclass(frozen=True, slots=True)
class Until:
    """When ignoring ends: at a moment, or once the group has so many occurrences or users in all.
    Nothing at all is for ever.
    """

    at: datetime | None = None
    count: int | None = None
    users: int | None = None

    def reached(self, now: datetime, count: int, users: int) -> str | None:
        """What ended it, null while nothing has."""
        if self.at is not None and now >= self.at:
            return "time"
        if self.count is not None and count >= self.count:
            return "occurrences"
        if self.users is not None and users >= self.users:
            return "users"
        return None


FOR_EVER = Until()
RESOLVED_NOW = Resolution()


@dataclass(frozen=True, slots=True)
class Triage:
    """Where a group stands. ``since`` is when it came to its status; null: it always had it.

    ``touched``: somebody has decided something on it, so it is not new any more.
    """

    status: str = "open"
    since: datetime | None = None
    resolution: Resolution = RESOLVED_NOW
    until: Until = FOR_EVER
    assignee: str | None = None
    touched: bool = False

    def is_new(self, first_seen: datetime, now: datetime) -> bool:
        """Whether a group first seen at a moment is one that nobody has looked after yet."""
        return self.status == "open" and not self.touched and now - first_seen < NEW_FOR


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What was added to a group: when the last of it was received, and in which versions.

    ``count`` and ``users`` are those of the group with them.
    """

    newest: datetime
    versions: frozenset[str]
    count: int
    users: int


@dataclass(frozen=True, slots=True)
class Turn:
    """A group's new standing, with what its history says of it."""

    triage: Triage
    action: str
    detail: dict[str, Any]


def on_arrivals(triage: Triage, arrivals: Arrivals, order: VersionOrder) -> Turn | None:
    """What arrivals make of a group; null when it stays as it is."""
    if triage.status == "resolved":
        return _regressed(triage, arrivals, order)
    return on_time(triage, arrivals.newest, arrivals.count, arrivals.users)


def on_time(triage: Triage, now: datetime, count: int, users: int) -> Turn | None:
    """What becomes of a group at a moment, with so many occurrences and users; null: nothing."""
    ended = triage.until.reached(now, count, users) if triage.status == "ignored" else None
    if ended is None:
        return None
    return Turn(_moved(triage, "open", now), "ignore_ended", {"by": ended})


def resolved(triage: Triage, now: datetime, resolution: Resolution = RESOLVED_NOW) -> Triage:
    """The group as resolved."""
    return replace(_moved(triage, "resolved", now), resolution=resolution, touched=True)


def reopened(triage: Triage, now: datetime) -> Triage:
    """The group as open again."""
    return replace(_moved(triage, "open", now), touched=True)


def ignored(triage: Triage, now: datetime, until: Until = FOR_EVER) -> Triage:
    """The group as ignored."""
    return replace(_moved(triage, "ignored", now), until=until, touched=True)


def assigned(triage: Triage, assignee: str | None) -> Triage:
    """The group as somebody's, or nobody's."""
    return replace(triage, assignee=assignee, touched=True)


def _moved(triage: Triage, status: str, now: datetime) -> Triage:
    """Of a status from now on, without the terms of the one before."""
    return Triage(status, now, assignee=triage.assignee, touched=triage.touched)


def _regressed(triage: Triage, arrivals: Arrivals, order: VersionOrder) -> Turn | None:
    version = triage.resolution.version
    if version is None:
        if triage.since is not None and arrivals.newest <= triage.since:
            return None
        came: dict[str, Any] = {"received_at": iso(arrivals.newest)}
    else:
        back = [one for one in sorted(arrivals.versions) if _undoes(one, triage.resolution, order)]
        if not back:
            return None
        came = {"version": back[0], "resolved_in": version}
    return Turn(_moved(triage, "regressed", arrivals.newest), "regressed", came)


def _undoes(version: str, resolution: Resolution, order: VersionOrder) -> bool:
    """Whether an occurrence in a version shows that a group is not resolved."""
    stated = str(resolution.version)
    if order.is_same(version, stated):
        return not resolution.after
    return order.is_later(version, stated)
