"""A worker killed with SIGKILL at each step of writing a pack: nothing lost, nothing twice."""

import json

import pytest

from storage.files.store import FileStore
from tests.integration.pack_world import objects, read_all
from tests.integration.pipeline import crash, wait_until
from tests.integration.worker_process import running_worker

pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("step", ["put:before", "write_pack:after", "hand_on:after"])
def test_nothing_is_lost_or_twice_and_orphans_go(pipeline, step, tmp_path, monkeypatch):
    flag = tmp_path / "killed"
    monkeypatch.setenv("KILL_AT", step)
    monkeypatch.setenv("KILLED_ONCE", str(flag))
    with running_worker(pipeline.settings, "tests.integration.killed_worker:app"):
        ids = pipeline.publish([crash(n) for n in range(8)])
        wait_until(flag.exists)
        ledger = pipeline.settle()
        assert (ledger.totals.stored, ledger.balanced) == (8, True)
        assert pipeline.rows() == set(ids)
        assert pipeline.groups() == {"pay": (8, 3)}
        assert len(read_all(pipeline, ids)) == 8

        # The copy of a pack that came on record is dropped by merging, the other as an orphan.
        for arguments in (("reconcile", "--grace", "0"), ("compact", "--now")):
            done = pipeline.sluice(*arguments, "--json", SLUICE_PACK_GRACE_SECONDS="0")
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout)
        assert len(read_all(pipeline, ids)) == 8
        files = FileStore(pipeline.settings)
        assert sum(len(files.read_pack(key)) for key in objects(pipeline)) == 8
