"""Elasticsearch's errors, sorted into the fates of stores.

Only what names the document as the culprit counts against an event. Anything else, a status of
400 for a cluster that is full included, is the cluster's state and will pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from elastic_transport import TransportError
from elasticsearch import ApiError

from storage.errors import Rejected, StoreDown

_OUR_FAULT_STATUSES = frozenset({400, 413})

_TOO_LARGE = 413

#: Types that come with status 400 although the index or the cluster is the cause.
_CLUSTER_STATE = frozenset(
    {
        "validation_exception",  # as many shards as the cluster allows
        "index_closed_exception",
        "cluster_block_exception",  # read-only by an operator or by the disk's flood stage
        "process_cluster_event_timeout_exception",
        "es_rejected_execution_exception",
        "circuit_breaking_exception",
    }
)

#: What shards say that went while they were asked.
_GONE = frozenset({"no_shard_available_action_exception", "index_not_found_exception"})

_REASON_CHARS = 500


class TooLarge(Rejected):
    """The request has more bytes than the server, or a proxy before it, takes."""


def is_outage(status: int, error_type: str) -> bool:
    """Whether an answer tells of the cluster's state, not of the data sent."""
    return status not in _OUR_FAULT_STATUSES or error_type in _CLUSTER_STATE


def reason_of(error: dict[str, Any]) -> str:
    """An item's error as one bounded line: its type, its reason, and what caused it."""
    text = f"{error.get('type', 'error')}: {error.get('reason', '')}"
    cause = error.get("caused_by")
    if isinstance(cause, dict):
        text += f" ({cause.get('reason', '')})"
    return text[:_REASON_CHARS]


def _type_of(exc: ApiError) -> str:
    error = exc.body.get("error") if isinstance(exc.body, dict) else None
    return str(error.get("type", "")) if isinstance(error, dict) else ""


def _fate_of(exc: ApiError) -> type[StoreDown | Rejected]:
    if is_outage(exc.meta.status, _type_of(exc)):
        return StoreDown
    return TooLarge if exc.meta.status == _TOO_LARGE else Rejected


def was_swapped(exc: ApiError) -> bool:
    """Whether a search failed as it may when a rebuilt index took its index's place meanwhile."""
    error = exc.body.get("error") if isinstance(exc.body, dict) else None
    causes = error.get("root_cause", ()) if isinstance(error, dict) else ()
    return any(cause.get("type") in _GONE for cause in causes)


@contextmanager
def translated() -> Iterator[None]:
    """Raise :class:`StoreDown` or :class:`Rejected` for whatever the client raises."""
    try:
        yield
    except TransportError as exc:
        raise StoreDown("search", f"{type(exc).__name__}: {exc.message}"[:_REASON_CHARS]) from exc
    except ApiError as exc:
        fate = _fate_of(exc)
        raise fate("search", f"{exc.meta.status}: {exc}"[:_REASON_CHARS]) from exc
