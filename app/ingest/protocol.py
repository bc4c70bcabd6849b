"""The Raygun protocol's endpoints: what each carries, and how its body becomes items; pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.errors import ApiError, Code
from events.raygun.split import Limits, split_bulk, split_entry, split_rum
from events.record import Malformed


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One ingest path: the event type and protocol of its items, and whether it takes just one."""

    path: str
    event_type: str
    protocol: str
    split: Callable[[bytes, Limits], Sequence[bytes | Malformed]]
    single: bool = False


ENTRY = Endpoint("/entries", "crash", "raygun.entry", split_entry, single=True)
BULK = Endpoint("/entries/bulk", "crash", "raygun.entry", split_bulk)
RUM = Endpoint("/events", "rum", "raygun.rum", split_rum)

ENDPOINTS = (ENTRY, BULK, RUM)

_REFUSALS: dict[str, tuple[int, Code]] = {
    "missing_field": (400, "missing_field"),
    "no_events": (400, "no_events"),
    "not_an_array": (400, "not_an_array"),
    "not_an_object": (400, "not_an_object"),
    "not_json": (400, "not_json"),
    "too_deep": (400, "too_deep"),
    "too_large": (413, "event_too_large"),
}
"""What each code of :class:`Malformed` is answered with; one not here is ``invalid_event``."""


def valid_items(endpoint: Endpoint, body: bytes, limits: Limits) -> tuple[list[bytes], int]:
    """The items of a body that can be accepted, exact bytes in order, and how many cannot be.

    Raises :class:`app.errors.ApiError` with the first item's fault when none can.
    """
    try:
        items = endpoint.split(body, limits)
    except Malformed as fault:
        raise _refusal(fault) from fault
    valid = [item for item in items if isinstance(item, bytes)]
    if valid:
        return valid, len(items) - len(valid)
    raise _refusal(_telling([item for item in items if isinstance(item, Malformed)]))


def _telling(faults: Sequence[Malformed]) -> Malformed:
    """The first fault, but one of size only if all are: 413 means that smaller would have done."""
    return next((fault for fault in faults if fault.code != "too_large"), faults[0])


def _refusal(fault: Malformed) -> ApiError:
    status, code = _REFUSALS.get(fault.code, (400, "invalid_event"))
    return ApiError(status, code, str(fault))
