"""Stock Celery workers on our channel: what is killed is done again, what fails is kept."""

import contextlib
import importlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from broker import keys
from broker.connection import connect

ROOT = Path(__file__).parents[2]
QUEUE = "notes"
CELERY = [sys.executable, "-m", "celery", "--app", "tests.integration.channel_app"]


def wait_until(condition, timeout=60):
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)
    return found


@pytest.fixture
def client(settings):
    with connect(settings.redis_url, timeout=5) as client:
        client.flushdb()
        yield client


@pytest.fixture
def environment(settings):
    return {**os.environ, "SLUICE_REDIS_URL": settings.redis_url.reveal()}


@pytest.fixture
def send(environment, monkeypatch):
    monkeypatch.setenv("SLUICE_REDIS_URL", environment["SLUICE_REDIS_URL"])
    channel_app = importlib.import_module("tests.integration.channel_app")

    def send(name, *args):
        channel_app.app.send_task(name, args, queue=QUEUE)

    send.app = channel_app.app
    yield send
    channel_app.app.close()


class Workers:
    def __init__(self, environment, pool):
        self.environment, self.pool, self.process = environment, pool, None

    def start(self):
        options = ["worker", "--queues", QUEUE, "--concurrency", "2", "--loglevel", "warning"]
        self.process = subprocess.Popen(
            [*CELERY, *options, "--pool", self.pool, "--without-gossip", "--without-mingle"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_a_child(self):
        children = psutil.Process(self.process.pid).children()
        if children:
            random.choice(children).kill()


@pytest.fixture
def workers(environment, request):
    workers = Workers(environment, getattr(request, "param", "prefork"))
    workers.start()
    yield workers
    workers.kill()


@pytest.mark.parametrize("workers", ["prefork", "solo", "threads"], indirect=True)
def test_killing_the_worker_again_and_again_loses_nothing(workers, send, client):
    for number in range(800):
        send("note", number)
    for share in (100, 300, 500):
        wait_until(lambda share=share: client.hlen("noted") >= share)
        workers.kill()
        workers.start()
    wait_until(lambda: client.hlen("noted") == 800)
    wait_until(lambda: client.hlen(keys.reserved(QUEUE)) == 0 and client.llen(QUEUE) == 0)
    assert client.hlen(keys.parked(QUEUE)) == 0


def test_killing_children_loses_nothing(workers, send, client):
    for number in range(600):
        send("note", number)
    for share in (50, 200, 400):
        wait_until(lambda share=share: client.hlen("noted") >= share)
        workers.kill_a_child()
    wait_until(lambda: client.hlen("noted") == 600)


def test_a_worker_that_ends_answers_what_its_children_were_handed(workers, send, client):
    send("note", 0)
    wait_until(lambda: client.hlen("noted") == 1)
    parent = psutil.Process(workers.process.pid)
    children = parent.children()
    for child in children:
        child.suspend()
    send("note", 1)
    wait_until(lambda: written(send.app) == 2)
    threads = parent.num_threads()
    parent.terminate()
    # Another thread keeps time while it awaits its children: by now it has let go of what it will.
    wait_until(lambda: parent.num_threads() > threads)
    for child in children:
        child.resume()
    workers.process.wait()
    assert client.hgetall("noted") == {b"0": b"1", b"1": b"1"}
    assert (client.llen(QUEUE), client.hlen(keys.reserved(QUEUE))) == (0, 0)


def written(app):
    """How many tasks the worker wrote to its children."""
    (stats,) = (app.control.inspect(timeout=1).stats() or {"none": {}}).values()
    return stats.get("pool", {}).get("writes", {}).get("total")


def test_control_commands_answer(workers, environment, client):
    def queues():
        asked = subprocess.run(
            [*CELERY, "inspect", "active_queues", "--timeout", "2", "--json"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return asked.stdout

    wait_until(lambda: '"name": "notes"' in queues())


@pytest.mark.parametrize(
    ("name", "why"),
    [("fail", b"no task could take it"), ("unknown", b"no task could take it")],
)
def test_what_no_task_can_do_is_parked_not_deleted(workers, send, client, name, why):
    send(name)
    wait_until(lambda: client.hlen(keys.parked(QUEUE)) == 1)
    assert client.hvals(keys.parked_why(QUEUE)) == [why]
    assert client.hlen(keys.reserved(QUEUE)) == 0


@pytest.mark.parametrize("raw", [b"garbage", b'{"headers": {}}', b"[1, 2]"])
def test_what_is_no_task_message_is_parked_and_the_worker_goes_on(workers, send, client, raw):
    client.lpush(QUEUE, raw)
    send("note", 1)
    wait_until(lambda: client.hlen("noted") == 1)
    assert client.hvals(keys.parked(QUEUE)) == [raw]


def test_a_message_that_kills_its_child_is_parked_at_the_fifth_time(workers, send, client):
    send("die")
    wait_until(lambda: client.hlen(keys.parked(QUEUE)) == 1)
    assert client.hvals(keys.parked_why(QUEUE)) == [b"its worker died 5 times"]
    send("note", 1)
    wait_until(lambda: client.hlen("noted") == 1)


def test_purging_is_refused(environment, send, client):
    send("note", 1)
    asked = subprocess.run(
        [*CELERY, "purge", "--force", "--queues", QUEUE],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "would lose accepted events" in asked.stderr + asked.stdout
    assert client.llen(QUEUE) == 1
