"""Where a request carries its API key: header ``X-ApiKey``, else query ``apikey``; pure."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import unquote, unquote_plus

HEADER = "x-apikey"
PARAMETER = "apikey"
MAX_KEY_CHARS = 200


class Headers(Protocol):
    """Looks a header up by its name, whatever its letter case; None when it is absent."""

    def get(self, name: str, /) -> str | None: ...


def key_candidates(headers: Headers, query: str) -> list[str]:
    """The readings of the key a request carries, likeliest first; empty when it carries none.

    Keys may hold ``+``, ``/`` and ``=``. A sender that forgets to encode a ``+`` in its query
    means a plus, a form encoder means a space: both are tried.
    """
    header = (headers.get(HEADER) or "").strip()
    if header:
        return [header[: MAX_KEY_CHARS + 1], *_said_twice(header)]
    raw = _parameter(query)[: 3 * MAX_KEY_CHARS + 1]
    plain = unquote(raw).strip()
    readings = (plain, plain.replace(" ", "+"), unquote_plus(raw).strip())
    return list(dict.fromkeys(reading for reading in readings if reading))


def _said_twice(header: str) -> list[str]:
    """The key of a header that was set twice, of which a server makes one, with a comma."""
    if "," not in header:
        return []
    first, _, second = header[: 3 * MAX_KEY_CHARS].partition(",")
    return [first.strip()] if first.strip() == second.strip() != "" else []


def _parameter(query: str) -> str:
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if value and unquote_plus(name).lower() == PARAMETER:
            return value
    return ""
