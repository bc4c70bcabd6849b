"""Retention is killed at each of its steps: nothing points at nothing, and the next run ends it."""

import signal
import subprocess
import sys

import pytest

from storage.retention.run import run_retention
from storage.sql.retired_days import RetiredDays
from tests.integration.aged import (
    age,
    dangling,
    empty,
    envelopes,
    ledger_totals,
    query,
    retention,
    seen,
    short_terms,
)
from tests.integration.api_world import open_world
from tests.integration.pipeline import ROOT, environment

pytestmark = pytest.mark.timeout(600)

STEPS = (
    "hidden",
    "unindexed",
    "dropped",
    "settled",
    "ended",
    "letters_swept",
    "project_hidden",
    "project_unindexed",
    "project_dropped",
    "project_cleared",
)


@pytest.fixture(scope="module")
def shared(module_settings):
    settings = short_terms(module_settings)
    with open_world(settings) as world:
        yield world, settings


def die_at(settings, step):
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.retention_runner", step],
        cwd=ROOT,
        env=environment(settings),
        timeout=300,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, step


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_each_step(shared, step):
    world, settings = shared
    empty(world)
    old = age(world, 20, 12) + age(world, 10, 13) + age(world, 3, 12, line="gone")
    shorter, kept = age(world, 6, 3), age(world, 7, 1) + age(world, 5, 3, "blog", "blog")
    made = envelopes(world, 2, 12)
    world.accept(made)
    for envelope in made:
        world.kill(envelope)
    query(world, "UPDATE dead_letters SET status = 'discarded'")
    world.stores.retention.terms.set(world.numbers["shop"], "crash", 2, "test")
    before, totals = ledger_totals(world), world.stores.settled.totals()

    die_at(settings, step)

    assert seen(world, [old[0], old[20], shorter[0]]) == set()
    assert dangling(world) == set()
    assert ledger_totals(world) == before

    run_retention(retention(world, settings), 600)

    rows = {row for (row,) in query(world, "SELECT id FROM crash_events")}
    assert rows == set(kept)
    assert dangling(world) == set()
    assert world.stores.search.present("crash", old + shorter) == set()
    assert world.stores.search.present("crash", kept) == set(kept)
    counts = query(world, "SELECT count, dropped FROM groups ORDER BY count")
    assert counts == [(5, 0), (43, 36)]
    assert query(world, "SELECT count(*)::int FROM retired_groups") == [(0,)]
    doomed = query(world, "SELECT count(*)::int FROM doomed_packs WHERE why = 'retention'")
    assert doomed == [(3,)]
    assert ledger_totals(world) == before
    assert world.stores.settled.totals() == totals
    assert query(world, "SELECT count(*)::int FROM dead_letters") == [(0,)]
    went = query(world, "SELECT sum(events)::int FROM retired_days WHERE ended_at IS NOT NULL")
    assert went == [(33,)]
    assert RetiredDays(world.stores.database, settings.postgres_dsn).under_way("crash") == []
