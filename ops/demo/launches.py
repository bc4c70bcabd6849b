"""How sessions of the shop's app ended, as Sentry's SDK counts them for release health."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random

import orjson

from ops.demo.people import Person

#: Sessions that one item tells of.
AN_ITEM = 30
#: Of a release's sessions, those that crashed, and those with an error that the app lived through.
_CRASHED = {"1.18.0": 0.006, "1.19.0": 0.021}
_ERRORED = 0.03
_WITHIN_MS = 600_000


def sessions_body(
    rng: Random, at_ms: int, least_ms: int, release: str, people: Sequence[Person]
) -> bytes:
    """An item ``sessions``: one of each of these people, begun within ten minutes before a moment,
    none before the least.
    """
    counted = []
    for who in people:
        began = max(least_ms, at_ms - rng.randint(0, _WITHIN_MS))
        moment = datetime.fromtimestamp(began // 60_000 * 60, UTC)
        counted.append(
            {"started": moment.isoformat(), "did": who.identifier, _end(rng, release): 1}
        )
    attributes = {"release": release, "environment": "production"}
    return orjson.dumps({"aggregates": counted, "attrs": attributes})


def _end(rng: Random, release: str) -> str:
    chance, crashed = rng.random(), _CRASHED.get(release, 0.01)
    if chance < crashed:
        return "crashed"
    return "errored" if chance < crashed + _ERRORED else "exited"
