"""Real Celery workers for tests, as processes of their own on the servers of the test run."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from config.policy import QUEUES
from tests.integration.pipeline import ROOT, environment, wait_until

__all__ = ["REAL", "kill_worker", "running_worker", "start_worker", "stop_worker", "wait_until"]

#: A dead worker's messages are taken over soon, and few events make a flood.
QUICK = {"SLUICE_LEASE_SECONDS": "2", "SLUICE_FLOOD_EVENTS": "20"}
REAL = "tasks.worker:app"


def start_worker(settings, module=REAL):
    """A prefork worker on every queue, in a process group of its own; its log is in the home."""
    options = ["--concurrency", "2", "--queues", ",".join(QUEUES), "--without-mingle"]
    with (Path(settings.home) / "worker.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "celery", "--app", module, "worker", *options],
            cwd=ROOT,
            env=environment(settings, **QUICK),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def stop_worker(process):
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(60)


def kill_worker(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def running_worker(settings, module=REAL):
    process = start_worker(settings, module)
    try:
        yield process
    finally:
        stop_worker(process)
