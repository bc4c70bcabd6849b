"""The pack in the docs, read by a program that shares nothing with the product's code."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import NamedTuple

import crc32c
import zstandard

DOCS = Path(__file__).parents[2] / "docs" / "pack-format.md"
PACK_ID = "01a1ee565e007458b0bb96c8945ed372"


class Row(NamedTuple):
    id: str
    project: int
    protocol: int
    frame: int
    offset: int
    length: int
    checksum: int
    redacted: int


class Mark(NamedTuple):
    number: int
    stored: int
    raw: int
    checksum: int
    directory: list[tuple[bytes, int, int, int, int]]


def documented() -> bytes:
    """The bytes of the hex dump; each line must stand where its offset says."""
    found = re.search(r"```hex\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert found
    data = b""
    for line in found.group(1).splitlines():
        offset, _, row = line.partition("  ")
        assert int(offset, 16) == len(data)
        data += bytes.fromhex(row)
    return data


def block(data: bytes, at: int) -> tuple[bytes, int]:
    magic, length = struct.unpack_from("<II", data, at)
    assert magic == 0x184D2A53
    return data[at + 8 : at + 8 + length], at + 8 + length


def sealed(data: bytes, at: int) -> tuple[bytes, int]:
    content, end = block(data, at)
    assert struct.unpack("<I", content[-4:])[0] == crc32c.crc32c(content[:-4])
    return content[:-4], end


def unzstd(stored: bytes, size: int) -> bytes:
    raw = zstandard.ZstdDecompressor().decompress(stored, max_output_size=size)
    assert len(raw) == size
    return raw


def identity(data: bytes) -> tuple[str, int, str, list[str], int]:
    """Id, day, type, protocols, and how many bytes that took."""
    (day,) = struct.unpack_from("<i", data, 16)
    at = 20
    names = []
    while len(names) < 2:
        names.append(data[at + 1 : at + 1 + data[at]].decode())
        at += 1 + data[at]
        if len(names) == 1:
            (protocols,) = struct.unpack_from("<H", data, at)
            assert protocols == 1
            at += 2
    return data[:16].hex(), day, names[0], names[1:], at


def mark(data: bytes, at: int) -> tuple[Mark, int]:
    content, end = sealed(data, at)
    sign, pack, number, stored, raw, checksum, events = struct.unpack_from("<4s16sIIIII", content)
    assert sign == b"SLUF"
    assert pack.hex() == PACK_ID
    directory = unzstd(content[40:], 32 * events)
    return Mark(number, stored, raw, checksum, list(struct.iter_unpack("<16sQHIH", directory))), end


def test_the_documented_bytes_are_what_the_page_says_of_them() -> None:
    data = documented()

    header, at = sealed(data, 0)
    assert header[:8] == b"SLUICEPK"
    assert struct.unpack_from("<H", header, 8) == (1,)
    named = identity(header[10:])
    assert named == (PACK_ID, 20_775, "crash", ["raygun.entry"], 41)
    assert at == 0x3F

    bodies = []
    marks = []
    for expected in ((0xA7, 24, 15), (0x11C, 44, 35)):
        found, start = mark(data, at)
        assert (start, found.stored, found.raw) == expected
        frame = data[start : start + found.stored]
        assert crc32c.crc32c(frame) == found.checksum
        raw = unzstd(frame, found.raw)
        for _, project, protocol, length, redacted in found.directory:
            assert (project, protocol) == (7, 0)
            bodies.append((raw[:length], redacted))
            raw = raw[length:]
        assert raw == b""
        marks.append(found)
        at = start + found.stored
    assert bodies == [
        (b'{"n":1}', 0),
        (b'{"n":22}', 0),
        (b'{"password":"[redacted-by-sluice]"}', 1),
    ]

    assert at == 0x148
    content, end = block(data, at)
    assert end == len(data) == 498
    stored, raw_bytes, checksum, version, magic = struct.unpack("<IIIH8s", content[-22:])
    assert (stored, raw_bytes, version, magic) == (140, 213, 1, b"SLUICEPK")
    assert crc32c.crc32c(content[:stored] + content[stored : stored + 8]) == checksum
    footer = unzstd(content[:stored], raw_bytes)

    assert identity(footer) == named
    assert struct.unpack_from("<II", footer, 41) == (2, 3)
    assert list(struct.iter_unpack("<QII", footer[49:81])) == [(167, 24, 15), (284, 44, 35)]
    rows = [
        Row(identifier.hex(), *rest)
        for identifier, *rest in struct.iter_unpack("<16sQHIIIIH", footer[81:])
    ]
    assert [(row.frame, row.offset, row.length, row.redacted) for row in rows] == [
        (0, 0, 7, 0), (0, 7, 8, 0), (1, 0, 35, 1),
    ]  # fmt: skip
    assert [row.checksum for row in rows] == [crc32c.crc32c(body) for body, _ in bodies]
    directory = [member for found in marks for member in found.directory]
    assert [row.id for row in rows] == [member[0].hex() for member in directory]
