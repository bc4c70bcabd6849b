"""Release health in SQL: exact sessions and users, whatever comes again, late, or is erased."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sql_samples import CRASH_ROW, FILES_AT, World, a_crash, a_pack, open_world

from config.settings import Settings
from events import metric
from events.envelope import Envelope
from events.ids import new_id
from events.record import Record
from events.rum import normalise as normalise_rum
from events.telemetry import MetricItem, Origin, Session, SessionCounts, SessionStatus
from storage.sql.health import Health, ReleaseHealth
from storage.sql.terms import Terms

PROTOCOL = "test.sessions"
NS = 1_000_000


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    with open_world(settings) as world:
        yield world


@pytest.fixture
def send(world: World, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stores an event with these sessions of a version; gives its record."""
    items: dict[bytes, MetricItem] = {}
    monkeypatch.setitem(metric._READERS, PROTOCOL, lambda body: items[body])

    def store(*sessions: Session | SessionCounts, version: str = "1.0") -> Record:
        body = uuid4().bytes
        items[body] = MetricItem(
            None,
            Origin(version=version, environment="production"),
            sessions=[one for one in sessions if isinstance(one, Session)],
            session_counts=[one for one in sessions if isinstance(one, SessionCounts)],
        )
        envelope = Envelope(new_id(world.now_ms), world.project.id, "metric", PROTOCOL, body)
        record = metric.normalise(envelope)
        put(world, record, "metric")
        return record

    return store


def put(world: World, record: Record, kind: str) -> None:
    pack, packed = a_pack([record], kind)
    world.packs.store(pack, FILES_AT, packed)


def at(world: World, minutes: float = 0) -> int:
    return round((world.now_ms + minutes * 60_000) * NS)


def session(
    world: World,
    sid: str,
    status: SessionStatus,
    sequence: int = 0,
    user: str | None = None,
    errors: int = 0,
    started: float = -5,
) -> Session:
    return Session(sid, at(world, started), at(world), status, errors, sequence, user)


def health(world: World, **filters: Any) -> tuple[str, dict[tuple[str | None, bool], Health]]:
    """Each version's line over all days (true), and that of its only or last day."""
    now = datetime.fromtimestamp(world.now_ms / 1000, UTC)
    reader = ReleaseHealth(world.database, Terms(world.database))
    source, found = reader.of(
        world.project.id, now - timedelta(days=3), now + timedelta(hours=1), **filters
    )
    return source, {(one.version, one.day is None): one for one in reversed(found)}


def test_the_last_word_on_a_session_counts_whichever_comes_last(world: World, send: Any) -> None:
    send(session(world, "a", "crashed", sequence=2, user="ann"))
    send(session(world, "a", "ok", sequence=1, user="ann"))
    send(session(world, "b", "ok", user="bob"), session(world, "b", "exited", 1, user="bob"))
    source, found = health(world)
    one = found["1.0", True]
    assert (source, one.sessions, one.crashed, one.errored) == ("sdk", 2, 1, 0)
    assert (one.users, one.crashed_users) == (2, 1)
    assert (one.crash_free_sessions, one.crash_free_users) == (0.5, 0.5)
    assert found["1.0", False].sessions == 2


def test_counts_of_clients_are_added(world: World, send: Any) -> None:
    send(SessionCounts(at(world), exited=10, errored=3, crashed=2, abnormal=1))
    send(SessionCounts(at(world), user="ann", exited=4), session(world, "x", "exited", errors=2))
    one = health(world)[1]["1.0", True]
    assert (one.sessions, one.crashed, one.abnormal, one.errored) == (21, 2, 1, 4)
    assert one.users == 1


def test_versions_and_days_are_apart_and_users_counted_once(world: World, send: Any) -> None:
    day = -24 * 60
    send(session(world, "a", "exited", user="ann", started=day))
    send(session(world, "b", "exited", user="ann"))
    send(session(world, "c", "crashed", user="ann"), version="2.0")
    found = health(world)[1]
    assert (found["1.0", True].sessions, found["1.0", True].users) == (2, 1)
    assert found["2.0", True].crash_free_sessions == 0
    assert set(health(world, version="2.0")[1]) == {("2.0", True), ("2.0", False)}
    assert health(world, environment="test") == ("rum", {})


def test_an_event_that_comes_again_or_is_erased(world: World, send: Any) -> None:
    send(session(world, "a", "ok", 0))
    crash = send(session(world, "a", "crashed", 1))
    put(world, crash, "metric")
    assert health(world)[1]["1.0", True].crashed == 1
    with world.database.transaction() as cursor:
        cursor.execute("DELETE FROM metric_events WHERE id = %s", (crash.id,))
    one = health(world)[1]["1.0", True]
    assert (one.sessions, one.crashed) == (1, 0)


def rum(world: World, session_id: str, user: str, minutes: float = 0) -> None:
    body = {
        "sessionId": session_id,
        "type": "session_start",
        "timestamp": "2026-01-01T00:00:00Z",
        "version": "3.1",
        "user": {"identifier": user},
    }
    event_id = new_id(round(world.now_ms + minutes * 60_000))
    envelope = Envelope(event_id, world.project.id, "rum", "raygun.rum", json.dumps(body).encode())
    put(world, normalise_rum(envelope), "rum")


def test_sessions_of_real_users_stand_for_those_that_nobody_sends(world: World) -> None:
    rum(world, "s1", "ann", -20)
    rum(world, "s1", "ann", -10)
    rum(world, "s2", "bob", -10)
    rum(world, "s3", "cid", -120)
    for user in ("ann", "cid"):  # the second long after the session's end
        put(world, a_crash(world, user=user, row=CRASH_ROW), "crash")
    source, found = health(world)
    one = found["3.1", True]
    assert (source, one.sessions, one.crashed) == ("rum", 3, 1)
    assert (one.users, one.crashed_users) == (3, 1)
