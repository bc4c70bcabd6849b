"""Canaries prove progress, and people do not see them."""

from datetime import UTC, datetime

import pytest

from app.health import readiness, stalled_types
from app.stores import open_stores
from broker.progress import Progress
from config.policy import EVENT_TYPES
from events.envelope import SYSTEM_PROJECT
from events.ids import id_minute, new_id, now_ms
from storage.files.store import FileStore
from storage.search.store import SearchStore
from storage.sql.group_filter import GroupFilter
from storage.sql.migrate import migrate
from tasks.canary import open_canaries, run_canaries
from tests.integration.worker_process import running_worker, wait_until

TYPES = {row.name for row in EVENT_TYPES}


@pytest.fixture(scope="module")
def place(module_settings):
    migrate(module_settings.postgres_dsn)
    SearchStore(module_settings).ensure_schema()
    FileStore(module_settings).ensure_bucket()
    return module_settings


@pytest.fixture
def stores(place):
    stores = open_stores(place)
    stores.broker._client.flushdb()
    yield stores
    stores.database.close()


def later(place, seconds):
    """The canaries' book as it will read in some seconds."""
    return Progress(place.redis_url, timeout=5, clock=lambda: now_ms() + seconds * 1000)


def test_canaries_of_every_type_arrive(place, stores):
    canaries = open_canaries(place)
    run_canaries(canaries)
    first = canaries.progress.waiting("crash")
    with running_worker(place):

        def arrived():
            run_canaries(canaries)
            return not set(first) & set(canaries.progress.waiting("crash"))

        wait_until(arrived)
    assert set(stores.progress.ages()) == TYPES


def test_what_does_not_get_through_is_stalled(place, stores):
    run_canaries(open_canaries(place))
    assert stalled_types(stores) == []
    assert all(age > 299 for age in later(place, 300).ages().values())

    status, body = readiness({}, spool_has_room=True, stalled=["crash"])

    assert (status, body["status"], body["stalled"]) == (503, "stalled", ["crash"])


def test_a_start_of_everything_begins_anew(place, stores):
    run_canaries(open_canaries(place))
    stores.progress.begin_anew()
    assert stores.progress.ages() == {}
    assert stores.progress.waiting("crash") == []
    run_canaries(open_canaries(place))
    assert set(stores.progress.ages()) == TYPES


def test_before_the_first_canary_nothing_is_stalled(stores):
    assert stores.progress.ages() == {}
    assert stalled_types(stores) == []


def test_people_do_not_see_them(place, stores):
    canaries = open_canaries(place)
    run_canaries(canaries)
    [sent] = canaries.progress.waiting("crash")
    with running_worker(place):
        wait_until(lambda: (found := stores.events.receipt(sent)) and found.search_at)

    assert stores.groups.list(GroupFilter(datetime.now(UTC))).items == []
    assert SYSTEM_PROJECT not in {project.id for project in stores.projects.list()}
    assert stores.projects.by_name("sluice-system") is None
    assert stores.broker.totals().get("accepted", 0) == 0
    assert stores.settled.totals() == {}
    minute = id_minute(new_id(now_ms()))
    assert {row[1] for row in stores.broker.accepted(minute - 5, minute)} == {SYSTEM_PROJECT}
    wait_until(lambda: stores.events.find(sent))
    found = stores.search.search(
        project_id=None, event_type=None, query=None, start=None, end=None, cursor=None, limit=9
    )
    assert found.items == []
