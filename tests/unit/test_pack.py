"""The pack format: what goes in comes out, and nothing else does."""

from __future__ import annotations

import io
import random
import re
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from pack_samples import KEY, NOON, PACK_ID, crash, envelope

from events.envelope import Envelope
from events.ids import new_id
from storage.errors import Corrupt, Rejected
from storage.files import layout, pack
from storage.files.compression import decompress, raw_length
from storage.files.index import TAIL_BYTES, read_index
from storage.files.keys import pack_key
from storage.files.layout import UnknownVersion, read_header
from storage.files.order import cut, in_pack_order
from storage.files.pack import decode_pack, encode_pack

FRAME = 2_000
DOCS = Path(__file__).parents[2] / "docs" / "pack-format.md"


def packed(count: int) -> bytes:
    return encode_pack(PACK_ID, [crash(number) for number in range(count)], FRAME).data


envelopes = st.lists(
    st.builds(
        Envelope,
        id=st.binary(min_size=10, max_size=10).map(lambda seed: new_id(NOON, lambda _: seed)),
        project_id=st.integers(min_value=0, max_value=2**64 - 1),
        type=st.just("crash"),
        protocol=st.sampled_from(["raygun.entry", "raygun.rum", "sentry.envelope"]),
        body=st.binary(max_size=500),
        redacted=st.integers(min_value=0, max_value=0xFFFF),
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda made: made.id,
)


@given(given_envelopes=envelopes, frame_bytes=st.integers(min_value=1, max_value=4_000))
@settings(deadline=None)
def test_every_envelope_comes_back_as_it_was(
    given_envelopes: list[Envelope], frame_bytes: int
) -> None:
    made = encode_pack(PACK_ID, given_envelopes, frame_bytes)

    read = decode_pack(made.data, KEY)

    assert {e.envelope.id: e.envelope for e in read} == {e.id: e for e in given_envelopes}
    assert {e.envelope.id: e.location for e in read} == made.index.locations(KEY)


def test_a_count_of_redactions_beyond_its_field_stays_at_the_most() -> None:
    made = encode_pack(PACK_ID, [replace(crash(1), redacted=1_000_000)], FRAME)

    (event,) = decode_pack(made.data, KEY)
    assert event.envelope.redacted == 65_535


def test_each_location_alone_finds_its_event() -> None:
    data = packed(40)

    for event in decode_pack(data, KEY):
        at = event.location
        stored = data[at.frame_offset : at.frame_offset + at.frame_length]
        raw = decompress(stored, raw_length(stored))
        assert raw[at.offset : at.offset + at.length] == event.envelope.body


def test_the_same_events_in_any_order_make_the_same_bytes() -> None:
    events = [crash(number) for number in range(60)]
    shuffled = random.Random(4).sample(events, len(events))

    assert encode_pack(PACK_ID, events, FRAME).data == encode_pack(PACK_ID, shuffled, FRAME).data


def test_an_id_given_twice_is_packed_once() -> None:
    made = encode_pack(PACK_ID, [crash(1), crash(2), crash(1)], FRAME)

    assert len(made.index.entries) == 2
    assert made.index.raw_bytes == len(crash(1).body) + len(crash(2).body)


def test_like_stands_by_like() -> None:
    ordered = in_pack_order([crash(number) for number in range(9)])

    kinds = [event.body.split(b'"')[3] for event in ordered]
    assert kinds == [b"KeyError"] * 3 + [b"TypeError"] * 3 + [b"ValueError"] * 3


def test_frames_keep_to_their_size_and_a_giant_has_one_alone() -> None:
    sizes = [400, 500, 300, 5_000, 200, 700, 100, 0]
    runs = cut([envelope(n, bytes(size)) for n, size in enumerate(sizes)], 1_000)

    assert [[len(e.body) for e in run] for run in runs] == [
        [400, 500], [300], [5_000], [200, 700, 100, 0],
    ]  # fmt: skip


def test_events_of_two_types_or_days_are_not_packed_together() -> None:
    for other in (
        replace(crash(2), type="rum"),
        replace(crash(2), id=new_id(NOON + 86_400_000)),
    ):
        with pytest.raises(ValueError, match="one type and one day"):
            encode_pack(PACK_ID, [crash(1), other], FRAME)
    with pytest.raises(ValueError, match="one type and one day"):
        encode_pack(PACK_ID, [], FRAME)


def test_events_over_the_limits_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "MAX_FRAME_BYTES", 1_000)
    with pytest.raises(Rejected, match=str(crash(1).id)):
        encode_pack(PACK_ID, [envelope(1, bytes(1_001)), envelope(2, b"{}")], FRAME)

    monkeypatch.setattr(pack, "MAX_RAW_BYTES", 2_500)
    with pytest.raises(Rejected, match="too many"):
        encode_pack(PACK_ID, [envelope(n, bytes(900)) for n in range(3)], FRAME)


def test_any_changed_byte_is_noticed() -> None:
    data = packed(12)
    dice = random.Random(3)
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 1 << dice.randrange(8)
        with pytest.raises(Corrupt):
            decode_pack(bytes(damaged), KEY)


def test_any_truncation_is_noticed() -> None:
    data = packed(12)
    for length in range(len(data)):
        with pytest.raises(Corrupt):
            decode_pack(data[:length], KEY)


def test_bytes_before_between_and_after_are_noticed() -> None:
    data = packed(12)
    frame = read_index(data, len(data)).frames[1].offset
    for at in (0, frame, len(data)):
        with pytest.raises(Corrupt):
            decode_pack(data[:at] + b"\0\0\0\0" + data[at:], KEY)


@given(st.binary(max_size=300))
def test_noise_is_corrupt_and_never_another_error(noise: bytes) -> None:
    tail = packed(1)[-TAIL_BYTES:]
    for data in (noise, noise + tail, packed(1)[:30] + noise + tail):
        with pytest.raises(Corrupt):
            decode_pack(data, KEY)


def test_another_version_is_refused_by_its_name() -> None:
    data = packed(3)
    newer = bytearray(data)
    struct.pack_into("<H", newer, len(data) - 10, 2)
    with pytest.raises(UnknownVersion, match="version 2; this code reads 1"):
        read_index(bytes(newer), len(newer))

    newer = bytearray(data)
    struct.pack_into("<H", newer, 16, 9)
    with pytest.raises(UnknownVersion, match="version 9"):
        read_header(bytes(newer))


def test_a_bomb_is_refused_before_it_is_decompressed() -> None:
    bomb = zstandard.compress(bytes(layout.MAX_FRAME_BYTES + 1))

    with pytest.raises(Corrupt, match="over the limit"):
        raw_length(bomb)
    with pytest.raises(Corrupt, match="where 10 belong"):
        decompress(zstandard.compress(bytes(1_000)), 10)


def test_a_frame_with_something_behind_it_is_refused() -> None:
    with pytest.raises(Corrupt):
        decompress(zstandard.compress(b"event") + b"more", 5)


def test_hostile_tables_with_right_checksums_are_refused() -> None:
    data = packed(12)
    index = read_index(data, len(data))
    frame, entry = index.frames[1], index.entries[1]
    broken = [
        replace(index, frames=[index.frames[0], index.frames[0], *index.frames[2:]]),
        replace(index, frames=[frame._replace(offset=2**63), *index.frames[1:]]),
        replace(index, frames=[frame._replace(raw_length=2**31), *index.frames[1:]]),
        replace(index, entries=index.entries[1:]),
        replace(index, entries=[entry._replace(frame=99), *index.entries[1:]]),
        replace(index, entries=[entry._replace(protocol=5), *index.entries[1:]]),
        replace(index, entries=[entry._replace(length=2**32 - 1), *index.entries[1:]]),
    ]
    for hostile in broken:
        ending = hostile.encode()
        with pytest.raises(Corrupt):
            read_index(ending, len(data))


def test_the_footer_is_read_from_the_ending_alone() -> None:
    data = packed(40)
    whole = read_index(data, len(data))
    footer = len(whole.encode())

    assert read_index(data[-footer:], len(data)) == whole
    with pytest.raises(Corrupt, match="truncated"):
        read_index(data[-footer // 2 :], len(data))


def test_plain_zstd_prints_the_events() -> None:
    data = packed(12)

    with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as stream:
        printed = stream.read()

    assert printed == b"".join(e.envelope.body for e in decode_pack(data, KEY))


def test_the_program_in_the_docs_reads_every_event() -> None:
    found = re.search(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert found
    program: dict[str, Any] = {}
    exec(found.group(1), program)
    for count in (1, 40, 3_000):  # the last has a footer longer than the program's first guess
        data = packed(count)
        for event in random.Random(1).sample(decode_pack(data, KEY), min(count, 20)):
            file = io.BytesIO(data)
            body = program["read_event"](file, len(data), event.envelope.id)
            assert body == event.envelope.body
    with pytest.raises(KeyError):
        program["read_event"](io.BytesIO(data), len(data), PACK_ID)


def test_keys_spread_and_tell_type_day_and_id() -> None:
    day = read_header(packed(1))[0].day
    assert pack_key("crash", day, PACK_ID) == KEY
    prefixes = {pack_key("crash", day, new_id(NOON + n))[:9] for n in range(2_000)}
    assert len(prefixes) > 200
    for hostile in ("../crash", "crash/x", "", "Crash", "crash\n"):
        with pytest.raises(ValueError, match="not an event type"):
            pack_key(hostile, day, PACK_ID)
