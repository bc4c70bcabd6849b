"""When a worker's process gives its memory back.

``docs/memory.md`` tells what each choice saves, and how to measure it again.
"""

from __future__ import annotations

from celery import Celery


def recycle_beyond(app: Celery, megabytes: int) -> None:
    """Replace a child whose resident memory was ever above so much, after the task in hand.

    By size and not by number of tasks: a process that stays small is never started anew. 0 never
    replaces.
    """
    app.conf.worker_max_memory_per_child = megabytes * 1024 or None
