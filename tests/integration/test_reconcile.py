"""Damage done behind Sluice's back is found and repaired from packs; nothing counts twice."""

import json
import os
import signal
import subprocess
import time

import psutil
import pytest

from broker import keys
from config.policy import ALL_QUEUES
from events.ids import id_day, new_id, now_ms
from storage.files.store import FileStore
from storage.sql.repairs import Repair, Repairs
from tests.integration.pipeline import (
    CELERY,
    ROOT,
    WORKER,
    crash,
    environment,
    wait_until,
    working,
)

# A loaded machine takes seconds to start a process, and these start many.
pytestmark = pytest.mark.timeout(600)


def reconcile(pipeline, *options):
    done = pipeline.sluice("reconcile", "--grace", "0", "--json", *options)
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


def stored(pipeline, count, mark=""):
    ids = pipeline.publish([crash(n, mark) for n in range(count)])
    pipeline.settle()
    return ids


def test_nothing_is_repaired_where_nothing_is_gone(pipeline, worker):
    stored(pipeline, 20)
    report = reconcile(pipeline)
    assert (report["events"], report["repairs"], report["troubles"]) == (20, [], [])


def test_rows_come_back_and_count_nothing_again(pipeline, worker):
    ids = stored(pipeline, 20)
    pipeline.forget_rows(ids[:5])

    report = reconcile(pipeline)

    assert report["repaired"] == {"rows_restored": 5}
    assert pipeline.rows() == set(ids)
    assert pipeline.groups() == {"pay": (20, 3)}
    assert pipeline.settle().balanced
    assert pipeline.ledger().totals.stored == 20


def test_documents_come_back(pipeline, worker):
    ids = stored(pipeline, 20)
    pipeline.forget_documents(ids[:7])
    assert pipeline.documents(ids) == set(ids[7:])

    report = reconcile(pipeline)

    assert report["repaired"] == {"search_rerun": 7}
    wait_until(lambda: pipeline.documents(ids) == set(ids))
    ledger = pipeline.settle()
    assert (ledger.balanced, ledger.totals.stored) == (True, 20)
    assert sum(queue.events for queue in pipeline.broker.queues()) == 0


def test_rows_and_documents_gone_together_come_back(pipeline, worker):
    ids = stored(pipeline, 20)
    pipeline.forget_documents(ids[3:6])
    pipeline.forget_rows(ids[:5])

    report = reconcile(pipeline)

    assert report["repaired"] == {"rows_restored": 5, "search_rerun": 3}
    wait_until(lambda: pipeline.documents(ids) == set(ids))
    assert pipeline.rows() == set(ids)
    assert pipeline.groups() == {"pay": (20, 3)}
    assert pipeline.settle().totals.stored == 20


def test_a_whole_partition_comes_back(pipeline, worker):
    ids = stored(pipeline, 10)
    pipeline.query(f"DROP TABLE crash_events_{id_day(ids[0]):%Y%m%d}")

    reconcile(pipeline)

    assert pipeline.rows() == set(ids)


def test_a_dry_run_tells_and_changes_nothing(pipeline, worker):
    ids = stored(pipeline, 4)
    pipeline.forget_rows(ids[:1])
    pipeline.forget_documents(ids[1:3])

    report = reconcile(pipeline, "--dry-run")

    assert report["repaired"] == {"rows_restored": 1, "search_rerun": 2}
    assert pipeline.rows() == set(ids[1:])
    assert pipeline.documents(ids) == {ids[0], ids[3]}
    assert Repairs(pipeline.database).totals() == {}


def test_a_pack_whose_search_message_was_lost_goes_on(pipeline, worker):
    pipeline.broker._client.set(keys.pause("crash.search"), "operator: test")
    ids = pipeline.publish([crash(n) for n in range(10)])
    wait_until(lambda: len(pipeline.rows()) == 10)
    wait_until(lambda: pipeline.broker._client.llen("crash.search") > 0)
    assert reconcile(pipeline)["repairs"] == []  # late, but on its way

    pipeline.broker._client.delete("crash.search", keys.pause("crash.search"))
    report = reconcile(pipeline)

    assert report["repaired"] == {"search_rerun": 10}
    ledger = pipeline.settle()
    assert (ledger.balanced, ledger.totals.stored) == (True, 10)
    assert pipeline.documents(ids) == set(ids)
    # The ten events of the message that went are corrected once the queue is empty.
    again = reconcile(pipeline)
    assert report["counters_corrected"] + again["counters_corrected"] == 10
    assert sum(queue.events for queue in pipeline.broker.queues()) == 0


def test_a_pack_that_never_reached_sql_is_stored(pipeline, worker):
    pipeline.broker._client.set(keys.pause("crash.sql"), "operator: test")
    ids = pipeline.publish([crash(n) for n in range(10)])
    wait_until(lambda: pipeline.broker._client.llen("crash.sql") > 0)
    wait_until(lambda: pipeline.broker._client.hlen(keys.reserved("crash.files")) == 0)
    assert reconcile(pipeline)["repairs"] == []  # late, but on its way

    pipeline.broker._client.delete("crash.sql", keys.pause("crash.sql"))
    report = reconcile(pipeline)

    assert report["repaired"] == {"chain_rerun": 10}
    ledger = pipeline.settle()
    assert (ledger.balanced, ledger.totals.stored) == (True, 10)
    assert pipeline.rows() == pipeline.documents(ids) == set(ids)
    assert pipeline.groups() == {"pay": (10, 3)}


def test_a_second_pack_of_the_same_events_is_left_alone(pipeline, worker):
    """What a worker leaves that was killed between writing a pack and handing it on."""
    ids = stored(pipeline, 5)
    [(key,)] = pipeline.query("SELECT key FROM packs")
    files = FileStore(pipeline.settings)
    files.write_pack([item.envelope for item in files.read_pack(key)], new_id(now_ms()))

    report = reconcile(pipeline)

    assert (report["repairs"], report["troubles"]) == ([], [])
    assert pipeline.rows() == set(ids)


def test_what_is_dead_stays_dead(pipeline, worker):
    ids = pipeline.publish([crash(1), b'{"occurredOn": 1, "details": ']) + stored(pipeline, 3)
    ledger = pipeline.settle()
    assert ledger.totals.dead == 1

    assert reconcile(pipeline)["repairs"] == []
    assert pipeline.settle().totals == ledger.totals
    assert len(pipeline.rows()) == len(ids) - 1


def test_an_event_of_which_even_the_dead_letter_is_gone_gets_a_fate_again(pipeline, worker):
    pipeline.publish([crash(1), b'{"occurredOn": 1, "details": '])
    assert pipeline.settle().totals.dead == 1
    pipeline.query("DELETE FROM dead_letters")
    assert pipeline.ledger().totals.in_flight == 1

    assert reconcile(pipeline)["repaired"] == {"chain_rerun": 1}
    ledger = pipeline.settle()
    assert (ledger.totals.dead, ledger.totals.stored, ledger.balanced) == (1, 1, True)


def test_a_lost_pack_is_named_and_the_exit_code_says_so(pipeline, worker):
    stored(pipeline, 2)
    [(pack_id, key)] = pipeline.query("SELECT id, key FROM packs")
    FileStore(pipeline.settings)._bucket._client.delete_object(
        Bucket=pipeline.settings.s3_bucket, Key=key
    )

    done = pipeline.sluice("reconcile", "--grace", "0")

    assert done.returncode == 1
    assert f"pack_lost: crash pack {pack_id}" in done.stdout


def test_a_repair_that_does_not_help_is_given_up(pipeline, worker):
    """What is queued is not queued again; once its message is gone, it is."""
    ids = stored(pipeline, 1)
    pipeline.broker._client.set(keys.pause("crash.search"), "operator: test")
    pipeline.forget_documents(ids)
    assert reconcile(pipeline)["repaired"] == {"search_rerun": 1}
    assert reconcile(pipeline)["repairs"] == []  # queued already
    pipeline.broker._client.delete("crash.search")
    [(pack_id,)] = pipeline.query("SELECT id FROM packs")
    for _ in range(2):  # as if it had been tried twice more
        Repairs(pipeline.database).add(Repair("search_rerun", "crash", pack_id, 1))

    done = pipeline.sluice("reconcile", "--grace", "0", "--json")
    assert done.returncode == 1
    assert [trouble["code"] for trouble in json.loads(done.stdout)["troubles"]] == ["gave_up"]


def test_the_periodic_task_repairs_by_itself_and_once_a_period(pipeline, worker):
    ids = stored(pipeline, 6)
    pipeline.forget_rows(ids[:2])
    settings = environment(pipeline.settings, SLUICE_RECONCILE_GRACE_SECONDS="0")
    process = subprocess.Popen(
        [*WORKER, "--pool", "solo", "--queues", "system.maintenance"],
        cwd=ROOT,
        env=settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(2):
            subprocess.run(
                [*CELERY, "call", "sluice.reconcile", "--queue", "system.maintenance"],
                cwd=ROOT,
                env=settings,
                check=True,
                stdout=subprocess.DEVNULL,
            )
        wait_until(lambda: pipeline.rows() == set(ids))
        queue = "system.maintenance"
        client = pipeline.broker._client
        wait_until(lambda: client.llen(queue) + client.hlen(keys.reserved(queue)) == 0)
    finally:
        process.terminate()
        process.wait(60)
    assert Repairs(pipeline.database).totals() == {("rows_restored", "crash"): 2}
    [(checked,)] = pipeline.query("SELECT count(*) FROM packs WHERE checked_at IS NOT NULL")
    assert checked == 0  # it is compared again, to see that the repair held
    assert client.get(keys.period("sluice.reconcile"))


def test_a_beat_ends_with_its_worker(pipeline):
    with working(pipeline.settings, "--beat", queues=ALL_QUEUES[-1:]) as pid:
        parent = psutil.Process(pid)
        wait_until(lambda: len(parent.children()) == 3)  # two of the pool and the beat
        children = parent.children()
        time.sleep(1)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not any(_runs(child) for child in children))


def _runs(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
