"""Compaction while the object store refuses or crawls: nothing is lost, and it goes on after."""

import contextlib
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from tests.faults.fault_proxy import FaultProxy, Mode
from tests.integration.pack_world import all_bytes, objects, read_all, store_pack
from tests.integration.pipeline import ROOT, crash, environment, wait_until

pytestmark = pytest.mark.timeout(600)


def start(pipeline, proxy, rate="0"):
    return subprocess.Popen(
        [sys.executable, "-m", "tasks.compaction_command"],
        cwd=ROOT,
        env=environment(
            pipeline.settings,
            SLUICE_S3_ENDPOINT=f"http://127.0.0.1:{proxy.port}",
            SLUICE_S3_TIMEOUT_SECONDS="2",
            SLUICE_PACK_GRACE_SECONDS="0",
            SLUICE_COMPACT_AGE_SECONDS="0",
            SLUICE_COMPACT_MIN_PACKS="2",
            SLUICE_COMPACT_BYTES_PER_SECOND=rate,
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("mode", [Mode.UNAVAILABLE, Mode.SLOW])
def test_a_run_ends_with_a_sentence_and_the_next_goes_on(pipeline, mode):
    stored = [store_pack(pipeline, [crash(p * 3 + n) for n in range(3)]) for p in range(3)]
    ids = [event_id for _, pack_ids in stored for event_id in pack_ids]
    before = read_all(pipeline, ids)
    port = urlsplit(pipeline.settings.s3_endpoint).port
    with contextlib.closing(FaultProxy(port, delay=8.0)) as proxy:
        with proxy.failing(mode):
            _, said = (done := start(pipeline, proxy)).communicate(timeout=300)
            assert (done.returncode, said.splitlines()[-1].split(":")[:2]) == (
                1,
                ["Error", " files"],
            )
        assert read_all(pipeline, ids) == before
        assert len(objects(pipeline)) == 3

        # The store goes away in the middle: the pace makes the merge last.
        slow = start(pipeline, proxy, rate="300")
        wait_until(lambda: pipeline.query("SELECT count(*) FROM merges") == [(1,)])
        with proxy.failing(mode):
            slow.communicate(timeout=300)
            assert slow.returncode == 1
        assert read_all(pipeline, ids) == before

        for _ in range(2):  # the second deletes what the first merged
            _, said = (done := start(pipeline, proxy)).communicate(timeout=300)
            assert done.returncode == 0, said
    assert read_all(pipeline, ids) == before
    assert sorted(all_bytes(pipeline)) == sorted(before.values())
    assert pipeline.query("SELECT events FROM packs") == [(9,)]
    assert len(objects(pipeline)) == 1
