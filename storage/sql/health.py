"""Release health: sessions and users of each version, and how many of them met no crash.

Of a session that was told of several times the last word counts. Where SDKs send no sessions, those
of real users (RUM) stand for them: a session crashed when a crash of its user came while it lasted.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, NamedTuple

from events.ids import first_id
from storage.sql.database import Database
from storage.sql.terms import Terms

#: A session of which nothing was heard for so long is over (what raygun4js takes for idle).
IDLE_MINUTES = 30
MAX_ROWS = 2_000
#: How much later than it began a session may still be told of, in days.
_LATE_DAYS = 7
_DAY_MS = 86_400_000

Source = Literal["sdk", "rum"]

_TOLD = """
WITH last_word AS (
    SELECT DISTINCT ON (session_id) session_id, version, environment, started_at, status, errors,
        sessions, user_key
    FROM metric_sessions
    WHERE project_id = %(project)s AND session_id IS NOT NULL
        AND event_id >= %(first)s AND event_id < %(after)s
        AND started_at >= %(start)s AND started_at < %(end)s
    ORDER BY session_id, sequence DESC, event_id DESC
), counted AS (
    SELECT version, environment, started_at, status, errors, sessions, user_key
    FROM last_word
    UNION ALL
    SELECT version, environment, started_at, status, errors, sessions, user_key
    FROM metric_sessions
    WHERE project_id = %(project)s AND session_id IS NULL
        AND event_id >= %(first)s AND event_id < %(after)s
        AND started_at >= %(start)s AND started_at < %(end)s
)
SELECT version, (started_at AT TIME ZONE 'UTC')::date AS day,
    sum(sessions)::int8,
    coalesce(sum(sessions) FILTER (WHERE status = 'crashed'), 0)::int8,
    coalesce(sum(sessions) FILTER (WHERE status = 'abnormal'), 0)::int8,
    coalesce(sum(sessions) FILTER (
        WHERE status = 'errored' OR (errors > 0 AND status IN ('ok', 'exited'))), 0)::int8,
    count(DISTINCT user_key), count(DISTINCT user_key) FILTER (WHERE status = 'crashed')
FROM counted
WHERE (%(environment)s::text IS NULL OR environment = %(environment)s)
    AND (%(version)s::text IS NULL OR version = %(version)s)
GROUP BY GROUPING SETS ((version, day), (version))
ORDER BY day DESC NULLS FIRST, sum(sessions) DESC LIMIT %(limit)s
"""

_SEEN = """
WITH lasted AS (
    SELECT session_id, max(version) AS version, min(id::text)::uuid AS first,
        max(id::text)::uuid AS last,
        max(user_key) AS user_key
    FROM rum_events
    WHERE project_id = %(project)s AND id >= %(first)s AND id < %(after)s
        AND session_id IS NOT NULL
    GROUP BY session_id
), judged AS (
    SELECT version, user_key, (to_timestamp(id_ms(first) / 1000.0) AT TIME ZONE 'UTC')::date AS day,
        EXISTS (
            SELECT FROM crash_events AS crash
            WHERE crash.project_id = %(project)s AND crash.user_key = lasted.user_key
                AND crash.id >= first AND crash.id < id_after(last, %(idle)s)
        ) AS crashed
    FROM lasted
)
SELECT version, day, count(*), count(*) FILTER (WHERE crashed), 0::int8, 0::int8,
    count(DISTINCT user_key), count(DISTINCT user_key) FILTER (WHERE crashed)
FROM judged WHERE (%(version)s::text IS NULL OR version = %(version)s)
GROUP BY GROUPING SETS ((version, day), (version))
ORDER BY day DESC NULLS FIRST, count(*) DESC LIMIT %(limit)s
"""


class Health(NamedTuple):
    """A version on a day, or (``day`` null) over all days asked for. Each session is in one of
    ``crashed``, ``abnormal``, ``errored``, or was well. Sessions without a user count for no user.
    """

    version: str | None
    day: date | None
    sessions: int
    crashed: int
    abnormal: int
    errored: int
    users: int
    crashed_users: int

    @property
    def crash_free_sessions(self) -> float | None:
        """The share of sessions without a crash."""
        return 1 - self.crashed / self.sessions if self.sessions else None

    @property
    def crash_free_users(self) -> float | None:
        """The share of users without a crash; null where none is known."""
        return 1 - self.crashed_users / self.users if self.users else None


class ReleaseHealth:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database, terms: Terms) -> None:
        self._database = database
        self._terms = terms

    def of(
        self,
        project_id: int,
        start: datetime,
        end: datetime,
        *,
        version: str | None = None,
        environment: str | None = None,
    ) -> tuple[Source, list[Health]]:
        """The health of versions, from sessions that began in a time: newest day first, sums over
        all days before. Says where the sessions come from.
        """
        with self._database.transaction() as cursor:
            floors = self._terms.floors_of(cursor)
            values = {
                "project": project_id,
                "start": start,
                "end": end,
                "version": version,
                "environment": environment,
                "limit": MAX_ROWS,
                "idle": IDLE_MINUTES * 60_000,
            }
            first, after = _ms(start), _ms(end)
            kept = floors.first_id(project_id, "metric")
            late = first_id(after + _LATE_DAYS * _DAY_MS)
            cursor.execute(
                _TOLD, {**values, "first": max(first_id(first - _DAY_MS), kept), "after": late}
            )
            told = [Health(*row) for row in cursor]
            if told:
                return "sdk", told
            kept = floors.first_id(project_id, "rum")
            cursor.execute(
                _SEEN, {**values, "first": max(first_id(first), kept), "after": first_id(after)}
            )
            return "rum", [Health(*row) for row in cursor]


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
