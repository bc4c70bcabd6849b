"""pools: the pools of workers, as they tell of themselves."""

from __future__ import annotations

import time
from typing import Any

import click

from broker.pools import Child, Pool, Pools
from ops.commands.context import current_settings
from ops.commands.output import json_option, print_json, print_table, told

_MEBIBYTE = 1 << 20


@click.command()
@json_option
@told
def pools(as_json: bool) -> None:
    """Pools of workers: busy of size, memory, what each has in hand, and when it last told.

    One that was killed stays listed for a day as missing.
    """
    settings = current_settings()
    found = Pools(settings.redis_url, timeout=settings.broker_timeout_seconds).list()
    if as_json:
        print_json({"items": [document(pool) for pool in found]})
        return
    columns = ("pool", "state", "told", "busy", "rss", "replaced", "starts", "release", "in hand")
    print_table(columns, (_row(pool) for pool in found))


def document(pool: Pool) -> dict[str, Any]:
    """A pool as the API gives it."""
    report = pool.report
    names = ("name", "kind", "size", "queues", "release", "pid", "replaced", "children")
    return {
        **{name: getattr(report, name) for name in names},
        "state": pool.state,
        "age_seconds": round(pool.age_seconds, 1),
        "busy": pool.busy,
        "rss_bytes": pool.rss_bytes,
        "started_at": pool.started_at,
        "told_at": pool.told_at,
        "starts": pool.starts,
    }


def _row(pool: Pool) -> tuple[object, ...]:
    report, size = pool.report, pool.rss_bytes
    return (
        *(report.name, pool.state, f"{pool.age_seconds:.0f} s ago"),
        f"{pool.busy} of {report.size}",
        "unknown" if size is None else f"{size / _MEBIBYTE:.0f} MiB",
        *(report.replaced, pool.starts, report.release),
        "; ".join(_in_hand(child) for child in report.children if child.task),
    )


def _in_hand(child: Child) -> str:
    seconds = "" if child.since_ms is None else f" for {time.time() - child.since_ms / 1000:.0f} s"
    return f"{child.queue}: {child.events} events{seconds}"
