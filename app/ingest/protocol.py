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

_CODES: dict[str, tuple[int, Code]] = {
    "not_json": (400, "not_json"),
    "too_deep": (400, "too_deep"),
    "event_too_large": (413, "event_too_large"),
    "too_large": (413, "event_too_large"),
    "empty_batch": (400, "empty_batch"),
}


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
    faults = [item for item in items if isinstance(item, Malformed)]
    if not faults:
        raise ApiError(400, "empty_batch", "The body holds no event.")
    raise _refusal(_telling(faults))


def _telling(faults: Sequence[Malformed]) -> Malformed:
    """The first fault, but one of size only if all are: 413 means that smaller would have done."""
    return next((fault for fault in faults if _CODES.get(fault.code, (400,))[0] != 413), faults[0])


def _refusal(fault: Malformed) -> ApiError:
    status, code = _CODES.get(fault.code, (400, "invalid_event"))
    return ApiError(status, code, str(fault))
