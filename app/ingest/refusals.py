"""What senders of bodies and items that cannot be understood are answered; pure."""

from __future__ import annotations

from collections.abc import Sequence

from app.errors import ApiError, Code
from events.record import Malformed

_REFUSALS: dict[str, tuple[int, Code]] = {
    "bad_body": (400, "bad_body"),
    "bad_envelope": (400, "bad_envelope"),
    "bad_item": (400, "bad_item"),
    "bad_minidump": (400, "bad_minidump"),
    "missing_field": (400, "missing_field"),
    "no_events": (400, "no_events"),
    "not_an_array": (400, "not_an_array"),
    "not_an_object": (400, "not_an_object"),
    "not_json": (400, "not_json"),
    "not_protobuf": (400, "not_protobuf"),
    "too_deep": (400, "too_deep"),
    "too_large": (413, "event_too_large"),
}
"""What each code of :class:`Malformed` is answered with; one not here is ``invalid_event``."""


def telling(faults: Sequence[Malformed]) -> Malformed:
    """The first fault, but one of size only if all are: 413 means that smaller would have done."""
    return next((fault for fault in faults if fault.code != "too_large"), faults[0])


def refusal(fault: Malformed) -> ApiError:
    """The answer to a body, or to all items of one, that cannot be understood."""
    status, code = _REFUSALS.get(fault.code, (400, "invalid_event"))
    return ApiError(status, code, str(fault))
