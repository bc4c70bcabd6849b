"""Reading groups: what a person triages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from events.triage import NEW_FOR, Triage
from storage.floors import Floors
from storage.model import Page
from storage.sql.arrays import array_literal
from storage.sql.cursors import bad_cursor, decode_cursor, encode_cursor
from storage.sql.database import Database
from storage.sql.group_filter import Condition, GroupFilter
from storage.sql.group_triage import TRIAGE_COLUMNS, triage_of
from storage.sql.terms import Terms

#: Fingerprints that may be one group.
MAX_MEMBERS = 1000

_MAX_COUNT = 2**63 - 1
_SORTS_BY_TIME = frozenset({"last_seen", "first_seen"})
SORTS = _SORTS_BY_TIME | {"count", "users"}

_SELECT = f"""
SELECT groups.id, title, culprit, coalesce(projects.name, ''), type, count, users, first_seen,
    last_seen, status, project_id, dropped,
    coalesce(number, (SELECT lead.number FROM groups AS lead WHERE lead.id = groups.lead_id)),
    CASE WHEN lead_id IS NULL THEN 1
        ELSE (SELECT count(*) FROM groups AS member WHERE member.merged_into = groups.id) END,
    EXISTS (SELECT FROM discarded_fingerprints AS gone JOIN groups AS member
        ON member.id = gone.group_id
        WHERE member.id = groups.id OR member.merged_into = groups.id),
    {TRIAGE_COLUMNS}
"""  # noqa: S608 - columns of our own
_WIDTH = 15

_FROM = "FROM ({source}) AS groups LEFT JOIN projects ON projects.id = project_id "

_OF_PROJECT = "SELECT * FROM groups WHERE project_id = %s AND {where} {tail}"
_OF_ALL = """
SELECT kept.* FROM projects AS owner CROSS JOIN LATERAL (
    SELECT * FROM groups WHERE project_id = owner.id AND {where} {tail}
) AS kept WHERE owner.id > 0
"""

_PAST_PROJECTS = """
NOT EXISTS (
    SELECT FROM unnest(%s::int4[], %s::text[], %s::int8[]) AS past (project_id, type, floor_ms)
    WHERE past.project_id = groups.project_id AND past.type = groups.type
        AND groups.last_seen < to_timestamp(past.floor_ms / 1000.0)
)
"""

_MEMBERS = """
SELECT groups.id, number, fingerprint, title, culprit, count, users, first_seen, last_seen,
    EXISTS (SELECT FROM discarded_fingerprints WHERE group_id = groups.id)
FROM groups WHERE (groups.id = %s AND lead_id IS NULL) OR merged_into = %s
ORDER BY count DESC, groups.id LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Events that share a fingerprint, or several that were merged. ``count`` and ``users`` are of
    all it ever met, of which ``dropped`` events went when their term ended.

    ``number`` is short and the project's own, null for the moment in which a group is made.
    ``members`` counts its fingerprints; ``discarded``: of some of them nothing more is stored.
    """

    id: UUID
    title: str
    culprit: str | None
    project: str
    type: str
    count: int
    users: int
    first_seen: datetime
    last_seen: datetime
    status: str
    project_id: int
    dropped: int
    number: int | None
    members: int
    discarded: bool
    triage: Triage


@dataclass(frozen=True, slots=True)
class Member:
    """A fingerprint of a group, with what came of it alone."""

    id: UUID
    number: int | None
    fingerprint: str
    title: str
    culprit: str | None
    count: int
    users: int
    first_seen: datetime
    last_seen: datetime
    discarded: bool


class Groups:
    """A group of which every event is past its term is as if it were not there. Without ``terms``
    only projects have one. Every method raises :class:`StoreDown` while PostgreSQL is away.
    """

    def __init__(self, database: Database, terms: Terms | None = None) -> None:
        self._database = database
        self._terms = terms or Terms(database)

    def find(self, group_id: UUID) -> Group | None:
        """A group, by its own id or a member's."""
        return self._find("id = %s", group_id)

    def find_number(self, project_id: int, number: int) -> Group | None:
        """A group by its short number, or that of a member."""
        return self._find("project_id = %s AND number = %s", project_id, number)

    def shown(self, ids: Sequence[UUID]) -> dict[UUID, Group]:
        """The group that each of these ids is shown in, its own or the merge it is in; those that
        are not there are left out.
        """
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT id, coalesce(merged_into, id) FROM groups WHERE id = ANY(%s::uuid[])",
                (array_literal(ids),),
            )
            leads = dict(cursor.fetchall())
            kept, floors = _kept(self._terms.floors_of(cursor))
            source = " AND ".join(["SELECT * FROM groups WHERE id = ANY(%s::uuid[])", *kept])
            values = (array_literal(set(leads.values())), *floors)
            cursor.execute(_SELECT + _FROM.format(source=source), values)
            found = {group.id: group for group in map(_group, cursor)}
        return {one: found[lead] for one, lead in leads.items() if lead in found}

    def count(self, wanted: GroupFilter, most: int) -> int:
        """How many groups are meant, up to ``most``: it counts no further."""
        with self._database.transaction() as cursor:
            tail = ("LIMIT %s", [most])
            source, values = _source(wanted, self._terms.floors_of(cursor), (), tail)
            cursor.execute(
                f"SELECT count(*) FROM (SELECT FROM ({source}) AS groups LIMIT %s) AS counted",  # noqa: S608
                (*values, most),
            )
            ((found,),) = cursor.fetchall()
        return int(found)

    def list(
        self,
        wanted: GroupFilter,
        sort: str = "last_seen",
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Group]:
        """Groups by ``sort``, highest first. Raises ``ValueError`` for an unknown sort or a cursor
        of another list.
        """
        if sort not in SORTS:
            raise ValueError(f"sort must be one of {', '.join(sorted(SORTS))}")
        conditions: list[Condition] = []
        if cursor is not None:
            conditions.append((f"({sort}, id) < (%s, %s)", [*_decode(cursor, sort)]))
        order = f"ORDER BY {sort} DESC, id DESC LIMIT %s"
        with self._database.transaction() as execute:
            floors = self._terms.floors_of(execute)
            source, values = _source(wanted, floors, conditions, (order, [limit + 1]))
            shown = f"ORDER BY groups.{sort} DESC, groups.id DESC LIMIT %s"
            statement = f"{_SELECT}{_FROM.format(source=source)}{shown}"
            execute.execute(statement, (*values, limit + 1))
            items = [_group(row) for row in execute]
        more = len(items) > limit
        return Page(items[:limit], _encode(items[limit - 1], sort) if more else None)

    def statuses(self, wanted: GroupFilter) -> Counter[str]:
        """How many groups stand where: by status, and ``new`` for the open ones that are."""
        with self._database.transaction() as cursor:
            source, values = _source(wanted, self._terms.floors_of(cursor))
            cursor.execute(
                "SELECT status, count(*), count(*) FILTER ("  # noqa: S608 - conditions of ours
                "WHERE status = 'open' AND touched_at IS NULL AND first_seen > %s)"
                f" FROM ({source}) AS groups GROUP BY status",
                (wanted.now - NEW_FOR, *values),
            )
            counts: Counter[str] = Counter()
            for status, groups, new in cursor:
                counts[status] += groups
                counts["new"] += new
            return counts

    def ids(self, wanted: GroupFilter, limit: int) -> Sequence[UUID]:
        """The groups that are meant, those seen last first; at most ``limit``."""
        order = ("ORDER BY last_seen DESC, id DESC LIMIT %s", [limit])
        with self._database.transaction() as cursor:
            source, values = _source(wanted, self._terms.floors_of(cursor), (), order)
            cursor.execute(
                f"SELECT id FROM ({source}) AS groups"  # noqa: S608 - conditions of ours
                " ORDER BY last_seen DESC, id DESC LIMIT %s",
                (*values, limit),
            )
            return [group_id for (group_id,) in cursor]

    def events(self, project_id: int) -> int:
        """How many events of a project's groups are kept."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT coalesce(sum(count - dropped), 0)::int8 FROM groups"
                " WHERE project_id = %s AND merged_into IS NULL",
                (project_id,),
            )
            ((events,),) = cursor.fetchall()
            return int(events)

    def members(self, group_id: UUID, limit: int = MAX_MEMBERS) -> Sequence[Member]:
        """The fingerprints of a group, the one with most events first."""
        with self._database.transaction() as cursor:
            cursor.execute(_MEMBERS, (group_id, group_id, limit))
            return [Member(*row) for row in cursor]

    def _find(self, which: str, *values: Any) -> Group | None:
        with self._database.transaction() as cursor:
            kept, floors = _kept(self._terms.floors_of(cursor))
            whole = f"id = (SELECT coalesce(merged_into, id) FROM groups WHERE {which})"  # noqa: S608
            source = " AND ".join([f"SELECT * FROM groups WHERE {whole}", *kept])  # noqa: S608
            cursor.execute(_SELECT + _FROM.format(source=source), (*values, *floors))
            row = cursor.fetchone()
        return _group(row) if row else None


def _group(row: tuple[Any, ...]) -> Group:
    fields: list[Any] = [*row[:_WIDTH], triage_of(row[_WIDTH:])]
    return Group(*fields)


def _source(
    wanted: GroupFilter,
    floors: Floors,
    more: Sequence[Condition] = (),
    tail: Condition = ("", []),
) -> Condition:
    """Rows of the groups that are meant: of a project, or the first of each project."""
    where, values = wanted.conditions()
    kept, floor_values = _kept(floors)
    texts = [*kept, where, *(text for text, _ in more)]
    values = [*floor_values, *values, *(one for _, own in more for one in own), *tail[1]]
    names = {"where": " AND ".join(texts), "tail": tail[0]}
    if wanted.project_id is None:
        return _OF_ALL.format(**names), values
    return _OF_PROJECT.format(**names), [wanted.project_id, *values]


def _kept(floors: Floors) -> tuple[list[str], list[Any]]:
    """Conditions of groups that have an event at or above their floor."""
    conditions: list[str] = []
    values: list[Any] = []
    for type_name, floor in floors.types.items():
        conditions.append("NOT (type = %s AND last_seen < to_timestamp(%s / 1000.0))")
        values += [type_name, floor]
    if floors.projects:
        conditions.append(_PAST_PROJECTS)
        projects, types = zip(*floors.projects, strict=True)
        values += [array_literal(part) for part in (projects, types, floors.projects.values())]
    return conditions, values


def _encode(last: Group, sort: str) -> str:
    value = getattr(last, sort)
    return encode_cursor(
        sort, value.isoformat() if isinstance(value, datetime) else value, last.id.hex
    )


def _decode(cursor: str, sort: str) -> tuple[datetime | int, UUID]:
    """The sort value and id a page starts after."""
    of_sort, value, last_id = decode_cursor(cursor, 3)
    if of_sort != sort or not isinstance(last_id, str):
        raise bad_cursor()
    try:
        return _sort_value(value, sort), UUID(hex=last_id)
    except (ValueError, OverflowError):
        raise bad_cursor() from None


def _sort_value(value: str | int, sort: str) -> datetime | int:
    if sort in _SORTS_BY_TIME:
        return datetime.fromisoformat(str(value)).astimezone(UTC)
    if not isinstance(value, int) or not 0 <= value <= _MAX_COUNT:
        raise bad_cursor()
    return value
