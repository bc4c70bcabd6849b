"""Packs are small, and packing takes little memory."""

from __future__ import annotations

import tracemalloc

from pack_samples import KEY, PACK_ID, corpus_crashes

from storage.files.pack import decode_pack, encode_pack

FRAME = 128 * 1024


def test_crashes_like_the_corpus_shrink_eight_times() -> None:
    events = list(corpus_crashes(2_000))

    made = encode_pack(PACK_ID, events, FRAME)

    assert made.index.raw_bytes == sum(len(event.body) for event in events)
    assert made.index.raw_bytes / len(made.data) >= 8
    assert max(frame.raw_length for frame in made.index.frames) <= FRAME


def test_packing_holds_less_than_two_copies_of_the_events() -> None:
    events = list(corpus_crashes(2_000))
    raw = sum(len(event.body) for event in events)
    encode_pack(PACK_ID, events[:10], FRAME)
    tracemalloc.start()
    try:
        made = encode_pack(PACK_ID, events, FRAME)
        packing = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        read = decode_pack(made.data, KEY)
        reading = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert len(read) == len(events)
    assert packing < 2 * raw
    assert reading < 3 * raw
