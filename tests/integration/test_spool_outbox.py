"""The outbox over a real broker of the test's own: killed, frozen, full, and back again."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest

from app.ingest.commit import Bounds, CommitFailed, Committer
from app.ingest.outbox import Outbox, open_outbox
from broker.client import Broker
from config.settings import Secret, Settings
from events.envelope import Envelope
from events.ids import id_minute, new_id, now_ms
from storage.errors import StoreDown
from storage.spool.folder import QUARANTINE, segment_paths, spool_folder
from storage.spool.state import read_spool_state, spooled_events
from tests.integration.test_ingest_commit import OwnBroker, envelopes

DEADLINE = 20.0
TIMEOUT = 0.5


@pytest.fixture
def own(tmp_path: Path) -> Iterator[OwnBroker]:
    (tmp_path / "broker").mkdir()
    broker = OwnBroker(tmp_path / "broker")
    yield broker
    broker.signal(signal.SIGCONT)
    broker.kill()


@pytest.fixture
def settings(own: OwnBroker, tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path / "home",
        redis_url=Secret(f"redis://127.0.0.1:{own.port}/0"),
        publish_timeout_seconds=TIMEOUT,
        spool_replay_rate=100_000,
    )


class Asking:
    """Publishes to the broker, and counts how often this thread, not the replay's, asked it to."""

    def __init__(self, settings: Settings) -> None:
        self._broker = Broker(settings.redis_url, timeout=settings.publish_timeout_seconds)
        self._thread = threading.get_ident()
        self.times = 0

    def __call__(self, event_type: str, batch_id: UUID, batch: Sequence[Envelope]) -> None:
        self.times += threading.get_ident() == self._thread
        self._broker.publish(event_type, batch_id, batch)


def make_outbox(settings: Settings) -> Outbox:
    broker = Broker(settings.redis_url, timeout=settings.publish_timeout_seconds)
    return open_outbox(settings, broker.publish)


@pytest.fixture
def asking(settings: Settings) -> Asking:
    return Asking(settings)


@pytest.fixture
def outbox(settings: Settings, asking: Asking) -> Iterator[Outbox]:
    outbox = open_outbox(settings, asking)
    yield outbox
    outbox.close()


def await_true(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def await_drained(settings: Settings) -> None:
    folder = spool_folder(settings.home)
    await_true(lambda: not segment_paths(folder), "the spool is not replayed")
    assert not segment_paths(folder / QUARANTINE)


class Sender:
    """Publishes batches through an outbox, and remembers the ids of those accepted."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self.accepted: list[UUID] = []

    def send(self, count: int = 3, event_type: str = "crash") -> None:
        events = envelopes(count)
        self._outbox.publish(event_type, new_id(now_ms()), events)
        self.accepted += [event.id for event in events]


def assert_exactly_once(own: OwnBroker, settings: Settings, accepted: list[UUID]) -> None:
    """The broker holds, and its ledger counts, each accepted event once."""
    assert own.ids() == Counter(accepted)
    minutes = [id_minute(event_id) for event_id in accepted]
    counted = Broker(settings.redis_url, timeout=5).accepted(min(minutes), max(minutes))
    assert sum(counted.values()) == len(accepted)
    assert spooled_events(settings.home) == {}


def test_a_well_broker_leaves_the_disk_alone(
    own: OwnBroker, outbox: Outbox, settings: Settings
) -> None:
    sender = Sender(outbox)
    for _ in range(20):
        sender.send()
    assert not spool_folder(settings.home).exists()
    assert_exactly_once(own, settings, sender.accepted)


def test_a_killed_broker_costs_nothing(own: OwnBroker, outbox: Outbox, settings: Settings) -> None:
    sender = Sender(outbox)
    sender.send()
    own.kill()
    for _ in range(50):
        sender.send()
    state = read_spool_state(settings.home)
    assert (state.events, state.refused) == (150, 0)
    assert sum(spooled_events(settings.home).values()) == 150
    own.start()
    await_drained(settings)
    for _ in range(5):
        sender.send()
    assert_exactly_once(own, settings, sender.accepted)
    assert [e.id for batch in own.batches() for e in batch] == sender.accepted  # in their order


def test_a_hung_broker_delays_one_publish(
    own: OwnBroker, outbox: Outbox, asking: Asking, settings: Settings
) -> None:
    sender = Sender(outbox)
    sender.send()
    own.signal(signal.SIGSTOP)
    sender.send()
    assert asking.times == 2
    for _ in range(50):
        sender.send()
    assert asking.times == 2  # nobody else waits for it
    # The first of them was sent and not answered: it is in the broker's socket and in the spool.
    own.signal(signal.SIGCONT)
    await_drained(settings)
    assert_exactly_once(own, settings, sender.accepted)


def test_a_broker_found_hung_in_the_background_delays_nobody(
    own: OwnBroker, outbox: Outbox, asking: Asking, settings: Settings
) -> None:
    sender = Sender(outbox)
    sender.send()
    own.signal(signal.SIGSTOP)
    await_true(lambda: outbox.spooling is not None, "nobody notices")
    sender.send()
    assert asking.times == 1
    own.signal(signal.SIGCONT)
    await_drained(settings)
    assert_exactly_once(own, settings, sender.accepted)


def test_a_broker_that_answers_and_takes_nothing_stays_shut(
    own: OwnBroker, outbox: Outbox, asking: Asking, settings: Settings
) -> None:
    sender = Sender(outbox)
    sender.send()
    with own.client() as client:
        client.execute_command("CLIENT", "PAUSE", 600_000, "WRITE")
        sender.send()
        # The replay asks again all this time, and must not open for what it is not answered.
        shut_until = time.monotonic() + 4 * TIMEOUT
        while time.monotonic() < shut_until:
            sender.send()
            assert asking.times == 2
        client.execute_command("CLIENT", "UNPAUSE")
    await_drained(settings)
    assert_exactly_once(own, settings, sender.accepted)


def test_above_its_memory_mark_the_broker_is_spared(
    own: OwnBroker, outbox: Outbox, settings: Settings
) -> None:
    sender = Sender(outbox)
    sender.send()
    with own.client() as client:
        used = int(client.info("memory")["used_memory"])
        client.config_set("maxmemory", int(used / 0.75))
        await_true(lambda: outbox.spooling == "memory", "the mark is not seen")
        before = client.llen("crash.files")
        for _ in range(20):
            sender.send()
        assert client.llen("crash.files") == before
        assert read_spool_state(settings.home).events == 60
        client.config_set("maxmemory", used * 10)
    await_drained(settings)
    await_true(lambda: outbox.spooling is None, "the outbox stays shut")
    sender.send()
    assert_exactly_once(own, settings, sender.accepted)


def test_a_broker_out_of_memory_refuses_and_the_spool_takes(
    own: OwnBroker, outbox: Outbox, settings: Settings
) -> None:
    sender = Sender(outbox)
    sender.send()
    with own.client() as client:
        client.config_set("maxmemory", 1)
        for _ in range(20):
            sender.send()
        client.config_set("maxmemory", 0)
    await_drained(settings)
    assert_exactly_once(own, settings, sender.accepted)


def test_the_rate_of_a_replay_is_bounded(own: OwnBroker, settings: Settings) -> None:
    slow = Settings(home=settings.home, redis_url=settings.redis_url, spool_replay_rate=100)
    outbox = make_outbox(slow)
    sender = Sender(outbox)
    own.kill()
    for _ in range(20):
        sender.send(10)
    own.start()
    await_true(lambda: own.ids().total() > 0, "the replay does not begin")
    started, before = time.monotonic(), own.ids().total()
    sender.send()
    await_drained(slow)
    replayed = len(sender.accepted) - 3 - before
    assert replayed / (time.monotonic() - started) < 150
    outbox.close()
    assert_exactly_once(own, slow, sender.accepted)


def test_a_full_spool_refuses_and_counts(own: OwnBroker, settings: Settings) -> None:
    small = Settings(
        home=settings.home,
        redis_url=settings.redis_url,
        publish_timeout_seconds=TIMEOUT,
        spool_max_bytes=3000,
    )
    outbox = make_outbox(small)
    outbox.publish("crash", new_id(now_ms()), before := envelopes())
    own.kill()
    sender = Sender(outbox)
    committer = Committer(outbox.publish, Bounds(500, 1 << 20), patience=0)
    refused = 0
    for _ in range(40):
        try:
            sender.send()
        except StoreDown:
            refused += 3
    assert 0 < refused < 120
    assert read_spool_state(small.home).refused == refused
    assert not outbox.has_room()
    with pytest.raises(CommitFailed) as failed:
        committer.commit("crash", envelopes(2, size=5000))
    assert isinstance(failed.value.__cause__, StoreDown)
    assert failed.value.__cause__.store == "spool"
    assert read_spool_state(small.home).refused == refused + 2  # once, not again by a retry
    own.start()
    await_drained(small)
    sender.send()
    outbox.close()
    assert_exactly_once(own, small, [before[0].id, *sender.accepted])


def test_a_new_process_replays_what_an_earlier_one_left(
    own: OwnBroker, outbox: Outbox, settings: Settings
) -> None:
    own.kill()
    sender = Sender(outbox)
    for _ in range(10):
        sender.send()
    outbox.close()
    own.start()
    later = make_outbox(settings)
    later.start()  # with no request at all
    await_drained(settings)
    later.close()
    assert_exactly_once(own, settings, sender.accepted)


def test_a_connection_that_broke_while_idle_is_no_outage(
    own: OwnBroker, outbox: Outbox, settings: Settings
) -> None:
    sender = Sender(outbox)
    sender.send()
    with own.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)
    sender.send()
    assert not spool_folder(settings.home).exists()
    assert_exactly_once(own, settings, sender.accepted)


def test_under_load_kills_and_freezes_of_the_broker_lose_and_double_nothing(
    own: OwnBroker, outbox: Outbox, settings: Settings
) -> None:
    committer = Committer(outbox.publish, Bounds(50, 1 << 20), patience=0)
    stop = threading.Event()

    def load() -> list[UUID]:
        accepted = []
        while not stop.is_set():
            events = envelopes(2)
            committer.commit("crash", events)  # a refusal would fail the test
            accepted += [event.id for event in events]
        return accepted

    with ThreadPoolExecutor(12) as pool:
        loads = [pool.submit(load) for _ in range(12)]
        for _ in range(2):
            time.sleep(0.4)
            own.kill()
            time.sleep(0.4)
            own.start()
            time.sleep(0.4)
            own.signal(signal.SIGSTOP)
            time.sleep(1.5)
            own.signal(signal.SIGCONT)
        stop.set()
        accepted = [event_id for load in loads for event_id in load.result()]
    await_drained(settings)
    assert_exactly_once(own, settings, accepted)
