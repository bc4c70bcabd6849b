"""Bodies that begin with a line of JSON beside the item itself: what its bytes do not tell."""

from __future__ import annotations

import json
from typing import Any

from events.parse import loads
from events.record import Malformed

#: Protocols whose bodies begin so.
PROTOCOLS = frozenset(
    {
        "sentry.minidump",
        "sentry.named_event",
        "sentry.named_feedback",
        "sentry.named_transaction",
        "sentry.raw_security",
    }
)


def own_bytes(protocol: str, body: bytes) -> bytes:
    """Exactly the item's bytes of a body of any protocol."""
    return body.partition(b"\n")[2] if protocol in PROTOCOLS else body


def headed(header: dict[str, Any], payload: bytes) -> bytes:
    """The body of an envelope of ours for an item whose header is to be kept."""
    return json.dumps(header).encode() + b"\n" + payload


def behead(body: bytes) -> tuple[dict[str, Any], bytes]:
    """The header and the payload back; raises :class:`Malformed`."""
    line, found, payload = body.partition(b"\n")
    header = loads(line)
    if not found or not isinstance(header, dict):
        raise Malformed("bad_item", "The body does not begin with a line of JSON.")
    return header, payload
