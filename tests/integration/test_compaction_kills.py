"""Compaction killed with SIGKILL at every step: each event stays readable, the next run ends it."""

import os
import signal
import subprocess
import sys

import pytest

from storage.files.s3 import Bucket
from storage.sql.doomed import doom
from storage.sql.merges import Merges
from tests.integration.pack_world import (
    all_bytes,
    erase,
    objects,
    read_all,
    readers,
    store_pack,
)
from tests.integration.pipeline import ROOT, crash, environment, wait_until

pytestmark = pytest.mark.timeout(600)

STEPS = (
    "Merges.begin:before",
    "Merges.begin:after",
    "Bucket.put:before",
    "Merging.write:after",
    "Merges.begin_moving:after",
    "Merges.move:after",
    "Merges.leave:before",
    "Merges.leave:after",
    "Merges.end:before",
    "Merges.end:after",
    "Merging.delete:after",
    "DoomedPacks.forget:after",
)


def command(pipeline, module, *, grace="600", **more):
    return subprocess.run(
        [sys.executable, "-m", module, "--now"],
        cwd=ROOT,
        env=environment(pipeline.settings, SLUICE_PACK_GRACE_SECONDS=grace, **more),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def killed_at(pipeline, step, grace):
    done = command(pipeline, "tests.integration.killed_compaction", grace=grace, KILL_AT=step)
    assert done.returncode == -signal.SIGKILL, done.stderr


def compact(pipeline, grace="600"):
    done = command(pipeline, "tasks.compaction_command", grace=grace)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("step", STEPS)
def test_every_event_is_readable_after_a_kill_and_the_next_run_ends_it(pipeline, step):
    stored = [store_pack(pipeline, [crash(p * 5 + n) for n in range(5)]) for p in range(3)]
    ids = [event_id for _, pack_ids in stored for event_id in pack_ids]
    before = read_all(pipeline, ids)
    erased = ids.pop(7)
    erase(pipeline, erased)
    bodies = sorted(body for event_id, body in before.items() if event_id != erased)
    # Deleting is a step too: then there must be no grace, and readers ask again.
    grace = "0" if step.split(".")[0] in {"Merging", "DoomedPacks"} else "600"
    counts = "SELECT sum((slot->>2)::int) FROM packs, jsonb_array_elements(counts) AS slot"

    with readers(pipeline, ids, again=grace == "0") as count:
        wait_until(lambda: count[0] > len(ids))
        killed_at(pipeline, step, grace)
        seen = count[0]
        wait_until(lambda: count[0] > seen + 2 * len(ids))
        assert sorted(read_all(pipeline, ids).values()) == bodies
        assert pipeline.query(counts) == [(14,)]

        compact(pipeline, grace)
        seen = count[0]
        wait_until(lambda: count[0] > seen + 2 * len(ids))

    compact(pipeline, grace="0")
    assert sorted(read_all(pipeline, ids).values()) == bodies
    assert sorted(all_bytes(pipeline)) == bodies
    assert pipeline.query("SELECT events FROM packs") == [(14,)]
    assert pipeline.query(counts) == [(14,)]
    assert objects(pipeline) == {key for (key,) in pipeline.query("SELECT key FROM packs")}
    assert pipeline.query("SELECT count(*) FROM merges") == [(0,)]
    assert pipeline.query("SELECT count(*) FROM doomed_packs") == [(0,)]
    assert pipeline.query("SELECT gone_at IS NOT NULL FROM tombstones") == [(True,)]
    assert pipeline.groups() == {"pay": (14, 3)}
    assert pipeline.query("SELECT sum(stored)::int FROM ledger") == [(15,)]


def test_parts_of_a_killed_upload_are_dropped(pipeline):
    """More than one part of 8 MiB, of events that do not compress well."""
    stored = [
        store_pack(pipeline, [crash(n, os.urandom(350_000).hex()) for n in range(14)])
        for _ in range(2)
    ]
    ids = [event_id for _, pack_ids in stored for event_id in pack_ids]
    before = read_all(pipeline, ids)
    bucket = Bucket(pipeline.settings)

    killed_at(pipeline, "Upload._send:after", grace="600")

    [merge] = Merges(pipeline.database, pipeline.settings.postgres_dsn).under_way()
    assert (merge.state, len(_uploads(bucket))) == ("writing", 1)
    assert read_all(pipeline, ids) == before

    compact(pipeline, grace="0")

    assert _uploads(bucket) == []
    assert pipeline.query("SELECT events FROM packs") == [(28,)]
    assert read_all(pipeline, ids) == before
    assert len(objects(pipeline)) == 1


def _uploads(bucket):
    with bucket.calling("list uploads") as client:
        answer = client.list_multipart_uploads(Bucket=bucket.name, Prefix="packs/")
    return answer.get("Uploads", [])


def test_two_runs_at_once_do_not_meet(pipeline):
    store_pack(pipeline, [crash(1)])
    store_pack(pipeline, [crash(2)])
    with Merges(pipeline.database, pipeline.settings.postgres_dsn).alone() as alone:
        assert alone
        assert "another process compacts" in compact(pipeline)
    assert pipeline.query("SELECT count(*) FROM packs") == [(2,)]


def test_a_merge_whose_day_went_is_given_up(pipeline):
    for number in range(2):
        store_pack(pipeline, [crash(number)])
    killed_at(pipeline, "Merges.begin_moving:after", grace="600")
    with pipeline.database.transaction() as cursor:  # as retention does
        cursor.execute("DELETE FROM crash_events")
        cursor.execute("SELECT id FROM packs")
        assert doom(cursor, [pack_id for (pack_id,) in cursor.fetchall()], "retention") == 3

    for _ in range(2):
        compact(pipeline, grace="0")

    assert objects(pipeline) == set()
    assert pipeline.query("SELECT count(*) FROM merges") == [(0,)]
    assert pipeline.query("SELECT count(*) FROM quarantined_packs") == [(0,)]
