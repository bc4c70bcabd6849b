from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest

from app.errors import ApiError
from app.ingest.body import BodyBuffer, drain, read_body
from app.ingest.encodings import decode

TEXT = b'{"a": "' + b"some text " * 30_000 + b'"}'
LIMIT = 1 << 20


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (None, TEXT),
        ("", TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("GZip", gzip.compress(TEXT, mtime=0)),
        ("x-gzip", gzip.compress(TEXT, mtime=0)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", _raw_deflate(TEXT)),
        ("br", brotli.compress(TEXT)),
        ("deflate, gzip", gzip.compress(zlib.compress(TEXT), mtime=0)),
        ("identity, br", brotli.compress(TEXT)),
        ("gzip", gzip.compress(TEXT[:5]) + gzip.compress(TEXT[5:])),
        ("gzip", gzip.compress(TEXT, mtime=0) + b"\0" * 100),
    ],
)
def test_decodes(encoding: str | None, body: bytes) -> None:
    assert decode(body, encoding, LIMIT) == TEXT


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("zip", TEXT),
        ("gzip, gzip, gzip", TEXT),
        ("gzip", TEXT),
        ("deflate", TEXT),
        ("br", TEXT),
        ("gzip", b""),
        ("gzip", gzip.compress(TEXT, mtime=0)[:-20]),
        ("deflate", zlib.compress(TEXT)[:-20]),
        ("br", brotli.compress(TEXT)[:-5]),
        ("gzip", gzip.compress(b"") * 100_000),
    ],
)
def test_refuses_what_is_no_whole_stream(encoding: str, body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        decode(body, encoding, LIMIT)
    assert (caught.value.status, caught.value.code) == (400, "bad_encoding")


def _gzip_bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    block = bytes(1 << 20)
    return b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "bomb"),
    [
        ("gzip", lambda: _gzip_bomb(512)),
        ("br", lambda: brotli.compress(bytes(64 << 20), quality=4)),
        ("gzip, gzip", lambda: gzip.compress(_gzip_bomb(512))),
        ("br, gzip", lambda: gzip.compress(brotli.compress(bytes(64 << 20), quality=4))),
    ],
)
def test_a_bomb_is_refused_and_costs_little_memory(
    encoding: str, bomb: Callable[[], bytes]
) -> None:
    body = bomb()
    tracemalloc.start()
    with pytest.raises(ApiError) as caught:
        decode(body, encoding, 16 << 20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (caught.value.status, caught.value.code) == (413, "body_too_large")
    assert peak < 40 << 20


def test_the_limit_itself_fits() -> None:
    exact = bytes(LIMIT)
    for encoding, body in (("gzip", gzip.compress(exact)), ("br", brotli.compress(exact))):
        assert decode(body, encoding, LIMIT) == exact
        with pytest.raises(ApiError):
            decode(body, encoding, LIMIT - 1)


def test_a_body_is_read_to_its_announced_length_and_not_beyond() -> None:
    chunks = iter([b"ab", b"cd", b"never read"])
    assert read_body(chunks, 100, 4) == b"abcd"
    assert next(chunks) == b"never read"


def test_a_chunked_body_is_read_to_its_end() -> None:
    assert read_body(iter([b"ab", b"cd"]), 4, None) == b"abcd"


def test_no_body_is_empty() -> None:
    assert read_body(iter([]), 4, None) == b""
    assert read_body(iter([]), 4, 0) == b""


def test_an_announced_body_beyond_the_limit_is_refused_unread() -> None:
    chunks = iter([b"x"])
    with pytest.raises(ApiError) as caught:
        read_body(chunks, 100, 101)
    assert caught.value.code == "body_too_large"
    assert next(chunks) == b"x"


def test_a_chunked_body_is_refused_as_soon_as_it_exceeds_the_limit() -> None:
    buffer = BodyBuffer(3, None)
    buffer.add(b"abc")
    with pytest.raises(ApiError) as caught:
        buffer.add(b"d")
    assert caught.value.status == 413


def test_a_body_cut_off_is_not_taken_for_whole() -> None:
    with pytest.raises(ApiError) as caught:
        read_body(iter([b"abc"]), 100, 4)
    assert (caught.value.status, caught.value.code) == (400, "body_truncated")


def test_drain_stops_at_its_limit() -> None:
    chunks = iter([b"abcd"] * 10)
    drain(chunks, 10)
    assert len(list(chunks)) == 7
