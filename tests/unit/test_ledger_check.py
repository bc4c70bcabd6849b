"""What several looks at the ledger agree on."""

import pytest

from storage.ledger import Counts, Custody, Gap, Ledger, MinuteRow
from workbench.ledger_check import LOOKS, Look, check, judge


def look(*rows, lost=0, messages=0, before=0):
    """Rows are (minute, in flight, overdue)."""
    minutes = [
        MinuteRow(minute, 1, "crash", Counts(in_flight=flying, overdue=late))
        for minute, flying, late in rows
    ]
    return Look(Ledger(not rows, Counts(), minutes), Custody(lost, 0, messages), 0, before)


def test_a_gap_counts_by_what_every_look_saw_of_it():
    verdict = judge([look((7, -5, 0), (8, 4, 4)), look((7, -3, 0)), look((7, -4, 0))])
    assert verdict.gaps == {Gap((7, 1, "crash"), "oversettled"): 3}


def test_what_one_look_did_not_see_is_not_told():
    verdict = judge([look((8, 4, 4), lost=2, before=1), look()])
    assert verdict.balanced


@pytest.mark.parametrize("looks", [[look((7, 1, 1))], [look(lost=1)], [look(before=1)]])
def test_what_persists_is_told(looks):
    assert not judge(looks).balanced


def test_more_held_than_in_flight_is_wrong_only_where_no_message_holds_it():
    assert Custody(in_flight=3, held=5, messages=1).surplus == 0
    assert Custody(in_flight=3, held=5, messages=0).surplus == 2
    assert Custody(in_flight=5, held=3, messages=1).lost == 2


def test_it_looks_again_until_nothing_is_wrong():
    looks, slept = iter([look(lost=1), look((7, 1, 1)), look(lost=9)]), []
    last, verdict = check(lambda: next(looks), slept.append)
    assert verdict.balanced
    assert last.ledger.minutes
    assert len(slept) == 1


def test_it_gives_up_after_some_looks():
    slept = []
    _, verdict = check(lambda: look(lost=1), slept.append)
    assert (verdict.lost, len(slept)) == (1, LOOKS - 1)
