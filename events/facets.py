"""The few values by which crashes are told apart and counted, however SDKs name them; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from events.report import Crash
from events.text import as_text, clip
from events.user_agent import agent_of, user_agent_in

_VALUE = 100
_MAX_TAGS = 20

#: Names of the surroundings that mean a facet, without case, hyphen, underscore and dot: Raygun's
#: SDKs', Sentry's contexts, OpenTelemetry's resource attributes. Of several the first one counts.
_NAMES = {
    "os": "os",
    "osdescription": "os",
    "osversion": "os",
    "osname": "os",
    "ostype": "os",
    "platform": "os",
    "browser": "browser",
    "device": "device",
    "devicename": "device",
    "devicemodelname": "device",
    "model": "device",
    "runtime": "runtime",
    "processruntimedescription": "runtime",
    "runtimeversion": "runtime",
    "processruntimename": "runtime",
    "frameworkversion": "runtime",
    "architecture": "arch",
    "arch": "arch",
    "hostarch": "arch",
    "locale": "locale",
    "userlanguage": "locale",
    "language": "locale",
}
_RANKS = {name: rank for rank, name in enumerate(_NAMES)}
#: Of a value that is an object: what names it, then its version.
_OBJECT = ("name", "model", "version")
_PLAIN = re.compile(r"[-_. ]")


def facets_of(crash: Crash) -> dict[str, Any]:
    """The facets of a crash: ``version``, ``tag``, ``machine``, ``sdk``, and what its surroundings
    tell of ``os``, ``browser``, ``device``, ``runtime``, ``arch`` and ``locale``. Absent ones have
    no key. What a browser says of itself goes before what pages can ask it for.
    """
    facets = _of_surroundings(crash.environment) if isinstance(crash.environment, dict) else {}
    if crash.user_agent:
        facets.update(_of_agent(crash.user_agent))
    if crash.client_name:
        facets["sdk"] = clip(f"{crash.client_name} {crash.client_version or ''}".rstrip(), _VALUE)
    if crash.version:
        facets["version"] = clip(crash.version, _VALUE)
    if crash.machine:
        facets["machine"] = clip(crash.machine, _VALUE)
    if crash.tags:
        facets["tag"] = [clip(tag, _VALUE) for tag in crash.tags[:_MAX_TAGS]]
    return facets


def facets_of_picture(picture: Mapping[str, Any]) -> dict[str, str]:
    """What the surroundings in the full picture of a crash tell, as :func:`facets_of`."""
    environment, request = picture.get("environment"), picture.get("request")
    found = _of_surroundings(environment) if isinstance(environment, dict) else {}
    headers = request.get("headers") if isinstance(request, dict) else None
    found.update(_of_agent(user_agent_in(headers) or ""))
    return found


def _of_agent(text: str) -> dict[str, str]:
    agent = agent_of(text)
    found = {}
    if agent.browser:
        found["browser"] = f"{agent.browser} {agent.browser_version}"
    if agent.os:
        found["os"] = agent.os
    return found


def _of_surroundings(environment: dict[Any, Any]) -> dict[str, Any]:
    facets: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    for key, value in environment.items():
        name = _plain_name(key) if type(key) is str else None
        if name is None:
            continue
        facet, rank = _NAMES[name], _RANKS[name]
        if rank < ranks.get(facet, rank + 1) and (text := _value(value)):
            facets[facet], ranks[facet] = text, rank
    return facets


@lru_cache(maxsize=1024)
def _plain_name(key: str) -> str | None:
    """The name of :data:`_NAMES` that a key means; null for all others."""
    plain = _PLAIN.sub("", key[:_VALUE]).lower()
    return plain if plain in _NAMES else None


def _value(value: Any) -> str | None:
    if type(value) is dict:
        value = " ".join(filter(None, (as_text(value.get(part), _VALUE) for part in _OBJECT)))
    return as_text(value, _VALUE)
