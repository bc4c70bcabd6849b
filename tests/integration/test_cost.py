"""The cost meter on real stores: from events stored to the sentence, by project."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from click.testing import CliRunner

from app.api.routes import PREFIX
from config.settings import Secret, Settings
from events.envelope import Envelope
from events.ids import new_id, now_ms
from events.registry import event_type
from ops.__main__ import main
from storage.blobs import Blobs, Described
from storage.files.meter import METER, Count, Meter
from storage.metering import Metering
from storage.sql.database import Database
from storage.sql.usage import Usage
from tests.integration.api_world import World, crash, open_world, wait_until
from tests.integration.worker_process import running_worker


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    with open_world(replace(settings)) as world:
        yield world
        with world.stores.database.transaction() as cursor:
            cursor.execute("TRUNCATE projects, pack_usage, object_requests, packs CASCADE")
            cursor.execute("TRUNCATE crash_events")


def today() -> date:
    return datetime.now(UTC).date()


def month() -> str:
    return today().strftime("%Y-%m")


def store(world: World, envelopes: list[Envelope], parts: int = 1) -> None:
    """One pack, whose rows are stored in so many steps, each of them twice."""
    pack, locations = world.stores.files.write_pack(envelopes, new_id(now_ms()))
    records = [event_type("crash").normalise(envelope) for envelope in envelopes]
    items = [
        (record, envelope.protocol, locations[envelope.id])
        for record, envelope in zip(records, envelopes, strict=True)
    ]
    for part in range(parts):
        for _ in range(2):
            world.stores.packs.store(pack, datetime.now(UTC), items[part::parts])


def test_what_is_written_is_counted_once_in_shares_that_add_up(world: World) -> None:
    shop = world.envelopes([crash(f"shop {n}") for n in range(30)], "shop")
    blog = world.envelopes([crash(f"blog {n}") for n in range(10)], "blog")
    store(world, shop + blog, parts=4)
    written = Usage(world.stores.database).written(today().replace(day=1))
    by_project = {one.project_id: one for one in written}
    mine, theirs = (by_project[world.numbers[name]] for name in ("shop", "blog"))
    assert (mine.events, theirs.events) == (30, 10)
    assert mine.raw_bytes == sum(len(one.body) for one in shop)
    assert mine.packs + theirs.packs == pytest.approx(1.0)
    assert mine.packs == pytest.approx(0.75, abs=0.01)


def test_the_bill_by_project_over_api_and_command(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    METER.take()
    shop = world.envelopes([crash(f"shop {n}") for n in range(300)], "shop")
    blog = world.envelopes([crash(f"blog {n}") for n in range(100)], "blog")
    store(world, shop + blog)
    body = b"a minidump"
    described = Described(hashlib.sha256(body).digest(), kind="minidump")
    blobs = Blobs(world.stores.database, world.stores.files.bucket)
    blobs.write(world.numbers["shop"], described, [body])
    Metering(world.stores.database).flush()
    Usage(world.stores.database).sample(today())
    Usage(world.stores.database).sample(today())
    told = world.json(f"{PREFIX}/cost")
    rows = {(row["project"], row["type"]): row for row in told["items"]}
    assert set(rows) == {("shop", "crash"), ("blog", "crash"), ("shop", "blob")}
    mine = rows["shop", "crash"]
    assert (mine["events"], mine["objects"]) == (300, pytest.approx(0.75, abs=0.01))
    assert mine["puts"] + rows["blog", "crash"]["puts"] == pytest.approx(1.0)
    assert mine["saved_bytes"] > 5 * mine["stored_bytes"]
    assert mine["one_object_per_event"] > 100 * mine["cost"]
    assert rows["shop", "blob"]["stored_bytes"] == len(body)
    assert told["sentence"].startswith(f"{month()}: $")
    assert told["cost"] == pytest.approx(sum(row["cost"] for row in told["items"]))

    token = world.stores.tokens.create("shop", project_id=world.numbers["shop"])
    own = world.get(f"{PREFIX}/cost", token=token).get_json()
    assert {row["project"] for row in own["items"]} == {"shop"}
    assert own["cost"] < told["cost"]

    for name in Settings.__slots__:
        value = getattr(settings, name)
        text = value.reveal() if isinstance(value, Secret) else str(value)
        monkeypatch.setenv(f"SLUICE_{name.upper()}", text)
    run = CliRunner().invoke(main, ["cost", "--json"])
    assert run.exit_code == 0, run.output
    document = json.loads(run.stdout)
    assert document["sentence"] == told["sentence"]
    assert len(document["items"]) == 3
    one = CliRunner().invoke(main, ["cost", "--project", "blog"])
    assert one.exit_code == 0
    assert "blog" in one.output
    assert "shop" not in one.output
    assert CliRunner().invoke(main, ["cost", "--project", "nowhere"]).exit_code == 1


def test_another_month_and_a_bad_one(world: World) -> None:
    assert world.json(f"{PREFIX}/cost?month=2020-01")["items"] == []
    for wrong in ("2026-13", "now", "1999-01"):
        answer = world.get(f"{PREFIX}/cost?month={wrong}")
        assert answer.status_code == 400
        assert answer.get_json()["error"]["message"].startswith("month: ")


def test_metrics_tell_requests_and_costs_by_type(world: World) -> None:
    METER.take()
    store(world, world.envelopes([crash("one")], "shop"))
    Metering(world.stores.database).flush()
    Usage(world.stores.database).sample(today())
    text = world.get("/metrics", token=None).text
    assert 'sluice_object_requests_total{operation="put",type="crash"} 1.0' in text
    assert 'sluice_object_stored_bytes{type="crash"}' in text
    assert 'sluice_object_raw_bytes{type="crash"}' in text
    assert "sluice_object_month_dollars " in text
    assert "sluice_doomed_blob_objects 0.0" in text
    assert "sluice_object_month_alone_dollars " in text
    assert "shop" not in text


def test_counts_survive_an_outage_and_are_added_once(world: World, settings: Settings) -> None:
    meter = Meter()
    meter.count("crash", "put", 3, 30)
    away = Database(Secret("postgresql://nobody@127.0.0.1:9/none"))
    Metering(away, meter, today).flush()
    Metering(away, meter, today).flush()
    metering = Metering(Database(settings.postgres_dsn), meter, today)
    metering.flush()
    metering.flush()
    meter.count("crash", "put", 1, 1)
    metering.stop()
    (row,) = Usage(world.stores.database).requests(today().replace(day=1))
    assert (row.type, row.operation, row.requests, row.bytes) == ("crash", "put", 4, 31)
    assert dict(meter.take()) == {}
    meter.count("a", "get", 1, 0)
    meter.give_back({("a", "get"): Count(2, 5)})
    assert dict(meter.take()) == {("a", "get"): Count(3, 5)}


def test_workers_add_what_they_counted_also_when_they_are_told_to_end(
    world: World, settings: Settings
) -> None:
    usage, first = Usage(world.stores.database), today().replace(day=1)
    envelopes = world.envelopes([crash(f"shop {n}") for n in range(20)], "shop")
    with running_worker(settings):
        world.accept(envelopes)
        wait_until(lambda: sum(one.events for one in usage.written(first)) == 20, seconds=120)
    counted = {(one.type, one.operation): one for one in usage.requests(first)}
    assert counted["crash", "put"].requests >= 1
    assert counted["crash", "put"].bytes > 0
    assert counted["crash", "get"].requests >= 1
