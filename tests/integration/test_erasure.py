"""What is erased is nowhere any more, not one byte of it, and what is not is all there, once."""

import dataclasses
import json

import pytest

from broker.known_keys import KnownKeys, key_digest
from broker.parked import Parked
from events.envelope import Envelope
from events.ids import new_id, now_ms
from storage.files.cache.frames import open_cache
from storage.files.store import FileStore
from storage.search.store import SearchStore
from storage.sql.dead_letters import DeadLetters
from storage.sql.events import Events
from storage.sql.letter_actions import LetterActions
from storage.sql.letter_filter import LetterFilter
from storage.sql.projects import Projects
from tests.integration.pipeline import wait_until
from tests.integration.remains import places_with
from workbench.erasure.opening import open_erasing

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
    def arrived():
        erasure = erasing.driver.step(erasure_id)
        assert erasure.state != "stopped", erasure.waiting
        return erasure if erasure.state in until else None

    return wait_until(arrived)


def finish(pipeline, erasing, erasure_id):
    """Drive an erasure to its end, with compaction at once and without a grace."""
    drive(erasing, erasure_id, {"rewriting", "cooling", "finished"})
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
    assert any(place.startswith("file ") for place in places_with(pipeline.settings, MARK.encode()))

    asked = erasing.asking.user(project_name(pipeline), f" ANN.{MARK}@example.org ", "test")
    done = finish(pipeline, erasing, asked)

    assert done.found["rows"] == len(mine) + len(mine_rum)
    assert places_with(pipeline.settings, MARK.encode()) == []
    assert read_all(pipeline, others + others_rum) == before
    assert pipeline.rows() == set(others)
    assert pipeline.documents(others) == set(others)
    assert pipeline.search_count() == len(others)
    assert pipeline.groups() == {"pay (shop)": (20, 3)} or pipeline.groups() == {"pay": (20, 3)}
    assert pipeline.ledger().totals == ledger
    assert len(set(read_all(pipeline, others))) == len(others)
