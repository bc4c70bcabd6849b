"""Pools of workers, as they tell of themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from app.api import operator_answers
from app.api.answers import page_of
from app.api.endpoint import Arguments, Desk, Endpoint
from broker.pools import Child, Pool


def list_pools(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    """GET /pools: all that told of themselves within a day, in one page."""
    del arguments
    items = [document(pool) for pool in desk.stores.queues.pools.list()]
    return {"items": operator_answers.Pool(many=True).dump(items), "next_cursor": None}


def document(pool: Pool) -> dict[str, Any]:
    """A pool as the API gives it."""
    report = pool.report
    kept = ("name", "kind", "size", "queues", "release", "pid", "replaced")
    return {
        **{name: getattr(report, name) for name in kept},
        "state": pool.state,
        "age_seconds": round(pool.age_seconds, 1),
        "busy": pool.busy,
        "rss_bytes": pool.rss_bytes,
        "started_at": pool.started_at,
        "told_at": pool.told_at,
        "starts": pool.starts,
        "children": [_child(child) for child in report.children],
    }


def _child(child: Child) -> dict[str, Any]:
    since = None if child.since_ms is None else datetime.fromtimestamp(child.since_ms / 1000, UTC)
    kept = ("pid", "rss_bytes", "task", "queue", "events")
    return {**{name: getattr(child, name) for name in kept}, "since": since}


ENDPOINTS = (
    Endpoint(
        "/pools",
        "list_pools",
        "Pools of workers: their size, memory, and what they have in hand",
        list_pools,
        page_of(operator_answers.Pool),
        needs="read",
    ),
)
