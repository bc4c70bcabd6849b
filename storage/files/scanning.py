"""Reading some of a pack's events, however large it is: neighbouring frames at once, bounded. Pure
but for the function that reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from storage.errors import Corrupt
from storage.files.compression import decompress
from storage.files.index import Entry, FrameSpan, PackIndex
from storage.files.pack import unpack
from storage.model import PackedEvent

#: Bytes read at once; a larger frame is read alone.
WINDOW_BYTES = 4 << 20

Read: TypeAlias = Callable[[int, int], bytes]
"""The bytes at (offset, length) of the pack."""

_Frame: TypeAlias = tuple[FrameSpan, list[Entry]]


def read_wanted(
    index: PackIndex,
    key: str,
    wanted: Callable[[Entry], bool],
    read: Read,
    on_damage: Callable[[list[Entry]], None],
) -> Iterator[PackedEvent]:
    """The wanted events, each verified. ``on_damage`` is told of those that cannot be read."""
    frames = [
        (span, chosen)
        for span, entries in zip(index.frames, index.by_frame(), strict=True)
        if (chosen := [entry for entry in entries if wanted(entry)])
    ]
    for window in _windows(frames):
        start = window[0][0].offset
        data = read(start, window[-1][0].offset + window[-1][0].length - start)
        for span, entries in window:
            stored = data[span.offset - start : span.offset - start + span.length]
            try:
                raw = decompress(stored, span.raw_length)
                yield from [unpack(index, entry, raw, key) for entry in entries]
            except Corrupt:
                on_damage(entries)


def _windows(frames: list[_Frame]) -> Iterator[list[_Frame]]:
    """Runs of frames that span at most :data:`WINDOW_BYTES`."""
    window: list[_Frame] = []
    for frame in frames:
        span = frame[0]
        if window and span.offset + span.length - window[0][0].offset > WINDOW_BYTES:
            yield window
            window = []
        window.append(frame)
    if window:
        yield window
