"""How the installation is, in one word and what is wrong with it: the operators' light."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from app.api.endpoint import Desk
from app.dashboard.charts import Tone
from app.dashboard.gaps import STORES
from storage.errors import StoreDown

T = TypeVar("T")

MOST_LETTERS = 1000
_TONES: dict[str, Tone] = {"ready": "ok", "degraded": "warn"}


@dataclass(frozen=True, slots=True)
class Light:
    """``word`` is as ``/health/ready`` has it; ``why`` is what is wrong, in sentences."""

    tone: Tone
    word: str
    why: tuple[str, ...]


def read_light(desk: Desk) -> Light:
    """The light, not older than some seconds. What cannot be told is said, never taken for well."""
    health = desk.memory.read("health", lambda: desk.health.read()[1]).value
    letters = _known(desk, "open letters", lambda: desk.stores.attention.open_letters(MOST_LETTERS))
    paused = _known(desk, "paused queues", lambda: _paused(desk))
    return light_of(health, letters, paused)


def light_of(health: dict[str, Any], letters: int | None, paused: list[str] | None) -> Light:
    """The light of what was read; nulls where nobody could tell. Pure."""
    why = [
        f"{STORES[name]} does not answer"
        for name, one in health["dependencies"].items()
        if not one["ok"]
    ]
    why += [f"{name} events do not get through" for name in health["stalled"]]
    if paused is None:
        why.append("whether queues are paused is unknown")
    elif paused:
        why.append(f"paused: {', '.join(paused)}")
    if letters is None:
        why.append("how many dead letters are open is unknown")
    elif letters:
        more = "or more " if letters >= MOST_LETTERS else ""
        why.append(f"{letters:,} {more}dead letter{'s' if letters != 1 else ''} open")
    tone = _TONES.get(health["status"], "bad")
    return Light("warn" if tone == "ok" and why else tone, health["status"], tuple(why))


def _known(desk: Desk, name: str, read: Callable[[], T]) -> T | None:
    try:
        known = desk.memory.read(name, read)
    except StoreDown:
        return None
    return None if known.away else known.value


def _paused(desk: Desk) -> list[str]:
    return [queue.queue for queue in desk.stores.broker.queues() if queue.paused]
