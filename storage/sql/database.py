"""A small pool of connections, safe for threads and for fork, and transactions on it."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2

from config.settings import Secret
from storage.errors import StoreDown
from storage.sql.connection import GRACE_SECONDS, Connection, Cursor, connect, is_usable
from storage.sql.faults import STORE, fate, told

CHECK_SECONDS = 2.0


class _Pool:
    """Connections of one process: at most ``limit``, of which the idle ones are kept."""

    def __init__(self, limit: int) -> None:
        self.pid = os.getpid()
        self.slots = threading.BoundedSemaphore(limit)
        self.idle: deque[Connection] = deque()
        self.open = True


class Database:
    """PostgreSQL as the stores use it. Connects when first used, anew after a fork or an outage.

    ``timeout`` is the seconds a statement may take, and a caller may wait for a free connection.
    """

    def __init__(self, dsn: Secret, *, max_connections: int = 4, timeout: float = 10.0) -> None:
        self._dsn = dsn
        self._limit = max_connections
        self._timeout = timeout
        self._pool = _Pool(max_connections)

    @contextmanager
    def transaction(self, *, patience: float | None = None) -> Iterator[Cursor]:
        """A cursor in a transaction of its own: committed at the end, rolled back on any error.

        ``patience`` bounds each statement's wait in seconds, instead of the time-out plus grace.
        Raises :class:`StoreDown` on outages and :class:`Rejected` on data PostgreSQL refuses.
        An outage at the commit leaves it unknown whether it happened.
        """
        pool = self._current_pool()
        connection = self._take(pool)
        try:
            connection.patience = patience or self._timeout + GRACE_SECONDS
            with connection.cursor(cursor_factory=Cursor) as cursor:
                yield cursor
            connection.commit()
        except psycopg2.Error as exc:
            if meaning := fate(exc, closed=bool(connection.closed)):
                raise meaning from exc
            raise
        finally:
            self._give_back(pool, connection)

    def check(self) -> None:
        """Ask the server for a sign of life; raises :class:`StoreDown` after two seconds."""
        with self.transaction(patience=CHECK_SECONDS) as cursor:
            cursor.execute("SELECT 1")

    def close(self) -> None:
        """Close idle connections, and those in use once they come back."""
        pool = self._current_pool()
        pool.open = False
        self._pool = _Pool(self._limit)
        while pool.idle:
            pool.idle.pop().close()

    def _current_pool(self) -> _Pool:
        """This process's pool. A child leaves its parent's connections alone: psycopg2 does not
        close what another process opened.
        """
        if self._pool.pid != os.getpid():
            self._pool = _Pool(self._limit)
        return self._pool

    def _take(self, pool: _Pool) -> Connection:
        if not pool.slots.acquire(timeout=self._timeout):
            raise StoreDown(STORE, f"no free connection within {self._timeout:g} s")
        try:
            while pool.idle:
                connection = pool.idle.pop()
                if is_usable(connection):
                    return connection
                connection.close()
            return connect(self._dsn, self._timeout)
        except psycopg2.Error as exc:
            pool.slots.release()
            raise StoreDown(STORE, told(exc)) from exc
        except BaseException:
            pool.slots.release()
            raise

    @staticmethod
    def _give_back(pool: _Pool, connection: Connection) -> None:
        """Keep a connection for the next caller, unless it is lost or cannot be rolled back."""
        try:
            if not connection.closed:
                connection.rollback()  # a no-op after a commit
        except psycopg2.Error:
            connection.close()
        if connection.closed or not pool.open:
            connection.close()
        else:
            pool.idle.append(connection)
        pool.slots.release()
