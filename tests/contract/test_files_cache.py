"""The cache of frames: bounded, shared by processes, never torn, fetched once, forgotten."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ops.paths import CHECKOUT
from storage.errors import Corrupt, NotFound, StoreDown
from storage.files.cache.disk import DiskCache
from storage.files.cache.entry import FrameKey
from storage.files.cache.flight import Flights
from storage.files.cache.frames import FrameCache, Source
from storage.files.cache.memory import MemoryCache
from storage.files.cache.shard import Shard
from storage.model import EventLocation
from tests.contract.cache_samples import SlowFrames, frame_of, key_of

SECOND = 1_000_000_000
PATIENCE = 120


class Clock:
    """Time that only the test moves; in seconds."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def seconds(self) -> float:
        return self.now

    def ns(self) -> int:
        return int(self.now * SECOND)


class Parts:
    """A cache over a slow object store, and what it saw."""

    def __init__(self, folder: Path, *, limit: int = 8 << 20, max_age: float = 3600) -> None:
        self.clock = Clock()
        self.frames = SlowFrames(folder / "log")
        self.disk = DiskCache(folder / "cache", limit, max_age, clock_ns=self.clock.ns)
        self.memory = MemoryCache(1 << 20, clock=self.clock.seconds)
        self.seen: list[Source] = []
        self.cache = self.another()

    def another(self) -> FrameCache:
        """As another process of the node would have it: the same disk, a memory of its own."""
        memory = MemoryCache(1 << 20, clock=self.clock.seconds)
        return FrameCache(self.frames, self.disk, memory, self.flights(), self.seen.append)

    def flights(self) -> Flights:
        return Flights(self.disk._folder / "flights", PATIENCE)

    def read(self, number: int, cache: FrameCache | None = None) -> None:
        found = (cache or self.cache).read_event(self.frames.locate(number))
        assert found == self.frames.body(number)


def held(disk: DiskCache, number: int) -> bytes | None:
    found = disk.get(key_of(number))
    return found.stored if found else None


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return Parts(tmp_path)


@contextmanager
def process(*words: object) -> Iterator[subprocess.Popen[str]]:
    """A process on the cache; killed at the end."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.contract.cache_process", *map(str, words)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


def said(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def wait_until(done: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def test_a_frame_is_fetched_once_then_near(parts: Parts) -> None:
    parts.read(1)
    parts.read(1)
    parts.read(1, parts.another())
    assert parts.seen == ["miss", "memory", "disk"]
    assert parts.frames.fetched() == [1]


def test_the_disk_is_bounded_and_keeps_what_was_used_last(tmp_path: Path) -> None:
    clock = Clock()
    limit = 200_000
    cache = DiskCache(tmp_path, limit, 10**6, clock_ns=clock.ns, shards=1)
    favourite = key_of(0)
    cache.put(favourite, frame_of(0), cache.generation())
    for number in range(1, 200):
        clock.now += 100
        assert cache.put(key_of(number), frame_of(number), cache.generation())
        assert held(cache, 0) == frame_of(0)
        assert cache.used() == cache.counted() <= limit
    kept = [number for number in range(200) if held(cache, number)]
    assert kept[0] == 0
    assert kept[1:] == list(range(kept[1], 200))
    assert len(kept) > 5


def test_the_bound_holds_over_processes(tmp_path: Path) -> None:
    limit = 1 << 20
    with ExitStack() as running:
        children = [running.enter_context(process("write", tmp_path, limit, 4)) for _ in range(3)]
        assert [said(child) for child in children] == ["started"] * 3
        watched = DiskCache(tmp_path, limit, 3600, shards=4)
        wait_until(lambda: watched.used() > limit // 2, "the cache never filled")
        most = max(watched.used() for _ in range(100))
    assert most <= limit


def test_kills_at_any_instant_leave_whole_entries_and_a_bound_that_holds(tmp_path: Path) -> None:
    limit, draw = 1 << 20, random.Random(7)
    for _ in range(12):
        with process("write", tmp_path, limit, 4) as child:
            assert said(child) == "started"
            time.sleep(draw.uniform(0.0, 0.25))  # the instant of the kill; nothing is awaited
            child.send_signal(signal.SIGKILL)
            assert child.stdout is not None
            assert "WRONG" not in child.stdout.read()
        cache = DiskCache(tmp_path, limit, 3600, shards=4)
        wrong = [n for n in range(500) if held(cache, n) not in (None, frame_of(n))]
        assert wrong == []
        assert cache.used() <= limit
    # And it is of use still: what is put is there.
    for number in range(500, 600):
        cache.put(key_of(number), frame_of(number), cache.generation())
    assert held(cache, 599) == frame_of(599)


def test_one_process_fetches_and_the_others_take_what_it_fetched(tmp_path: Path) -> None:
    log, events = tmp_path / "log", 20
    with ExitStack() as running:
        children = [
            running.enter_context(process("read", tmp_path / "cache", log, events))
            for _ in range(4)
        ]
        assert [said(child) for child in children] == ["done"] * 4
    assert sorted(SlowFrames(log).fetched()) == list(range(events))


def test_threads_of_a_process_fetch_once(parts: Parts) -> None:
    threads = [threading.Thread(target=parts.read, args=(3,)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert parts.frames.fetched() == [3]
    assert len(parts.seen) == 12


def test_a_killed_holder_lets_go_and_a_hanging_one_is_not_waited_for_for_ever(
    tmp_path: Path,
) -> None:
    name = key_of(1).name
    with process("hold", tmp_path) as child:
        assert said(child) == "holding"
        waited: list[float] = []
        with Flights(tmp_path / "flights", 0.05, sleep=waited.append).one(name) as held:
            assert not held
        child.kill()
        child.wait()
        with Flights(tmp_path / "flights", PATIENCE).one(name) as held:
            assert held


def test_a_holder_that_hangs_makes_reads_slower_and_no_more(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    location = parts.frames.locate(1)
    key = FrameKey(location.pack_key, location.frame_offset, location.frame_length)
    impatient = Flights(parts.disk._folder / "flights", 0.05)
    cache = FrameCache(parts.frames, parts.disk, parts.memory, impatient, parts.seen.append)
    with parts.flights().one(key.name) as held:
        assert held
        assert cache.read_event(location) == parts.frames.body(1)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "another's", "longer"])
def test_a_damaged_entry_is_a_miss_and_goes(parts: Parts, damage: str) -> None:
    key, frame = key_of(5), frame_of(5)
    parts.disk.put(key, frame, parts.disk.generation())
    (path,) = parts.disk._folder.glob(f"*/{key.name}")
    whole = path.read_bytes()
    path.write_bytes(
        {
            "cut": whole[:-1],
            "flipped": whole[:-1] + bytes([whole[-1] ^ 1]),
            "empty": b"",
            "another's": whole[:8] + bytes(32) + whole[40:],
            "longer": whole + b"x",
        }[damage]
    )
    assert parts.disk.get(key) is None
    assert not path.exists()
    assert parts.disk.put(key, frame, parts.disk.generation())
    assert held(parts.disk, 5) == frame


def test_nothing_is_given_after_its_age_and_a_sweep_takes_its_bytes(tmp_path: Path) -> None:
    parts = Parts(tmp_path, max_age=100)
    parts.read(1)
    parts.clock.now += 99
    parts.read(1)
    parts.clock.now += 2  # reading it did not make it younger
    assert parts.disk.used() > 0
    parts.cache.sweep()
    assert parts.cache.used() == (0, 0)
    parts.read(1)
    assert parts.seen == ["miss", "memory", "miss"]


def test_what_memory_took_from_disk_is_as_old_as_it_was_there(tmp_path: Path) -> None:
    parts = Parts(tmp_path, max_age=100)
    parts.read(1)
    parts.clock.now += 99
    other = parts.another()
    parts.read(1, other)
    parts.clock.now += 2
    parts.read(1, other)
    assert parts.seen == ["miss", "disk", "miss"]


def test_what_was_made_in_the_future_is_too_old(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    key, frame = key_of(1), frame_of(1)
    parts.disk.put(key, frame, parts.disk.generation())
    parts.clock.now -= 3600  # the clock was set back
    assert parts.disk.get(key) is None


def test_forgetting_a_pack_reaches_the_memory_of_other_processes(parts: Parts) -> None:
    other = parts.another()
    for cache in (parts.cache, other):
        parts.read(1, cache)
        parts.read(2, cache)
    parts.cache.forget("packs/1.pack")
    parts.seen.clear()
    parts.read(1, other)
    parts.read(2, other)
    assert parts.seen == ["miss", "disk"]
    assert not list(parts.disk._folder.glob("**/.new-*"))


def test_what_was_fetched_before_it_was_forgotten_is_not_kept(parts: Parts) -> None:
    fetch = parts.frames.read_frame

    def forgotten_meanwhile(location: EventLocation) -> bytes:
        stored = fetch(location)
        parts.disk.forget(location.pack_key)
        return stored

    parts.frames.read_frame = forgotten_meanwhile  # type: ignore[method-assign]
    parts.read(1)
    parts.frames.read_frame = fetch  # type: ignore[method-assign]
    assert parts.disk.used() == 0
    parts.read(1)
    assert parts.seen == ["miss", "miss"]


def test_what_a_killed_writer_left_behind_is_swept(tmp_path: Path) -> None:
    shard = Shard(tmp_path / "shard", 1 << 20)
    shard.add("a", b"x" * 100, time.time_ns(), lambda: True)
    (tmp_path / "shard" / ".new-").write_bytes(b"half an entry")
    assert shard.remove(lambda entry: entry.path.name == ".new-") == len(b"half an entry")
    assert shard.used() == 100


@pytest.mark.parametrize("fault", [NotFound("files", "x"), StoreDown("files", "x")])
def test_a_failed_fetch_is_told_and_tried_again_by_the_next(parts: Parts, fault: Exception) -> None:
    fetch = parts.frames.read_frame

    def fail(_location: EventLocation) -> bytes:
        raise fault

    parts.frames.read_frame = fail  # type: ignore[method-assign]
    with pytest.raises(type(fault)):
        parts.read(1)
    parts.frames.read_frame = fetch  # type: ignore[method-assign]
    parts.read(1)


def test_damage_from_the_object_store_is_told_and_not_kept(parts: Parts) -> None:
    location = replace(parts.frames.locate(1), checksum=1)
    for _ in range(2):
        with pytest.raises(Corrupt):
            parts.cache.read_event(location)
    assert parts.disk.used() == 0
    parts.read(1)
    # A row that does not fit a frame which is near is refused too, and spoils nothing.
    with pytest.raises(Corrupt):
        parts.cache.read_event(location)
    parts.read(1)


def test_a_disk_that_cannot_be_used_makes_reads_slower_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    parts = Parts(tmp_path)
    parts.read(1)
    parts.read(1)
    parts.cache.sweep()
    assert parts.seen[0] == "miss"
    assert parts.cache.used()[1] == 0


def test_memory_is_bounded_and_one_giant_pushes_out_nothing() -> None:
    memory = MemoryCache(1000)
    keys = [FrameKey("p", number, 1) for number in range(30)]
    for key in keys:
        memory.put(key, b"x" * 100, (0, 0), 60)
        assert memory.used <= 1000
    memory.put(FrameKey("giant", 0, 1), b"x" * 900, (0, 0), 60)
    assert [key.offset for key in keys if memory.get(key, (0, 0))] == list(range(20, 30))


def test_the_cache_is_readable_by_its_owner_alone(parts: Parts) -> None:
    parts.read(1)
    assert parts.disk._folder.stat().st_mode & 0o077 == 0
