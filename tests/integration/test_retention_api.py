"""Retention through the API, the command line, and the clock's own message."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tasks.app import create_celery
from tasks.schedule import beat_schedule
from tests.integration.aged import age, empty, query, seen, short_terms
from tests.integration.api_world import TOKEN, open_world, wait_until
from tests.integration.pipeline import ROOT, WORKER, environment

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def shared(module_settings):
    settings = short_terms(module_settings)
    with open_world(settings) as world:
        yield world, settings


@pytest.fixture
def world(shared):
    empty(shared[0])
    return shared[0]


@pytest.fixture
def settings(shared):
    return shared[1]


def post(world, body):
    return world.client.post(
        "/api/v1/retention", json=body, headers={"Authorization": f"Bearer {TOKEN}"}
    )


def sluice(settings, *arguments, **more):
    return subprocess.run(
        [sys.executable, "-m", "ops", "retention", *arguments],
        cwd=ROOT,
        env=environment(settings, **more),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_api_tells_terms_and_plan_and_sets_a_project_s(world):
    age(world, 4, 12)
    mine = age(world, 3, 3)
    found = world.json("/api/v1/retention")
    assert {"type": "crash", "days": 10, "bytes": 0} in found["types"]
    assert found["plan"]["totals"]["events"] == 4

    answer = post(world, {"project": "shop", "type": "crash", "days": 2})
    assert answer.status_code == 200
    assert answer.get_json()["projects"] == [{"project": "shop", "type": "crash", "days": 2}]
    assert seen(world, mine[:1]) == set()
    [planned] = world.json("/api/v1/retention")["plan"]["projects"]
    assert (planned["project"], planned["events"]) == ("shop", 7)

    assert post(world, {"project": "shop", "type": "crash", "days": None}).status_code == 200
    assert seen(world, mine[:1]) >= {"/events/{}", "group"}
    assert query(world, "SELECT actor FROM audit WHERE action = 'retention.set'") == [
        ("test",),
        ("test",),
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"project": "shop", "type": "crash", "days": 0},
        {"project": "shop", "type": "crash", "days": 11},
        {"project": "shop", "type": "crash", "days": "3"},
        {"project": "shop", "type": "crush", "days": 3},
        {"project": "nobody's", "type": "crash", "days": 3},
        {"project": "shop", "type": "crash"},
    ],
)
def test_a_term_that_is_none_is_refused(world, body):
    answer = post(world, body)
    assert answer.status_code == 400
    assert answer.get_json()["error"]["code"] == "bad_argument"


def test_metrics_tell_what_went(world, settings):
    age(world, 4, 12)
    assert sluice(settings, "run").returncode == 0
    text = world.client.get("/metrics").text
    assert 'sluice_retention_events_total{type="crash"} 4.0' in text
    assert 'sluice_retention_days_waiting{type="crash"} 0.0' in text


def test_the_command_plans_runs_and_sets(world, settings):
    age(world, 4, 12)
    age(world, 3, 3)
    planned = json.loads(sluice(settings, "plan", "--json").stdout)
    assert planned["totals"]["events"] == 4
    done = sluice(settings, "run", "--json")
    assert (done.returncode, json.loads(done.stdout)["events"]) == (0, 4)

    assert sluice(settings, "set", "shop", "crash", "2").returncode == 0
    listed = json.loads(sluice(settings, "list", "--json").stdout)
    assert listed["projects"] == [{"project": "shop", "type": "crash", "days": 2}]
    assert json.loads(sluice(settings, "run", "--json").stdout)["project_events"] == 3
    assert sluice(settings, "set", "shop", "crash", "--default").returncode == 0
    assert sluice(settings, "set", "shop", "crash").returncode == 2
    refused = sluice(settings, "set", "shop", "crash", "11")
    assert refused.returncode == 1
    assert "kept 10 days" in refused.stderr
    nobody = sluice(settings, "set", "nobody", "crash", "2")
    assert (nobody.returncode, "no project named" in nobody.stderr) == (1, True)


def test_without_search_nothing_is_dropped_and_it_says_so(world, settings):
    age(world, 4, 12)
    done = sluice(settings, "run", SLUICE_ELASTICSEARCH_URL="http://127.0.0.1:1")
    assert done.returncode == 1
    assert "search" in done.stderr
    assert query(world, "SELECT count(*)::int FROM crash_events") == [(4,)]
    assert sluice(settings, "run").returncode == 0
    assert query(world, "SELECT count(*)::int FROM crash_events") == [(0,)]


@contextmanager
def beating(settings, number):
    """A worker of the system's tasks with a beat; its log."""
    path = settings.home / f"beating-{number}.log"
    with path.open("ab") as log:
        process = subprocess.Popen(
            [*WORKER, "--beat", "--concurrency", "1", "--queues", "system.maintenance"],
            cwd=ROOT,
            env=environment(settings, SLUICE_LEASE_SECONDS="2"),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield path
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def test_of_several_clocks_one_run_a_period_is_begun(world, settings):
    """Two workers with a beat each, and as many messages as if ten beats had struck at once."""
    assert beat_schedule()["sluice.retention"]["options"] == {"queue": "system.maintenance"}
    age(world, 6, 12)
    app = create_celery(settings)
    with beating(settings, 1) as one, beating(settings, 2) as two:
        for _ in range(10):
            app.send_task("sluice.retention", queue="system.maintenance")
        wait_until(
            lambda: query(world, "SELECT id FROM retired_days WHERE ended_at IS NOT NULL"), 120
        )
        # A message of another task behind them all: once it is worked on, they all were.
        app.send_task("sluice.ledger", queue="system.maintenance")
        wait_until(lambda: b"ledger_kept" in one.read_bytes() + two.read_bytes(), 120)
        wait_until(lambda: not world.stores.broker._client.llen("system.maintenance"), 120)
        # The day has ended before its run has: a run that is ended with its worker tells nothing.
        wait_until(lambda: b"retention_ran" in one.read_bytes() + two.read_bytes(), 120)
    logs = one.read_bytes() + two.read_bytes()
    assert logs.count(b"retention_ran") == 1, logs.decode()
    assert b"retention_waits" not in logs
    assert query(world, "SELECT count(*)::int FROM crash_events") == [(0,)]
