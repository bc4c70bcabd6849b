"""One connection to PostgreSQL whose every wait has an end.

libpq waits for ever on a server that is stopped but whose kernel still answers, and does not
let Python handle signals meanwhile. So waiting is done here, through psycopg2's wait callback:
a statement unanswered for ``patience`` seconds closes the connection and raises.
"""

from __future__ import annotations

import contextlib
import math
import select
import time
from collections.abc import Mapping
from typing import Any

import psycopg2
from psycopg2 import extensions, extras

from config.settings import Secret
from storage.questions import asking

CONNECT_SECONDS = 3.0
#: How much longer than the server's own statement_timeout the client waits for its verdict.
GRACE_SECONDS = 2.0
_IDLE_TRANSACTION_SECONDS = 60

_DEFAULTS = {
    "application_name": "sluice",
    "client_encoding": "UTF8",
    "connect_timeout": "3",
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
#: Parameters that libpq lets be lists, one entry a host.
_LISTS = ("host", "hostaddr", "port")
_EVENTS = {extensions.POLL_READ: select.POLLIN, extensions.POLL_WRITE: select.POLLOUT}


class Connection(extensions.connection):
    """A connection with ``patience``: the seconds for which its next statement is waited for."""

    patience: float = CONNECT_SECONDS


class Cursor(extensions.cursor):
    """A cursor to which a string PostgreSQL cannot hold is a data error, not a ``ValueError``."""

    def execute(self, query: Any, variables: Any = None) -> None:
        try:
            with asking("sql"):
                super().execute(query, variables)
        except ValueError as exc:  # NUL, or a lone surrogate, in a parameter
            raise psycopg2.DataError(str(exc)) from exc


def parameters(dsn: Secret) -> dict[str, str]:
    """libpq's parameters of a DSN (a URI or key=value pairs), over our defaults.

    Raises ``ValueError``, without the DSN in it, when it is neither.
    """
    try:
        given = extensions.parse_dsn(dsn.reveal())
    except psycopg2.ProgrammingError:
        raise ValueError(
            "the PostgreSQL DSN is neither a postgresql:// URI nor key=value"
        ) from None
    return {**_DEFAULTS, **given}


def connect(dsn: Secret, timeout: float) -> Connection:
    """A fresh connection in UTC with ``timeout`` seconds a statement.

    The hosts of a DSN with several are tried in order, three seconds each: libpq's own
    connect_timeout does not work under a wait callback. Raises the last one's ``psycopg2.Error``.
    """
    extensions.set_wait_callback(_wait)
    *others, last = single_hosts(parameters(dsn))
    for target in others:
        with contextlib.suppress(psycopg2.OperationalError):  # the last one's is raised
            return _connect(target, timeout)
    return _connect(last, timeout)


def single_hosts(parameters: Mapping[str, str]) -> list[dict[str, str]]:
    """Parameters for each host of a list such as ``host=a,b port=1,2``; one port may serve all."""
    lists = {key: parameters[key].split(",") for key in _LISTS if key in parameters}
    length = max((len(values) for values in lists.values()), default=1)
    return [
        {**parameters, **{key: values[min(n, len(values) - 1)] for key, values in lists.items()}}
        for n in range(length)
    ]


def _connect(target: Mapping[str, str], timeout: float) -> Connection:
    connection: Connection = psycopg2.connect(
        extensions.make_dsn(**target), connection_factory=Connection
    )
    try:
        extras.register_uuid(conn_or_curs=connection)  # type: ignore[no-untyped-call]
        with connection.cursor() as cursor:
            cursor.execute(
                "SET statement_timeout = %s; SET idle_in_transaction_session_timeout = %s;"
                " SET TIME ZONE 'UTC'",
                (int(timeout * 1000), _IDLE_TRANSACTION_SECONDS * 1000),
            )
        connection.commit()
    except BaseException:
        connection.close()
        raise
    connection.patience = timeout + GRACE_SECONDS
    return connection


def is_usable(connection: Connection) -> bool:
    """Whether an idle connection still stands: a server that left has made its socket readable."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)


def _wait(connection: extensions.connection) -> None:
    """Wait for a statement of any psycopg2 connection of this process to progress to its end."""
    patience = getattr(connection, "patience", math.inf)
    deadline = time.monotonic() + patience
    while (state := connection.poll()) != extensions.POLL_OK:
        left = deadline - time.monotonic()
        if left <= 0:
            raise psycopg2.OperationalError(f"no answer from PostgreSQL within {patience:.0f} s")
        poll = select.poll()
        poll.register(connection.fileno(), _EVENTS[state])
        poll.poll(None if math.isinf(left) else math.ceil(left * 1000))
