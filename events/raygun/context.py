"""What surrounded a crash: user, client, request and breadcrumbs, as Raygun's SDKs write them."""

from __future__ import annotations

import re
from typing import Any

from events.fields import integer, listed, lowered, truth
from events.moment import iso, read_moment
from events.plain import PICTURE, plain
from events.report import User
from events.text import as_text

_SHORT = 1_000
_LONG = 100_000
MAX_TAGS = 200
MAX_BREADCRUMBS = 1_000
_NOT_A_VERSION = frozenset({"Not supplied", "Not defined"})
_LEVELS = ("debug", "info", "warning", "error", "fatal")
#: Browsers' own reports to us become breadcrumbs, with the key in their URL.
_KEY_IN_URL = re.compile(r"([?&]api_?key=)[^&#\s\"']+", re.IGNORECASE)

_REQUEST = {
    "url": "url",
    "method": "httpmethod",
    "host": "hostname",
    "ip": "ipaddress",
    "query": "querystring",
    "headers": "headers",
    "form": "form",
    "body": "rawdata",
    "cookies": "cookies",
    "data": "data",
}


#: What other parts of a picture show: of a report's details, and of two objects in them.
_SHOWN = frozenset(
    {
        "breadcrumbs",
        "client",
        "environment",
        "groupingkey",
        "machinename",
        "response",
        "tags",
        "user",
        "usercustomdata",
        "version",
    }
)
_SHOWN_WITHIN = {
    "error": frozenset({"classname", "message", "stacktrace", "innererror", "innererrors", "data"}),
    "request": frozenset(_REQUEST.values()),
}


def read_version(value: Any) -> str | None:
    """The application's version; null for what SDKs write when they were given none."""
    version = as_text(value, _SHORT)
    return None if version in _NOT_A_VERSION else version


def read_user(value: Any) -> User:
    """A user, from an object or (Python) a bare identifier."""
    if not isinstance(value, dict):
        return User(identifier=as_text(value, _SHORT))
    fields = lowered(value)
    return User(
        as_text(fields.get("identifier"), _SHORT),
        as_text(fields.get("email"), _SHORT),
        as_text(fields.get("fullname"), _SHORT) or as_text(fields.get("firstname"), _SHORT),
        truth(fields.get("isanonymous")),
        as_text(fields.get("uuid"), _SHORT),
    )


def read_tags(value: Any) -> list[str] | None:
    """Tags as text, at most :data:`MAX_TAGS`, null when there is no such field; those that are not
    text or numbers are left out.

    An application that passes one tag, or names with values, finds them as "tag" and "name:value".
    """
    if value is None:
        return None
    if isinstance(value, dict):
        value = [f"{name}:{text}" for name, text in value.items()]
    items = [value] if isinstance(value, str) else listed(value)
    tags = (as_text(tag, _SHORT) for tag in items[:MAX_TAGS])
    return [tag for tag in tags if tag is not None]


def read_request(details: dict[str, Any]) -> dict[str, Any] | None:
    """The request being served, and its response; null when the SDK sent empty fields only."""
    fields = lowered(details.get("request"))
    request = {name: plain(fields.get(key), PICTURE) or None for name, key in _REQUEST.items()}
    request["response"] = plain(details.get("response"), PICTURE) or None
    return request if any(request.values()) else None


def read_other(details: Any) -> dict[str, Any] | None:
    """What details hold beside all that has a place of its own, under the SDK's names."""
    other: dict[str, Any] = {}
    for name, value in details.items() if isinstance(details, dict) else ():
        shown = _SHOWN_WITHIN.get(name.lower())
        rest = value if shown is None else _without(value, shown)
        if rest not in (None, "", [], {}) and name.lower() not in _SHOWN:
            other[name] = rest
    return plain(other, PICTURE) if other else None


def _without(value: Any, shown: frozenset[str]) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: item for name, item in value.items() if name.lower() not in shown}


def read_breadcrumbs(value: Any) -> list[dict[str, Any]]:
    """The latest :data:`MAX_BREADCRUMBS` breadcrumbs, oldest first, in one shape."""
    kept = listed(value)[-MAX_BREADCRUMBS:]
    return [_breadcrumb(lowered(item)) for item in kept if isinstance(item, dict)]


def _breadcrumb(fields: dict[str, Any]) -> dict[str, Any]:
    timestamp = fields.get("timestamp")
    class_name, method, line = _place(fields)
    return {
        "timestamp": iso(read_moment(timestamp)) or as_text(timestamp, _SHORT),
        "level": _level(fields.get("level")),
        "type": as_text(fields.get("type"), _SHORT),
        "category": as_text(fields.get("category"), _SHORT),
        "message": _without_key(as_text(fields.get("message"), _LONG)),
        "data": _without_key(plain(fields.get("customdata"), PICTURE)) or None,
        "class_name": class_name,
        "method": method,
        "line": line,
    }


def _level(value: Any) -> str | None:
    number = integer(value) if not isinstance(value, str) else None
    if number is not None and 0 <= number < len(_LEVELS):
        return _LEVELS[number]
    return as_text(value, _SHORT)


def _place(fields: dict[str, Any]) -> tuple[str | None, str | None, int | None]:
    """Where it was left: Ruby writes "Class:method:line", the browser "file:line"."""
    class_name = as_text(fields.get("classname"), _SHORT)
    method = as_text(fields.get("methodname"), _SHORT)
    line = integer(fields.get("linenumber"))
    location = as_text(fields.get("location"), _SHORT)
    if location is None or class_name or method:
        return class_name, method, line
    place, _, number = location.rpartition(":")
    if not place or integer(number) is None:
        return location, None, line
    owner, _, name = place.rpartition(":")
    return (owner, name, integer(number)) if owner else (place, None, integer(number))


def _without_key(value: Any) -> Any:
    if isinstance(value, str):
        return _KEY_IN_URL.sub(r"\1[removed]", value)
    if isinstance(value, dict):
        return {key: _without_key(item) for key, item in value.items()}
    return [_without_key(item) for item in value] if isinstance(value, list) else value
