"""``ledger --check`` finds what is wrong, names it, and takes no event on its way for a loss."""

import json
import threading
from datetime import UTC, datetime

import pytest

from broker import keys
from events.envelope import Envelope
from events.ids import new_id, now_ms
from storage.spool.folder import make_folder, spool_folder
from storage.spool.layout import spooled_batch
from storage.spool.segment import create_segment
from tests.integration.pipeline import crash

# A loaded machine takes seconds to start a process, and these start many.
pytestmark = pytest.mark.timeout(600)


def check(pipeline, *options):
    done = pipeline.sluice("ledger", "--check", "--json", *options)
    return done.returncode, json.loads(done.stdout)


def store(pipeline, count):
    pipeline.publish([crash(n) for n in range(count)])
    pipeline.settle()


def test_a_ledger_that_balances(pipeline, worker):
    store(pipeline, 10)
    code, found = check(pipeline)
    assert (code, found["balanced"], found["gaps"]) == (0, True, [])
    assert (found["totals"]["stored"], found["broker_events"]) == (10, 0)


def test_an_invented_imbalance_is_found_and_its_minute_named(pipeline, worker):
    store(pipeline, 10)
    pipeline.query("UPDATE ledger SET stored = stored + 2")
    [(number, project)] = pipeline.query(
        "SELECT minute, name FROM ledger JOIN projects ON projects.id = project_id"
    )
    minute = datetime.fromtimestamp(number * 60, UTC).strftime("%Y-%m-%dT%H:%MZ")

    code, found = check(pipeline)

    assert (code, found["balanced"]) == (1, False)
    assert found["gaps"] == [
        {
            "minute": minute,
            "project": project,
            "type": "crash",
            "kind": "oversettled",
            "events": 2,
        }
    ]
    told = pipeline.sluice("ledger", "--check")
    assert told.returncode == 1
    assert f"{minute} {project} crash: 2 more settled than accepted" in told.stdout


def test_a_lost_event_shows_at_once_and_later_as_overdue(pipeline, worker):
    pipeline.broker._client.set(keys.pause("crash.files"), "operator: test")
    pipeline.publish([crash(1)])
    pipeline.publish([crash(2)], at_ms=now_ms() - 20 * 60_000)
    assert check(pipeline)[1]["lost"] == 0
    pipeline.broker._client.delete("crash.files", keys.events("crash.files"))

    code, found = check(pipeline)

    assert (code, found["lost"]) == (1, 2)
    assert [(gap["kind"], gap["events"]) for gap in found["gaps"]] == [("overdue", 1)]


def test_an_event_in_flight_before_the_span_is_not_overlooked(pipeline):
    pipeline.broker._client.set(keys.pause("crash.files"), "operator: test")
    pipeline.publish([crash(1)], at_ms=now_ms() - 3 * 3_600_000)
    code, found = check(pipeline, "--hours", "1")
    assert (code, found["gaps"], found["older_than_span"]) == (1, [], 1)
    code, found = check(pipeline, "--hours", "4")
    assert (code, found["older_than_span"]) == (1, 0)
    assert found["gaps"][0]["kind"] == "overdue"


def test_a_wrong_count_of_an_idle_broker_is_found(pipeline, worker):
    store(pipeline, 3)
    pipeline.broker._client.incrby(keys.events("crash.sql"), 4)
    code, found = check(pipeline)
    assert (code, found["surplus"]) == (1, 4)


def test_what_waits_in_a_spool_is_accepted_and_held(pipeline):
    """No web process runs here that would replay it."""
    folder = spool_folder(pipeline.settings.home)
    make_folder(folder)
    envelope = Envelope(new_id(now_ms()), pipeline.project_id, "crash", "raygun.entry", crash(1))
    segment = create_segment(folder, now_ms())
    segment.append(spooled_batch("crash", new_id(now_ms()), [envelope]))
    try:
        code, found = check(pipeline)
        assert (code, found["spool_events"], found["lost"]) == (0, 1, 0)
        assert found["totals"]["accepted"] == found["totals"]["in_flight"] == 1
    finally:
        segment.path.unlink()


def test_a_busy_pipeline_is_not_accused(pipeline, worker):
    stop = threading.Event()

    def flow():
        number = 0
        while not stop.wait(0.02):
            pipeline.publish([crash(number)] * 20)
            number += 1

    thread = threading.Thread(target=flow)
    thread.start()
    try:
        for _ in range(4):
            code, found = check(pipeline)
            assert (code, found["balanced"]) == (0, True), found
    finally:
        stop.set()
        thread.join()
    pipeline.settle()


def test_an_unknown_project_is_told(pipeline):
    done = pipeline.sluice("ledger", "--project", "nobody")
    assert (done.returncode, "no project named 'nobody'" in done.stderr) == (1, True)
