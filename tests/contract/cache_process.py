"""A reader of the shared cache in a process of its own: ``read``, ``write`` or ``hold``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from storage.files.cache.disk import DiskCache
from storage.files.cache.flight import Flights
from storage.files.cache.frames import FrameCache
from storage.files.cache.memory import MemoryCache
from tests.contract.cache_samples import SlowFrames, frame_of, key_of

BYTES = 4 << 20


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def write_for_ever(folder: Path, limit: int, shards: int) -> None:
    """Write and read entries until killed, telling each frame that came back wrong."""
    cache = DiskCache(folder, limit, 3600, shards=shards)
    say("started")
    number = os.getpid()
    while True:
        number = (number * 48271 + 1) % (2**31 - 1)
        key, frame = key_of(number % 500), frame_of(number % 500)
        found = cache.get(key)
        if found is None:
            cache.put(key, frame, cache.generation())
        elif found.stored != frame:
            say(f"WRONG {key}")


def read_all(folder: Path, log: Path, events: int) -> None:
    """Read the same events as other processes do, through a slow object store that counts."""
    frames = SlowFrames(log)
    cache = FrameCache(
        frames,
        DiskCache(folder, 64 << 20, 3600),
        MemoryCache(BYTES),
        Flights(folder / "flights", 60),
    )
    for number in range(events):
        location = frames.locate(number)
        assert cache.read_event(location) == frames.body(number)
    say("done")


def hold(folder: Path) -> None:
    """Take a flight and hang in it."""
    with Flights(folder / "flights", 60).one(key_of(1).name) as held:
        say("holding" if held else "not held")
        signal.pause()


if __name__ == "__main__":
    deed, folder = sys.argv[1], Path(sys.argv[2])
    if deed == "write":
        write_for_ever(folder, int(sys.argv[3]), int(sys.argv[4]))
    elif deed == "read":
        read_all(folder, Path(sys.argv[3]), int(sys.argv[4]))
    else:
        hold(folder)
