"""The ledger's arithmetic: remainders, what is overdue, and when it balances."""

from __future__ import annotations

import pytest

from storage.ledger import Counts, Ledger, SettledCounts, balance

MINUTE = 29_000_000
NOON_MS = MINUTE * 60_000
OVERDUE_FROM_MS = (MINUTE + 11) * 60_000
ROW = (MINUTE, 1, "crash")


def test_nothing_balances() -> None:
    assert balance({}, {}, NOON_MS) == Ledger(balanced=True, totals=Counts(), minutes=[])


def test_every_fate_is_taken_from_what_was_accepted() -> None:
    settled = SettledCounts(stored=50, filtered=5, over_quota=4, dead=3, discarded=2)
    ledger = balance({ROW: 70}, {ROW: settled}, NOON_MS)
    (line,) = ledger.minutes
    assert line.counts == Counts(70, 50, 5, 4, 3, 2, in_flight=6)
    assert ledger.balanced


@pytest.mark.parametrize(("now_ms", "overdue"), [(OVERDUE_FROM_MS - 1, 0), (OVERDUE_FROM_MS, 4)])
def test_what_is_in_flight_is_overdue_when_the_minutes_youngest_is_ten_minutes_old(
    now_ms: int, overdue: int
) -> None:
    ledger = balance({ROW: 5}, {ROW: SettledCounts(stored=1)}, now_ms)
    assert (ledger.totals.in_flight, ledger.totals.overdue) == (4, overdue)
    assert ledger.balanced is (overdue == 0)


def test_old_minutes_in_which_all_is_settled_balance() -> None:
    assert balance({ROW: 5}, {ROW: SettledCounts(stored=5)}, OVERDUE_FROM_MS * 2).balanced


def test_more_settled_than_accepted_does_not_balance() -> None:
    ledger = balance({ROW: 1}, {ROW: SettledCounts(stored=2)}, OVERDUE_FROM_MS)
    assert not ledger.balanced
    assert (ledger.totals.in_flight, ledger.totals.overdue) == (-1, 0)


def test_a_surplus_in_one_row_does_not_hide_a_loss_in_another() -> None:
    other = (MINUTE, 2, "crash")
    ledger = balance({ROW: 1, other: 1}, {ROW: SettledCounts(stored=2)}, NOON_MS)
    assert ledger.totals.in_flight == 0
    assert not ledger.balanced


def test_settled_without_accepted_is_a_row_too() -> None:
    ledger = balance({}, {ROW: SettledCounts(dead=1)}, NOON_MS)
    assert ledger.minutes[0].counts.in_flight == -1
    assert not ledger.balanced


def test_rows_come_in_order_and_totals_are_their_sums() -> None:
    rows = [(MINUTE + 1, 1, "crash"), (MINUTE, 2, "crash"), (MINUTE, 1, "rum"), ROW]
    ledger = balance(dict.fromkeys(rows, 2), dict.fromkeys(rows, SettledCounts(stored=1)), NOON_MS)
    assert [(m.minute, m.project_id, m.type) for m in ledger.minutes] == sorted(rows)
    assert ledger.totals == Counts(accepted=8, stored=4, in_flight=4)
