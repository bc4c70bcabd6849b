"""Settings as they are in effect, told without secrets."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from config.settings import PREFIX, Secret, SecretList, Settings

_SET, _UNSET = "(set)", "(not set)"


@dataclass(frozen=True, slots=True)
class EffectiveSetting:
    """``value`` is text; of a secret only whether it is set."""

    name: str
    value: str
    is_default: bool
    doc: str


def effective_settings(settings: Settings) -> tuple[EffectiveSetting, ...]:
    """Every setting, in the order of the reference."""
    return tuple(
        EffectiveSetting(
            PREFIX + item.name.upper(),
            _told(getattr(settings, item.name)),
            getattr(settings, item.name) == item.default,
            item.metadata["doc"],
        )
        for item in fields(settings)
    )


def _told(value: Any) -> str:
    if isinstance(value, Secret | SecretList):
        return _SET if value else _UNSET
    text = str(value)
    return _without_password(text) if "://" in text else text


def _without_password(url: str) -> str:
    """A URL whose password, if it has one against all advice, is left out."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{parts.username}:…@{host}").geturl()
