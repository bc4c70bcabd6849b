"""Which session of a real user a crash belongs to, where its report says so. Pure.

Raygun's SDKs send no session with a crash. Applications put it into custom data or tags, and
raygun4js, told to record the contents of requests, leaves its own reports in the breadcrumbs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from events.fields import listed, lowered
from events.text import as_text

MAX_SESSION_CHARS = 200

_NAMES = frozenset({"sessionid", "rumsessionid", "raygunsessionid"})
_TAG = re.compile(r"(?:rum[-_]?)?session[-_]?(?:id)?[:=](.+)", re.IGNORECASE)
_REPORTED = re.compile(r'"sessionId"\s*:\s*"([^"\\]{1,200})"')
_MOST_CRUMBS = 100
#: No name or tag without this word names a session: nearly all reports are done with after it.
_WORD = "ession"
#: The two spellings of a breadcrumb's data, by SDKs whose breadcrumbs may hold a session.
_DATA = ("CustomData", "customData")


def session_of(custom: Any, tags: Iterable[str], breadcrumbs: Any) -> str | None:
    """The session, from the first of custom data, tags and breadcrumbs that names one."""
    return _of_custom(custom) or _of_tags(tags) or _of_breadcrumbs(breadcrumbs)


def _of_custom(custom: Any) -> str | None:
    """``sessionId`` in any spelling, or ``session: {id: …}``."""
    if not isinstance(custom, dict) or _WORD not in "\n".join(custom).lower():
        return None
    for name, value in custom.items():
        plain = name.replace("_", "").replace("-", "").lower()
        if plain in _NAMES and (found := as_text(value, MAX_SESSION_CHARS)):
            return found
        if plain == "session":
            inner = lowered(value).get("id") if isinstance(value, dict) else value
            if found := as_text(inner, MAX_SESSION_CHARS):
                return found
    return None


def _of_tags(tags: Iterable[str]) -> str | None:
    for tag in tags:
        if _WORD in tag.lower() and (match := _TAG.fullmatch(tag)):
            return as_text(match[1].strip(), MAX_SESSION_CHARS)
    return None


def _of_breadcrumbs(breadcrumbs: Any) -> str | None:
    """The latest that names one: in its data, or in the body of a report sent to us."""
    for crumb in reversed(listed(breadcrumbs)[-_MOST_CRUMBS:]):
        if not isinstance(crumb, dict):
            continue
        data = crumb.get(_DATA[0]) or crumb.get(_DATA[1])
        if not isinstance(data, dict):
            continue
        if found := _of_custom(data):
            return found
        body = data.get("body")
        if isinstance(body, str) and (match := _REPORTED.search(body)):
            return as_text(match[1], MAX_SESSION_CHARS)
    return None
