"""How often somebody tried to sign in lately, by account and by address.

A try is counted before it is made, so that many at once cannot slip through. The table is bounded:
a row is made by a try, which costs a password's hash of CPU, and goes when its time is over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from events.ids import Clock, now_ms, time_of
from storage.sql.connection import Cursor
from storage.sql.database import Database

WINDOW = timedelta(minutes=15)
_CLEARED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Tries:
    """Tries of a bucket within its window, this one with them, and when the window is over."""

    tries: int
    seconds_left: float


class SignInTries:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database, clock: Clock = now_ms) -> None:
        self._database = database
        self._clock = clock

    def count(self, buckets: Iterable[bytes]) -> dict[bytes, Tries]:
        """Count a try in each bucket."""
        now = time_of(self._clock())
        with self._database.transaction() as cursor:
            # In one order, so that no two wait for each other.
            counted = {bucket: _count(cursor, bucket, now) for bucket in sorted(buckets)}
            cursor.execute(
                "DELETE FROM sign_in_tries WHERE bucket IN (SELECT bucket FROM sign_in_tries"
                " WHERE until <= %s LIMIT %s FOR UPDATE SKIP LOCKED)",
                (now, _CLEARED_AT_ONCE),
            )
        return counted

    def take_back(self, bucket: bytes) -> None:
        """Count one try less: it was right."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE sign_in_tries SET tries = tries - 1 WHERE bucket = %s AND tries > 0",
                (bucket,),
            )

    def forget(self, bucket: bytes) -> None:
        """Forget all tries of a bucket."""
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM sign_in_tries WHERE bucket = %s", (bucket,))


def _count(cursor: Cursor, bucket: bytes, now: datetime) -> Tries:
    cursor.execute(
        "INSERT INTO sign_in_tries AS kept (bucket, tries, until) VALUES (%s, 1, %s)"
        " ON CONFLICT (bucket) DO UPDATE SET"
        " tries = CASE WHEN kept.until <= %s THEN 1 ELSE kept.tries + 1 END,"
        " until = CASE WHEN kept.until <= %s THEN excluded.until ELSE kept.until END"
        " RETURNING tries, until",
        (bucket, now + WINDOW, now, now),
    )
    ((tries, until),) = cursor.fetchall()
    return Tries(tries, (until - now).total_seconds())
