from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from events.moment import iso, read_moment

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-22T12:00:00Z",
        "2026-11-22T12:00:00",
        "2026-11-22T12:00",
        "2026-11-22T12:00:00.0000000Z",
        "2026-11-22T12:00:00+00:00",
        "2026-11-22T13:00:00+01:00",
        "2026-11-22 12:00:00 UTC",
        "2026-11-22 13:00:00 +0100",
        1795348800,
        1795348800000,
        1795348800000.0,
    ],
)
def test_every_sdk_s_way_of_writing_a_time(value: Any) -> None:
    assert read_moment(value) == NOON


def test_fractions() -> None:
    moment = read_moment("2026-11-22T12:00:00.1234567Z")
    assert moment is not None
    assert moment.microsecond == 123456
    assert iso(read_moment("2026-11-22T22:35:07.088494+00:00")) == "2026-11-22T22:35:07.088494Z"


@pytest.mark.parametrize(
    "value",
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "not a time",
        "",
        "2026-11-22T12:00:00Z" + " " * 50 + "x",
        1e300,
        float("nan"),
        10**30,
        True,
        None,
        [],
        {},
    ],
)
def test_what_is_no_time_in_utc_is_null(value: Any) -> None:
    assert read_moment(value) is None


def test_the_first_and_the_last_year() -> None:
    assert iso(read_moment("0001-01-01T00:00:00Z")) == "0001-01-01T00:00:00Z"
    assert iso(read_moment("9999-12-31T23:59:59Z")) == "9999-12-31T23:59:59Z"
