"""What is erased is nowhere any more, not one byte of it, and what is not is all there, once."""

import dataclasses
import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

from broker import scripts
from broker.known_keys import KnownKeys, key_digest
from broker.message import batch_message
from broker.parked import Parked
from broker.pauses import Pauses
from config.settings import Secret
from events.envelope import Envelope
from events.ids import new_id, now_ms
from storage.files.cache.frames import open_cache
from storage.files.store import FileStore
from storage.model import DeadLetter
from storage.search.store import SearchStore
from storage.sql.dead_letters import DeadLetters
from storage.sql.events import Events
from storage.sql.letter_actions import ForeignLetter, LetterActions
from storage.sql.projects import Projects
from tests.integration.eraser_process import CALLS
from tests.integration.pipeline import ROOT, environment, wait_until, working
from tests.integration.remains import places_with
from workbench.erasure.opening import open_erasing
from workbench.payloads import Payloads

pytestmark = pytest.mark.timeout(600)

MARK = "zqmarkerqz"


def report(number, user=None, mark="", line="pay"):
    details = {
        "error": {
            "className": f"ShopError{mark}",
            "message": f"order {number} failed {mark}",
            "stackTrace": [{"className": "shop", "methodName": line, "lineNumber": 7}],
        },
        "user": user or {"identifier": f"user-{number % 3}"},
        "userCustomData": {"note": mark},
    }
    return json.dumps({"occurredOn": "2026-11-01T10:00:00Z", "details": details}).encode()


def session(name, user=None, mark=""):
    item = {
        "sessionId": name,
        "timestamp": "2026-11-01T10:00:00Z",
        "type": "session_start",
        "user": user,
        "tags": [mark],
    }
    return json.dumps(item).encode()


def publish(pipeline, kind, bodies, project_id=None):
    protocol = {"crash": "raygun.entry", "rum": "raygun.rum"}[kind]
    project = pipeline.project_id if project_id is None else project_id
    envelopes = [Envelope(new_id(now_ms()), project, kind, protocol, body) for body in bodies]
    pipeline.broker.publish(kind, new_id(now_ms()), envelopes)
    return [envelope.id for envelope in envelopes]


@pytest.fixture
def erasing(pipeline):
    settings = dataclasses.replace(pipeline.settings, files_cache_seconds=0.0)
    return open_erasing(settings, pipeline.database, FileStore(settings), SearchStore(settings))


def project_name(pipeline):
    [(name,)] = pipeline.query("SELECT name FROM projects WHERE id = %s", pipeline.project_id)
    return name


def drive(erasing, erasure_id, until):
    deadline = time.monotonic() + 100
    while (erasure := erasing.driver.step(erasure_id)).state not in until:
        assert time.monotonic() < deadline, (erasure.state, erasure.waiting)
        time.sleep(0.05)
    return erasure


def finish(pipeline, erasing, erasure_id):
    """Drive an erasure to its end, with compaction at once and without a grace."""
    drive(erasing, erasure_id, {"rewriting", "cooling", "finished"})
    erasing.driver.step(erasure_id)
    done = pipeline.sluice("compact", "--now", "--json", SLUICE_PACK_GRACE_SECONDS="0")
    assert done.returncode == 0, done.stderr + done.stdout
    return drive(erasing, erasure_id, {"finished"})


def read_all(pipeline, ids):
    events, files = Events(pipeline.database), FileStore(pipeline.settings)
    return {event_id: files.read_event(events.find(event_id).location) for event_id in ids}


def test_no_byte_of_a_user_is_left_anywhere_and_all_of_others_is(pipeline, worker, erasing):
    theirs = {"identifier": f"{MARK}-7", "email": f"Ann.{MARK}@Example.org"}
    by_mail = {"email": f"ann.{MARK}@example.ORG", "fullName": f"Ann {MARK}"}
    others = publish(pipeline, "crash", [report(n) for n in range(20)])
    mine = publish(pipeline, "crash", [report(n, by_mail, MARK) for n in range(4)])
    mine += publish(pipeline, "crash", [report(n, theirs, MARK, line="mine") for n in range(3)])
    mine_rum = publish(
        pipeline,
        "rum",
        [session(f"s-{MARK}", by_mail, MARK), session(f"s-{MARK}", None, MARK)],
    )
    others_rum = publish(pipeline, "rum", [session("s-other", {"identifier": "user-1"})])
    pipeline.settle()
    ledger = pipeline.ledger().totals
    before = read_all(pipeline, others + others_rum)
    cache = open_cache(pipeline.settings, FileStore(pipeline.settings))
    cache.read_event(Events(pipeline.database).find(mine[0]).location)
    before_places = places_with(pipeline.settings, MARK.encode())
    assert {place.split()[0] for place in before_places} == {"object", "table", "index", "file"}

    asked = erasing.asking.user(project_name(pipeline), f" ANN.{MARK}@example.org ", "test")
    done = finish(pipeline, erasing, asked)

    assert done.found["rows"] == len(mine) + len(mine_rum)
    assert places_with(pipeline.settings, MARK.encode()) == []
    assert read_all(pipeline, others + others_rum) == before
    assert pipeline.rows() == set(others)
    assert pipeline.documents(others) == set(others)
    assert pipeline.search_count() == len(others)
    assert list(pipeline.groups().values()) == [(20, 3)]
    assert pipeline.ledger().totals == ledger


def letters_of(pipeline, ids):
    return pipeline.query(
        "SELECT event_id, status, code, reason, payload, edited, pack_key FROM dead_letters"
        " WHERE event_id = ANY(%s::uuid[])",
        [str(one) for one in ids],
    )


def broken(mark):
    """A body that no parser reads, and that names a user all the same."""
    return b'{"details": {"user": {"email": "%b@example.org"}, "oops' % mark.encode()


def hold(pipeline, queue):
    Pauses(pipeline.settings.redis_url, timeout=5).pause(queue, "test", "for the test")


def let_go(pipeline, queue):
    Pauses(pipeline.settings.redis_url, timeout=5).resume(queue)


def park_next(pipeline, queue):
    """Take the next message of a held queue as a worker would, and put it aside."""
    client = pipeline.broker._client
    raw = client.rpop(queue)
    tag = f"{queue}/{new_id(now_ms())}"
    client.hset(f"reserved:{queue}", tag, raw)
    scripts.run(client, "park", queue, tag, "put aside by the test")


def test_dead_letters_of_a_user_are_emptied_and_their_packs_rewritten(pipeline, worker, erasing):
    alone = publish(pipeline, "crash", [broken(MARK)])
    pipeline.settle()
    with_others = publish(
        pipeline, "crash", [report(1), broken(MARK), broken("somebody"), report(2)]
    )
    pipeline.settle()
    letters = {letter.event_id: letter for letter in DeadLetters(pipeline.database).list().items}
    actions = LetterActions(pipeline.database)
    actions.edit(letters[with_others[2]].id, broken("else"), "test")
    edited = letters[alone[0]].id
    actions.edit(edited, broken(f"{MARK}-edited"), "test")
    ledger = pipeline.ledger().totals
    assert ledger.dead == 3
    assert places_with(pipeline.settings, MARK.encode())

    asked = erasing.asking.user(project_name(pipeline), f"{MARK}@example.org", "test")
    done = finish(pipeline, erasing, asked)

    assert done.found["dead_letters"] == 2
    assert places_with(pipeline.settings, MARK.encode()) == []
    for _, status, code, reason, *bodies in letters_of(pipeline, [alone[0], with_others[1]]):
        assert (status, code, reason, bodies) == ("discarded", "erased", "", [None, None, None])
    [kept] = letters_of(pipeline, [with_others[2]])
    assert kept[1] == "open"
    letter = DeadLetters(pipeline.database).find(letters[with_others[2]].id)
    assert Payloads(FileStore(pipeline.settings)).original(letter) == broken("somebody")
    after = pipeline.ledger().totals
    assert (after.stored, after.dead, after.discarded) == (ledger.stored, 1, 2)
    assert after.in_flight == 0


def test_parked_messages_lose_the_events_and_keep_the_others(pipeline, worker, erasing):
    user = {"identifier": MARK}
    hold(pipeline, "crash.files")
    publish(pipeline, "crash", [report(1), report(2, user, MARK), report(3)])
    park_next(pipeline, "crash.files")
    publish(pipeline, "crash", [report(4, user, MARK)])
    park_next(pipeline, "crash.files")
    assert places_with(pipeline.settings, MARK.encode())

    asked = erasing.asking.user(project_name(pipeline), MARK, "test")
    done = finish(pipeline, erasing, asked)

    assert done.found["parked_events"] == 2
    assert places_with(pipeline.settings, MARK.encode()) == []
    parked = Parked(pipeline.settings.redis_url, timeout=5)
    [message] = parked.list()
    assert (message.events, message.why) == (2, "put aside by the test")
    let_go(pipeline, "crash.files")
    assert parked.replay(message.id)
    totals = pipeline.settle().totals
    assert (totals.accepted, totals.stored, totals.filtered) == (4, 2, 2)
    assert len(pipeline.rows()) == 2


def test_what_is_queued_is_waited_for_and_erased_when_it_comes(pipeline, worker, erasing):
    user = {"identifier": MARK}
    hold(pipeline, "crash.files")
    others = publish(pipeline, "crash", [report(1)])
    publish(pipeline, "crash", [report(2, user, MARK)])

    asked = erasing.asking.user(project_name(pipeline), MARK, "test")
    waiting = drive(erasing, asked, {"draining"})
    waiting = erasing.driver.step(asked)
    assert (waiting.state, waiting.waiting) == (
        "draining",
        "queue crash.files holds events accepted before",
    )
    let_go(pipeline, "crash.files")
    done = finish(pipeline, erasing, asked)

    assert done.found["rows"] == 1
    assert places_with(pipeline.settings, MARK.encode()) == []
    assert pipeline.rows() == set(others)
    totals = pipeline.settle().totals
    assert (totals.accepted, totals.stored) == (2, 2)


def test_an_erased_event_stays_away_whatever_delivers_it_again(pipeline, worker, erasing):
    body = report(1, {"identifier": MARK}, MARK)
    [mine] = publish(pipeline, "crash", [body])
    others = publish(pipeline, "crash", [report(2), report(3)])
    pipeline.settle()
    done = finish(pipeline, erasing, erasing.asking.event(mine, None, "test"))
    assert (done.found["events"], done.found["rows"]) == (1, 1)
    assert places_with(pipeline.settings, MARK.encode()) == []

    again = Envelope(mine, pipeline.project_id, "crash", "raygun.entry", body)
    batch = new_id(now_ms())
    assert pipeline.broker.republish(batch_message("crash", batch, [again]), batch)
    pipeline.settle()
    wait_until(lambda: any(q.events == 0 for q in pipeline.broker.queues()))
    assert pipeline.rows() == set(others)
    assert pipeline.documents([mine]) == set()
    assert erasing.traces.remains(done.id).events == 1
    compacted = pipeline.sluice("compact", "--now", SLUICE_PACK_GRACE_SECONDS="0")
    assert compacted.returncode == 0, compacted.stderr
    assert places_with(pipeline.settings, MARK.encode()) == []

    letter = DeadLetter(
        mine, pipeline.project_id, "crash", "sql", "raygun.entry", "X", MARK, "", 1,
        datetime.now(UTC), None, body,
    )  # fmt: skip
    assert DeadLetters(pipeline.database).add([letter]) == 0
    foreign = ForeignLetter(new_id(now_ms()), letter, None, 0)
    assert LetterActions(pipeline.database).bring_in([foreign], "test") == 0
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    for store in ("sql", "search"):
        rebuilt = pipeline.sluice("rebuild", store, "--from", today, "--to", today)
        assert rebuilt.returncode == 0, rebuilt.stderr
    assert pipeline.rows() == set(others)
    assert pipeline.documents([mine]) == set()
    totals = pipeline.ledger().totals
    assert (totals.accepted, totals.stored, totals.in_flight) == (3, 3, 0)
    assert places_with(pipeline.settings, MARK.encode()) == []


def test_a_project_goes_with_all_it_has_and_its_name_is_free(pipeline, worker, erasing):
    projects = Projects(pipeline.database)
    project, key = projects.create(f"shop of {new_id(now_ms())}")
    other = publish(pipeline, "crash", [report(1)])
    stored = publish(pipeline, "crash", [report(n, mark=MARK) for n in range(5)], project.id)
    dead = publish(pipeline, "crash", [broken(MARK)], project.id)
    pipeline.settle()
    hold(pipeline, "crash.files")
    queued = publish(pipeline, "crash", [report(6, mark=MARK), broken(MARK)], project.id)

    asked = erasing.asking.project(project.name, "test")
    assert projects.by_name(project.name) is None
    assert projects.find_key(key).revoked
    drive(erasing, asked, {"draining"})
    known = KnownKeys(pipeline.settings.redis_url, timeout=5).find(key_digest(key))
    assert known is not None
    assert known.revoked
    let_go(pipeline, "crash.files")
    done = finish(pipeline, erasing, asked)

    assert places_with(pipeline.settings, MARK.encode()) == []
    assert done.found["rows"] == len(stored)
    assert pipeline.rows() == set(other)
    assert list(pipeline.groups().values()) == [(1, 1)]
    totals = pipeline.settle().totals
    assert totals.accepted == len(other) + len(stored) + len(dead) + len(queued)
    assert (totals.stored, totals.discarded, totals.filtered) == (6, 1, 2)
    again, _ = projects.create(project.name)
    assert again.id != project.id
    [late] = publish(pipeline, "crash", [report(9, mark=MARK)], project.id)
    assert pipeline.settle().totals.filtered == 3
    assert late not in pipeline.rows()


def test_a_driver_killed_at_any_step_is_gone_on_from(pipeline, worker, erasing):
    """Fresh events of the user before each kill, so that every call has something to do."""
    user = {"identifier": MARK}
    others = publish(pipeline, "crash", [report(n) for n in range(4)])
    codes = {}
    for name in CALLS:
        for moment in ("before", "after"):
            if name in ("settle", "replace"):
                hold(pipeline, "crash.files")
                publish(pipeline, "crash", [report(1), report(2, user, MARK)])
                park_next(pipeline, "crash.files")
                let_go(pipeline, "crash.files")
            mine = [report(n, user, MARK) for n in range(2)]
            publish(pipeline, "crash", [*mine, broken(f"x {MARK} ")])
            settle_but_parked(pipeline)
            asked = erasing.asking.user(project_name(pipeline), MARK, "test")
            codes[name, moment] = eraser(pipeline, asked, moment, name)
            drive(erasing, asked, {"rewriting", "cooling", "finished"})
            assert places_with(pipeline.settings, MARK.encode(), "table", "index", "broker") == []
    assert set(codes.values()) == {-signal.SIGKILL}, codes

    for erasure in erasing.erasures.under_way():
        finish(pipeline, erasing, erasure.id)
    assert places_with(pipeline.settings, MARK.encode()) == []
    assert pipeline.rows() == set(others)
    assert list(pipeline.groups().values()) == [(4, 3)]
    rounds, parked = 2 * len(CALLS), 4
    totals = settle_but_parked(pipeline)
    assert (totals.stored, totals.discarded) == (len(others) + 2 * rounds, rounds)
    assert (totals.filtered, totals.in_flight) == (parked, parked)


def settle_but_parked(pipeline):
    def settled():
        queues = pipeline.broker.queues()
        totals = pipeline.ledger().totals
        quiet = all(q.ready + q.reserved == 0 for q in queues)
        return totals if quiet and totals.in_flight == sum(q.events for q in queues) else None

    return wait_until(settled)


def eraser(pipeline, erasure_id, *how):
    return subprocess.run(
        [sys.executable, "-m", "tests.integration.eraser_process", str(erasure_id), *how],
        cwd=ROOT,
        env=environment(pipeline.settings, SLUICE_FILES_CACHE_SECONDS="0"),
        timeout=120,
        check=False,
    ).returncode


def test_the_command_erases_and_reports_without_a_name(pipeline, worker, tmp_path):
    name = project_name(pipeline)
    publish(pipeline, "crash", [report(1, {"identifier": MARK}, MARK), report(2)])
    pipeline.settle()
    options = ("--project", name, "--yes", "--now", "--report", str(tmp_path / "report.json"))

    done = pipeline.sluice("erase", "user", MARK, *options, SLUICE_PACK_GRACE_SECONDS="0")

    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "report.json").read_bytes())
    assert MARK not in json.dumps(document) + done.stdout + done.stderr
    assert document["erased"] | {"groups": 0} == {
        "events": 1,
        "events_by_type": {"crash": 1},
        "sql_rows": 1,
        "search_documents": 1,
        "dead_letters": 0,
        "parked_events": 0,
        "groups": 0,
    }
    assert (document["state"], document["left"]["events_with_bytes"]) == ("cooling", 0)
    assert document["packs"][0]["bytes_gone_at"] is not None
    assert places_with(pipeline.settings, MARK.encode()) == []
    listed = json.loads(pipeline.sluice("erase", "list", "--json").stdout)
    assert [one["id"] for one in listed["items"]] == [document["id"]]
    shown = pipeline.sluice("erase", "show", document["id"])
    assert shown.returncode == 0
    assert "cooling" in shown.stdout
    missing = pipeline.sluice("erase", "user", MARK, "--project", "nobody", "--yes")
    assert (missing.returncode, "there is no project named 'nobody'" in missing.stderr) == (1, True)


def test_the_systems_worker_drives_what_the_web_tier_was_asked(pipeline, worker, erasing):
    publish(pipeline, "crash", [report(1, {"identifier": MARK}, MARK), report(2)])
    pipeline.settle()
    with working(pipeline.settings, "--beat", queues=("system.maintenance",)):
        asked = erasing.asking.user(project_name(pipeline), MARK, "test")
        wait_until(lambda: erasing.erasures.find(asked).state == "rewriting", timeout=240)
    assert len(pipeline.rows()) == 1


def test_a_worker_without_the_key_leaves_a_user_to_one_that_has_it(pipeline, worker, erasing):
    publish(pipeline, "crash", [report(1, {"identifier": MARK})])
    pipeline.settle()
    asked = erasing.asking.user(project_name(pipeline), MARK, "test")
    without = dataclasses.replace(erasing.settings, session_key=Secret("another"))
    other = open_erasing(without, pipeline.database, FileStore(without), SearchStore(without))
    for _ in range(3):
        waiting = other.driver.step(asked)
    assert (waiting.state, "SLUICE_SESSION_KEY_FALLBACKS" in waiting.waiting) == ("finding", True)
    drive(erasing, asked, {"rewriting"})
    assert pipeline.rows() == set()
