"""Stacks that repeat: what is made of a stack is made once for the many crashes that share it.

Crashes of one bug carry the same stack, byte for byte, and reading it is half the work of
normalising. A process remembers the stacks it read last, within a bound of bytes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

import orjson

from events.report import Frame

T = TypeVar("T")

MAX_STACK_BYTES = 16 * 1024
"""The largest stack that is remembered, as JSON."""
MAX_BYTES = 1024 * 1024
"""How much is remembered, counted as JSON; the frames read take some five times that."""

Read = tuple[list[Frame], int]
"""Frames, innermost first, and how many were left out."""


class Stack(list[Frame]):
    """Frames that are shared between crashes, never changed; ``memo`` is what was made of them."""

    __slots__ = ("memo",)

    def __init__(self, frames: list[Frame]) -> None:
        super().__init__(frames)
        self.memo: dict[str, Any] = {}


def made_once(frames: list[Frame], what: str, make: Callable[[], T]) -> T:
    """What ``make`` makes of frames, made once where they are shared."""
    if not isinstance(frames, Stack):
        return make()
    if what not in frames.memo:
        frames.memo[what] = make()
    made: T = frames.memo[what]
    return made


class Stacks:
    """The stacks read last. Thread-safe; two threads may read the same one at the same time."""

    def __init__(self, most_bytes: int = MAX_BYTES) -> None:
        self._most_bytes = most_bytes
        self._known: OrderedDict[tuple[str, bytes], Read] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def read(self, raw: list[Any], platform: str, read: Callable[[], Read]) -> Read:
        """The frames of a raw stack of a platform; ``read`` reads it if it is not remembered."""
        try:
            key = platform, orjson.dumps(raw)
        except orjson.JSONEncodeError:  # a lone surrogate, or deeper than it goes
            return read()
        with self._lock:
            found = self._known.get(key)
            if found is not None:
                self._known.move_to_end(key)
                return found
        frames, omitted = read()
        if len(key[1]) > MAX_STACK_BYTES:
            return frames, omitted
        return self._keep(key, (Stack(frames), omitted))

    def _keep(self, key: tuple[str, bytes], found: Read) -> Read:
        with self._lock:
            if key not in self._known:
                self._bytes += len(key[1])
            self._known[key] = found
            while self._bytes > self._most_bytes:
                (_, oldest), _ = self._known.popitem(last=False)
                self._bytes -= len(oldest)
        return found


SHARED = Stacks()
"""The memory that the readers of a process share. A platform stands for a protocol's way to write
its frames, too."""
