"""A damaged pack gives what is whole in it, and says what is not."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pack_samples import KEY, PACK_ID, crash, envelope

from storage.errors import Corrupt
from storage.files.index import read_index
from storage.files.layout import UnknownVersion
from storage.files.pack import decode_pack, encode_pack
from storage.files.salvage import salvage

DATA = encode_pack(PACK_ID, [crash(number) for number in range(40)], 2_000).data
WHOLE = decode_pack(DATA, KEY)
FRAMES = read_index(DATA, len(DATA)).frames


def test_a_whole_pack_is_read_whole() -> None:
    found = salvage(DATA, KEY)

    assert found.events == WHOLE
    assert found.faults == []


def test_truncated_anywhere_every_whole_frame_is_read() -> None:
    edges = [frame.offset + frame.length for frame in FRAMES]
    for length in sorted({*range(FRAMES[0].offset, len(DATA), 11), *edges, len(DATA) - 1}):
        found = salvage(DATA[:length], KEY)
        last = max((at.offset for at in FRAMES if at.offset + at.length <= length), default=-1)
        assert found.events == [e for e in WHOLE if e.location.frame_offset <= last]
        assert found.faults


def test_a_torn_frame_costs_only_its_own_events() -> None:
    torn = bytearray(DATA)
    at = FRAMES[2].offset
    torn[at : at + 20] = bytes(20)

    found = salvage(bytes(torn), KEY)

    assert found.events == [e for e in WHOLE if e.location.frame_offset != at]
    assert len(found.faults) == 1
    assert f"byte {at}" in found.faults[0]


def test_without_header_or_without_footer_all_is_read() -> None:
    for start, length in ((0, 30), (len(DATA) - 40, 40)):
        torn = bytearray(DATA)
        torn[start : start + length] = bytes(length)
        found = salvage(bytes(torn), KEY)
        assert found.events == WHOLE
        assert len(found.faults) == 1


def test_without_footer_a_torn_mark_costs_only_its_own_frame() -> None:
    torn = bytearray(DATA[:-30])
    at = FRAMES[3].offset
    torn[at - 10 : at] = bytes(10)

    found = salvage(bytes(torn), KEY)

    assert found.events == [e for e in WHOLE if e.location.frame_offset != at]
    assert len(found.faults) == 2


def test_without_header_and_footer_it_is_corrupt() -> None:
    with pytest.raises(Corrupt):
        salvage(bytes(40) + DATA[40:-40] + bytes(40), KEY)
    with pytest.raises(Corrupt):
        salvage(b"", KEY)


def test_another_version_is_not_salvaged() -> None:
    newer = bytearray(DATA)
    struct.pack_into("<H", newer, 16, 2)
    with pytest.raises(UnknownVersion):
        salvage(bytes(newer), KEY)


def test_a_payload_cannot_pass_for_a_frame() -> None:
    inner = encode_pack(PACK_ID, [envelope(1, b"forged")], 100).data
    foreign = encode_pack(crash(9).id, [envelope(1, b"forged")], 100).data
    sealed = random.Random(1).randbytes(5_000)
    data = encode_pack(PACK_ID, [envelope(2, sealed + foreign + sealed)], 100).data
    assert foreign in data  # incompressible, so zstd keeps it as it is
    torn = bytearray(data[:-30])
    torn[read_index(data, len(data)).frames[0].offset - 5] ^= 1

    assert salvage(bytes(torn), KEY).events == []
    assert inner not in data


@given(st.lists(st.tuples(st.integers(0, len(DATA) - 1), st.integers(1, 255)), max_size=30))
@settings(deadline=None)
def test_whatever_the_damage_no_wrong_event_comes_out(damage: list[tuple[int, int]]) -> None:
    torn = bytearray(DATA)
    for at, change in damage:
        torn[at] ^= change
    try:
        found = salvage(bytes(torn), KEY)
    except Corrupt:
        return
    assert all(event in WHOLE for event in found.events)
    assert len(found.events) == len(WHOLE) or found.faults
