"""``demo``: a story through the real pipeline, counted exactly in the minutes of its ids."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from broker.load import Load
from events.ids import new_id, now_ms
from ops.demo.script import script
from ops.demo.sending import Sender, Sent
from ops.demo.story import API, APP, WEB, Span
from ops.errors import OpsError
from storage.search.scope import Scope
from storage.search.store import SearchStore
from storage.sql.group_filter import GroupFilter
from storage.sql.groups import Groups
from storage.sql.health import ReleaseHealth
from storage.sql.projects import Projects
from storage.sql.terms import Terms
from storage.sql.triaging import open_triaging
from tests.integration.commands import parsed
from tests.integration.pipeline import wait_until
from workbench.queueing import open_queues
from workbench.rum import open_rum

pytestmark = pytest.mark.timeout(600)

EVENTS = 4_000
_DAY_MS = 86_400_000


def test_what_is_imported_has_not_waited_for_days(pipeline, settings):
    """Else the web tier would refuse events of others as long as an import goes on."""
    now = now_ms()
    story = script(300, Span(now - 10 * _DAY_MS, now - 9 * _DAY_MS), seed=1)
    load = Load(settings.redis_url, timeout=5)
    ages: list[float] = []

    class Enough(Exception):
        pass

    def tell(sent: Sent) -> None:
        if sent.events == 300:
            ages.extend(one.age_seconds for one in load.queues() if one.events)
            raise Enough

    sender = Sender(pipeline.broker, load, {WEB: 1, API: 1, APP: 1}, tell)
    with pytest.raises(Enough):
        sender.send(story)
    assert len(ages) == 4  # one a type
    assert max(ages) < 60


def test_without_a_pool_it_says_so(pipeline, run):
    refused = run("demo", "--events", "100")
    assert refused.exit_code == 1
    assert "no pool works on crash.files" in refused.output


def test_queues_that_stand_still_end_it(pipeline, settings, monkeypatch):
    monkeypatch.setattr("ops.demo.sending.STALLED_SECONDS", 0.5)
    now = now_ms()
    story = script(200, Span(now - _DAY_MS, now), seed=1)
    projects = {WEB: pipeline.project_id, API: pipeline.project_id, APP: pipeline.project_id}
    sender = Sender(pipeline.broker, Load(settings.redis_url, timeout=5), projects, lambda _: None)
    with pytest.raises(OpsError, match="get no fewer"):
        sender.send(story)


def test_the_same_seed_tells_the_same_story():
    span = Span(1_795_000_000_000, 1_795_000_000_000 + 2 * _DAY_MS)
    once, again, other = (list(script(500, span, seed)) for seed in (1, 1, 2))
    assert once == again
    assert [one.body for one in once] == [one.body for one in again]
    assert [one.body for one in once] != [one.body for one in other]
    assert len(once) == 500
    assert once == sorted(once)
    assert once[0].at_ms >= span.start_ms
    assert once[-1].at_ms < span.end_ms
    assert new_id(once[0].at_ms) < new_id(once[-1].at_ms)


def test_a_shop_is_told_and_the_ledger_balances(pipeline, worker, run):
    settings = pipeline.settings
    queues = open_queues(settings, pipeline.broker)
    wait_until(lambda: queues.queue("crash.files").pools)  # it tells every few seconds

    told = parsed(run("demo", "--events", str(EVENTS), "--days", "3", "--json"))
    assert told["events"] == EVENTS
    assert told["projects"] == [WEB, API, APP]

    checked = parsed(run("ledger", "--check", "--json", "--hours", str(4 * 24)))
    assert (checked["balanced"], checked["gaps"]) == (True, [])
    totals = checked["totals"]
    assert totals["accepted"] == EVENTS
    assert totals["stored"] == EVENTS - told["dead"]
    assert totals["dead"] == told["dead"]
    days = pipeline.query("SELECT DISTINCT date_trunc('day', occurred_at) FROM crash_events")
    assert len(days) >= 3

    now = datetime.now(UTC)
    assert pipeline.query("SELECT DISTINCT version FROM trace_segments")
    assert pipeline.query("""
        SELECT crash.id FROM crash_events AS crash JOIN trace_segments AS segment USING (trace_id)
        WHERE crash.project_id = segment.project_id
    """)
    app = Projects(pipeline.database).by_name(APP)
    health = ReleaseHealth(pipeline.database, Terms(pipeline.database))
    source, versions = health.of(app.id, now - timedelta(days=4), now)
    assert source == "sdk"
    assert {one.version for one in versions} == {"1.18.0", "1.19.0"}

    project = Projects(pipeline.database).by_name(WEB)
    book = open_rum(pipeline.database, SearchStore(settings))
    view = book.overview(project.id, Scope(project.id, now - timedelta(days=4), now))
    assert {"/", "/product/*", "/category/*"} <= {row.page for row in view.pages}
    assert view.overview.sessions > 50

    decided = {
        one.verb
        for one in open_triaging(pipeline.database, Terms(pipeline.database)).actions.list().items
    }
    assert decided == {"resolve", "ignore", "assign", "merge", "discard"}
    groups = Groups(pipeline.database)
    stands = {
        name: groups.statuses(GroupFilter(now, Projects(pipeline.database).by_name(name).id))
        for name in (WEB, API)
    }
    assert stands[WEB]["regressed"] == stands[API]["regressed"] == 1
    assert stands[WEB]["ignored"] == 2  # one is discarded
