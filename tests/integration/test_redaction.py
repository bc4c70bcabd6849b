"""Redaction on the way to the stores: nothing is stored before its project's rules were applied."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from broker.redaction import RedactionCopies
from config.settings import Secret, Settings
from events.envelope import Envelope
from events.redact.matches import MARKER
from events.redact.rules import Rules, rules_of
from storage.errors import RulesChanged, StoreDown
from storage.files.store import FileStore
from storage.redaction import ProjectRules
from storage.sql.database import Database
from storage.sql.events import Events, StoredEvent
from storage.sql.redaction import RedactionRules
from tasks.redacting import Redactors, redact_all
from tests.integration.pipeline import Pipeline, crash, open_pipeline, wait_until
from tests.integration.worker_process import running_worker
from workbench.redaction import RedactionBook, open_redaction

SIGN = MARKER.decode()
NOWHERE = Secret("postgresql://nobody@127.0.0.1:1/nothing")


@pytest.fixture
def pipeline(settings: Settings) -> Iterator[Pipeline]:
    with open_pipeline(settings) as pipeline:
        yield pipeline


@pytest.fixture
def book(pipeline: Pipeline) -> RedactionBook:
    return open_redaction(pipeline.settings, pipeline.database)


def report(**details: Any) -> bytes:
    body = json.loads(crash(1))
    return json.dumps({**body, "details": {**body["details"], **details}}).encode()


def stored(pipeline: Pipeline, event_id: UUID) -> tuple[StoredEvent, bytes]:
    """The row of an event, once it is there, and its bytes in the pack."""
    event = wait_until(lambda: Events(pipeline.database).find(event_id))
    return event, FileStore(pipeline.settings).read_event(event.location)


def test_events_are_stored_redacted_and_others_as_they_were(pipeline: Pipeline) -> None:
    secret = report(userCustomData={"password": "hunter2", "url": "/pay?api_key=k1&x=1"})
    clean = report(userCustomData={"total": 1.50})
    with running_worker(pipeline.settings, "tests.integration.poisoned_worker:app"):
        first, second = pipeline.publish([secret, clean])
        bad, third = pipeline.publish([report(password="x", note="poison:redact"), clean])
        event, raw = stored(pipeline, first)
        assert event.redacted == 2
        assert raw == secret.replace(b'"hunter2"', b'"%b"' % MARKER).replace(b"=k1", b"=" + MARKER)
        for other in (second, third):
            event, raw = stored(pipeline, other)
            assert (event.redacted, raw) == (0, clean)

        letters = wait_until(
            lambda: pipeline.query(
                "SELECT event_id, stage, code, status, payload FROM dead_letters"
            )
        )
        ((event_id, stage, code, status, payload),) = letters
        assert (event_id, stage, code, status) == (bad, "files", "redaction_failed", "open")
        assert bytes(payload) == report(password="x", note="poison:redact")
        settled = pipeline.settle().totals
        assert (settled.accepted, settled.stored, settled.dead) == (4, 3, 1)

    with running_worker(pipeline.settings):
        done = pipeline.sluice("dlq", "replay", "--code", "redaction_failed", "--json")
        assert done.returncode == 0, done.stderr
        event, raw = stored(pipeline, bad)
        assert event.redacted == 1
        assert json.loads(raw)["details"]["password"] == SIGN
        assert pipeline.settle().totals.stored == 4


def test_changed_rules_hold_within_seconds(pipeline: Pipeline, book: RedactionBook) -> None:
    body = report(userCustomData={"order_no": "A-17", "password": "x"})
    with running_worker(pipeline.settings):
        (before,) = pipeline.publish([body])
        assert stored(pipeline, before)[0].redacted == 1
        book.change(pipeline.project_id, "shop", rules_of({"names": ["order*"]}), "a test")

        def blanked() -> bool:
            (event_id,) = pipeline.publish([body])
            return stored(pipeline, event_id)[0].redacted == 2

        wait_until(blanked)


def test_a_replay_of_what_is_redacted_counts_the_same(pipeline: Pipeline) -> None:
    with running_worker(pipeline.settings, "tests.integration.poisoned_worker:app"):
        (bad,) = pipeline.publish([report(password="x", note="poison:raise")])
        wait_until(lambda: pipeline.query("SELECT id FROM dead_letters WHERE status = 'open'"))
    with running_worker(pipeline.settings):
        done = pipeline.sluice("dlq", "replay", "--all", "--json")
        assert done.returncode == 0, done.stderr
        event, raw = stored(pipeline, bad)
    assert event.redacted == 1
    assert raw.count(MARKER) == 1


def test_while_nobody_knows_the_rules_nothing_is_redacted_and_so_nothing_stored(
    pipeline: Pipeline,
) -> None:
    (event_id,) = pipeline.publish([report(password="x")])
    copies = RedactionCopies(pipeline.settings.redis_url, timeout=5)
    database = Database(NOWHERE, timeout=2)
    redactors = Redactors(RedactionBook(RedactionRules(database), copies))
    envelope = _envelope(pipeline, event_id)

    with pytest.raises(StoreDown, match="sql"):
        redact_all([envelope], redactors)
    copies.keep({pipeline.project_id: ProjectRules(3, Rules())})
    ((made,), failures) = redact_all([envelope], redactors)

    assert made.redacted == 1
    assert failures == []


def test_files_go_on_without_postgres_once_the_broker_knows_the_rules(
    pipeline: Pipeline, book: RedactionBook
) -> None:
    assert book.share_all() == 1
    redactors = Redactors(
        RedactionBook(
            RedactionRules(Database(NOWHERE, timeout=2)),
            RedactionCopies(pipeline.settings.redis_url, timeout=5),
        )
    )
    (event_id,) = pipeline.publish([report(password="x")])
    ((made,), _) = redact_all([_envelope(pipeline, event_id)], redactors)
    assert made.redacted == 1


def test_a_later_version_in_the_broker_stays(pipeline: Pipeline) -> None:
    copies = RedactionCopies(pipeline.settings.redis_url, timeout=5)
    later, earlier = ProjectRules(5, rules_of({"names": ["abc"]})), ProjectRules(4, Rules())
    copies.keep({7: later})
    copies.keep({7: earlier})
    assert copies.find(7) == later
    assert copies.find(8) is None
    pipeline.broker._client.hset("redaction", "8", b"9|{}")
    assert copies.find(8) is None


def test_versions_follow_each_other_and_the_audit_tells_who(
    pipeline: Pipeline, book: RedactionBook
) -> None:
    number = pipeline.project_id
    assert book.read(number).project.version == 0
    first = book.change(number, "shop", rules_of({"keep": ["cookie"]}), "ann", 0)
    assert (first.project.version, first.changed_by) == (1, "ann")
    with pytest.raises(RulesChanged):
        book.change(number, "shop", Rules(), "bob", 0)
    assert book.known(number) == book.read(number).project == first.project
    book.change(number, "shop", Rules(), "bob")
    entries = pipeline.query(
        "SELECT actor, detail FROM audit WHERE action = 'redaction' ORDER BY id"
    )
    assert [actor for actor, _ in entries][-2:] == ["ann", "bob"]
    assert entries[-1][1]["before"]["keep"] == ["cookie"]


def _envelope(pipeline: Pipeline, event_id: UUID) -> Envelope:
    return Envelope(event_id, pipeline.project_id, "crash", "raygun.entry", report(password="x"))
