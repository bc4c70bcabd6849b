"""Real Celery workers for tests, as processes of their own on the servers of the test run."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from config.policy import QUEUES

ROOT = Path(__file__).parents[2]
REAL = "tasks.worker:app"


def wait_until(condition, timeout=90):
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)
    return found


def environment(settings):
    values = {
        name: getattr(settings, name) for name in ("s3_endpoint", "s3_bucket", "search_prefix")
    }
    for name in ("redis_url", "postgres_dsn", "elasticsearch_url", "s3_access_key"):
        values[name] = getattr(settings, name).reveal()
    values["s3_secret_key"] = settings.s3_secret_key.reveal()
    values["home"] = str(settings.home)
    # A dead worker's messages are taken over soon, and few events make a flood.
    values |= {"lease_seconds": "2", "flood_events": "20"}
    return {**os.environ, **{f"SLUICE_{name.upper()}": text for name, text in values.items()}}


def start_worker(settings, module=REAL):
    """A prefork worker on every queue, in a process group of its own; its log is in the home."""
    options = ["--concurrency", "2", "--queues", ",".join(QUEUES), "--without-mingle"]
    with (Path(settings.home) / "worker.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "celery", "--app", module, "worker", *options],
            cwd=ROOT,
            env=environment(settings),
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
