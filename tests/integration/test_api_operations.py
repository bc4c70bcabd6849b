"""The ledger, health, metrics, and the OpenAPI document."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from openapi_spec_validator import validate
from prometheus_client.parser import text_string_to_metric_families

from app.api import answers
from app.api.routes import PREFIX
from app.factory import create_app
from app.stores import open_stores
from config.policy import QUEUES
from config.settings import Secret, Settings
from events.envelope import Envelope
from events.ids import new_id, now_ms
from storage.sql.repairs import Repair, Repairs
from tests.integration.api_world import World, crash, wait_until


def totals(world: World, query: str) -> dict[str, int]:
    ledger = world.json(f"{PREFIX}/ledger?{query}")
    assert answers.Ledger().validate(ledger) == {}
    found: dict[str, int] = ledger["totals"]
    return found


def test_the_ledger_follows_an_event(world: World) -> None:
    world.add_project("ledgered")
    envelopes = world.envelopes([crash()] * 4, "ledgered")
    world.accept(envelopes)
    before = totals(world, "project=ledgered")
    assert (before["accepted"], before["stored"], before["in_flight"]) == (4, 0, 4)
    world.store(envelopes[:3])
    world.kill(envelopes[3])
    ledger = world.json(f"{PREFIX}/ledger?project=ledgered")
    assert ledger["balanced"] is True
    after = ledger["totals"]
    assert (after["accepted"], after["stored"], after["dead"], after["in_flight"]) == (4, 3, 1, 0)
    rows = ledger["minutes"]
    assert {(row["project"], row["type"]) for row in rows} == {("ledgered", "crash")}
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:00Z\Z", row["minute"]) for row in rows)
    assert sum(row["accepted"] for row in rows) == 4


def test_another_projects_events_are_not_in_its_ledger(world: World) -> None:
    world.add_project("quiet")
    world.seed([crash()], "shop")
    assert set(totals(world, "project=quiet").values()) == {0}


def test_an_event_that_vanished_shows_as_overdue(world: World) -> None:
    world.add_project("lossy")
    at = now_ms() - 20 * 60_000
    lost = Envelope(new_id(at), world.numbers["lossy"], "crash", "raygun.entry", crash())
    world.accept([lost])
    ledger = world.json(f"{PREFIX}/ledger?project=lossy")
    assert ledger["balanced"] is False
    assert ledger["totals"]["overdue"] == 1
    recent = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    assert totals(world, f"project=lossy&from={recent}")["accepted"] == 0


def test_the_ledger_tells_what_the_broker_holds(world: World) -> None:
    before = world.json(f"{PREFIX}/ledger")
    world.accept(world.envelopes([crash()] * 3, "shop"))
    after = world.json(f"{PREFIX}/ledger")
    assert after["broker_events"] - before["broker_events"] == 3
    assert after["spool_events"] == 0


def test_metrics_count_repairs(world: World) -> None:
    Repairs(world.stores.database).add(Repair("rows_restored", "crash", uuid4(), 4))
    assert scrape(world)["sluice_repaired_total"] == {("rows_restored", "crash"): 4}


def scrape(world: World) -> dict[str, dict[tuple[str, ...], float]]:
    answer = world.get("/metrics", token=None)
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain")
    return {
        sample.name: {
            tuple(s.labels.values()): s.value for s in family.samples if s.name == sample.name
        }
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_metrics_count_what_the_stores_hold(world: World) -> None:
    earlier = scrape(world)
    envelopes = world.envelopes([crash()] * 4, "shop")
    world.accept(envelopes)
    world.store(envelopes[:3])
    world.kill(envelopes[3])
    later = scrape(world)
    grown = later["sluice_events_accepted_total"][()] - earlier["sluice_events_accepted_total"][()]
    assert grown == 4
    stored, dead = "sluice_events_stored_total", "sluice_events_dead_total"
    assert later[stored]["crash",] - earlier.get(stored, {}).get(("crash",), 0) == 3
    assert later[dead]["crash",] - earlier.get(dead, {}).get(("crash",), 0) == 1
    assert "sluice_events_retried_total" in later
    assert {queue for queue, _ in later["sluice_queue_messages"]} == set(QUEUES)
    assert later["sluice_queue_events"]["crash.files",] >= 4
    assert later["sluice_queue_oldest_age_seconds"]["crash.files",] >= 0
    assert later["sluice_queue_paused"]["crash.files",] == 0
    assert later["sluice_store_up"] == {(name,): 1 for name in ("broker", "sql", "files", "search")}


def test_health_of_a_whole_system(world: World) -> None:
    assert world.get("/health/live", token=None).get_json() == {"status": "alive"}
    answer = world.get("/health/ready", token=None)
    assert (answer.status_code, answer.get_json()["status"]) == (200, "ready")
    assert all(part["ok"] for part in answer.get_json()["dependencies"].values())


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener.getsockname()[1]


def broken(settings: Settings, store: str, port: int) -> World:
    change = {
        "broker": {"redis_url": Secret(f"redis://127.0.0.1:{port}/0")},
        "sql": {"postgres_dsn": Secret(f"postgresql://postgres@127.0.0.1:{port}/x")},
        "search": {"elasticsearch_url": Secret(f"http://127.0.0.1:{port}")},
        "files": {"s3_endpoint": f"http://127.0.0.1:{port}"},
    }[store]
    changed = replace(settings, **change)
    stores = open_stores(changed)
    return World(stores, create_app(changed, stores).test_client())


@pytest.mark.parametrize("store", ["broker", "sql", "files", "search"])
def test_health_while_a_store_hangs(
    world: World, module_settings: Settings, silent_port: int, store: str
) -> None:
    sick = broken(module_settings, store, silent_port)

    def down() -> set[str]:
        parts = sick.get("/health/ready", token=None).get_json()["dependencies"]
        return {name for name, part in parts.items() if not part["ok"]}

    # A busy machine may make a store that is well miss its time, once.
    wait_until(lambda: down() == {store}, 60)
    answer = sick.get("/health/ready", token=None)
    assert (answer.status_code, answer.get_json()["status"]) == (200, "degraded")
    assert str(silent_port) not in answer.text
    assert sick.get("/health/live", token=None).status_code == 200


def test_health_when_neither_broker_nor_spool_takes_events(
    world: World, module_settings: Settings, silent_port: int
) -> None:
    unspooled = replace(module_settings, spool_max_bytes=0)
    other = broken(unspooled, "files", silent_port).get("/health/ready", token=None)
    assert other.status_code == 200
    answer = broken(unspooled, "broker", silent_port).get("/health/ready", token=None)
    assert (answer.status_code, answer.get_json()["status"]) == (503, "unavailable")
    assert answer.headers["Retry-After"]


def test_metrics_tell_what_waits_in_the_spool(world: World, module_settings: Settings) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        alone = broken(module_settings, "broker", closed.getsockname()[1])
    before = scrape(alone)
    alone.stores.outbox.publish("crash", new_id(now_ms()), world.envelopes([crash()] * 3, "shop"))
    after = scrape(alone)
    alone.stores.outbox.close()
    assert (before["sluice_spool_events"][()], before["sluice_spool_bytes"][()]) == (0, 0)
    assert after["sluice_spool_events"][()] == 3
    assert after["sluice_spool_bytes"][()] > 0
    assert after["sluice_spool_refused_total"][()] == 0
    assert after["sluice_spool_oldest_age_seconds"][()] >= 0


@pytest.mark.parametrize(
    ("store", "absent", "present"),
    [
        ("broker", "sluice_events_accepted_total", "sluice_events_stored_total"),
        ("sql", "sluice_events_stored_total", "sluice_events_accepted_total"),
        ("search", "sluice_absent", "sluice_events_accepted_total"),
    ],
)
def test_metrics_while_a_store_is_away(
    world: World, module_settings: Settings, store: str, absent: str, present: str
) -> None:
    world.seed([crash()], "shop")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        alone = broken(module_settings, store, closed.getsockname()[1])

        def others_up() -> Any:
            """The metrics, once the other stores had time to answer: this machine may be busy."""
            seen = scrape(alone)
            return seen if sum(seen["sluice_store_up"].values()) == 3 else None

        found = wait_until(others_up, 60)
    assert found["sluice_store_up"][store,] == 0
    assert absent not in found
    assert present in found


def test_the_document_tells_every_route(world: World) -> None:
    document = world.get(f"{PREFIX}/openapi.json", token=None).get_json()
    validate(document)
    rules = {
        re.sub(r"<(?:path:)?(\w+)>", r"{\1}", str(rule))
        for rule in world.client.application.url_map.iter_rules()
        if rule.endpoint.startswith("api.v1.")
    }
    assert rules == set(document["paths"])
    names = {p["name"] for p in document["paths"][f"{PREFIX}/search"]["get"]["parameters"]}
    assert names == {"project", "type", "q", "from", "to", "cursor", "limit"}
