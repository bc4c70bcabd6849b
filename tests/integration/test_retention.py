"""What is past its term goes whole, in order, and nobody sees it from the moment it is past."""

import threading
from datetime import UTC, datetime

import pytest

from config.retention import type_terms
from events.ids import id_day
from storage.errors import Rejected
from storage.retention.run import run_retention
from tests.integration.aged import (
    age,
    dangling,
    empty,
    envelopes,
    ledger_totals,
    partitions,
    query,
    retention,
    seen,
    short_terms,
)
from tests.integration.api_world import open_world, wait_until

pytestmark = pytest.mark.timeout(600)

ALL = {"/events/{}", "/events/{}/raw", "/receipts/{}", "search", "group"}
LONG = 600.0


@pytest.fixture(scope="module")
def shared(module_settings):
    settings = short_terms(module_settings)
    with open_world(settings) as world:
        yield world, settings


@pytest.fixture
def world(shared):
    empty(shared[0])
    return shared[0]


@pytest.fixture
def settings(shared):
    return shared[1]


def visible(world, ids):
    wait_until(lambda: seen(world, ids) == ALL, 60)


def test_a_day_past_its_term_goes_with_all_that_belongs_to_it(world, settings):
    old = age(world, 30, 12) + age(world, 5, 12, line="gone")
    young = age(world, 20, 1)
    visible(world, young)
    assert seen(world, old[:1] + old[-1:]) == set()  # before any run: by time alone
    before = ledger_totals(world)
    totals = world.stores.settled.totals()
    parts = retention(world, settings)
    plan = parts.planner.plan().document()

    report = run_retention(parts, LONG)

    assert [day["day"] for day in report.days] == [id_day(old[0]).isoformat()]
    assert (report.counts["events"], report.counts["packs"]) == (35, 2)
    for name in ("events", "packs", "bytes"):
        assert plan["totals"][name] == report.counts[name], name
    assert plan["totals"]["partitions"] == 1
    assert world.stores.search.present("crash", old) == set()
    assert world.stores.search.present("crash", young) == set(young)
    assert f"crash_events_{id_day(old[0]):%Y%m%d}" not in partitions(world)
    assert query(world, "SELECT why, count(*)::int FROM doomed_packs GROUP BY 1") == [
        ("retention", 2)
    ]
    assert dangling(world) == set()
    assert query(world, "SELECT count, dropped, users FROM groups") == [(50, 30, 3)]
    assert query(world, "SELECT count(DISTINCT group_id)::int FROM group_users") == [(1,)]
    [group] = world.json("/api/v1/groups?project=shop")["items"]
    assert (group["count"], group["dropped"]) == (50, 30)
    assert ledger_totals(world) == before
    assert world.stores.settled.totals() == totals
    assert parts.planner.plan().document()["totals"]["events"] == 0


def test_a_dry_run_changes_nothing(world, settings):
    old = age(world, 5, 12)
    parts = retention(world, settings)
    planned = [parts.planner.plan().document() for _ in range(2)]
    assert planned[0] == planned[1]
    assert planned[0]["totals"]["events"] == 5
    assert world.stores.search.present("crash", old) == set(old)
    assert query(world, "SELECT count(*)::int FROM crash_events") == [(5,)]
    assert query(world, "SELECT count(*)::int FROM retired_days") == [(0,)]


def test_over_its_bytes_a_type_loses_its_oldest_days(world, settings):
    oldest, middle, young = age(world, 40, 4), age(world, 40, 3), age(world, 40, 0)
    sizes = dict(query(world, "SELECT day, sum(stored_bytes)::int FROM packs GROUP BY 1"))
    most = sizes[id_day(middle[0])] + sizes[id_day(young[0])]
    bounded = short_terms(settings, retention_bytes=f"crash={most}")

    report = run_retention(retention(world, bounded), LONG)

    assert [(day["day"], day["why"]) for day in report.days] == [
        (id_day(oldest[0]).isoformat(), "bytes")
    ]
    assert seen(world, oldest[:1]) == set()
    # Today stays, however little may be kept.
    report = run_retention(retention(world, short_terms(settings, retention_bytes="crash=1")), LONG)
    assert [day["day"] for day in report.days] == [id_day(middle[0]).isoformat()]
    assert query(world, "SELECT count(*)::int FROM crash_events") == [(len(young),)]
    visible(world, young[:1])


def test_a_project_with_a_shorter_term_is_hidden_at_once(world, settings):
    mine, of_others = age(world, 12, 3), age(world, 8, 3, "blog", "blog")
    fresh = age(world, 3, 0)
    only_old = age(world, 4, 3, line="only")
    visible(world, mine[:1])
    visible(world, of_others[:1])
    visible(world, only_old[:1])
    terms = world.stores.retention.terms

    terms.set(world.numbers["shop"], "crash", 2, "test")

    assert seen(world, [mine[0], only_old[0]]) == set()
    assert seen(world, of_others[:1]) == ALL
    assert seen(world, fresh[:1]) == ALL
    assert {group["culprit"] for group in world.json("/api/v1/groups")["items"]}
    assert len(world.json("/api/v1/groups?project=shop")["items"]) == 1
    floors = terms.floors()
    assert not any(floors.expired(world.numbers["shop"], "crash", i) for i in mine)

    report = run_retention(retention(world, settings), LONG)

    assert report.counts["project_events"] == 16
    assert report.days == []
    assert world.stores.search.present("crash", mine + only_old) == set()
    assert world.stores.search.present("crash", of_others) == set(of_others)
    rows = {row for (row,) in query(world, "SELECT id FROM crash_events")}
    assert rows == {*of_others, *fresh}
    floors = terms.floors()
    assert all(floors.expired(world.numbers["shop"], "crash", i) for i in mine)
    assert not any(floors.expired(world.numbers["blog"], "crash", i) for i in of_others)
    counted = query(
        world,
        "SELECT sum((slot->>2)::int)::int FROM packs, jsonb_array_elements(counts) AS slot",
    )
    assert counted == [(len(rows),)]
    totals = ledger_totals(world)
    assert totals["accepted"] == totals["settled"] == 27

    # A term that is taken back brings nothing back that was dropped.
    terms.set(world.numbers["shop"], "crash", None, "test")
    assert seen(world, mine[:1]) == set()
    audited = query(
        world, "SELECT actor, detail->>'days' FROM audit WHERE action = 'retention.set'"
    )
    assert audited[-2:] == [("test", "2"), ("test", None)]


def test_a_term_must_be_one(world, settings):
    terms = world.stores.retention.terms
    shop = world.numbers["shop"]
    for project, kind, days in (
        (shop, "crush", 3),
        (shop, "crash", 0),
        (shop, "crash", 11),
        (0, "crash", 3),
    ):
        with pytest.raises(Rejected):
            terms.set(project, kind, days, "test")
    assert terms.listed() == []


def test_a_day_whose_events_are_on_their_way_waits(world, settings):
    made = envelopes(world, 4, 12)
    world.accept(made)
    world.store(made, searched=False)
    parts = retention(world, settings)
    [day] = parts.planner.plan().days
    assert day.held == {"packs_in_flight": 1}
    report = run_retention(parts, LONG)
    assert (report.days, [one["why"] for one in report.held]) == ([], [{"packs_in_flight": 1}])
    assert query(world, "SELECT count(*)::int FROM crash_events") == [(4,)]

    [(pack,)] = query(world, "SELECT id FROM packs")
    world.stores.packs.mark_searched(pack, datetime.now(UTC))
    assert len(run_retention(parts, LONG).days) == 1
    assert ledger_totals(world) == {"accepted": 4, "settled": 4}


def test_settled_dead_letters_of_dropped_days_go_and_still_count(world, settings):
    made = envelopes(world, 3, 12)
    world.accept(made)
    letters = [world.kill(envelope) for envelope in made]
    query(
        world,
        "UPDATE dead_letters SET status = 'discarded' WHERE event_id = ANY(%s::uuid[])",
        [str(letter.event_id) for letter in letters[:2]],
    )
    ever, totals = world.stores.settled.ever(), world.stores.settled.totals()

    report = run_retention(retention(world, settings), LONG)

    assert report.counts["dead_letters"] == 2
    assert query(world, "SELECT status FROM dead_letters") == [("open",)]
    assert world.stores.settled.ever() == ever
    assert world.stores.settled.totals() == totals
    assert ledger_totals(world) == {"accepted": 3, "settled": 3}


def test_events_that_come_late_for_a_dropped_day_go_with_the_next_run(world, settings):
    age(world, 5, 12)
    parts = retention(world, settings)
    run_retention(parts, LONG)
    late = age(world, 3, 12)
    assert seen(world, late[:1]) == set()
    assert run_retention(parts, LONG).counts["events"] == 3
    assert dangling(world) == set()
    assert ledger_totals(world) == {"accepted": 8, "settled": 8}


def test_a_month_that_is_over_goes_as_an_index(world, settings):
    age(world, 5, 70)
    age(world, 5, 1)
    parts = retention(world, settings)
    assert len(parts.planner.plan().indices) == 1
    report = run_retention(parts, LONG)
    assert len(report.days) == 1
    assert len(world.stores.search.months("crash")) <= 2
    assert parts.planner.over_months("crash") == []


def test_one_at_a_time(world, settings):
    age(world, 5, 12)
    first, second = retention(world, settings), retention(world, settings)
    with first.days.alone() as alone:
        assert alone
        assert run_retention(second, LONG) is None
    assert run_retention(second, LONG).counts["events"] == 5


def test_writers_and_readers_go_on_while_days_are_dropped(world, settings):
    for days in range(11, 17):
        age(world, 200, days)
    done, stored, troubles = threading.Event(), [], []

    def write():
        while not done.is_set():
            try:
                stored.extend(age(world, 5, 0))
            except Exception as exc:  # told below
                troubles.append(exc)

    def read():
        while not done.is_set():
            answer = world.get("/api/v1/groups?project=shop")
            if answer.status_code != 200:
                troubles.append(answer.text)

    threads = [threading.Thread(target=write), threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    try:
        report = run_retention(retention(world, settings), LONG)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert troubles == []
    assert (len(report.days), report.counts["events"]) == (6, 1200)
    rows = {row for (row,) in query(world, "SELECT id FROM crash_events")}
    assert rows == set(stored)
    assert query(world, "SELECT (count - dropped)::int FROM groups") == [(len(stored),)]
    totals = ledger_totals(world)
    assert totals["accepted"] == totals["settled"] == 1200 + len(stored)


def test_defaults_are_those_of_the_policy(settings):
    assert {name: term.days for name, term in type_terms("", "").items()} == {
        "crash": 90,
        "rum": 30,
        "trace": 14,
        "metric": 90,
    }
