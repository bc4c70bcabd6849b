"""Who sends: the release, the machine and the SDK, where each kind of item has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from events.fields import members
from events.telemetry import Attributes, Origin
from events.text import as_text

_SHORT = 1_000

#: Attributes of spans, logs and metrics that tell of who sends: the same for all of a container.
_VERSION, _ENVIRONMENT = "sentry.release", "sentry.environment"
_SDK_NAME, _SDK_VERSION = "sentry.sdk.name", "sentry.sdk.version"
_HOST = ("server.address", "sentry.server.address")
_SERVICE = "service.name"
_OF_ORIGIN = frozenset({_VERSION, _ENVIRONMENT, _SDK_NAME, _SDK_VERSION, _SERVICE, *_HOST})


def read_origin(fields: dict[str, Any], sdk: Any = None) -> Origin:
    """Who sends an item that is an object, as events and all that are like them tell it."""
    told = members(sdk or fields.get("sdk"))
    release = as_text(fields.get("release"), _SHORT)
    return Origin(
        service=service_of(release),
        version=release,
        environment=as_text(fields.get("environment"), _SHORT),
        host=as_text(fields.get("server_name"), _SHORT),
        client_name=as_text(told.get("name"), _SHORT),
        client_version=as_text(told.get("version"), _SHORT),
    )


def origin_in(all_attributes: Iterable[Attributes]) -> Origin:
    """Who sends a container, by the first item that tells."""
    told: dict[str, str] = {}
    for attributes in all_attributes:
        for name in _OF_ORIGIN:
            if name not in told and (text := as_text(attributes.get(name), _SHORT)):
                told[name] = text
    version = told.get(_VERSION)
    return Origin(
        service=told.get(_SERVICE) or service_of(version),
        version=version,
        environment=told.get(_ENVIRONMENT),
        host=next((told[name] for name in _HOST if name in told), None),
        client_name=told.get(_SDK_NAME),
        client_version=told.get(_SDK_VERSION),
    )


def own(attributes: Attributes) -> dict[str, Any]:
    """What an item's attributes tell of itself, and not of who sends."""
    return {name: value for name, value in attributes.items() if name not in _OF_ORIGIN}


def service_of(release: str | None) -> str | None:
    """The application that a release such as ``shop@4.2.0`` is one of."""
    name, found, _ = (release or "").rpartition("@")
    return name if found and name else None
