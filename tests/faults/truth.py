"""What the stores really hold, asked of the stores themselves and never of Sluice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
import psycopg2
import redis
from elasticsearch import Elasticsearch

from broker.message import message_args
from events.envelope import SYSTEM_PROJECT, decode_batch
from storage.errors import Corrupt
from storage.files.pack import decode_pack

TYPES = ("crash", "rum", "trace", "metric")
COUNTED = ("trace", "metric")
"""Types of which SQL counts every span or point by the minute."""
_CHUNK = 5_000

Status = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """How often each asked id is in each store, which are dead with what code, which parked.
    ``repeats`` are those that repeat another, with that one, which was asked for as well;
    ``linked`` those that have a file beside them.
    """

    files: Counter[str]
    sql: Counter[str]
    search: Counter[str]
    dead: dict[str, str]
    parked: frozenset[str]
    repeats: dict[str, str]
    linked: frozenset[str]


class Truth:
    """Reads the stores of a running Sluice. Remembers packs: they never change."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._packs: dict[str, list[str]] = {}

    def held(self, ids: Sequence[str]) -> Held:
        """Everything about these ids."""
        files = self._in_files()
        repeats = dict(self._rows(_REPEATS, ids))
        ids = list(dict.fromkeys([*ids, *repeats.values()]))  # each is asked for once
        return Held(
            files=Counter({event_id: files[event_id] for event_id in ids if files[event_id]}),
            sql=self._in_sql(ids),
            search=self._in_search(ids),
            dead=dict(self._rows(_DEAD, ids)),
            parked=frozenset(self._parked()),
            repeats=repeats,
            linked=frozenset(event_id for (event_id,) in self._rows(_LINKED, ids)),
        )

    def rows(self) -> int:
        """Rows in SQL, of all events ever, that should count as stored: not those of canaries,
        which Sluice sends itself.
        """
        return int(self._one(_STORED))

    def miscounted(self) -> dict[str, int]:
        """By how much the count of each group, and of each series by the minute, differs from its
        rows, for those that differ.
        """
        found = dict(self._rows(_MISCOUNTED))
        for event_type in COUNTED:
            found.update(self._rows(_MISCOUNTED_SERIES.format(event_type)))
        return found

    def parked_events(self) -> int:
        """How many events wait in messages that were put aside."""
        return len(set(self._parked()))

    def parked_reasons(self) -> list[str]:
        """Why messages were put aside, with their queue."""
        with redis.Redis.from_url(self._status["redis"]) as client:
            names = sorted(name.decode() for name in client.scan_iter("parked-why:*"))
            return [f"{name}: {why.decode()}" for name in names for why in client.hvals(name)]

    def _in_sql(self, ids: Sequence[str]) -> Counter[str]:
        found: Counter[str] = Counter()
        for event_type in TYPES:
            query = f"SELECT id::text, 1 FROM {event_type}_events WHERE id = ANY(%s::uuid[])"
            found.update(event_id for event_id, _ in self._rows(query, ids))
        return found

    def _in_search(self, ids: Sequence[str]) -> Counter[str]:
        """An id in two indices counts twice."""
        found: Counter[str] = Counter()
        with Elasticsearch(self._status["elasticsearch"], request_timeout=60) as client:
            aliases = [f"sluice-{event_type}" for event_type in TYPES]
            client.indices.refresh(index=aliases, ignore_unavailable=True)
            for chunk in _chunks(ids):
                answer = client.search(
                    index=aliases,
                    query={"ids": {"values": chunk}},
                    source=False,
                    size=10_000,
                    ignore_unavailable=True,
                )
                found.update(hit["_id"] for hit in answer["hits"]["hits"])
        return found

    def _in_files(self) -> Counter[str]:
        """A redelivered event may lie in two packs: the second copy is bytes, not an event."""
        s3 = self._status["s3"]
        client = boto3.client(
            "s3",
            endpoint_url=s3["endpoint"],
            aws_access_key_id=s3["access_key"],
            aws_secret_access_key=s3["secret_key"],
            region_name=s3["region"],
        )
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=s3["bucket"]):
            for key in (item["Key"] for item in page.get("Contents", [])):
                if key not in self._packs:
                    data = client.get_object(Bucket=s3["bucket"], Key=key)["Body"].read()
                    self._packs[key] = _ids_in(data, key)
        client.close()
        return Counter(event_id for held in self._packs.values() for event_id in held)

    def _parked(self) -> Iterator[str]:
        with redis.Redis.from_url(self._status["redis"]) as client:
            for name in client.scan_iter("parked:*"):
                for raw in client.hvals(name):
                    yield from self._ids_of(message_args(raw)[0])

    def _ids_of(self, argument: Any) -> list[str]:
        """The events of a parked message: its batch, or the pack it refers to."""
        if isinstance(argument, bytes):
            return [str(envelope.id) for envelope in decode_batch(argument)]
        if argument["key"] not in self._packs:
            self._in_files()
        return self._packs[argument["key"]]

    def _rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(self._status["postgres"])
        try:
            with connection.cursor() as cursor:
                cursor.execute(query, tuple(arguments))
                return list(cursor.fetchall())
        finally:
            connection.close()

    def _one(self, query: str) -> Any:
        return self._rows(query)[0][0]


def _ids_in(data: bytes, key: str) -> list[str]:
    """None in what is no pack: SeaweedFS keeps an empty object of a PUT that was cut off, which
    nobody was told of. Had a stage relied on it, its events are missing here.
    """
    try:
        return [str(packed.envelope.id) for packed in decode_pack(data, key)]
    except Corrupt:
        return []


def _chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    known = list(ids)
    for start in range(0, len(known), _CHUNK):
        yield known[start : start + _CHUNK]


_ROWS = " UNION ALL ".join(f"SELECT id, project_id, group_id FROM {name}_events" for name in TYPES)

_DEAD = """
SELECT event_id::text, code FROM dead_letters
WHERE status = 'open' AND event_id = ANY(%s::uuid[])
"""

_REPEATS = """
SELECT event_id::text, original_id::text FROM repeated_events WHERE event_id = ANY(%s::uuid[])
"""

_LINKED = "SELECT event_id::text FROM event_blobs WHERE event_id = ANY(%s::uuid[])"

_STORED = f"""
SELECT count(*) FROM ({_ROWS}) AS rows
WHERE project_id <> {SYSTEM_PROJECT}
    AND id NOT IN (SELECT event_id FROM dead_letters WHERE status = 'open')
"""

_MISCOUNTED_SERIES = """
SELECT '{0} series ' || key, (coalesce(kept.n, 0) - coalesce(told.n, 0))::int8
FROM (
    SELECT project_id || ' ' || series || ' ' || minute AS key, sum(count) AS n
    FROM {0}_minutes GROUP BY 1
) AS kept FULL JOIN (
    SELECT project_id || ' ' || entry.series || ' ' || entry.minute AS key,
        sum(coalesce(entry.n, 1)) FILTER (WHERE coalesce(entry.kind, 0) < 2) AS n
    FROM {0}_events, unnest(series, minutes, counts, kinds) AS entry (series, minute, n, kind)
    GROUP BY 1
) AS told USING (key)
WHERE coalesce(kept.n, 0) <> coalesce(told.n, 0)
"""

_MISCOUNTED = f"""
SELECT coalesce(groups.id, rows.group_id)::text, coalesce(groups.count, 0) - coalesce(rows.n, 0)
FROM groups FULL JOIN (
    SELECT group_id, count(*) AS n FROM ({_ROWS}) AS events
    WHERE group_id IS NOT NULL GROUP BY 1
) AS rows ON rows.group_id = groups.id
WHERE coalesce(groups.count, 0) <> coalesce(rows.n, 0)
"""
