"""What stored events add to their groups; pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import TypeAlias
from uuid import UUID

from events.ids import id_ms, time_of
from events.record import GroupKey, Record
from storage.sql.tables import version_of

HOUR_MS = 3_600_000

Slot: TypeAlias = tuple[UUID, int, str]
"""A group, an hour since 1970, and a version, empty for none."""

_USER_HASH_BYTES = 16


@dataclass(frozen=True, slots=True)
class Growth:
    """What a batch adds to one group. ``versions`` has when events of each were received, by the
    first and the last; ``hours`` how many came in an hour and version.
    """

    id: UUID
    project_id: int
    key: GroupKey
    count: int
    first_seen: datetime
    last_seen: datetime
    users: frozenset[bytes]
    hours: Mapping[tuple[int, str], int]
    versions: Mapping[str, tuple[datetime, datetime]]


def user_hash(user_key: str) -> bytes:
    """A user of a group, in few bytes: 128 bits of SHA-256."""
    digest = hashlib.sha256(user_key.encode("utf-8", "surrogatepass")).digest()
    return digest[:_USER_HASH_BYTES]


def growths(type_name: str, records: Iterable[Record]) -> list[Growth]:
    """What records of a type add to their groups; those without a group add nothing."""
    grouped: dict[tuple[int, str], list[Record]] = {}
    for record in records:
        if record.group is not None:
            grouped.setdefault((record.project_id, record.group.fingerprint), []).append(record)
    return [_growth(type_name, members) for members in grouped.values()]


def id_hour(event_id: UUID) -> int:
    """The hour of a UUIDv7, in whole hours since 1970; ``id_hour`` of SQL is the same."""
    return id_ms(event_id) // HOUR_MS


def _growth(type_name: str, members: Sequence[Record]) -> Growth:
    came: dict[str, list[int]] = {}
    for record in members:
        came.setdefault(version_of(type_name, record), []).append(id_ms(record.id))
    spans = {version: (min(times), max(times)) for version, times in came.items()}
    versions = {version: (time_of(low), time_of(high)) for version, (low, high) in spans.items()}
    first = min(members, key=attrgetter("id.int"))
    if first.group is None:
        raise ValueError("a record without a group")
    return Growth(
        id=first.group.group_id(first.project_id),
        project_id=first.project_id,
        key=first.group,
        count=len(members),
        first_seen=min(first for first, _ in versions.values()),
        last_seen=max(last for _, last in versions.values()),
        users=frozenset(user_hash(r.user_key) for r in members if r.user_key is not None),
        hours={
            (hour, version): events
            for version, times in came.items()
            for hour, events in _by_hour(times, *spans[version]).items()
        },
        versions=versions,
    )


def _by_hour(times: Sequence[int], low: int, high: int) -> Mapping[int, int]:
    """How many of some milliseconds are in each hour; those of a pack nearly always in one."""
    if low // HOUR_MS == high // HOUR_MS:
        return {low // HOUR_MS: len(times)}
    return Counter(time // HOUR_MS for time in times)
