"""Which events are in the search store, asked by id: also those not yet visible to a search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from elasticsearch import Elasticsearch

from storage.errors import StoreDown
from storage.search.faults import reason_of, translated
from storage.search.names import index_name

_ASKED_AT_ONCE = 1000
_NO_INDEX = "index_not_found_exception"


def present_ids(
    client: Elasticsearch, prefix: str, event_type: str, ids: Sequence[UUID]
) -> set[UUID]:
    """The ids that have a document; raises :class:`StoreDown`. No index holds no document."""
    found: set[UUID] = set()
    for start in range(0, len(ids), _ASKED_AT_ONCE):
        part = ids[start : start + _ASKED_AT_ONCE]
        docs = [{"_index": index_name(prefix, event_type, i), "_id": str(i)} for i in part]
        with translated():
            answer = client.mget(
                docs=docs, source=False, filter_path="docs._id,docs.found,docs.error"
            )
        found.update(UUID(doc["_id"]) for doc in answer["docs"] if _is_found(doc))
    return found


def _is_found(doc: dict[str, Any]) -> bool:
    error = doc.get("error")
    if error and error.get("type") != _NO_INDEX:
        raise StoreDown("search", reason_of(error))
    return bool(doc.get("found"))
