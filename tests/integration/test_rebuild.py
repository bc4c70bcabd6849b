"""Search and SQL made anew from packs while events flow, killed half-way and run again."""

import contextlib
import json
import os
import random
import signal
import threading
import time
from collections import Counter

import pytest

from events.ids import id_day
from storage.files.store import FileStore
from storage.search.store import SearchStore
from storage.sql.database import Database
from storage.sql.rebuilds import Rebuilds
from tests.counted import assert_counted_as_rows
from tests.integration.pipeline import crash, wait_until

# A loaded machine takes seconds to start a process, and these start many.
pytestmark = pytest.mark.timeout(600)

EVENTS = 2000


def span(ids):
    first, last = min(ids), max(ids)
    return ("--from", id_day(first).isoformat(), "--to", id_day(last).isoformat())


def fill(pipeline, count=EVENTS):
    """So many events in two groups, and packs enough that a kill meets some of them."""
    ids = []
    for start in range(0, count, 100):
        bodies = [crash(n, line=f"pay{n % 2}") for n in range(start, min(start + 100, count))]
        ids += pipeline.publish(bodies)
        wait_until(lambda: pipeline.broker._client.llen("crash.files") == 0)
    pipeline.settle()
    return ids


@contextlib.contextmanager
def flowing(pipeline):
    """Events that keep coming, while the block runs; gives their ids."""
    ids, stop = [], threading.Event()

    def flow():
        number = 0
        while not stop.wait(0.05):
            ids.extend(pipeline.publish([crash(number + n, line="late") for n in range(5)]))
            number += 5

    thread = threading.Thread(target=flow)
    thread.start()
    try:
        yield ids
    finally:
        stop.set()
        thread.join()


def kill_half_way(pipeline, *arguments):
    """Run the command, and SIGKILL it when it has taken in some packs and not all; how many events.

    One that was done before it could be killed is run again.
    """
    for _ in range(20):
        process = pipeline.start(*arguments, "--json")
        while process.poll() is None and not taken_in(pipeline):
            pass
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        events = taken_in(pipeline)
        if 0 < events < EVENTS:
            return events
    raise AssertionError("it was always too late for a kill half-way")


def taken_in(pipeline):
    [(events,)] = pipeline.query("SELECT coalesce(sum(events), 0) FROM rebuild_packs")
    return int(events)


def run(pipeline, *arguments):
    done = pipeline.sluice("rebuild", *arguments, "--json")
    assert done.returncode == 0, done.stderr + done.stdout
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_all_is_right(pipeline, ids):
    """Every event is in SQL and search once, groups count their rows, the ledger balances."""
    ledger = pipeline.settle()
    assert ledger.balanced
    assert ledger.totals.stored == ledger.totals.accepted == len(ids)
    assert pipeline.rows() == set(ids)
    counted = dict(pipeline.query("SELECT group_id, count(*) FROM crash_events GROUP BY 1"))
    users = dict(
        pipeline.query("SELECT group_id, count(DISTINCT user_key) FROM crash_events GROUP BY 1")
    )
    groups = pipeline.query("SELECT id, count, users FROM groups")
    assert {group: (n, met) for group, n, met in groups} == {
        group: (n, users[group]) for group, n in counted.items()
    }
    assert wait_until(lambda: pipeline.documents(ids) == set(ids))
    assert pipeline.search_count() == len(ids)


def test_search_is_rebuilt_while_events_flow_and_through_a_kill(pipeline, worker):
    ids = fill(pipeline)
    pipeline.forget_documents(ids[:50])
    client = SearchStore(pipeline.settings)._client
    old = set(client.indices.get(index=f"{pipeline.settings.search_prefix}-crash"))
    with flowing(pipeline) as late:
        before = kill_half_way(pipeline, "rebuild", "search", *span(ids))
        # The index in the making is seen by no reader.
        assert pipeline.search_count() <= EVENTS - 50 + len(late)
        steps = run(pipeline, "search", *span(ids))

    assert steps[0]["events"] >= before
    assert [step["state"] for step in steps if step["type"] == "crash"][-1] == "done"
    assert_all_is_right(pipeline, ids + late)
    new = set(client.indices.get(index=f"{pipeline.settings.search_prefix}-crash"))
    assert not old & new
    assert pipeline.query("SELECT count(*) FROM rebuild_packs") == [(0,)]


def test_a_rebuilt_month_can_be_rebuilt_again_and_takes_new_events(pipeline, worker):
    ids = fill(pipeline, 100)
    for _ in range(2):
        run(pipeline, "search", *span(ids))
        ids += pipeline.publish([crash(1)])
        assert_all_is_right(pipeline, ids)
    assert SearchStore(pipeline.settings).check() is None
    found = SearchStore(pipeline.settings).search(limit=200)
    assert {item["id"] for item in found.items} == {str(i) for i in ids}


def test_no_event_is_invisible_at_any_moment_of_a_search_rebuild(pipeline, worker):
    ids = fill(pipeline, 300)
    wait_until(lambda: pipeline.search_count() == len(ids))
    seen, stop = [], threading.Event()
    store = SearchStore(pipeline.settings)

    def watch():
        while not stop.is_set():
            seen.append(len(store.search(event_type="crash", limit=5000).items))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        with flowing(pipeline) as late:
            run(pipeline, "search", *span(ids))
    finally:
        stop.set()
        thread.join()
    assert min(seen) >= len(ids)
    assert max(seen) <= len(ids) + len(late)
    assert seen == sorted(seen)


def test_sql_is_rebuilt_while_events_flow_and_through_a_kill(pipeline, worker):
    ids = fill(pipeline)
    pipeline.forget_rows(ids[:40])
    pipeline.query("UPDATE crash_events SET message = 'damaged', version = 'damaged'")
    pipeline.query("UPDATE groups SET count = count + 7, users = 1")
    with flowing(pipeline) as late:
        before = kill_half_way(pipeline, "rebuild", "sql", *span(ids))
        steps = run(pipeline, "sql", *span(ids))

    assert steps[0]["events"] >= before
    assert [step["state"] for step in steps if step["type"] == "crash"][-1] == "done"
    assert_all_is_right(pipeline, ids + late)
    assert pipeline.query("SELECT count(*) FROM crash_events WHERE message = 'damaged'") == [(0,)]
    assert Counter(culprit for culprit in pipeline.groups()) == {"pay0": 1, "pay1": 1, "late": 1}
    assert pipeline.query("SELECT count(*) FROM rebuild_groups") == [(0,)]
    tables = pipeline.query("SELECT relname FROM pg_class WHERE relname ~ '_rebuilt$'")
    assert tables == []
    assert_counted_as_rows(pipeline.database)


@pytest.mark.parametrize("store", ["search", "sql"])
def test_kills_at_any_moment_of_a_rebuild_change_nothing(pipeline, worker, store):
    ids, moments = fill(pipeline, 300), random.Random(store)
    with flowing(pipeline) as late:
        for _ in range(8):
            process = pipeline.start("rebuild", store, *span(ids))
            wait_until(lambda process=process: process.stdout.readline() or process.poll() == 0)
            time.sleep(moments.random())
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        run(pipeline, store, *span(ids))
    assert_all_is_right(pipeline, ids + late)


def test_rows_move_to_the_group_that_their_payload_names(pipeline, worker):
    """What another version of the fingerprint leaves: a group that nothing belongs to any more."""
    ids = fill(pipeline, 30)
    pipeline.query(
        "INSERT INTO groups (id, project_id, type, fingerprint, title, count, users, first_seen,"
        " last_seen) VALUES ('00000000-0000-8000-8000-000000000001', %s, 'crash', 'old', 'old', 10,"
        " 3, now(), now())",
        pipeline.project_id,
    )
    pipeline.query("UPDATE groups SET count = count - 5 WHERE culprit IS NOT NULL")
    pipeline.query(
        "UPDATE crash_events SET group_id = '00000000-0000-8000-8000-000000000001'"
        " WHERE id = ANY(%s::uuid[])",
        [str(event_id) for event_id in ids[:10]],
    )
    run(pipeline, "sql", *span(ids))
    assert pipeline.groups() == {"pay0": (15, 3), "pay1": (15, 3)}
    assert_all_is_right(pipeline, ids)
    assert_counted_as_rows(pipeline.database)


def test_a_day_of_sql_can_be_rebuilt_again_and_takes_new_events(pipeline, worker):
    ids = fill(pipeline, 100)
    for _ in range(2):
        run(pipeline, "sql", *span(ids))
        ids += pipeline.publish([crash(1, line="pay1")])
        assert_all_is_right(pipeline, ids)
    assert_counted_as_rows(pipeline.database)


def test_groups_that_were_deleted_come_back_with_their_users(pipeline, worker):
    ids = fill(pipeline, 60)
    before = pipeline.groups()
    pipeline.query("DELETE FROM group_users")
    pipeline.query("DELETE FROM groups")

    run(pipeline, "sql", *span(ids))

    assert pipeline.groups() == before == {"pay0": (30, 3), "pay1": (30, 3)}
    assert_all_is_right(pipeline, ids)
    assert_counted_as_rows(pipeline.database)


def test_rows_that_no_pack_explains_go(pipeline, worker):
    ids = fill(pipeline, 20)
    pipeline.query(
        "INSERT INTO crash_events SELECT (jsonb_populate_record(event, jsonb_build_object('id',"
        " overlay(id::text placing '0000' from 33)))).* FROM crash_events AS event LIMIT 3"
    )
    assert len(pipeline.rows()) == 23
    run(pipeline, "sql", *span(ids))
    assert_all_is_right(pipeline, ids)
    assert_counted_as_rows(pipeline.database)


@pytest.mark.parametrize("store", ["search", "sql"])
def test_what_is_dead_stays_dead(pipeline, worker, store):
    ids = pipeline.publish([crash(1), b'{"occurredOn": 1, "details": ', crash(2)])
    before = pipeline.settle()
    assert before.totals.dead == 1

    run(pipeline, store, *span(ids))

    assert pipeline.settle() == before
    assert len(pipeline.rows()) == len(pipeline.documents(ids)) == 2
    assert_counted_as_rows(pipeline.database)


@pytest.mark.parametrize("store", ["search", "sql"])
def test_an_event_dead_at_stage_search_keeps_its_row_and_gets_no_document(pipeline, worker, store):
    ids = fill(pipeline, 5)
    pipeline.forget_documents(ids[:1])
    pipeline.query(
        "INSERT INTO dead_letters (id, event_id, minute, project_id, type, stage, protocol, code,"
        " reason, traceback, attempts, at) VALUES (%s, %s, 1, %s, 'crash', 'search', '',"
        " 'document_refused', '', '', 1, now())",
        ids[0],
        ids[0],
        pipeline.project_id,
    )
    run(pipeline, store, *span(ids))
    assert pipeline.rows() == set(ids)
    assert pipeline.documents(ids) == set(ids[1:])


def test_a_lost_pack_keeps_its_rows_and_the_old_index(pipeline, worker):
    ids = fill(pipeline, 10)
    [(key,)] = pipeline.query("SELECT key FROM packs")
    files = FileStore(pipeline.settings)._bucket
    files._client.delete_object(Bucket=files.name, Key=key)

    done = pipeline.sluice("rebuild", "search", *span(ids), "--json")
    assert (done.returncode, "packs_unreadable" in done.stderr) == (1, True)
    assert pipeline.documents(ids) == set(ids)

    run(pipeline, "sql", *span(ids))
    assert pipeline.rows() == set(ids)
    assert pipeline.groups() == {"pay0": (5, 3), "pay1": (5, 3)}
    assert_counted_as_rows(pipeline.database)


def test_one_rebuild_at_a_time(pipeline):
    database = Database(pipeline.settings.postgres_dsn)
    with Rebuilds(database, pipeline.settings.postgres_dsn).alone() as alone:
        assert alone
        done = pipeline.sluice("rebuild", "sql", "--from", "2026-01-01", "--to", "2026-01-02")
    assert done.returncode == 1
    assert "rebuild_running" in done.stderr


def test_a_store_without_packs_on_record_is_left_alone(pipeline):
    """Else a rebuild would empty search where only SQL was lost."""
    done = pipeline.sluice("rebuild", "search", "--from", "2026-01-01", "--to", "2026-01-02")
    assert done.returncode == 1
    assert "nothing_on_record" in done.stderr


def test_days_the_wrong_way_round_are_refused(pipeline):
    done = pipeline.sluice("rebuild", "sql", "--from", "2026-01-02", "--to", "2026-01-01")
    assert (done.returncode, "bad_argument" in done.stderr) == (1, True)
