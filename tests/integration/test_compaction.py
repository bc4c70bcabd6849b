"""Small packs become large ones while everything stays readable, counted and findable."""

import json

import pytest

from events.ids import new_id, now_ms
from storage.files.store import FileStore
from storage.sql.events import Events
from tests.integration.pipeline import crash, wait_until

pytestmark = pytest.mark.timeout(600)


def compact(pipeline, *options, grace="0"):
    done = pipeline.sluice("compact", "--json", *options, SLUICE_PACK_GRACE_SECONDS=grace)
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


def packs_of(pipeline, count, each=3):
    """So many packs with so many events each, stored in full."""
    ids = []
    for number in range(count):
        ids += pipeline.publish([crash(number * each + n) for n in range(each)])
        wait_until(lambda: pipeline.ledger().totals.in_flight == 0)
    pipeline.settle()
    return ids


def objects(pipeline):
    return {key for key, _ in FileStore(pipeline.settings)._bucket.list("packs/")}


def read_all(pipeline, ids):
    """Every event's raw bytes, by way of its row."""
    events, files = Events(pipeline.database), FileStore(pipeline.settings)
    return {event_id: files.read_event(events.find(event_id).location) for event_id in ids}


def test_small_packs_become_one_and_the_old_objects_go(pipeline, worker):
    ids = packs_of(pipeline, 4)
    before, ledger = read_all(pipeline, ids), pipeline.ledger()
    [(packs,)] = pipeline.query("SELECT count(*) FROM packs")
    assert packs == 4

    report = compact(pipeline, "--now")

    assert (report["packs_merged"], report["packs_deleted"], report["held"]) == (4, 4, [])
    assert pipeline.query("SELECT events, search_at IS NOT NULL, pending FROM packs") == [
        (12, True, [])
    ]
    assert objects(pipeline) == {key for (key,) in pipeline.query("SELECT key FROM packs")}
    assert read_all(pipeline, ids) == before
    assert pipeline.ledger().totals == ledger.totals
    assert pipeline.groups() == {"pay": (12, 3)}
    receipts = [Events(pipeline.database).receipt(event_id) for event_id in ids]
    assert all(r.files_at <= r.sql_at <= r.search_at for r in receipts)
    assert compact(pipeline, "--now")["merges"] == []
