"""Which status makes a refused SDK keep its event and send it again later; pure.

No status suits all: some SDKs keep what was answered 429 and drop it on 503, for others it is
the other way round, most keep nothing. None reads ``Retry-After``.
"""

from __future__ import annotations

import re

from app.errors import ApiError
from app.ingest.keys import Headers
from app.ingest.shedding import CODE, SHED_SECONDS

_KEEPS_ON_503 = 503
"""raygun4js (with saveIfOffline) and .NET; Java asks again too. It is also what tells every
other sender the truth: the server is at fault."""
_KEEPS_ON_429 = 429
"""Android, Apple, React Native, Flutter, which drop what was answered 503."""

# An SDK names itself in its reports; in RUM nobody does, and the HTTP client's name must do.
_NAME = re.compile(rb'"name"\s{0,8}:\s{0,8}"([^"]{0,40}raygun[^"]{0,40})"', re.IGNORECASE)
_NAMES = re.compile(rb"android|apple|ios|cocoa|macos|osx|reactnative|flutter", re.IGNORECASE)
_DOTNET = re.compile(rb"4(?:net|maui|xamarin|unity)", re.IGNORECASE)
_AGENTS = re.compile(r"okhttp|dalvik|cfnetwork|darwin|dart/", re.IGNORECASE)


def status_of(headers: Headers, body: bytes) -> int:
    """429 or 503, as the sender of this event keeps it. Either is safe for a sender that lies."""
    named = _NAME.search(body)
    if named is None:
        return _KEEPS_ON_429 if _AGENTS.search(headers.get("user-agent") or "") else _KEEPS_ON_503
    mobile = _NAMES.search(named[1]) and not _DOTNET.search(named[1])
    return _KEEPS_ON_429 if mobile else _KEEPS_ON_503


def overloaded(headers: Headers, event_type: str, body: bytes) -> ApiError:
    """The answer to events of a type that is refused now; ``body`` is that of one of them."""
    return ApiError(
        status_of(headers, body),
        CODE,
        f"The server is too far behind to take {event_type} events now; send them later.",
        {"Retry-After": str(SHED_SECONDS)},
    )
