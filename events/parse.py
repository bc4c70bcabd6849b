"""JSON as real SDKs write it: NaN, lone surrogates, huge numbers, broken UTF-8, deep nesting."""

from __future__ import annotations

import json
import math
import re
from array import array
from itertools import accumulate
from typing import Any

import orjson

from events.plain import spelled
from events.record import Malformed

#: No event is deeper than this after it was accepted: what the parsers can nest.
DEEPEST = 900

BOM = b"\xef\xbb\xbf"
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
_SIGNS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_LONG_NUMBER = re.compile(rb"\d{19}")
_INT64_MIN = -(1 << 63)
_UINT64_END = 1 << 64
_MOST_DIGITS = 20


def deeper_than(body: bytes, limit: int) -> bool:
    """Whether brackets nest more than ``limit`` levels; linear, and nearly free when few."""
    if body.count(b"[") + body.count(b"{") <= limit:
        return False
    brackets = _STRING.sub(b"", body).translate(_SIGNS, _NOT_BRACKETS)
    return max(accumulate(array("b", brackets)), default=0) > limit


def loads(body: bytes, max_depth: int = DEEPEST) -> Any:
    """Parse a body; what strict JSON cannot hold (NaN, 1e400) comes back as its text.

    Integers beyond 64 bits may lose digits: see :func:`loads_exact`. Raises :class:`Malformed`
    with code ``not_json`` or ``too_deep``, and nothing else whatever the bytes.
    """
    check_depth(body, max_depth)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _loads_tolerant(body)


def load_object(body: bytes, max_depth: int = DEEPEST) -> dict[str, Any]:
    """As :func:`loads`, for what must be an object; raises :class:`Malformed` too when it is none,
    with code ``not_an_object``.
    """
    value = loads(body, max_depth)
    if not isinstance(value, dict):
        raise Malformed("not_an_object", "The item is not a JSON object.")
    return value


def loads_exact(body: bytes, max_depth: int = DEEPEST) -> Any:
    """Like :func:`loads`, and an integer beyond 64 bits comes back as its text, every digit."""
    if _LONG_NUMBER.search(body) is None:
        return loads(body, max_depth)
    check_depth(body, max_depth)
    return _loads_tolerant(body)


def check_depth(body: bytes, max_depth: int) -> None:
    """Raises :class:`Malformed` ``too_deep`` when brackets nest more than ``max_depth``."""
    limit = min(max_depth, DEEPEST)
    if deeper_than(body, limit):
        raise Malformed("too_deep", f"The JSON nests deeper than {limit} levels.")


def _loads_tolerant(body: bytes) -> Any:
    text = body.removeprefix(BOM).decode("utf-8", "replace")
    try:
        return _TOLERANT.decode(text)
    except json.JSONDecodeError as exc:
        where = f"line {exc.lineno}, column {exc.colno}"
        raise Malformed("not_json", f"The body is not JSON: {exc.msg} at {where}.") from None
    except RecursionError:
        raise Malformed("too_deep", "The JSON nests deeper than can be read.") from None


def _integer(text: str) -> int | str:
    if len(text) > _MOST_DIGITS:
        return text
    number = int(text)
    return number if _INT64_MIN <= number < _UINT64_END else text


def _real(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _constant(name: str) -> str:
    return spelled(float(name))


_TOLERANT = json.JSONDecoder(
    strict=False, parse_int=_integer, parse_float=_real, parse_constant=_constant
)
