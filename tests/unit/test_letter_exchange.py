"""Exported letters come back as they were; anything else is refused with a sentence."""

import contextlib
from datetime import UTC, datetime
from uuid import uuid4

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.ids import new_id, now_ms
from storage.sql.letter_rows import DeadLetterRow
from workbench.exchange import BadLine, export_line, import_line
from workbench.payloads import told, untold

LIMIT = 1 << 20


def row(**changes):
    fields = {
        "id": uuid4(),
        "event_id": new_id(now_ms()),
        "project_id": 3,
        "project": "shop",
        "type": "crash",
        "stage": "sql",
        "protocol": "raygun.entry",
        "code": "Rejected",
        "reason": "too\nlong",
        "traceback": "Traceback …",
        "cluster": "abc",
        "attempts": 3,
        "at": datetime(2026, 11, 20, 10, 0, 1, 5000, tzinfo=UTC),
        "status": "open",
        "status_at": None,
        "status_by": None,
        "status_reason": None,
        "edits": 0,
        "release": "0.1.0",
        "location": None,
        "payload": b"{}",
        "edited": None,
    }
    return DeadLetterRow(**{**fields, **changes})


@given(st.binary(), st.one_of(st.none(), st.binary()))
def test_a_letter_comes_back_as_it_was(payload, edited):
    letter = row(edited=edited, edits=0 if edited is None else 2)
    line = export_line(letter, payload)
    assert line.count(b"\n") == 1
    found = import_line(line, LIMIT)
    assert (found.id, found.project, found.edited, found.edits) == (
        letter.id,
        "shop",
        edited,
        letter.edits,
    )
    back = found.letter
    assert (back.event_id, back.payload, back.location) == (letter.event_id, payload, None)
    names = ("type", "stage", "protocol", "code", "reason", "traceback", "attempts", "at")
    assert [getattr(back, name) for name in names] == [getattr(letter, name) for name in names]


@given(st.binary())
def test_bytes_survive_json(body):
    assert untold(orjson.loads(orjson.dumps(told(body)))) == body


def changed(**changes):
    document = orjson.loads(export_line(row(), b"{}"))
    return orjson.dumps({**document, **changes})


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "not JSON"),
        (b"[]", "not an object"),
        (b"{}", "version"),
        (changed(version=2), "version"),
        (changed(status="replayed"), "open"),
        (changed(id="x"), "id must be"),
        (changed(id=7), "id must be"),
        (changed(event_id=str(uuid4())), "event's id"),
        (changed(project=""), "project"),
        (changed(type="x" * 300), "type"),
        (changed(at="yesterday"), "at must be"),
        (changed(at="2026-01-01T00:00:00"), "zone"),
        (changed(at="0001-01-01T00:00:00Z"), "1970"),
        (changed(attempts=-1), "attempts"),
        (changed(attempts=True), "attempts"),
        (changed(attempts=2**40), "attempts"),
        (changed(payload="{}"), "payload: must be an object"),
        (changed(payload={"encoding": "rot13", "data": ""}), "encoding"),
        (changed(payload={"encoding": "base64", "data": "?"}), "base64"),
        (changed(payload={"encoding": "utf-8", "data": "x" * (LIMIT + 1)}), "larger"),
        (changed(edited={"encoding": "utf-8"}), "edited"),
    ],
)
def test_what_is_no_letter_is_refused_with_why(line, why):
    with pytest.raises(BadLine, match=why):
        import_line(line, LIMIT)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_hostile_fields_are_refused_never_raised_on(value):
    for name in orjson.loads(export_line(row(), b"{}")):
        try:
            line = changed(**{name: value})
        except TypeError:
            return  # an integer that JSON's encoder here cannot write
        with contextlib.suppress(BadLine):
            import_line(line, LIMIT)
