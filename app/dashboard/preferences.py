"""How a reader wants pages to look: kept in a cookie, so that the first byte is right already."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal
from urllib.parse import parse_qsl, urlencode

from app.dashboard.moments import UTC_NAME, zone_of

COOKIE = "sluice_view"
COOKIE_SECONDS = 365 * 24 * 3600
_MOST_CHARS = 500

Theme = Literal["system", "light", "dark"]
Density = Literal["roomy", "dense"]
Keys = Literal["on", "off"]

CHOICES: dict[str, tuple[str, ...]] = {
    "theme": ("system", "light", "dark"),
    "density": ("roomy", "dense"),
    "keys": ("on", "off"),
}


@dataclass(frozen=True, slots=True)
class Preferences:
    """``zone`` is an IANA name. ``keys`` are the single-key shortcuts."""

    theme: Theme = "system"
    density: Density = "roomy"
    zone: str = UTC_NAME
    keys: Keys = "on"

    def cookie(self) -> str:
        """The value that :func:`parse_preferences` reads."""
        return urlencode({item.name: getattr(self, item.name) for item in fields(self)})


def is_choice(name: str, value: str) -> bool:
    """Whether ``value`` can be what a reader prefers of ``name``."""
    if name == "zone":
        return zone_of(value) is not None
    return value in CHOICES.get(name, ())


def parse_preferences(cookie: str | None) -> Preferences:
    """The preferences of a cookie; what is missing or makes no sense is the default."""
    pairs = parse_qsl((cookie or "")[:_MOST_CHARS], errors="replace")
    return Preferences(**{name: value for name, value in pairs if is_choice(name, value)})  # type: ignore[arg-type]
