"""The bill of a month: against sums done by hand, shares that add up, nothing divided by zero."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.cost import Prices, Requests, Sample, Written, bill, next_month, sentence
from storage.files.meter import operation_of, type_of

LIST = Prices(put_per_1000=0.005, get_per_1000=0.0004, gb_month=0.023)
MONTH = date(2026, 11, 1)


def test_the_bill_is_as_done_by_hand() -> None:
    """A million crashes of 3.5 KB in 500 packs, 13 times smaller, kept for a third of the month."""
    written = [Written(1, "crash", 1_000_000, 500.0, 3_500_000_000, 269_230_769.0)]
    requests = [Requests("crash", "put", 520, 0), Requests("crash", "get", 1040, 0)]
    samples = [
        Sample(date(2026, 11, day), 1, "crash", 500, 1_000_000, 3.5e9, 269_230_769)
        for day in range(1, 11)
    ]
    (row,) = bill(MONTH, LIST, written, requests, samples)
    packs = 520 * 0.005 / 1000 + 1040 * 0.0004 / 1000 + 0.269230769 / 3 * 0.023
    alone = 1_000_000 * 0.005 / 1000 + 1040 * 0.0004 / 1000 + 1.0 / 3 * 0.023
    assert row.cost == pytest.approx(packs)
    assert row.one_object_per_event == pytest.approx(alone)
    assert row.saved_bytes == pytest.approx(3_500_000_000 - 269_230_769)
    assert sentence(MONTH, [row]) == "2026-11: $0.0051; one object per event would be $5.01"


def test_projects_share_requests_by_their_bytes() -> None:
    written = [
        Written(1, "rum", 10, 0.25, 100, 10.0),
        Written(2, "rum", 90, 0.75, 300, 30.0),
        Written(2, "crash", 5, 1.0, 50, 5.0),
    ]
    requests = [Requests("rum", "put", 4, 0), Requests("rum", "get", 8, 0)]
    rows = {(row.project_id, row.type): row for row in bill(MONTH, LIST, written, requests, [])}
    assert (rows[1, "rum"].puts, rows[1, "rum"].gets) == (1.0, 2.0)
    assert (rows[2, "rum"].puts, rows[2, "rum"].gets) == (3.0, 6.0)
    # Nobody told of this type's requests: the pack was put nevertheless.
    assert (rows[2, "crash"].puts, rows[2, "crash"].gets) == (1.0, 0.0)


def test_a_blob_costs_the_same_either_way() -> None:
    samples = [Sample(MONTH, 1, "blob", 2, 0, 5e9, 5e9)]
    requests = [Requests("blob", "put", 10, 0), Requests("blob", "get", 5, 0)]
    (row,) = bill(MONTH, LIST, [], requests, samples)
    assert row.cost == pytest.approx(row.one_object_per_event)
    assert (row.puts, row.saved_bytes) == (10.0, 0.0)


def test_an_empty_month_costs_nothing() -> None:
    assert bill(MONTH, LIST, [], [Requests("crash", "put", 3, 1)], []) == []
    assert sentence(MONTH, []) == "2026-11: $0.00; one object per event would be $0.00"
    assert next_month(date(2026, 12, 1)) == date(2027, 1, 1)


sizes = st.integers(0, 2**50)
projects = st.integers(1, 4)
types = st.sampled_from(["crash", "rum", "blob"])


@given(
    st.lists(
        st.builds(Written, projects, types, sizes, st.floats(0, 1e6), sizes, st.floats(0, 2**50)),
        unique_by=lambda one: (one.project_id, one.type),
    ),
    st.lists(
        st.builds(Requests, types, st.sampled_from(["put", "get", "delete"]), sizes, sizes),
        unique_by=lambda one: (one.type, one.operation),
    ),
    st.lists(
        st.builds(
            Sample,
            st.dates(MONTH, date(2026, 11, 30)),
            projects,
            types,
            st.floats(0, 1e6),
            sizes,
            st.floats(0, 2**50),
            st.floats(0, 2**50),
        ),
        unique_by=lambda one: (one.day, one.project_id, one.type),
    ),
)
def test_shares_add_up_and_no_sum_is_negative(
    written: list[Written], requests: list[Requests], samples: list[Sample]
) -> None:
    rows = bill(MONTH, LIST, written, requests, samples)
    assert len(rows) == len({(row.project_id, row.type) for row in rows})
    for row in rows:
        assert row.cost >= 0
        assert row.one_object_per_event >= 0
    gets = {one.type: one.requests for one in requests if one.operation == "get"}
    for kind in {row.type for row in rows}:
        shared = sum(row.gets for row in rows if row.type == kind)
        assert shared == pytest.approx(0) or shared == pytest.approx(gets.get(kind, 0))


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("packs/ab/crash/2026-01-01/x.pack", "crash"),
        ("packs/ab/rum/", "rum"),
        ("blobs/ab/1/x", "blob"),
        ("packs/zz/../x", "other"),
        ("", "other"),
    ],
)
def test_a_key_tells_its_type(key: str, kind: str) -> None:
    assert type_of(key) == kind


def test_calls_cost_as_price_lists_have_them() -> None:
    named = {
        "put": ["PutObject", "UploadPart", "ListObjectsV2", "CreateMultipartUpload", "CopyObject"],
        "get": ["GetObject", "HeadObject", "HeadBucket"],
        "delete": ["DeleteObject", "DeleteObjects", "AbortMultipartUpload"],
    }
    for operation, calls in named.items():
        assert {operation_of(call) for call in calls} == {operation}
