"""Sentry's events through the real stages: once however often sent, and their files beside them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest

from events.envelope import Envelope
from events.ids import new_id, now_ms
from events.sentry.attachments import PROTOCOL, with_files
from events.sentry.feedback import about_files
from events.sentry.wire import Item
from storage.blobs import Blobs
from storage.files.store import FileStore
from storage.sql.events import Events
from storage.sql.repeats import SdkIds
from tests.integration.pipeline import Pipeline, wait_until, working
from tests.integration.test_erasure import erasing, finish, project_name
from workbench.erasure.opening import Erasing

__all__ = ["erasing"]  # a fixture

ERROR = {"type": "ShopError", "value": "order failed"}


def event(sdk_id: UUID, **fields: Any) -> bytes:
    told = {"event_id": sdk_id.hex, "platform": "python", "exception": [ERROR], **fields}
    return json.dumps(told).encode()


def publish(
    pipeline: Pipeline, bodies: Sequence[bytes], protocol: str = "sentry.event", kind: str = "crash"
) -> list[UUID]:
    envelopes = [
        Envelope(new_id(now_ms()), pipeline.project_id, kind, protocol, body) for body in bodies
    ]
    pipeline.broker.publish(kind, new_id(now_ms()), envelopes)
    return [one.id for one in envelopes]


def attachment(name: str, data: bytes, **header: Any) -> Item:
    return Item("attachment", {"filename": name, **header}, data)


def blobs_of(pipeline: Pipeline) -> Blobs:
    return Blobs(pipeline.database, FileStore(pipeline.settings).bucket)


def read(pipeline: Pipeline, sha256: bytes) -> bytes:
    blobs = blobs_of(pipeline)
    row = blobs.rows.find(pipeline.project_id, sha256)
    assert row is not None
    return b"".join(blobs.read(row, 0, row.bytes))


def test_events_sent_again_are_stored_once(pipeline: Pipeline, worker: None) -> None:
    sdk_ids = [uuid4() for _ in range(30)]
    first = publish(pipeline, [event(one) for one in sdk_ids])
    again = publish(pipeline, [event(one) for one in sdk_ids])
    both = publish(pipeline, [event(sdk_ids[0]), event(sdk_ids[0]), event(uuid4())])
    ledger = pipeline.settle()
    assert ledger.balanced
    assert (ledger.totals.accepted, ledger.totals.stored) == (63, 31)
    assert ledger.totals.filtered == 32
    assert len(pipeline.rows()) == 31
    assert pipeline.search_count() == 31
    events, ids = Events(pipeline.database), SdkIds(pipeline.database)
    for sdk_id, one, other in zip(sdk_ids, first, again, strict=True):
        (ours,) = ids.find(sdk_id, [pipeline.project_id])
        assert ours in {one, other, *both}
        for asked in (one, other):
            found = events.find(asked)
            assert found is not None
            assert found.id == ours


def test_a_worker_that_is_killed_again_and_again_stores_each_once(pipeline: Pipeline) -> None:
    sdk_ids = [uuid4() for _ in range(200)]
    for _ in range(4):
        with working(pipeline.settings) as worker_id:
            for start in range(0, 200, 10):
                publish(pipeline, [event(one) for one in sdk_ids[start : start + 10]])
            wait_until(lambda: len(pipeline.rows()) > 20)
            os.killpg(worker_id, signal.SIGKILL)
    with working(pipeline.settings):
        ledger = pipeline.settle()
    assert (ledger.totals.accepted, ledger.totals.stored) == (800, 200)
    assert (ledger.totals.filtered, ledger.balanced) == (600, True)
    assert len(pipeline.rows()) == 200
    assert pipeline.search_count() == 200


def test_deliveries_that_waited_together_are_one_event_each(pipeline: Pipeline) -> None:
    sdk_ids = [uuid4() for _ in range(30)]
    for start in range(3):
        for one in sdk_ids[start:]:
            body = with_files("sentry.event", {}, event(one), [attachment("a", one.bytes)])
            publish(pipeline, [body], PROTOCOL)
    with working(pipeline.settings):
        ledger = pipeline.settle()
    assert (ledger.totals.accepted, ledger.totals.stored) == (87, 30)
    assert (ledger.totals.filtered, ledger.balanced) == (57, True)
    assert len(pipeline.rows()) == pipeline.search_count() == 30
    assert list(pipeline.groups().values()) == [(30, 0)]
    linked = pipeline.query("SELECT count(*), count(DISTINCT event_id) FROM event_blobs")
    assert linked == [(30, 30)]
    assert {row for (row,) in pipeline.query("SELECT event_id FROM event_blobs")} == pipeline.rows()


def test_files_are_put_apart_from_their_event(pipeline: Pipeline, worker: None) -> None:
    plain = event(uuid4())
    log, dump = b"line\n\x00\xff", b"MDMP" + bytes(9_000_000)
    body = with_files(
        "sentry.event",
        {},
        plain,
        [
            attachment("app.log", log, content_type="text/plain"),
            attachment("app.log", log),
            attachment("x/../\u202e.dmp", dump, attachment_type="event.minidump"),
            attachment("", b""),
        ],
    )
    (event_id,) = publish(pipeline, [body], PROTOCOL)
    pipeline.settle()
    found = Events(pipeline.database).find(event_id)
    assert found is not None
    assert found.protocol == "sentry.event"
    assert FileStore(pipeline.settings).read_event(found.location) == plain
    files = blobs_of(pipeline).rows.of_event(event_id, pipeline.project_id)
    assert [(one.name, one.kind, one.bytes) for one in files] == [
        ("app.log", "attachment", len(log)),
        ("attachment", "attachment", 0),
        ("x/../\u202e.dmp", "minidump", len(dump)),
    ]
    assert read(pipeline, files[0].sha256) == log
    assert read(pipeline, files[2].sha256) == dump


def test_a_body_that_cannot_be_taken_apart_dies_alone(pipeline: Pipeline, worker: None) -> None:
    good = with_files("sentry.event", {}, event(uuid4()), [attachment("a", b"x")])
    publish(pipeline, [good, b"no envelope", good[:-3]], PROTOCOL)
    ledger = pipeline.settle()
    assert (ledger.totals.stored, ledger.totals.dead, ledger.balanced) == (1, 2, True)
    codes = pipeline.query("SELECT DISTINCT code, stage FROM dead_letters")
    assert codes == [("attachments_failed", "files")]


@pytest.mark.parametrize("erased", ["event", "project"])
def test_no_file_of_what_is_erased_is_stored(pipeline: Pipeline, worker: None, erased: str) -> None:
    body = with_files("sentry.event", {}, event(uuid4()), [attachment("a", b"secret")])
    envelope = Envelope(new_id(now_ms()), pipeline.project_id, "crash", PROTOCOL, body)
    if erased == "event":
        pipeline.query(
            "INSERT INTO tombstones (event_id, type, project_id, erasure_id, settled)"
            " VALUES (%s, 'crash', %s, %s, false)",
            *(envelope.id, pipeline.project_id, uuid4()),
        )
    else:
        pipeline.query("UPDATE projects SET erased_at = now()")
        pipeline.query(
            "INSERT INTO erasures (id, actor, kind, project_id, shown, state)"
            " VALUES (%s, 'test', 'project', %s, '', 'draining')",
            *(uuid4(), pipeline.project_id),
        )
    pipeline.broker.publish("crash", new_id(now_ms()), [envelope])
    ledger = pipeline.settle()
    assert (ledger.totals.filtered, ledger.balanced) == (1, True)
    assert pipeline.query("SELECT count(*) FROM blobs") == [(0,)]


@pytest.mark.parametrize("by", ["user", "event"])
def test_files_that_came_later_are_erased_with_their_event(
    pipeline: Pipeline, worker: None, erasing: Erasing, by: str
) -> None:
    mine, other = uuid4(), uuid4()
    crashes = publish(pipeline, [event(mine, user={"id": "ann"}), event(other, user={"id": "bob"})])
    files = [attachment("late.log", b"secret of ann")]
    body = with_files("sentry.attachments", {}, about_files(mine, 1), files)
    kept = with_files("sentry.attachments", {}, about_files(other, 1), files[:0])
    late, others = publish(pipeline, [body, kept], PROTOCOL, "rum")
    pipeline.settle()
    if by == "user":
        asked = erasing.asking.user(project_name(pipeline), "ann", "test")
    else:
        asked = erasing.asking.event(crashes[0], None, "test")
    finish(pipeline, erasing, asked)
    events = Events(pipeline.database)
    gone = [events.find(one) is None for one in (crashes[0], late, crashes[1], others)]
    assert gone == [True, True, False, False]
    assert pipeline.query("SELECT count(*) FROM event_blobs") == [(0,)]
