"""Profiles: a line in the trace that was profiled. What was sampled is a file beside it."""

from __future__ import annotations

import json
from typing import Any

from events.fields import listed, members
from events.moment import read_moment
from events.parse import load_object
from events.sentry.ids import hex_id
from events.sentry.origin import read_origin
from events.sentry.times import nanoseconds
from events.telemetry import Log, TraceItem
from events.text import as_text

SAMPLES = "profile"
"""The part of a profile that holds its samples, and nearly all of its bytes."""
#: Parts that only who reads the samples needs.
_BULKY = frozenset({SAMPLES, "sampled_profile", "debug_meta", "measurements"})
_SHORT = 1_000


def about_profile(profile: dict[str, Any]) -> bytes:
    """What a profile tells of itself, without its samples: the body of its event."""
    samples = members(profile.get(SAMPLES))
    told = {name: value for name, value in profile.items() if name not in _BULKY}
    told["samples"] = len(listed(samples.get("samples")))
    return json.dumps(told).encode()


def read_profile(body: bytes) -> TraceItem:
    """An item ``profile`` or ``profile_chunk``; raises :class:`events.record.Malformed`."""
    fields = load_object(body)
    transaction = members(
        fields.get("transaction") or next(iter(listed(fields.get("transactions"))), None)
    )
    told = {
        "profile.id": _first_text(fields, ("event_id", "profile_id", "chunk_id")),
        "profile.profiler_id": as_text(fields.get("profiler_id"), _SHORT),
        "profile.platform": as_text(fields.get("platform"), _SHORT),
        "profile.samples": fields.get("samples"),
        "profile.transaction": as_text(transaction.get("name"), _SHORT),
    }
    line = Log(
        nanoseconds(fields.get("timestamp")),
        "info",
        f"Profile of {told['profile.transaction'] or 'a process'}",
        hex_id(transaction.get("trace_id"), 32),
        None,
        {name: value for name, value in told.items() if value is not None},
    )
    return TraceItem(
        read_moment(fields.get("timestamp")),
        read_origin(fields, fields.get("client_sdk")),
        logs=[line],
    )


def _first_text(fields: dict[str, Any], names: tuple[str, ...]) -> str | None:
    return next((text for name in names if (text := as_text(fields.get(name), _SHORT))), None)
