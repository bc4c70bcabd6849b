"""The bytes of a spool segment: torn at every byte, damaged at any, and forged by a sender."""

from __future__ import annotations

from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.envelope import Envelope
from events.ids import new_id
from storage.spool.layout import (
    HEADER_BYTES,
    PREAMBLE_BYTES,
    Progress,
    SpooledBatch,
    decode_body,
    decode_preamble,
    encode_preamble,
    encode_record,
    spooled_batch,
)
from storage.spool.scan import Damage, Record, Span, TornTail, scan

MARK = uuid4().bytes


def batch(data: bytes, event_type: str = "crash") -> SpooledBatch:
    return SpooledBatch(event_type, uuid4(), 1 + len(data), data)


def spans(content: bytes, mark: bytes = MARK) -> list[Span]:
    return list(scan(lambda at, n: content[at : at + n], mark, 0, len(content)))


def batches(content: bytes) -> list[SpooledBatch]:
    records = [span for span in spans(content) if isinstance(span, Record)]
    found = [decode_body(r.header, content[r.start + HEADER_BYTES : r.end]) for r in records]
    return [one for one in found if one is not None]


def test_a_batch_comes_back_whole() -> None:
    envelopes = [Envelope(new_id(5), 7, "rum", "raygun.rum", b"\x00\xff{}") for _ in range(3)]
    written = spooled_batch("rum", new_id(6), envelopes)
    (read,) = batches(encode_record(MARK, written))
    assert read == written
    assert (read.events, read.envelopes()) == (3, envelopes)


@pytest.mark.parametrize("sizes", [(0,), (5, 0, 90), (200, 1)])
def test_a_tail_torn_at_any_byte_costs_only_the_torn_record(sizes: tuple[int, ...]) -> None:
    written = [batch(bytes(size)) for size in sizes]
    content = b""
    ends = [0]
    for one in written:
        content += encode_record(MARK, one)
        ends.append(len(content))
    for cut in range(len(content) + 1):
        whole = max(end for end in ends if end <= cut)
        assert batches(content[:cut]) == written[: ends.index(whole)]
        tail = spans(content[:cut])[-1:] if cut > whole else []
        assert tail == ([TornTail(whole, cut)] if cut > whole else [])


@given(st.lists(st.binary(max_size=120), min_size=1, max_size=5), st.data())
def test_damage_at_any_byte_costs_only_its_record(bodies: list[bytes], data: st.DataObject) -> None:
    written = [batch(body) for body in bodies]
    records = [encode_record(MARK, one) for one in written]
    victim = data.draw(st.integers(0, len(records) - 1))
    at = data.draw(st.integers(0, len(records[victim]) - 1))
    flip = data.draw(st.integers(1, 255))
    broken = bytearray(records[victim])
    broken[at] ^= flip
    content = b"".join([*records[:victim], bytes(broken), *records[victim + 1 :]])
    assert batches(content) == [*written[:victim], *written[victim + 1 :]]
    found = spans(content)
    assert [span.start for span in found] == [0, *(one.end for one in found[:-1])]
    assert found[-1].end == len(content)


@given(st.binary(max_size=400))
def test_any_bytes_are_walked_without_a_gap(content: bytes) -> None:
    found = spans(content)
    assert all(one.end == two.start for one, two in pairwise(found))
    assert sum(span.end - span.start for span in found) == len(content)
    assert not batches(content)


def test_what_a_sender_writes_never_passes_for_a_record() -> None:
    forged = encode_record(uuid4().bytes, batch(b"forged"))
    outer = encode_record(MARK, batch(forged * 3))
    assert not batches(outer[:-1])
    assert spans(outer[:-1]) == [TornTail(0, len(outer) - 1)]


def test_damage_at_the_end_is_not_taken_for_a_torn_tail() -> None:
    content = bytearray(encode_record(MARK, batch(b"x" * 50)))
    content[20] ^= 1
    assert spans(bytes(content)) == [Damage(0, len(content))]


def test_a_record_of_a_later_version_is_not_read_as_ours() -> None:
    content = encode_record(MARK, batch(b"later"))
    (record,) = spans(content)
    assert isinstance(record, Record)
    later = type(record.header)(
        2, *(getattr(record.header, name) for name in record.header.__slots__[1:])
    )
    assert decode_body(later, content[HEADER_BYTES:]) is None


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_progress_comes_back(done: int, damaged: int) -> None:
    raw = encode_preamble(Progress(done, damaged))
    assert len(raw) == PREAMBLE_BYTES
    assert decode_preamble(raw) == Progress(done, damaged)


@given(st.binary(max_size=2 * PREAMBLE_BYTES))
def test_an_unreadable_preamble_means_that_nothing_is_done(raw: bytes) -> None:
    assert decode_preamble(raw) == Progress()


def test_a_mark_is_the_segments_own() -> None:
    assert spans(encode_record(MARK, batch(b"")), UUID(int=1).bytes) == [
        Damage(0, len(encode_record(MARK, batch(b""))))
    ]
