"""The operators' light: what is wrong is said, and what cannot be told is never taken for well."""

from __future__ import annotations

from typing import Any

import pytest

from app.dashboard.light import MOST_LETTERS, light_of


def health(
    status: str = "ready", *, down: str = "", stalled: tuple[str, ...] = ()
) -> dict[str, Any]:
    stores = ("broker", "sql", "files", "search")
    return {
        "status": status,
        "stalled": list(stalled),
        "dependencies": {name: {"ok": name != down} for name in stores},
    }


@pytest.mark.parametrize(
    ("read", "tone", "said"),
    [
        ((health(), 0, []), "ok", ""),
        ((health(), 1, []), "warn", "1 dead letter open"),
        ((health(), MOST_LETTERS, []), "warn", "1,000 or more dead letters open"),
        ((health(), 0, ["crash.sql", "rum.sql"]), "warn", "paused: crash.sql, rum.sql"),
        ((health(), None, []), "warn", "is unknown"),
        ((health(), 0, None), "warn", "is unknown"),
        ((health("degraded", down="search"), 0, []), "warn", "Elasticsearch does not answer"),
        ((health("stalled", stalled=("rum",)), 0, []), "bad", "rum events do not get through"),
        ((health("unavailable", down="broker"), 0, None), "bad", "the broker does not answer"),
    ],
)
def test_the_light(read: tuple[Any, Any, Any], tone: str, said: str) -> None:
    light = light_of(*read)
    assert light.tone == tone
    assert said in "; ".join(light.why)
    assert bool(light.why) == (tone != "ok")
