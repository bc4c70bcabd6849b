"""Attributes as plain values, and what a resource's attributes say of who sends.

Names are those of OpenTelemetry's semantic conventions, present and former.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from events.moment import read_moment
from events.report import User
from events.telemetry import Attributes, Origin
from events.text import as_text

_SHORT = 1_000
_MAX_DEPTH = 20
_PLAIN = frozenset({"string_value", "int_value", "double_value", "bool_value"})

_VERSION = ("service.version",)
_ENVIRONMENT = ("deployment.environment.name", "deployment.environment")
_HOST = ("host.name", "service.instance.id", "k8s.pod.name", "container.id")
_USER_ID = ("user.id", "enduser.id")
_USER_NAME = ("user.full_name", "user.name")
#: A service that was given no name is called this by the SDKs, with the program after a colon.
_UNNAMED = "unknown_service"


def value_of(any_value: Any, depth: int = 0) -> Any:
    """An ``AnyValue`` as text, number, boolean, list, object, or hexadecimal text for bytes."""
    kind = any_value.WhichOneof("value")
    if kind is None:
        return None
    value = getattr(any_value, kind)
    return value if kind in _PLAIN else _compound(kind, value, depth + 1)


def _compound(kind: str, value: Any, depth: int) -> Any:
    if kind == "bytes_value":
        return value.hex()
    if depth > _MAX_DEPTH or kind not in ("array_value", "kvlist_value"):
        return None
    if kind == "array_value":
        return [value_of(item, depth) for item in value.values]
    return {pair.key: value_of(pair.value, depth) for pair in value.values}


def attributes_of(pairs: Iterable[Any]) -> dict[str, Any]:
    """Attributes by name; of a name that is there twice the last counts."""
    return {pair.key: value_of(pair.value) for pair in pairs}


def origin_of(resource: Attributes, *, client: str | None = None) -> Origin:
    """Who sends, by the attributes of its resource."""
    service = first_text(resource, ("service.name",))
    if service is not None and service.partition(":")[0] == _UNNAMED:
        service = service.partition(":")[2] or None
    language = as_text(resource.get("telemetry.sdk.language"), _SHORT)
    name = as_text(resource.get("telemetry.sdk.name"), _SHORT) or client
    return Origin(
        service=service,
        version=first_text(resource, _VERSION),
        environment=first_text(resource, _ENVIRONMENT),
        host=first_text(resource, _HOST),
        client_name=f"{name}-{language}" if name and language else name,
        client_version=as_text(resource.get("telemetry.sdk.version"), _SHORT),
        user=user_of(resource),
        attributes=resource,
    )


def user_of(attributes: Attributes) -> User:
    """Whom attributes name as the user."""
    return User(
        identifier=first_text(attributes, _USER_ID),
        email=first_text(attributes, ("user.email",)),
        name=first_text(attributes, _USER_NAME),
    )


def first_text(attributes: Attributes, names: Iterable[str]) -> str | None:
    """The first of these attributes that is there, as text."""
    texts = (as_text(attributes.get(name), _SHORT) for name in names if name in attributes)
    return next((text for text in texts if text is not None), None)


def moment_of(nanoseconds: int | None) -> Any:
    """Nanoseconds since 1970 as a time in UTC; null for none, and for what no calendar has."""
    return read_moment(nanoseconds / 1e9) if nanoseconds else None
