"""The few values by which crashes are told apart and counted, however SDKs name them; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from events.report import Crash
from events.text import as_text, clip

_VALUE = 100
_AGENT = 1_000
_MAX_TAGS = 20

#: Names of the surroundings that mean a facet, without case, hyphen and underscore: of several the
#: first one here counts.
_NAMES = {
    "os": "os",
    "osversion": "os",
    "platform": "os",
    "browser": "browser",
    "device": "device",
    "devicename": "device",
    "model": "device",
    "runtime": "runtime",
    "runtimeversion": "runtime",
    "frameworkversion": "runtime",
    "architecture": "arch",
    "arch": "arch",
    "locale": "locale",
    "userlanguage": "locale",
    "language": "locale",
}
_RANKS = {name: rank for rank, name in enumerate(_NAMES)}
#: Of a value that is an object: what names it, then its version.
_OBJECT = ("name", "model", "version")
_PLAIN = re.compile(r"[-_ ]")

# A browser names those that it is compatible with too: who it is comes first in this order.
_BROWSERS = (
    ("Edge", re.compile(r"\bEdg(?:e|A|iOS)?/(\d+)")),
    ("Opera", re.compile(r"\b(?:OPR|Opera)/(\d+)")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/(\d+)")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/(\d+)")),
    ("Chrome", re.compile(r"\b(?:Chrome|CriOS|HeadlessChrome)/(\d+)")),
    ("Safari", re.compile(r"\bVersion/(\d+)[.\d]* (?:Mobile/\S+ )?Safari/")),
    ("Internet Explorer", re.compile(r"\b(?:MSIE |Trident/.*rv:)(\d+)")),
)
_SYSTEMS = (
    ("Windows", re.compile(r"\bWindows NT (\d+)")),
    ("Android", re.compile(r"\bAndroid (\d+)")),
    ("iOS", re.compile(r"\b(?:iPhone|CPU) OS (\d+)")),
    ("macOS", re.compile(r"\bMac OS X (\d+[._]\d+)")),
    ("ChromeOS", re.compile(r"\bCrOS \S+ (\d+)")),
    ("Linux", re.compile(r"\bLinux()\b")),
)


def facets_of(crash: Crash) -> dict[str, Any]:
    """The facets of a crash: ``version``, ``tag``, ``machine``, ``sdk``, and what its surroundings
    tell of ``os``, ``browser``, ``device``, ``runtime``, ``arch`` and ``locale``. Absent ones have
    no key. What a browser says of itself goes before what pages can ask it for.
    """
    facets = _of_surroundings(crash.environment) if isinstance(crash.environment, dict) else {}
    if crash.user_agent:
        facets.update(read_user_agent(crash.user_agent))
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
    if isinstance(headers, dict):
        agents = (value for name, value in headers.items() if name.lower() == "user-agent")
        found.update(read_user_agent(as_text(next(agents, None), _AGENT) or ""))
    return found


@lru_cache(maxsize=1024)
def read_user_agent(text: str) -> tuple[tuple[str, str], ...]:
    """Browser and operating system that a ``User-Agent`` names, as pairs of facet and value."""
    text = text[:_AGENT]
    facets = (("browser", _first(_BROWSERS, text)), ("os", _first(_SYSTEMS, text)))
    return tuple((facet, value) for facet, value in facets if value)


def _first(known: tuple[tuple[str, re.Pattern[str]], ...], text: str) -> str | None:
    for name, pattern in known:
        if found := pattern.search(text):
            return f"{name} {found[1].replace('_', '.')}".rstrip()
    return None


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
