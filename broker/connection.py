"""How a client of the broker is built, and how its errors become a fate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.settings import Secret
from storage.errors import StoreDown


def connect(redis_url: Secret, *, timeout: float) -> redis.Redis[bytes]:
    """A client that connects at its first command and never repeats one on its own.

    A repeated command whose first answer was lost could act twice; who calls decides.
    """
    return redis.Redis.from_url(
        redis_url.reveal(),
        socket_timeout=timeout,
        socket_connect_timeout=min(timeout, 2.0),
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
    )


@contextmanager
def broker_errors() -> Iterator[None]:
    """Translate the client's errors: whatever the broker refuses or leaves open is an outage."""
    try:
        yield
    except redis.RedisError as exc:
        raise StoreDown("broker", f"{type(exc).__name__}: {exc}") from exc
