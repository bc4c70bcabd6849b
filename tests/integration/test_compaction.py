"""Small packs become large ones while everything stays readable, counted and findable."""

import json
from datetime import UTC, datetime

import pytest

from broker.handoff import Handoff
from events.ids import id_ms, new_id, now_ms
from storage.files.store import FileStore
from storage.model import PackRef
from storage.sql.dead_letters import DeadLetters
from storage.sql.events import Events
from storage.sql.locks import SETTLING, hold_alone
from storage.sql.terms import Terms
from storage.sql.unstore import unstore
from tasks.app import create_celery
from tasks.rerun import Rerun
from tasks.stages import register
from tests.integration.pack_world import all_bytes, erase, objects, read_all
from tests.integration.pipeline import crash, wait_until

pytestmark = pytest.mark.timeout(600)


def compact(pipeline, *options, grace="0"):
    done = pipeline.sluice("compact", "--json", *options, SLUICE_PACK_GRACE_SECONDS=grace)
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


def reconcile(pipeline):
    done = pipeline.sluice("reconcile", "--grace", "0", "--json")
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


def app_of(pipeline):
    app = create_celery(pipeline.settings)
    register(app, lambda: None)
    return app


def packs_of(pipeline, count, each=3):
    """So many packs with so many events each, stored in full."""
    ids = []
    for number in range(count):
        ids += pipeline.publish([crash(number * each + n) for n in range(each)])
        wait_until(lambda: pipeline.ledger().totals.in_flight == 0)
    pipeline.settle()
    return ids


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


def test_the_bytes_of_an_erased_event_go_and_those_beside_it_stay(pipeline, worker):
    ids = pipeline.publish([crash(n, f"marked-{n}") for n in range(20)])
    pipeline.settle()
    before = read_all(pipeline, ids)
    erase(pipeline, ids[7])
    assert any(b"marked-7 " in body or b'marked-7"' in body for body in all_bytes(pipeline))

    report = compact(pipeline, "--now")

    [merge] = report["merges"]
    assert (merge["packs"], merge["events"], merge["events_dropped"]) == (1, 19, 1)
    assert not any(b'marked-7"' in body for body in all_bytes(pipeline))
    kept = [event_id for event_id in ids if event_id != ids[7]]
    assert read_all(pipeline, kept) == {i: body for i, body in before.items() if i in kept}
    [(gone,)] = pipeline.query("SELECT gone_at IS NOT NULL FROM tombstones")
    assert gone
    assert reconcile(pipeline)["repairs"] == []
    assert pipeline.rows() == set(kept)


def test_a_pack_of_which_nothing_is_left_goes_without_another(pipeline, worker):
    ids = pipeline.publish([crash(n) for n in range(2)])
    pipeline.settle()
    for event_id in ids:
        erase(pipeline, event_id)

    [merge] = compact(pipeline, "--now")["merges"]

    assert merge["target"] is None
    assert objects(pipeline) == set()
    assert pipeline.query("SELECT count(*) FROM packs") == [(0,)]
    assert pipeline.query("SELECT bool_and(gone_at IS NOT NULL) FROM tombstones") == [(True,)]


def test_an_erasure_reaches_every_copy(pipeline, worker):
    ids = packs_of(pipeline, 1, each=5)
    [(key,)] = pipeline.query("SELECT key FROM packs")
    files = FileStore(pipeline.settings)
    copy, _ = files.write_pack([item.envelope for item in files.read_pack(key)], new_id(now_ms()))
    Rerun(app_of(pipeline), now_ms).chain(Handoff(copy, datetime.now(UTC)), 0)
    wait_until(lambda: pipeline.query("SELECT count(*) FROM spare_copies") == [(5,)])
    wait_until(lambda: pipeline.query("SELECT bool_and(search_at IS NOT NULL) FROM packs")[0][0])
    erase(pipeline, ids[0])

    compact(pipeline, "--now")

    assert len(all_bytes(pipeline)) == 4
    assert pipeline.query("SELECT count(*) FROM spare_copies") == [(0,)]
    assert pipeline.query("SELECT gone_at IS NOT NULL FROM tombstones") == [(True,)]
    assert pipeline.settle().totals.stored == 5


def test_an_erased_event_that_comes_again_gets_no_row(pipeline, worker):
    ids = packs_of(pipeline, 1, each=3)
    [(key,)] = pipeline.query("SELECT key FROM packs")
    files = FileStore(pipeline.settings)
    erase(pipeline, ids[0])
    copy, _ = files.write_pack([item.envelope for item in files.read_pack(key)], new_id(now_ms()))

    Rerun(app_of(pipeline), now_ms).chain(Handoff(copy, datetime.now(UTC)), 0)

    wait_until(lambda: pipeline.query("SELECT count(*) FROM spare_copies") == [(3,)])
    wait_until(lambda: pipeline.query("SELECT bool_and(search_at IS NOT NULL) FROM packs")[0][0])
    assert pipeline.rows() == set(ids[1:])
    assert pipeline.settle().totals.stored == 3


def test_dead_letters_follow_their_payload(pipeline, worker):
    packs_of(pipeline, 2)
    pipeline.publish([crash(1), b'{"occurredOn": 1, "details": '])
    ledger = pipeline.settle()
    assert ledger.totals.dead == 1

    compact(pipeline, "--now")

    [letter] = DeadLetters(pipeline.database).list().items
    [(key,)] = pipeline.query("SELECT key FROM packs")
    assert letter.location.pack_key == key
    assert FileStore(pipeline.settings).read_event(letter.location).startswith(b'{"occurredOn": 1')
    assert pipeline.settle().totals == ledger.totals
    assert reconcile(pipeline)["repairs"] == []


def test_a_late_message_of_a_merged_pack_changes_nothing(pipeline, worker):
    ids = packs_of(pipeline, 3)
    refs = pipeline.query(
        "SELECT id, key, type, day, events, stored_bytes, raw_bytes FROM packs ORDER BY id"
    )
    compact(pipeline, "--now")

    Rerun(app_of(pipeline), now_ms).chain(Handoff(PackRef(*refs[0]), datetime.now(UTC)), 0)

    wait_until(lambda: all(q.ready + q.reserved == 0 for q in pipeline.broker.queues()))
    assert sum(q.parked for q in pipeline.broker.queues()) == 0
    assert pipeline.query("SELECT count(*) FROM packs") == [(1,)]
    assert pipeline.rows() == set(ids)
    assert pipeline.settle().totals.stored == 9


def test_a_rebuild_under_way_holds_merging_back(pipeline, worker):
    packs_of(pipeline, 2)
    [(day,)] = pipeline.query("SELECT DISTINCT day FROM packs")
    pipeline.query(
        "INSERT INTO rebuilds (store, type, part, target) VALUES ('sql', 'crash', %s, 'x')",
        day.isoformat(),
    )

    report = compact(pipeline, "--now")

    assert report["merges"] == []
    assert report["held"] == [f"crash {day}: a rebuild of crash {day} is not finished"]


def test_a_dry_run_changes_nothing(pipeline, worker):
    packs_of(pipeline, 2)
    before = objects(pipeline)

    report = compact(pipeline, "--now", "--dry-run")

    assert "dry run: 2 packs" in report["held"][0]
    assert objects(pipeline) == before
    assert pipeline.query("SELECT count(*) FROM packs") == [(2,)]


def test_an_orphan_is_found_and_deleted(pipeline, worker):
    """What a worker leaves that was killed between writing a pack and handing it on."""
    ids = packs_of(pipeline, 1)
    [(key,)] = pipeline.query("SELECT key FROM packs")
    files = FileStore(pipeline.settings)
    files.write_pack([item.envelope for item in files.read_pack(key)], new_id(now_ms()))

    assert reconcile(pipeline)["repairs"] == []
    report = compact(pipeline, "--now")

    assert report["packs_deleted"] == 1
    assert objects(pipeline) == {key}
    assert pipeline.rows() == set(ids)


def test_bytes_past_a_projects_term_go(pipeline, worker):
    """As retention leaves it: rows and their counts are gone. What has a row stays in any case."""
    ids = packs_of(pipeline, 1, each=4)
    for event_id in ids[:2]:
        with pipeline.database.transaction() as cursor:
            hold_alone(cursor, SETTLING)
            unstore(cursor, "crash", event_id)
    Terms(pipeline.database).set(pipeline.project_id, "crash", 1, "test")
    pipeline.query(
        "UPDATE project_terms SET cleared_ms = %s",
        id_ms(ids[-1]) + 1,
    )

    [merge] = compact(pipeline, "--now")["merges"]

    assert (merge["events"], merge["events_dropped"]) == (2, 2)
    assert read_all(pipeline, ids[2:]).keys() == set(ids[2:])
    assert len(all_bytes(pipeline)) == 2
    assert compact(pipeline, "--now")["merges"] == []
