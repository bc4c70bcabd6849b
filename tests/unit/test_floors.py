"""Who is past a term, and from which minute on."""

from datetime import UTC, date, datetime

import pytest

from config.retention import TypeTerm, type_terms
from events.ids import new_id
from storage.floors import DAY_MS, ProjectTerm, day_start_ms, floors_at

NOW = int(datetime(2026, 11, 23, 12, 30, 30, tzinfo=UTC).timestamp()) * 1000


def test_an_event_is_hidden_once_it_is_older_than_its_type_s_term():
    floors = floors_at(NOW, {"crash": 90}, {}, {})
    assert floors.hidden(1, "crash", new_id(NOW - 90 * DAY_MS - 60_000))
    assert not floors.hidden(1, "crash", new_id(NOW - 90 * DAY_MS))
    assert not floors.hidden(1, "rum", new_id(0))


def test_a_project_s_shorter_term_is_its_own_alone():
    floors = floors_at(NOW, {"crash": 90}, {(7, "crash"): ProjectTerm(1)}, {})
    old = new_id(NOW - 2 * DAY_MS)
    assert floors.hidden(7, "crash", old)
    assert not floors.hidden(8, "crash", old)
    assert not floors.hidden(7, "rum", old)


def test_a_longer_term_than_the_type_s_changes_nothing():
    floors = floors_at(NOW, {"crash": 2}, {(7, "crash"): ProjectTerm(30)}, {})
    assert floors.hidden(7, "crash", new_id(NOW - 3 * DAY_MS))


def test_a_day_that_is_being_dropped_is_hidden_with_all_before_it():
    floors = floors_at(NOW, {"crash": 90}, {}, {"crash": date(2026, 11, 20)})
    assert floors.hidden(1, "crash", new_id(day_start_ms(date(2026, 11, 21)) - 1))
    assert not floors.hidden(1, "crash", new_id(day_start_ms(date(2026, 11, 21))))


def test_bytes_go_only_after_rows_and_stay_hidden_when_the_term_is_taken_back():
    term = ProjectTerm(None, clearing_ms=NOW - DAY_MS, cleared_ms=NOW - 2 * DAY_MS)
    floors = floors_at(NOW, {"crash": 90}, {(7, "crash"): term}, {})
    between = new_id(NOW - DAY_MS - 1)
    assert floors.hidden(7, "crash", between)
    assert not floors.expired(7, "crash", between)
    assert floors.expired(7, "crash", new_id(NOW - 2 * DAY_MS - 1))


def test_terms_of_types_are_read_over_the_defaults():
    found = type_terms("rum=7", "crash=1000")
    assert found["rum"] == TypeTerm(7, 0)
    assert found["crash"] == TypeTerm(90, 1000)


@pytest.mark.parametrize("text", ["crash", "crash=", "crash=-1", "crush=3", "crash=1e3", "crash=²"])
def test_a_text_that_is_no_term_is_refused(text):
    with pytest.raises(ValueError, match=r"event type|not a type"):
        type_terms(text, "")
