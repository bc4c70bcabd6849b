"""Who a browser says that it is; pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from events.text import as_text

_NAME = "user-agent"
_AGENT = 1_000

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
_TABLETS = ("ipad", "tablet", "kindle", "silk/")
_PHONES = ("mobi", "iphone", "ipod")


class Agent(NamedTuple):
    """What a ``User-Agent`` tells; null where it does not. ``os`` has its version; ``device`` is
    phone, tablet or desktop.
    """

    browser: str | None = None
    browser_version: str | None = None
    os: str | None = None
    device: str | None = None


def user_agent_in(headers: Any) -> str | None:
    """The header ``User-Agent`` of a request, whose headers are an object or a list of pairs."""
    if type(headers) is dict:
        found = headers.get("User-Agent") or headers.get(_NAME)
        if found is None:
            names = (name for name in headers if type(name) is str and name.lower() == _NAME)
            found = headers.get(next(names, _NAME))
        return as_text(found, _AGENT)
    for pair in headers if type(headers) is list else ():
        if type(pair) is list and len(pair) == 2 and str(pair[0]).lower() == _NAME:
            return as_text(pair[1], _AGENT)
    return None


@lru_cache(maxsize=2048)
def agent_of(text: str) -> Agent:
    """The browser, system and device that a ``User-Agent`` names."""
    text = text[:_AGENT]
    browser, version = _first(_BROWSERS, text)
    system, release = _first(_SYSTEMS, text)
    if browser is None and system is None:
        return Agent()
    os = f"{system} {(release or '').replace('_', '.')}".rstrip() if system else None
    return Agent(browser, version, os, _device(text.lower()))


def _first(
    known: tuple[tuple[str, re.Pattern[str]], ...], text: str
) -> tuple[str | None, str | None]:
    for name, pattern in known:
        if found := pattern.search(text):
            return name, found[1]
    return None, None


def _device(text: str) -> str:
    """By the words that every browser maker uses; an Android without ``Mobile`` is a tablet."""
    if any(word in text for word in _TABLETS) or ("android" in text and "mobi" not in text):
        return "tablet"
    return "phone" if any(word in text for word in _PHONES) else "desktop"
