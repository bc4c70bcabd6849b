"""Apple reports carry no ``stackTrace``: the frames of the thread that crashed stand for it."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from events.code import in_app
from events.fields import integer, listed, lowered, truth
from events.raygun.frames import MAX_FRAMES
from events.report import Frame
from events.text import as_text

_NAME = 1_000
_HEX = 16
_Images = list[tuple[int, int, str]]


def read_threads(details: dict[str, Any]) -> tuple[list[Frame], int]:
    """Frames of the crashed thread (else the current, else the first), and how many left out."""
    threads = [lowered(thread) for thread in listed(details.get("threads"))]
    if not threads:
        return [], 0
    chosen = max(threads, key=lambda thread: (_is(thread, "crashed"), _is(thread, "current")))
    images = _images(details.get("binaryimages"))
    stack = listed(chosen.get("stackframes"))
    frames = [_frame(lowered(item), images) for item in stack[:MAX_FRAMES]]
    return frames, max(0, len(stack) - MAX_FRAMES)


def _is(thread: dict[str, Any], flag: str) -> bool:
    return truth(thread.get(flag)) is True


def _frame(fields: dict[str, Any], images: _Images) -> Frame:
    symbol = lowered(fields.get("symbol"))
    counter = _address(fields.get("programcounter"))
    image = _image_at(counter, images)
    method = as_text(symbol.get("name"), _NAME)
    if method is None and counter is not None:
        method = hex(counter)
    return Frame(image, None, None, None, method, None, in_app("apple", image, None, method))


def _images(raw: Any) -> _Images:
    """Base address, size and name of each image, by address."""
    images = []
    for item in listed(raw):
        fields = lowered(item)
        base = _address(fields.get("baseaddress"))
        name = as_text(fields.get("name"), _NAME)
        if base is not None and name is not None:
            images.append((base, _address(fields.get("size")) or 0, name.rpartition("/")[2]))
    return sorted(images)


def _image_at(counter: int | None, images: _Images) -> str | None:
    if counter is None:
        return None
    index = bisect_right(images, counter, key=lambda image: image[0]) - 1
    if index < 0:
        return None
    base, size, name = images[index]
    return name if counter < base + size or not size else None


def _address(value: Any) -> int | None:
    """An address, as a number or as its digits (``0x…`` or decimal)."""
    if isinstance(value, str) and value.lower().startswith("0x") and len(value) <= 2 + _HEX:
        try:
            return int(value, _HEX)
        except ValueError:
            return None
    return integer(value)
