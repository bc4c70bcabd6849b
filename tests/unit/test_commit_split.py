from __future__ import annotations

import pytest

from app.ingest.commit import Bounds, split
from events.envelope import Envelope
from events.ids import new_id


def _envelopes(*sizes: int) -> list[Envelope]:
    return [Envelope(new_id(0), 1, "crash", "raygun.entry", b"x" * size) for size in sizes]


@pytest.mark.parametrize(
    ("sizes", "parts"),
    [
        ([], []),
        ([1], [[1]]),
        ([4, 4, 2], [[4, 4, 2]]),
        ([4, 4, 3], [[4, 4], [3]]),
        ([11], [[11]]),
        ([1, 11, 1], [[1], [11], [1]]),
        ([1, 1, 1, 1, 1, 1, 1], [[1, 1, 1], [1, 1, 1], [1]]),
        ([0, 0, 0, 0], [[0, 0, 0], [0]]),
    ],
)
def test_parts_keep_order_and_bounds(sizes: list[int], parts: list[list[int]]) -> None:
    envelopes = _envelopes(*sizes)
    found = list(split(envelopes, Bounds(events=3, size=10)))
    assert [[len(e.body) for e in part] for part in found] == parts
    assert [e for part in found for e in part] == envelopes
