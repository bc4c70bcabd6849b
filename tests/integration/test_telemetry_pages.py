"""Pages of traces, performance, health and metrics, with every store there and with some away."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.factory import create_app
from app.stores import open_stores
from config.settings import Secret, Settings
from events.ids import now_ms
from storage.sql.database import Database
from storage.sql.minutes import Minutes
from storage.sql.rollups import Rollups, rolled_types
from tasks.rollups import roll_up
from tests.integration.api_world import HOSTILE, World, crash, wait_until
from tests.otlp_samples import RESOURCE, Timed, gauges, logs, traces

WEB = {**RESOURCE, "service.name": "web"}


@pytest.fixture
def away(world: World, module_settings: Settings) -> Iterator[World]:
    """The world while neither search nor the file server can be reached."""
    settings = replace(
        module_settings,
        elasticsearch_url=Secret("http://127.0.0.1:9"),
        s3_endpoint="http://127.0.0.1:9",
    )
    stores = open_stores(settings)
    yield World(stores, create_app(settings, stores).test_client(), world.keys, world.numbers)
    stores.database.close()


def later(days: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%dT%H:%MZ}"


def view(world: World, path: str) -> Any:
    """A page as data."""
    before, _, query = path.partition("?")
    answer = world.get(f"{before}.json?{query}")
    assert answer.status_code == 200, answer.text
    return answer.get_json()


@pytest.fixture
def trace_id(world: World, project: str) -> str:
    """A trace of two services, of which one call failed, with logs, and a crash in it."""
    trace_id, root, call = os.urandom(16), os.urandom(8), os.urandom(8)
    world.seed(
        [
            traces(
                Timed("GET /cart", took=40, span_id=root, kind=2, attributes={"user.id": "ann"}),
                Timed("POST", 5, 20, span_id=call, parent=root, kind=3),
                trace_id=trace_id,
                resource=WEB,
            ),
            traces(
                Timed("POST /pay", 8, 10, parent=call, kind=2, failed=True),
                Timed(HOSTILE.replace("\ud800", ""), 9, 1, parent=os.urandom(8)),
                trace_id=trace_id,
            ),
        ],
        project,
        "trace",
    )
    return trace_id.hex()


def test_a_trace_is_told_whole(world: World, project: str, trace_id: str) -> None:
    told = view(world, f"/p/{project}/traces/{trace_id}")
    assert [(row["name"], row["level"], row["service"]) for row in told["spans"][:3]] == [
        ("GET /cart", 0, "web"),
        ("POST", 1, "web"),
        ("POST /pay", 2, "shop"),
    ]
    assert (told["total"], told["errors"], told["title"]) == (4, 1, "GET /cart")
    assert told["notes"] == ["spans whose parent is not there: 1"]
    assert [one["user"] for one in told["users"]] == ["ann"]
    page = world.get(f"/p/{project}/traces/{trace_id}?span={told['spans'][2]['id']}").text
    assert "Span <bdi>POST /pay</bdi>" in page
    assert "<script>alert" not in page
    assert world.get(f"/p/{project}/traces/{'0' * 31}1").status_code == 404
    assert world.get(f"/p/{project}/traces/nothing").status_code == 404


def test_another_projects_part_of_a_trace_is_shown_to_who_sees_it(
    world: World, project: str, trace_id: str
) -> None:
    world.seed([traces(Timed("theirs"), trace_id=bytes.fromhex(trace_id))], "blog", "trace")
    told = view(world, f"/p/{project}/traces/{trace_id}")
    assert [row["project"] for row in told["spans"] if row["name"] == "theirs"] == ["blog"]
    token = world.stores.tokens.create("one", project_id=world.numbers[project])
    narrow = world.get(f"/p/{project}/traces/{trace_id}.json", token=token).get_json()
    assert (narrow["total"], told["total"]) == (4, 5)
    assert world.get(f"/p/shop/traces/{trace_id}").status_code == 404


def test_crash_and_trace_lead_to_each_other(world: World, project: str, trace_id: str) -> None:
    exception = {"exception.type": "PayError", "exception.message": "declined"}
    line = logs((17, "declined"), trace_id=bytes.fromhex(trace_id), attributes=exception)
    [envelope] = world.envelopes([line], project)
    [event] = world.store([replace(envelope, protocol="otlp.error.proto")])
    told = view(world, f"/p/{project}/traces/{trace_id}")
    assert [(row["title"], row["href"]) for row in told["crashes"]] == [
        ("PayError: declined", f"/o/{event}")
    ]
    section = view(world, f"/o/{event}")["occurrence"]["trace"]
    assert section["href"] == f"/p/{project}/traces/{trace_id}"
    assert [row["name"] for row in section["transactions"]] == ["GET /cart", "POST /pay"]
    [met] = world.seed([crash()], project)
    person = view(world, f"/o/{met}")["occurrence"]["person"]
    assert person["href"] == f"/p/{project}/users/ann%40example.com"
    for name in ("sessions_href", "traces_href"):
        assert world.get(person[name]).status_code == 200
    page = world.get(f"/o/{event}").text
    assert '<h2 id="trace">Trace</h2>' in page
    assert "POST /pay" in world.get(f"/o/{event}.md").text


def test_without_the_file_server_a_trace_has_its_crashes(
    world: World, away: World, project: str, trace_id: str
) -> None:
    told = view(away, f"/p/{project}/traces/{trace_id}")
    assert (told["spans"], told["missing"]) == ([], "Its spans and logs cannot be read now.")
    page = away.get(f"/p/{project}/traces/{trace_id}").text
    assert "Missing: its spans and logs." in page


def test_transactions_are_listed_and_narrowed(world: World, project: str, trace_id: str) -> None:
    listed = view(world, f"/p/{project}/traces")["transactions"]
    assert {row["name"] for row in listed} == {"GET /cart", "POST /pay"}
    failed = view(world, f"/p/{project}/traces?failed=true&order=slowest&service=shop&hours=1")
    assert [row["name"] for row in failed["transactions"]] == ["POST /pay"]
    assert failed["transactions"][0]["href"].startswith(f"/p/{project}/traces/{trace_id}?span=")
    assert "No transaction of this time matches" in world.get(f"/p/{project}/traces?user=x").text
    assert world.get(f"/p/{project}/traces?cursor=nonsense").status_code == 400
    assert world.get(f"/p/{project}/traces?from=2026-01-02&to=2026-01-01").status_code == 400
    csv = world.get(f"/p/{project}/traces.csv").text
    assert "started_at,name,href" in csv.splitlines()[0]


def test_performance_leads_to_operations_and_their_examples(
    world: World, project: str, trace_id: str
) -> None:
    told = view(world, f"/p/{project}/apm")
    assert (told["whole"]["count"], told["whole"]["errors"]) == (2, 1)
    assert {row["service"] for row in told["services"]} == {"web", "shop"}
    pay = next(row for row in told["operations"] if row["operation"] == "POST /pay")
    shown = view(world, pay["href"])
    assert shown["whole"]["errors"] == 1
    assert [row["failed"] for row in shown["examples"]["failed"]] == [True]
    assert shown["examples"]["slowest"][0]["href"].startswith(f"/p/{project}/traces/{trace_id}")
    assert "POST /pay" in world.get(pay["href"]).text
    narrow = view(world, f"/p/{project}/apm?service=web")
    assert [row["service"] for row in narrow["services"]] == ["web"]
    assert world.get(f"/p/{project}/apm/nothing").status_code == 404
    assert world.get(f"/p/{project}/apm?apdex=0").status_code == 400


def test_spans_that_are_no_transactions_have_examples_while_search_answers(
    world: World, away: World, project: str, trace_id: str
) -> None:
    path = f"/p/{project}/apm/POST"
    found = wait_until(lambda: view(world, path)["examples"]["slowest"], seconds=60)
    assert [row["name"] for row in found] == ["POST"]
    gone = view(away, path)
    assert (gone["examples"]["slowest"], gone["whole"]["count"]) == ([], 1)
    assert "Missing: examples." in away.get(path).text


def test_hosts_and_metrics_are_told(world: World, project: str) -> None:
    world.seed(
        [gauges({"system.cpu.utilization": [n / 10], "queue": [n]}) for n in range(3)],
        project,
        "metric",
    )
    told = view(world, f"/p/{project}/health")
    (host,) = told["hosts"]
    assert (host["host"], host["services"]) == ("web-1", ["shop"])
    assert host["levels"][0]["name"] == "system.cpu.utilization"
    shown = view(world, host["href"])
    assert [one["name"] for one in shown["levels"]] == ["system.cpu.utilization", "queue"]
    assert view(world, shown["levels"][1]["href"])["rows"][0]["count"] == 3
    listed = view(world, f"/p/{project}/metrics?q=CPU")["metrics"]
    assert [(row["name"], row["kind"]) for row in listed] == [("system.cpu.utilization", "gauge")]
    by_host = view(world, f"/p/{project}/metric?name=queue&by=host")
    assert [row["value"] for row in by_host["rows"]] == ["web-1"]
    assert by_host["rows"][0]["most"] == 2
    for path in ("host?name=x", "metric?name=x"):
        assert world.get(f"/p/{project}/{path}").status_code == 404
    assert world.get(f"/p/{project}/metric?name=queue&label=nocolon").status_code == 400
    assert world.get(f"/p/{project}/metric").status_code == 400


def test_pages_tell_the_same_once_minutes_are_rolled_up(
    world: World, project: str, trace_id: str
) -> None:
    world.seed([gauges({"queue": [3, 4]})], project, "metric")
    times = f"from={later(-2)}&to={later(2)}"
    paths = [
        f"/p/{project}/{path}{times}"
        for path in (
            "apm?",
            "health?",
            "host?name=web-1&",
            "metric?name=queue&",
            "apm/POST%20/pay?",
        )
    ]
    before = [view(world, path) for path in paths]
    assert before[0]["whole"]["count"] == 2
    database, clock = world.stores.database, lambda: now_ms() + 2 * 86_400_000
    roll_up([Rollups(database, kind, clock) for kind in rolled_types()])
    with database.transaction() as cursor:
        cursor.execute("SELECT FROM stale_rollups")
        assert cursor.rowcount == 0
        cursor.execute("SELECT FROM trace_rollups WHERE project_id = %s", (world.numbers[project],))
        assert cursor.rowcount > 0
    assert [view(world, path) for path in paths] == before


def test_what_sql_does_not_add_up_in_time_is_a_gap(
    world: World, module_settings: Settings, project: str, trace_id: str
) -> None:
    world.seed([gauges({"queue": [3, 4]})], project, "metric")
    impatient = Database(module_settings.postgres_dsn, timeout=0.3)
    stores = replace(
        world.stores,
        spans_counted=Minutes(impatient, "trace"),
        metrics_counted=Minutes(impatient, "metric"),
    )
    client = create_app(module_settings, stores).test_client()
    slow = World(stores, client, world.keys, world.numbers)
    with world.stores.database.transaction() as cursor:
        cursor.execute("LOCK TABLE ONLY trace_minutes, metric_minutes IN ACCESS EXCLUSIVE MODE")
        for path, part in {
            "apm": "services and operations",
            "health": "hosts",
            "host?name=web-1": "its levels",
            "metric?name=queue": "what it adds up to",
        }.items():
            page = slow.get(f"/p/{project}/{path}")
            assert page.status_code == 200
            assert f"Missing: {part}." in page.text
            assert "did not add it up in time" in page.text
    for path in ("host?name=web-1", "metric?name=queue"):
        assert "Missing:" not in slow.get(f"/p/{project}/{path}").text
    impatient.close()


def test_health_of_releases_is_told_beside_them(world: World, project: str) -> None:
    statuses = ["exited", "crashed", "exited", "exited"]
    bodies = [session(n, status) for n, status in enumerate(statuses)]
    envelopes = world.envelopes(bodies, project, "metric")
    world.store([replace(one, protocol="sentry.session") for one in envelopes])
    told = view(world, f"/p/{project}/releases")
    (row,) = told["health"]["rows"]
    assert (row["version"], row["sessions"], row["crash_free_sessions"]) == ("2.1", 4, 75.0)
    assert [one["crash_free"] for one in told["releases"]] == [75.0]
    one = view(world, row["href"])["health"]
    assert (one["row"]["users"], one["row"]["crash_free_users"]) == (2, 50.0)
    page = world.get(f"/p/{project}/releases").text
    assert "Crash-free sessions" in page
    (release,) = world.json(f"/api/v1/projects/{project}/releases")["items"]
    assert release["crash_free"] == 0.75


def session(number: int, status: str) -> bytes:
    """A session of Sentry's SDKs that began and ended now, of one of two users."""
    now = datetime.now(UTC).isoformat()
    told = {
        "sid": f"{number:032x}",
        "did": f"user-{number % 2}",
        "seq": 1,
        "started": now,
        "timestamp": now,
        "status": status,
        "attrs": {"release": "2.1"},
    }
    return json.dumps(told).encode()
