"""Bodies of Sentry's store endpoint: JSON, or JSON compressed and wrapped as older SDKs do."""

from __future__ import annotations

import base64
import binascii
import zlib

from events.parse import BOM
from events.record import Malformed

_GZIP = b"\x1f\x8b"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_SPACE = b" \t\r\n"


def open_store_body(body: bytes, most: int) -> bytes:
    """The JSON of a body that may be base64, zlib or gzip, or base64 of these.

    Raises :class:`Malformed`: ``bad_body`` for what is none of them, or broken; ``too_large`` for
    what inflates beyond ``most`` bytes.
    """
    plain = body.removeprefix(BOM).lstrip(_SPACE)
    if plain[:1] in (b"{", b"["):
        return body
    if not _is_compressed(plain):
        plain = _from_base64(plain)
    return _inflated(plain, most) if _is_compressed(plain) else plain


def _is_compressed(data: bytes) -> bool:
    if data.startswith(_GZIP):
        return True
    # RFC 1950: the method is 8, and both bytes together are a multiple of 31.
    return len(data) > 1 and data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0


def _from_base64(text: bytes) -> bytes:
    digits = text.translate(_URL_SAFE, _SPACE).rstrip(b"=")
    try:
        return base64.b64decode(digits + b"=" * (-len(digits) % 4), validate=True)
    except binascii.Error:
        raise Malformed(
            "bad_body", "The body is neither JSON, nor compressed JSON, nor base64 of either."
        ) from None


def _inflated(data: bytes, most: int) -> bytes:
    bits = zlib.MAX_WBITS | 16 if data.startswith(_GZIP) else zlib.MAX_WBITS
    inflater = zlib.decompressobj(bits)
    try:
        plain = inflater.decompress(data, most + 1)
    except zlib.error:
        raise Malformed("bad_body", "The compressed body is broken.") from None
    if len(plain) > most:
        raise Malformed("too_large", f"The body inflates beyond {most} bytes.")
    if not inflater.eof:
        raise Malformed("bad_body", "The compressed body is cut off.")
    return plain
