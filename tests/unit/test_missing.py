"""Which of a pack's absent events were counted."""

from uuid import uuid4

from events.ids import id_minute, new_id
from storage.missing import missing_rows

AT = 1_700_000_000_000
PACK, OTHER = uuid4(), uuid4()


def events(count, at_ms=AT):
    return [new_id(at_ms) for _ in range(count)]


def members(ids, project=1):
    return [(event_id, project) for event_id in ids]


def counts(ids, project=1):
    return {(id_minute(ids[0]), project): len(ids)}


def test_what_the_pack_inserted_and_no_longer_has_was_counted():
    ids = events(4)
    rows = dict.fromkeys(ids[2:], PACK)
    found = missing_rows(PACK, counts(ids), members(ids), rows, set())
    assert (found.counted, found.uncounted) == (ids[:2], [])


def test_what_another_pack_inserted_was_not_counted_by_this_one():
    ids = events(3)
    rows = {ids[0]: OTHER, ids[1]: PACK}
    found = missing_rows(PACK, counts(ids[:1]), members(ids), rows, set())
    assert (found.counted, found.uncounted) == ([], ids[2:])


def test_no_more_are_taken_for_counted_than_the_pack_counted():
    ids = events(5)
    found = missing_rows(PACK, counts(ids[:2]), members(ids), {}, set())
    assert (len(found.counted), len(found.uncounted)) == (2, 3)


def test_counts_are_of_one_minute_and_one_project():
    late, early = events(1, AT + 120_000), events(1)
    found = missing_rows(PACK, counts(early), members(late + early), {}, set())
    assert (found.counted, found.uncounted) == (early, late)
    found = missing_rows(PACK, counts(early, project=2), members(early), {}, set())
    assert found.uncounted == early


def test_what_is_dead_is_not_missing():
    ids = events(2)
    found = missing_rows(PACK, counts(ids), members(ids), {}, {ids[0]})
    assert found.counted == ids[1:]
