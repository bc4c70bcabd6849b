"""Content decoding within a bound: gzip, deflate (zlib or raw), br, and chains of two; pure.

The bound holds while inflating, so a bomb costs at most ``limit`` bytes of memory and the time
to make them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]  # it ships no types

from app.errors import ApiError

MAX_CHAIN = 2
_MAX_GZIP_MEMBERS = 64
_SLICE = 64 * 1024


def decode(body: bytes, content_encoding: str | None, limit: int) -> bytes:
    """``body`` without the encodings that the header names, last applied first.

    Raises :class:`app.errors.ApiError`: 400 ``bad_encoding`` when an encoding is not known or
    its stream is broken or cut off, 413 ``body_too_large`` when it inflates beyond ``limit``.
    """
    names = [name.strip().lower() for name in (content_encoding or "").split(",")]
    chain = [name for name in names if name not in ("", "identity")]
    if len(chain) > MAX_CHAIN:
        raise ApiError(400, "bad_encoding", f"At most {MAX_CHAIN} content encodings are read.")
    for name in reversed(chain):
        decoder = _DECODERS.get(name)
        if decoder is None:
            raise ApiError(400, "bad_encoding", "Content-Encoding may be gzip, deflate or br.")
        body = decoder(body, limit)
    return body


def too_large(limit: int) -> ApiError:
    """The refusal of a body that is larger than ``limit`` bytes."""
    return ApiError(413, "body_too_large", f"The body is larger than {limit} bytes.")


def _broken(name: str) -> ApiError:
    return ApiError(400, "bad_encoding", f"The body is not a whole {name} stream.")


class _Bounded:
    """Collects output and refuses to grow beyond its limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    @property
    def room(self) -> int:
        """Bytes to ask for next: one more than still fit, so that an overrun shows."""
        return self._limit - self._size + 1

    def add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._limit:
            raise too_large(self._limit)
        self._parts.append(part)

    def joined(self) -> bytes:
        return b"".join(self._parts)


def _inflate(body: bytes, window_bits: int, name: str, limit: int) -> bytes:
    out = _Bounded(limit)
    inflater = zlib.decompressobj(window_bits)
    members = 1
    for at in range(0, len(body), _SLICE):
        data = body[at : at + _SLICE]
        while data:
            if inflater.eof:
                if window_bits < zlib.MAX_WBITS or not data.startswith(b"\x1f\x8b"):
                    return out.joined()  # what follows the stream is padding
                members += 1
                inflater = zlib.decompressobj(window_bits)
            if members > _MAX_GZIP_MEMBERS:
                raise _broken(name)
            try:
                out.add(inflater.decompress(data, out.room))
            except zlib.error as exc:
                raise _broken(name) from exc
            data = inflater.unused_data
    if not inflater.eof:
        raise _broken(name)
    return out.joined()


def _gzip(body: bytes, limit: int) -> bytes:
    return _inflate(body, zlib.MAX_WBITS | 16, "gzip", limit)


def _deflate(body: bytes, limit: int) -> bytes:
    # "deflate" means zlib (RFC 9110, 8.4.1.2), yet some senders leave zlib's wrapping out.
    wrapped = len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
    return _inflate(body, zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS, "deflate", limit)


def _brotli(body: bytes, limit: int) -> bytes:
    out = _Bounded(limit)
    decompressor = brotli.Decompressor()
    try:
        for at in range(0, len(body), _SLICE):
            out.add(decompressor.process(body[at : at + _SLICE], output_buffer_limit=out.room))
            while not decompressor.can_accept_more_data():
                out.add(decompressor.process(b"", output_buffer_limit=out.room))
            if decompressor.is_finished():
                return out.joined()
    except brotli.error as exc:
        raise _broken("br") from exc
    raise _broken("br")


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
}
