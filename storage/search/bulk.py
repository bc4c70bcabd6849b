"""Bulk bodies, and the sorting of what comes back item by item."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from events.record import Record
from events.text import storable
from storage.errors import StoreDown
from storage.search.document import document_of
from storage.search.faults import is_outage, reason_of

#: Most bytes of one bulk request: some 500 crashes. Larger ones cost as much an event, and the next
#: one is made while one is on its way; some managed clusters refuse above 10 MB.
MAX_BULK_BYTES = 1280 << 10

Failure = tuple[UUID, str]


@dataclass(slots=True)
class Bulk:
    """One request: the events in it, and the NDJSON lines of each, in the same order."""

    ids: list[UUID] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)

    def halves(self) -> tuple[Bulk, Bulk]:
        """The same in two requests."""
        middle = len(self.ids) // 2
        return (
            Bulk(self.ids[:middle], self.lines[:middle]),
            Bulk(self.ids[middle:], self.lines[middle:]),
        )


def encoded_document(event_type: str, record: Record) -> bytes:
    """A record's document as JSON; raises ``orjson.JSONEncodeError``.

    A text that is no valid UTF-8 is rare, so it is repaired only when encoding fails.
    """
    try:
        return orjson.dumps(document_of(event_type, record))
    except orjson.JSONEncodeError:
        return orjson.dumps(document_of(event_type, record, clean=storable))


def encode(index: str, event_type: str, record: Record) -> bytes:
    """The two lines that index a record under its id; raises ``orjson.JSONEncodeError``."""
    document = encoded_document(event_type, record)
    action = f'{{"index":{{"_index":"{index}","_id":"{record.id}"}}}}\n'  # neither needs escaping
    return b"%b%b\n" % (action.encode(), document)


def bulks(
    index_of: Callable[[UUID], str],
    event_type: str,
    records: Iterable[Record],
    failures: list[Failure],
) -> Iterator[Bulk]:
    """Requests of at most :data:`MAX_BULK_BYTES`; records that are no JSON go to ``failures``.

    ``index_of`` names the index of an event.
    """
    bulk, size = Bulk(), 0
    for record in records:
        try:
            lines = encode(index_of(record.id), event_type, record)
        except orjson.JSONEncodeError as exc:
            failures.append((record.id, f"not_json: {exc}"))
            continue
        if bulk.ids and size + len(lines) > MAX_BULK_BYTES:
            yield bulk
            bulk, size = Bulk(), 0
        bulk.ids.append(record.id)
        bulk.lines.append(lines)
        size += len(lines)
    if bulk.ids:
        yield bulk


def failures_of(bulk: Bulk, answer: dict[str, Any]) -> list[Failure]:
    """The items that Elasticsearch refuses for their own sake.

    Raises :class:`StoreDown` when the answer is not about every item, or when any item failed for
    the cluster's sake: the batch is then indexed again, under the same ids.
    """
    if answer.get("errors") is False:
        return []
    items = answer.get("items")
    if not isinstance(items, list) or len(items) != len(bulk.ids):
        raise StoreDown("search", "the answer to a bulk request does not list its items")
    failures = []
    for event_id, item in zip(bulk.ids, items, strict=True):
        outcome = item["index"]
        error = outcome.get("error")
        if not error:
            continue
        if is_outage(outcome["status"], error.get("type", "")):
            raise StoreDown("search", f"{outcome['status']}: {reason_of(error)}")
        failures.append((event_id, reason_of(error)))
    return failures
