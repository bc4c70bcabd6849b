"""Which packs are merged with each other."""

from datetime import date
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from storage.model import PackRef
from tasks.compacting import Bounds, groups
from tasks.merging import paced

BOUNDS = Bounds(stored_bytes=100, raw_bytes=1000, events=50)


def pack(stored=10, raw=100, events=5, kind="crash", day=20):
    return PackRef(uuid4(), "key", kind, date(2026, 11, day), events, stored, raw)


def test_packs_of_a_type_and_day_stand_together():
    packs = [pack(), pack(), pack(day=21), pack(kind="rum", day=21)]
    assert [len(run) for run in groups(packs, BOUNDS)] == [2, 1, 1]


def test_each_bound_ends_a_run():
    for large in ({"stored": 60}, {"raw": 600}, {"events": 30}):
        assert [len(run) for run in groups([pack(**large)] * 3, BOUNDS)] == [1, 1, 1]


def test_a_pack_over_the_bounds_is_a_run():
    assert [len(run) for run in groups([pack(stored=500), pack()], BOUNDS)] == [1, 1]


@given(st.lists(st.tuples(st.integers(1, 120), st.integers(20, 22)), max_size=40))
def test_no_pack_is_left_out_and_no_run_is_too_large(sizes):
    packs = [pack(stored=size, day=day) for size, day in sorted(sizes, key=lambda s: s[1])]
    runs = list(groups(packs, BOUNDS))
    assert [one for run in runs for one in run] == packs
    assert all(len(run) == 1 or BOUNDS.hold(run) for run in runs)


def test_a_pace_sleeps_as_long_as_the_bytes_take():
    slept = []
    paced(1000, slept.append)(500)
    paced(0, slept.append)(500)
    assert slept == [0.5]
