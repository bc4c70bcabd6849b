"""Every request of the corpus that a Sentry SDK sent is answered as its SDK wants and lands right.

What is expected is read from the request itself, not by the product's code.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.corpus import CORPUS
from tests.system.plain_http import Answer, Web, open_web

FILES = sorted(CORPUS.glob("sentry-*/*.json"))
#: The key and the project of the recorded requests.
RECORDED_KEY = b"a1b2c3d4e5f60718293a4b5c6d7e8f90"
BLANK = "[redacted-by-sluice]"
#: The event type of each type of item; an attachment is a file of the event beside it.
TYPES = {
    "event": "crash",
    "transaction": "trace",
    "span": "trace",
    "log": "trace",
    "profile": "trace",
    "session": "metric",
    "sessions": "metric",
    "check_in": "metric",
    "client_report": "metric",
    "trace_metric": "metric",
    "feedback": "rum",
}
_PACK = {"gzip": gzip.compress, "deflate": zlib.compress, None: bytes}
_UNPACK = {"gzip": gzip.decompress, "deflate": zlib.decompress, None: bytes}


@dataclass(frozen=True)
class Item:
    type: str
    payload: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.payload)


@dataclass(frozen=True)
class Replayed:
    """A recorded request as it was sent again: its envelope's header and items, and the answer."""

    request: dict[str, Any]
    header: dict[str, Any]
    items: list[Item]
    files: list[tuple[str, bytes]]
    answer: Answer

    @property
    def ids(self) -> list[str]:
        if not self.items:
            return []
        return self.answer.header("Sluice-Event-Ids").split(",")


def _name(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


def open_envelope(body: bytes) -> tuple[dict[str, Any], list[Item], list[tuple[str, bytes]]]:
    """An envelope's header, items and files; written for envelopes that are known to be good."""
    line, _, rest = body.partition(b"\n")
    header, items, files = json.loads(line), [], []
    while rest.strip():
        line, _, rest = rest.partition(b"\n")
        told = json.loads(line)
        length = told.get("length", rest.find(b"\n") if b"\n" in rest else len(rest))
        payload, rest = rest[:length], rest[length + 1 :]
        if told["type"] == "attachment":
            files.append((told["filename"], payload))
        else:
            items.append(Item(told["type"], payload))
    return header, items, files


def store_body(body: bytes) -> bytes:
    return body if body.startswith(b"{") else zlib.decompress(base64.b64decode(body))


def replay(web: Web, key: bytes, file: Path) -> Replayed:
    """Send a recorded request as it was, with this server's key instead of its own."""
    request = json.loads(file.read_bytes())
    encoding = request["content_encoding"]
    plain = _UNPACK[encoding](base64.b64decode(request["body_base64"]))
    ours = plain.replace(RECORDED_KEY, key)
    body = _PACK[encoding](ours)
    headers = [
        (name, _length(name, value, body).replace(RECORDED_KEY.decode(), key.decode()))
        for name, value in request["headers"]
        if name.lower() != "host"
    ]
    query = request["query"].replace(RECORDED_KEY.decode(), key.decode())
    target = request["path"] + (f"?{query}" if query else "")
    chunks = None if request["chunk_sizes"] is None else [len(body)]
    answer = web.send(request["method"], target, body, headers, chunks)
    if request["kind"] == "store":
        return Replayed(request, {}, [Item("event", store_body(ours))], [], answer)
    return Replayed(request, *open_envelope(ours), answer)


def _length(name: str, value: str, body: bytes) -> str:
    return str(len(body)) if name.lower() == "content-length" else value


@pytest.fixture(scope="module")
def web(sluice: Any) -> Web:
    return open_web(sluice.status)


@pytest.fixture(scope="module")
def replayed(web: Web, sluice: Any) -> dict[Path, Replayed]:
    found = re.fullmatch(r"https?://(\w+)@.*/\d+", sluice.status["project"]["dsn"])
    assert found is not None
    return {file: replay(web, found[1].encode(), file) for file in FILES}


@pytest.fixture(scope="module")
def stored(web: Web, replayed: dict[Path, Replayed]) -> dict[Path, Replayed]:
    """The same, once every event of them is in all three stores."""
    web.await_stored(identity for one in replayed.values() for identity in one.ids)
    return replayed


def test_the_corpus_is_there() -> None:
    assert len(FILES) == 148, f"the corpus is expected in {CORPUS}"


@pytest.mark.parametrize("file", FILES, ids=_name)
def test_answers(file: Path, replayed: dict[Path, Replayed]) -> None:
    found = replayed[file]
    answer = found.answer
    assert answer.status == 200, answer.body
    assert answer.header("Content-Type") == "application/json"
    told = found.header.get("event_id") or next(
        (item.json["event_id"] for item in found.items if "event_id" in item.json), None
    )
    if told is not None:
        assert answer.json() == {"id": told.replace("-", "")}
    elif found.items:
        assert re.fullmatch("[0-9a-f]{32}", answer.json()["id"])
    else:
        assert answer.json() == {}
    assert len(found.ids) == len(found.items)
    origin = {name.lower(): value for name, value in found.request["headers"]}.get("origin")
    assert answer.header("Access-Control-Allow-Origin") in {origin or "*", "*"}
    assert "X-Sentry-Rate-Limits" in answer.header("Access-Control-Expose-Headers")


@pytest.mark.parametrize("file", FILES, ids=_name)
def test_lands(file: Path, web: Web, stored: dict[Path, Replayed]) -> None:
    found = stored[file]
    pictures = [web.event(identity) for identity in found.ids]
    items = list(found.items)
    for identity, picture in zip(found.ids, pictures, strict=True):
        assert picture["id"] == identity
        # Events come by their type, so an envelope's order is not always kept.
        item = next(one for one in items if TYPES[one.type] == picture["type"])
        items.remove(item)
        raw, redacted = web.raw_redacted(identity)
        assert raw.count(BLANK.encode()) == redacted
        if not redacted and item.type != "profile":
            assert raw == item.payload
        _CHECKS[item.type](picture, json.loads(raw) if redacted else item.json)
        files = web.read(f"/api/v1/events/{identity}/attachments").json()["items"]
        kept = sorted((one["name"], one["bytes"]) for one in files)
        if item.type == "profile":
            assert kept == [("profile.json", len(item.payload))]
        elif item.type in {"event", "feedback"}:
            assert kept == sorted((name, len(data)) for name, data in found.files)
        else:
            assert kept == []


def test_feedback_is_found_from_its_crash(web: Web, stored: dict[Path, Replayed]) -> None:
    about = [
        (item.json["contexts"]["feedback"]["associated_event_id"], one.ids[0])
        for one in stored.values()
        for item in one.items
        if item.type == "feedback"
    ]
    assert len(about) == 2
    for sdk_id, feedback in about:
        answer = web.read(f"/api/v1/events/{sdk_id}")
        if answer.status == 404:  # the crash was recorded with another scenario
            continue
        related = web.read(f"/api/v1/events/{sdk_id}/related").json()["items"]
        assert feedback in [one["id"] for one in related]


def test_what_sdks_lost_is_told(web: Web, stored: dict[Path, Replayed]) -> None:
    lost = sum(
        entry["quantity"]
        for one in stored.values()
        for item in one.items
        if item.type == "client_report"
        for entry in item.json["discarded_events"]
    )
    totals = web.read("/api/v1/ledger?project=demo").json()["totals"]
    assert totals["client_lost"] == lost > 0


def _check_crash(picture: dict[str, Any], sent: dict[str, Any]) -> None:
    assert picture["sdk_id"] == sent["event_id"].replace("-", "")
    assert picture["version"] == sent.get("release")
    values = sent.get("exception")
    values = values["values"] if isinstance(values, dict) else values
    if not values:
        assert picture["error"]["message"]
        return
    thrown = values[-1]
    names = [thrown.get("type")]
    if sent.get("platform") == "java":  # whose SDK tells packages apart
        names.insert(0, thrown.get("module"))
    assert picture["error"]["class_name"] == (".".join(filter(None, names)) or None)
    assert picture["error"]["message"] == visible(thrown.get("value"))
    frames = (thrown.get("stacktrace") or {}).get("frames")
    if frames:
        assert picture["error"]["frames"][0]["line"] == frames[-1].get("lineno")


def _check_transaction(picture: dict[str, Any], sent: dict[str, Any]) -> None:
    spans = picture["trace"]["spans"]
    assert len(spans) == 1 + len(sent.get("spans") or [])
    assert spans[0]["name"] == sent["transaction"]
    trace = sent["contexts"]["trace"]
    assert (spans[0]["trace_id"], spans[0]["span_id"]) == (trace["trace_id"], trace["span_id"])


def _check_spans(picture: dict[str, Any], sent: dict[str, Any]) -> None:
    told = [(span["name"], span["span_id"]) for span in picture["trace"]["spans"]]
    assert told == [(span["name"], span["span_id"]) for span in sent["items"]]


def _check_logs(picture: dict[str, Any], sent: dict[str, Any]) -> None:
    told = [line["body"] for line in picture["trace"]["logs"]]
    assert told == [visible(line["body"]) for line in sent["items"]]


def _check_profile(picture: dict[str, Any], sent: dict[str, Any]) -> None:
    (line,) = picture["trace"]["logs"]
    profiled = sent.get("transaction") or sent["transactions"][0]
    assert line["trace_id"] == profiled["trace_id"]


def _check_session(picture: dict[str, Any], sent: dict[str, Any]) -> None:
    (session,) = picture["metric"]["sessions"]
    assert session["id"] == sent["sid"].replace("-", "")
    assert (session["status"], session["errors"]) == (sent["status"], sent["errors"])


def _check_sessions(picture: dict[str, Any], sent: dict[str, Any]) -> None:
    for told, counts in zip(picture["metric"]["session_counts"], sent["aggregates"], strict=True):
        for name in ("exited", "errored", "crashed", "abnormal"):
            assert told[name] == counts.get(name, 0)


def _check_points(picture: dict[str, Any], sent: dict[str, Any]) -> None:
    told = [(point["name"], point["values"]) for point in picture["metric"]["points"]]
    assert told == [(point["name"], [[point["value"], 1]]) for point in sent["items"]]


def _check_check_in(picture: dict[str, Any], sent: dict[str, Any]) -> None:
    labels = {"monitor": sent["monitor_slug"], "status": sent["status"]}
    assert picture["metric"]["points"][0]["labels"] == labels


def _check_report(picture: dict[str, Any], sent: dict[str, Any]) -> None:
    told = [point["values"][0][0] for point in picture["metric"]["points"]]
    assert told == [entry["quantity"] for entry in sent["discarded_events"]]


def _check_feedback(picture: dict[str, Any], sent: dict[str, Any]) -> None:
    assert picture["rum"]["message"] == sent["contexts"]["feedback"]["message"]
    assert picture["user"]["email"] == sent["contexts"]["feedback"]["contact_email"]


def visible(text: str | None) -> str | None:
    """How the record shows what rows and documents cannot hold."""
    if text is None:
        return None
    return (
        text.replace("\0", "\u2400").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )


_CHECKS = {
    "event": _check_crash,
    "transaction": _check_transaction,
    "span": _check_spans,
    "log": _check_logs,
    "profile": _check_profile,
    "session": _check_session,
    "sessions": _check_sessions,
    "trace_metric": _check_points,
    "check_in": _check_check_in,
    "client_report": _check_report,
    "feedback": _check_feedback,
}
