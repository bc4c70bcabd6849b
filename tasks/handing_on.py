"""Publishing the next hop of a chain, such that a broker that refuses it is an outage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from celery import Celery, Task, signature
from kombu.exceptions import OperationalError

from storage.errors import StoreDown


@contextmanager
def publishing() -> Iterator[None]:
    """Translate what a publish may raise into :class:`StoreDown`."""
    try:
        yield
    except (OperationalError, redis.RedisError) as exc:
        raise StoreDown("broker", f"{type(exc).__name__}: {exc}") from exc


def hand_on_rest(app: Celery, task: Task[Any, Any]) -> None:
    """Publish the rest of the running task's chain now, before its message is answered.

    Celery would do it after the task returned, and count a publish that fails as a failure of the
    task: the message would be parked although all that is wrong is the broker. A kill after this
    and before the answer repeats the stage and the hop; ids make that harmless. Raises
    :class:`StoreDown`.
    """
    request: Any = task.request
    rest, request.chain = request.chain, None
    if rest:
        with publishing():
            following: Any = signature(rest[-1], app=app)
            following.apply_async(chain=rest[:-1], root_id=request.root_id, parent_id=request.id)
