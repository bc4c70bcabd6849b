"""Frames for tests of the cache: made from a number, so that every process knows what is right."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from crc32c import crc32c

from storage.files.cache.entry import FrameKey
from storage.files.compression import compress
from storage.model import EventLocation

SLOW_SECONDS = 0.05


def frame_of(number: int) -> bytes:
    """1 to 20 KB of content that no other number has."""
    draw = random.Random(number)
    return draw.randbytes(draw.randrange(1000, 20_000))


def key_of(number: int) -> FrameKey:
    return FrameKey(f"packs/00/crash/2026-01-01/{number % 50}.pack", number, len(frame_of(number)))


class SlowFrames:
    """An object store of one event a frame; writes a line to ``log`` at each fetch, over all
    processes.
    """

    def __init__(self, log: Path) -> None:
        self._log = log

    def body(self, number: int) -> bytes:
        return frame_of(number)

    def locate(self, number: int) -> EventLocation:
        body = self.body(number)
        return EventLocation(
            f"packs/{number}.pack", number, len(compress(body)), 0, len(body), crc32c(body)
        )

    def read_frame(self, location: EventLocation) -> bytes:
        handle = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{location.frame_offset}\n".encode())
        os.close(handle)
        time.sleep(SLOW_SECONDS)
        return compress(self.body(location.frame_offset))

    def fetched(self) -> list[int]:
        return [int(line) for line in self._log.read_text().split()] if self._log.exists() else []
