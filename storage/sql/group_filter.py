"""Which groups a list shows: conditions of a parsed query as parameterised SQL; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from events.text import storable
from events.triage import NEW_FOR
from storage.query.keys import ME, NOBODY, key_of
from storage.query.parse import ParsedQuery, Term
from storage.query.spans import Span
from storage.sql.arrays import array_literal

Condition: TypeAlias = tuple[str, list[Any]]
"""SQL of ours on a row of ``groups``, and its values."""

EVERYTHING = ParsedQuery(())

#: What each ``is:`` asks of a row; ``%s`` is since when a group is new.
_STATES = {
    "new": "status = 'open' AND touched_at IS NULL AND first_seen > %s",
    "open": "status = 'open'",
    "regressed": "status = 'regressed'",
    "resolved": "status = 'resolved'",
    "ignored": "status = 'ignored'",
    "assigned": "assignee IS NOT NULL",
    "unassigned": "assignee IS NULL",
    "merged": "lead_id IS NOT NULL",
    "discarded": (
        "id IN (SELECT coalesce(member.merged_into, member.id) FROM discarded_fingerprints AS gone"
        " JOIN groups AS member ON member.id = gone.group_id)"
    ),
}

# A merge has the versions of its members, and was first seen in that of its first events.
_OF_VERSIONS = """
id IN (
    SELECT coalesce(member.merged_into, member.id)
    FROM group_versions AS seen JOIN groups AS member ON member.id = seen.group_id
        LEFT JOIN releases ON releases.project_id = seen.project_id
            AND releases.version = seen.version
    WHERE {which}
)
"""
_INTRODUCED = """
id IN (
    SELECT shown FROM (
        SELECT DISTINCT ON (1) coalesce(member.merged_into, member.id) AS shown, seen.version,
            releases.ordering
        FROM group_versions AS seen JOIN groups AS member ON member.id = seen.group_id
            LEFT JOIN releases ON releases.project_id = seen.project_id
                AND releases.version = seen.version
        WHERE {project} ORDER BY 1, seen.first_seen, seen.version
    ) AS first WHERE {which}
)
"""
_REGRESSED = """
id IN (
    SELECT coalesce(member.merged_into, member.id)
    FROM group_history AS past JOIN groups AS member ON member.id = past.group_id
    WHERE past.action = 'regressed' AND {which}
)
"""
_AMONG = (
    "id IN (SELECT coalesce(member.merged_into, member.id) FROM groups AS member"
    " WHERE member.id = ANY(%s::uuid[]))"
)
_NUMBER = (
    "coalesce(number, (SELECT lead.number FROM groups AS lead WHERE lead.id = groups.lead_id))"
)


@dataclass(frozen=True, slots=True)
class GroupFilter:
    """Groups of a project, or of all that people have, that meet a query.

    ``now`` is what ages are counted from, ``me`` who asks. ``among``: only these, and merges of
    them, as a search of their events gave. The query's terms are those that groups can meet.
    """

    now: datetime
    project_id: int | None = None
    query: ParsedQuery = EVERYTHING
    status: str | None = None
    me: str | None = None
    among: tuple[UUID, ...] | None = None

    def conditions(self) -> Condition:
        """SQL that holds for the rows of ``groups`` that are meant, but for their project."""
        found: list[Condition] = [("merged_into IS NULL", [])]
        if self.status is not None:
            found.append(self._state(self.status))
        if self.among is not None:
            found.append((_AMONG, [array_literal(self.among)]))
        found += [self._condition(term) for term in self.query.terms]
        return " AND ".join(text for text, _ in found), [one for _, own in found for one in own]

    def _condition(self, term: Term) -> Condition:
        text, values = self._meaning(term)
        return (f"NOT ({text})" if term.negated else f"({text})"), values

    def _meaning(self, term: Term) -> Condition:
        if term.key is None:
            return _words(term)
        if not key_of(term.key).groups:
            raise ValueError(f"{term.key} is no key of groups")
        if term.key == "is":
            return self._state(term.value)
        if term.key == "assigned":
            return self._assigned(term)
        if term.key in ("version", "introduced", "fixed", "regressed"):
            return self._versions(term)
        column = {"seen": "last_seen", "first": "first_seen", "number": _NUMBER}
        return _within(column.get(term.key, term.key), (term.span or Span()).at(self.now))

    def _state(self, name: str) -> Condition:
        """Where a group stands; nowhere, for a name that is no state."""
        text = _STATES.get(name, "false")
        return text, [self.now - NEW_FOR] if "%s" in text else []

    def _assigned(self, term: Term) -> Condition:
        name = self.me if term.value == ME and self.me else term.value
        if term.value == NOBODY and not term.prefix:
            return "assignee IS NULL", []
        if term.prefix:
            return "coalesce(assignee, '') ILIKE %s", [f"{_escaped(term.value)}_%"]
        return "lower(coalesce(assignee, '')) = lower(%s)", [storable(name)]

    def _versions(self, term: Term) -> Condition:
        """Groups that occurred, were first seen, are resolved, or came back in a version."""
        if term.key == "fixed":
            which, values = _version("resolved_version", "NULL", term)
            return f"status = 'resolved' AND {which}", values
        if term.key == "regressed":
            which, values = _version("past.detail ->> 'version'", "NULL", term)
            return _REGRESSED.format(which=which), values
        project, own = "true", []
        if self.project_id is not None:
            project, own = "seen.project_id = %s", [self.project_id]
        if term.key == "introduced":
            which, values = _version("first.version", "first.ordering", term)
            return _INTRODUCED.format(project=project, which=which), own + values
        which, values = _version("seen.version", "releases.ordering", term)
        return _OF_VERSIONS.format(which=f"{project} AND {which}"), own + values


def _words(term: Term) -> Condition:
    """Free words: part of the title or the culprit, in any letter case."""
    pattern = f"%{_escaped(term.value)}%"
    return "title ILIKE %s OR coalesce(culprit, '') ILIKE %s", [pattern, pattern]


def _version(column: str, order: str, term: Term) -> Condition:
    """A version by its text, or compared by its order."""
    if term.span is not None:
        return _within(order, term.span)
    if term.prefix and not term.value:
        return f"{column} <> ''", []
    if term.prefix:
        return f"{column} ILIKE %s", [f"{_escaped(term.value)}%"]
    return f"lower({column}) = lower(%s)", [storable(term.value)]


def _within(column: str, span: Span) -> Condition:
    ends = (
        (span.low, ">" if span.low_open else ">="),
        (span.high, "<" if span.high_open else "<="),
    )
    found = [(f"{column} {operator} %s", end) for end, operator in ends if end is not None]
    if not found:
        return "true", []
    return " AND ".join(text for text, _ in found), [end for _, end in found]


def _escaped(text: str) -> str:
    """Text of a LIKE pattern that means itself."""
    return storable(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
