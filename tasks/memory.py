"""How a worker's processes use memory: what is shared, when it is collected, when it is given back.

``docs/memory.md`` tells what each choice saves, and how to measure it again.
"""

from __future__ import annotations

import gc

from celery import Celery

COLLECT_AFTER = 50_000
"""Containers made before the youngest generation is looked through. A pack of 2,000 events makes
some 150,000, all of which live until it is stored: at Python's 700 they are looked through 200
times for nothing, 8 % of a stage's time."""
OLDER_AFTER = 20
OLDEST_AFTER = 100


def freeze_shared() -> None:
    """Keep the collector off what parent and child share, so that its pages stay shared."""
    gc.collect()
    gc.freeze()


def settle_child() -> None:
    """Let a child collect as seldom as its work makes garbage."""
    gc.set_threshold(COLLECT_AFTER, OLDER_AFTER, OLDEST_AFTER)


def recycle_beyond(app: Celery, megabytes: int) -> None:
    """Replace a child whose resident memory was ever above so much, after the task in hand.

    By size and not by number of tasks: a process that stays small is never started anew. 0 never
    replaces.
    """
    app.conf.worker_max_memory_per_child = megabytes * 1024 or None
