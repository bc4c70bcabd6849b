"""A worker's children: Celery's prefork pool, which at its end waits for all that it handed out."""

from __future__ import annotations

from typing import Any

from celery.concurrency import asynpool, prefork
from celery.worker import state


class AsynPool(asynpool.AsynPool):
    """Knows what a child was handed until the child is done with it, also when the worker ends."""

    _cache: dict[int, Any]

    def flush(self) -> None:
        """Let go of tasks that no child was handed: with the channel their messages go back.

        Celery also lets go of one that is written to a child which has not yet said that it began,
        and the child works on it all the same. It then waits half a minute for the parent to take
        its result, and the parent for it to end, while the message is worked on again elsewhere.
        After a lost connection that is as well, since nothing can be answered; a worker that ends
        still can, so it keeps the task.
        """
        handed = {key: job for key, job in self._cache.items() if job._write_to is not None}
        super().flush()
        if state.should_stop is not None:
            self._cache.update((key, job) for key, job in handed.items() if not job.ready())


class TaskPool(prefork.TaskPool):
    """Celery's, with these children."""

    Pool = AsynPool
