"""What surrounded an event: user, tags, request and breadcrumbs, as Sentry's SDKs write them."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from events.fields import integer, listed, members
from events.moment import iso, read_moment
from events.plain import PICTURE, plain
from events.report import User
from events.sentry.errors import values_of
from events.text import as_text, clip

_SHORT = 1_000
_LONG = 100_000
MAX_TAGS = 200
MAX_BREADCRUMBS = 1_000

#: Contexts that every SDK fills by itself; the application's own are custom data.
_STANDARD = frozenset(
    {
        *("app", "browser", "cloud_resource", "culture", "device", "flags", "gpu", "monitor"),
        *("nel", "os", "otel", "performance_score", "profile", "react", "replay", "response"),
        *("runtime", "spring", "state", "trace", "unity", "unreal"),
    }
)
#: Of those, what tells of the machine and the software on it.
_ENVIRONMENT = (
    *("app", "browser", "cloud_resource", "culture", "device", "gpu", "os", "runtime", "unity"),
    *("unreal", "spring"),
)
#: Browsers' own reports to us become breadcrumbs, with the key in their URL.
_KEY_IN_URL = re.compile(r"([?&]sentry_key=)[^&#\s\"']+", re.IGNORECASE)
_LEVELS = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "fatal"}
#: What SDKs write where the server is to fill in what it sees.
_AUTO = "{{auto}}"


def read_user(value: Any) -> User:
    """A user; the name stands for an id that was not sent, as it does in Sentry."""
    fields = members(value)
    username = as_text(fields.get("username"), _SHORT)
    return User(
        as_text(fields.get("id"), _SHORT) or username,
        as_text(fields.get("email"), _SHORT),
        as_text(fields.get("name"), _SHORT) or username,
    )


def read_tags(value: Any) -> list[str]:
    """Tags as ``key:value``, from an object or a list of pairs; those without a value are left
    out.
    """
    pairs = [(key, one) for key, one in members(value).items()]
    for pair in listed(value):
        if isinstance(pair, list) and len(pair) == 2:
            pairs.append((pair[0], pair[1]))
    tags = []
    for key, one in pairs[:MAX_TAGS]:
        name, text = as_text(key, _SHORT), _tag_text(one)
        if name is not None and text is not None:
            tags.append(clip(f"{name}:{text}", _SHORT))
    return tags


def _tag_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return as_text(value, _SHORT)


def read_environment(event: dict[str, Any]) -> dict[str, Any] | None:
    """Where the application ran: the environment's name, the build, and the standard contexts."""
    contexts = members(event.get("contexts"))
    found = {name: contexts[name] for name in _ENVIRONMENT if contexts.get(name)}
    for name in ("environment", "dist"):
        if text := as_text(event.get(name), _SHORT):
            found[name] = text
    return found or None


def read_custom(event: dict[str, Any]) -> dict[str, Any] | None:
    """What the application added of its own: extra data, and contexts that are no standard ones."""
    contexts = members(event.get("contexts"))
    own = {name: value for name, value in contexts.items() if name not in _STANDARD}
    parts = {"extra": event.get("extra"), "contexts": own, "flags": contexts.get("flags")}
    return {name: value for name, value in parts.items() if value} or None


def read_level(value: Any) -> str | None:
    """How bad it is, in a word; older SDKs send the number of a level of logging."""
    number = integer(value)
    return as_text(value, _SHORT) if number is None else _LEVELS.get(number // 10 * 10)


def read_url(event: dict[str, Any]) -> str | None:
    """The address of the page or the request."""
    return as_text(members(event.get("request")).get("url"), _SHORT)


def read_request(event: dict[str, Any]) -> dict[str, Any] | None:
    """The request being served, and its response; null when there was none."""
    fields = members(event.get("request"))
    environment = members(fields.get("env"))
    url = as_text(fields.get("url"), _SHORT)
    address = as_text(members(event.get("user")).get("ip_address"), _SHORT)
    data = fields.get("data")
    request = {
        "url": url,
        "method": as_text(fields.get("method"), _SHORT),
        "host": _host(url) if fields else None,
        "ip": environment.get("REMOTE_ADDR") or (None if address == _AUTO else address),
        "query": fields.get("query_string"),
        "headers": fields.get("headers"),
        "form": data if isinstance(data, dict) else None,
        "body": None if isinstance(data, dict) else data,
        "cookies": fields.get("cookies"),
        "data": environment,
        "response": members(event.get("contexts")).get("response"),
    }
    shown = {name: plain(value, PICTURE) or None for name, value in request.items()}
    return shown if fields or shown["response"] else None


def _host(url: str | None) -> str | None:
    try:
        return urlsplit(url or "").netloc or None
    except ValueError:
        return None


def read_breadcrumbs(value: Any) -> list[dict[str, Any]] | None:
    """The latest :data:`MAX_BREADCRUMBS` breadcrumbs, oldest first, in one shape; null when the
    SDK sends none at all.
    """
    if value is None:
        return None
    return [_breadcrumb(one) for one in values_of(value)[-MAX_BREADCRUMBS:]]


def _breadcrumb(fields: dict[str, Any]) -> dict[str, Any]:
    timestamp = fields.get("timestamp")
    return {
        "timestamp": iso(read_moment(timestamp)) or as_text(timestamp, _SHORT),
        "level": read_level(fields.get("level")),
        "type": as_text(fields.get("type"), _SHORT),
        "category": as_text(fields.get("category"), _SHORT),
        "message": _without_key(as_text(fields.get("message"), _LONG)),
        "data": _without_key(plain(fields.get("data"), PICTURE)) or None,
        "class_name": None,
        "method": None,
        "line": None,
    }


def _without_key(value: Any) -> Any:
    if isinstance(value, str):
        return _KEY_IN_URL.sub(r"\1[removed]", value)
    if isinstance(value, dict):
        return {key: _without_key(item) for key, item in value.items()}
    return [_without_key(item) for item in value] if isinstance(value, list) else value
