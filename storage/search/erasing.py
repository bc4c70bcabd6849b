"""Deleting documents by id, from the index in use and from one that is being made anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import orjson

from storage.errors import StoreDown
from storage.search.faults import reason_of

DELETED_AT_ONCE = 1000
_GONE = 404


def delete_lines(indices_of: Callable[[UUID], Sequence[str]], ids: Sequence[UUID]) -> bytes:
    """The bulk that deletes events from each of their indices."""
    actions = (
        {"delete": {"_index": index, "_id": str(event_id)}}
        for event_id in ids
        for index in indices_of(event_id)
    )
    return b"".join(orjson.dumps(action) + b"\n" for action in actions)


def deleted(answer: dict[str, Any]) -> int:
    """How many documents a bulk deleted; raises :class:`StoreDown` unless the others are not there.

    No index, like no document, is what was wanted.
    """
    items = answer.get("items")
    if not isinstance(items, list):
        raise StoreDown("search", "the answer to a bulk request does not list its items")
    gone = 0
    for item in items:
        outcome = item["delete"]
        error = outcome.get("error")
        if error and outcome["status"] != _GONE:
            raise StoreDown("search", f"{outcome['status']}: {reason_of(error)}")
        gone += outcome["status"] != _GONE
    return gone
