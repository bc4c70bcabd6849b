"""Who sends spans and metrics: as rows, documents and pictures have it; and when it was. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

from events.crash import client_of, indexed_client, indexed_user, user_of
from events.moment import iso
from events.plain import PICTURE, plain
from events.record import Column
from events.report import User
from events.telemetry import Attributes, Origin
from events.text import clip

COLUMNS = (
    Column("service", "text"),
    Column("environment", "text"),
    Column("version", "text"),
)

_NAME = 200
_ATTRIBUTES = 40
_VALUE = 256
_MINUTE_NS = 60_000_000_000
#: How far a client's clock may be off before something is counted in the minute of its arrival.
PAST_MINUTES = 7 * 24 * 60
AHEAD_MINUTES = 60


def origin_row(origin: Origin) -> tuple[str | None, str | None, str | None]:
    """The values of :data:`COLUMNS`."""
    return _cut(origin.service), _cut(origin.environment), _cut(origin.version)


def origin_document(origin: Origin, user: User) -> dict[str, Any]:
    """What search knows of who sends."""
    service, environment, version = origin_row(origin)
    return {
        "service": service,
        "environment": environment,
        "version": version,
        "host": _cut(origin.host),
        "client": indexed_client(origin.client_name, origin.client_version),
        "user": indexed_user(user),
        "tags": [clip(tag, _NAME) for tag in origin.tags],
        "resource": indexed_attributes(origin.attributes),
    }


def origin_picture(origin: Origin, user: User, occurred_at: datetime | None) -> dict[str, Any]:
    """The parts of a full picture that every event has; what only crashes have is null."""
    nothing = ("error", "request", "custom", "breadcrumbs")
    return {
        **dict.fromkeys(nothing),
        "occurred_at": iso(occurred_at),
        "client": client_of(origin.client_name, origin.client_version),
        "version": origin.version,
        "environment": plain(dict(origin.attributes), PICTURE) or None,
        "user": user_of(user),
        "tags": list(origin.tags),
    }


def origin_shown(origin: Origin) -> dict[str, Any]:
    """The parts of a full picture that only these types have."""
    return {
        "service": origin.service,
        "environment": origin.environment,
        "host": origin.host,
    }


def minute_of(at_ns: int | None, received: int) -> int:
    """The minute in which something is counted: by the client's clock, unless that is far off.
    ``received`` is that of its arrival; both are whole minutes since 1970.
    """
    if at_ns is None:
        return received
    minute = at_ns // _MINUTE_NS
    near = received - PAST_MINUTES <= minute <= received + AHEAD_MINUTES
    return minute if near else received


def indexed_attributes(attributes: Attributes) -> dict[str, str] | None:
    """Attributes as text, as many and as long as is worth a search; no name is empty."""
    return dict(_indexed(attributes)) or None


def attribute_terms(attributes: Attributes) -> list[str]:
    """The same as ``name=value``, for where very many are searched."""
    return [f"{name}={value}" for name, value in _indexed(attributes)]


def _indexed(attributes: Attributes) -> Iterator[tuple[str, str]]:
    left = _ATTRIBUTES
    for name, value in attributes.items():
        if left <= 0:
            return
        if value is not None and (key := _attribute_name(name)):
            left -= 1
            yield key, _attribute_text(value)


@lru_cache(maxsize=4096)
def _attribute_name(name: str) -> str:
    return clip(name, _NAME).strip(". \t\r\n")


def _attribute_text(value: Any) -> str:
    if type(value) is str:
        return clip(value, _VALUE)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping | list | tuple):
        return clip(orjson.dumps(plain(value, PICTURE)).decode(), _VALUE)
    return clip(str(value), _VALUE)


def _cut(text: str | None) -> str | None:
    return text and clip(text, _NAME)
