"""Old accepted counts leave the broker, and old minutes become days, with every sum kept."""

import json
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest

from events.ids import now_ms
from storage.ledger import SettledCounts
from tests.integration.api_world import open_world as open_api_world
from tests.integration.pipeline import ROOT, crash, environment
from workbench.ledger import open_ledger

pytestmark = pytest.mark.timeout(600)

HOUR_MS = 3_600_000
STEPS = ("aside", "kept", "ended")


@pytest.fixture
def book(pipeline):
    return open_ledger(pipeline.settings, pipeline.database, timeout=30)


def accept(pipeline, count, hours_ago):
    """Accept events of a minute in the past; nobody works on them."""
    return pipeline.publish([crash(n) for n in range(count)], at_ms=now_ms() - hours_ago * HOUR_MS)


def accepted(book, days=400):
    last = now_ms() // 60_000
    return sum(book.read(None, last - days * 1440, last).accepted.values())


def settle(pipeline, ids):
    """Count events as stored, as stage search does in the end."""
    for event_id in ids:
        pipeline.query(
            "INSERT INTO ledger AS kept (minute, project_id, type, stored)"
            " VALUES (%s, %s, 'crash', 1) ON CONFLICT (minute, project_id, type)"
            " DO UPDATE SET stored = kept.stored + 1",
            (event_id.int >> 80) // 60_000,
            pipeline.project_id,
        )


def left_in_broker(pipeline):
    return len(list(pipeline.broker._client.scan_iter(match="accepted*:*")))


def test_what_is_old_moves_once_and_counts_all_the_time(pipeline, book):
    accept(pipeline, 5, 72)
    accept(pipeline, 3, 60)
    accept(pipeline, 2, 1)
    assert accepted(book) == 10

    assert book.move(48) == 2
    assert book.move(48) == 0

    assert accepted(book) == 10
    assert left_in_broker(pipeline) == 1
    assert pipeline.query("SELECT sum(accepted)::int FROM ledger") == [(8,)]


def test_a_replay_to_a_minute_that_moved_still_counts(pipeline, book):
    at = now_ms() - 72 * HOUR_MS
    pipeline.publish([crash(1)], at_ms=at)
    book.move(48)
    pipeline.publish([crash(2), crash(3)], at_ms=at)
    assert accepted(book) == 3
    book.move(48)
    assert accepted(book) == 3
    assert pipeline.query("SELECT accepted FROM ledger") == [(3,)]


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_after_each_step_changes_no_sum(pipeline, book, step):
    ids = accept(pipeline, 40, 72) + accept(pipeline, 2, 1)
    settle(pipeline, ids[:10])
    before = pipeline.sluice("ledger", "--hours", "100", "--json")

    killed = subprocess.run(
        [sys.executable, "-m", "tests.integration.ledger_mover", step],
        cwd=ROOT,
        env=environment(pipeline.settings),
        timeout=120,
        check=False,
    )

    assert killed.returncode == -signal.SIGKILL
    assert accepted(book) == 42
    told = pipeline.sluice("ledger", "--hours", "100", "--json")
    assert json.loads(told.stdout) == json.loads(before.stdout)
    book.move(48)
    assert accepted(book) == 42
    assert pipeline.query("SELECT sum(accepted)::int FROM ledger") == [(40,)]
    assert left_in_broker(pipeline) == 1


def test_two_movers_and_a_reader_at_once_agree(pipeline, book):
    for hours in range(49, 109):
        accept(pipeline, 7, hours)
    done = threading.Event()
    seen = set()

    def read():
        while not done.is_set():
            seen.add(accepted(book, 10))

    reader = threading.Thread(target=read)
    movers = [
        threading.Thread(
            target=open_ledger(pipeline.settings, pipeline.database, timeout=30).move, args=(48,)
        )
        for _ in range(2)
    ]
    reader.start()
    for mover in movers:
        mover.start()
    for mover in movers:
        mover.join()
    done.set()
    reader.join()
    assert seen == {420}
    assert accepted(book) == 420


def test_old_minutes_become_days_and_still_balance(pipeline, book):
    ids = accept(pipeline, 6, 24 * 60) + accept(pipeline, 4, 24 * 60 + 1) + accept(pipeline, 1, 24)
    settle(pipeline, ids[:10])
    book.move(48)
    last = now_ms() // 60_000
    before = book.read(None, last - 1440 * 90, last)

    assert book.roll_up(35) >= 1

    sides = book.read(None, last - 1440 * 90, last)
    assert sum(sides.accepted.values()) == sum(before.accepted.values()) == 11
    old = {row: n for row, n in sides.accepted.items() if row[0] < last - 1440 * 30}
    assert all(minute % 1440 == 0 for minute, _, _ in old)
    assert sum(old.values()) == 10
    assert all(sides.settled[row] == SettledCounts(stored=n) for row, n in old.items())
    rows = pipeline.query("SELECT minute FROM ledger WHERE accepted + stored > 0")
    assert all(minute % 1440 == 0 for (minute,) in rows)

    # What comes for such a day later is told with it, and merged by the next run.
    late = accept(pipeline, 2, 24 * 60)
    settle(pipeline, late)
    sides = book.read(None, last - 1440 * 90, last)
    old = {row: n for row, n in sides.accepted.items() if row[0] < last - 1440 * 30}
    assert sum(old.values()) == 12
    assert all(sides.settled[row] == SettledCounts(stored=n) for row, n in old.items())
    minute = (late[0].int >> 80) // 60_000
    told = book.of_minute(minute)
    assert {row[0] for row in told.accepted} == {minute - minute % 1440}


def test_totals_are_the_sum_of_the_ledger_at_every_moment(pipeline, book):
    ids = accept(pipeline, 6, 24 * 60) + accept(pipeline, 4, 1)
    settle(pipeline, ids)
    book.move(48)
    book.roll_up(35)
    pipeline.query("UPDATE ledger SET filtered = filtered + 2, stored = stored - 1")
    pipeline.query("DELETE FROM ledger WHERE accepted = 0")
    assert pipeline.query(
        "SELECT project_id, type, sum(accepted), sum(stored), sum(filtered) FROM ledger"
        " GROUP BY 1, 2"
    ) == pipeline.query("SELECT project_id, type, accepted, stored, filtered FROM ledger_totals")


def test_the_api_tells_of_moved_minutes(pipeline, book):
    ids = accept(pipeline, 4, 72)
    settle(pipeline, ids)
    book.move(48)
    with open_api_world(pipeline.settings) as world:
        start = datetime.fromtimestamp(now_ms() / 1000 - 80 * 3600, UTC).strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        )
        found = world.json(f"/api/v1/ledger?from={start}")
    assert (found["totals"]["accepted"], found["totals"]["stored"]) == (4, 4)
    assert found["balanced"]


def test_without_a_broker_nothing_moves_and_it_says_so(pipeline, book):
    accept(pipeline, 4, 72)
    done = pipeline.sluice("ledger", "--json", SLUICE_REDIS_URL="redis://127.0.0.1:1/0")
    assert done.returncode == 1
    assert "broker" in done.stderr
    assert accepted(book) == 4
