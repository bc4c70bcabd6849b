"""Visits of a shop, stored as the workers store them, and at once to be found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.contract import rum_samples as real
from tests.integration.api_world import World

START = datetime.now(UTC) - timedelta(hours=2)


def visit(
    world: World, bodies: Sequence[dict[str, Any]], seconds: float = 10, project: str = "shop"
) -> None:
    """Store what SDKs sent, one every so many seconds from :data:`START` on."""
    number = world.numbers[project]
    world.store(
        [
            real.event(body, START + timedelta(seconds=seconds * index), number)
            for index, body in enumerate(bodies)
        ]
    )
    refresh(world)


def crashed(world: World, path: str, seconds: float, project: str = "shop") -> None:
    """Store a crash of Ann's on a page, so many seconds after :data:`START`."""
    at = START + timedelta(seconds=seconds)
    world.store([real.crash(path, at=at, project_id=world.numbers[project])])
    refresh(world)


def refresh(world: World) -> None:
    """Have search find what it was told of."""
    world.stores.search._client.indices.refresh(index="*")
