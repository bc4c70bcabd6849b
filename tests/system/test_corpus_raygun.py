"""Every request of the corpus that a Raygun SDK sent is answered as its SDK wants and lands right.

What is expected is read from the request itself, not by the product's code.
"""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.corpus import CORPUS
from tests.system.plain_http import Answer, Web, open_web

FILES = sorted(CORPUS.glob("raygun*/*.json"))
EVENTS = [
    file for file in FILES if json.loads(file.read_bytes())["kind"] in {"entry", "bulk", "rum"}
]
BLANK = "[redacted-by-sluice]"
# What of the recorded requests nobody should store: keys that raygun4js leaks, cookies, a password.
SECRETS = re.compile(
    rb'(?i)apikey=(?!\[)[^"&]|"(?:cookie|password|card_number)": ?"(?!\[redacted-by-)[^"]'
)
ORIGIN = "http://shop.example.test:3000"


def _name(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


@dataclass(frozen=True)
class Replayed:
    request: dict[str, Any]
    body: bytes
    answer: Answer

    @property
    def ids(self) -> list[str]:
        if self.request["kind"] == "entry":
            return [self.answer.header("Sluice-Event-Id")]
        ids = self.answer.header("Sluice-Event-Ids").split(",")
        assert self.answer.header("Sluice-Accepted") == str(len(ids))
        return ids


def replay(web: Web, file: Path) -> Replayed:
    """Send a recorded request as it was, with this server's project's key instead of its own."""
    request = json.loads(file.read_bytes())
    body = base64.b64decode(request["body_base64"])
    query = re.sub(
        r"(?i)(apikey=)[^&]*",
        lambda match: match[1] + urllib.parse.quote(web.key, safe=""),
        request["query"],
    )
    headers = [
        (name, web.key if name.lower() == "x-apikey" else value)
        for name, value in request["headers"]
        if name.lower() != "host"
    ]
    target = request["path"] + (f"?{query}" if query else "")
    answer = web.send(request["method"], target, body, headers, request["chunk_sizes"])
    return Replayed(request, body, answer)


@pytest.fixture(scope="module")
def web(sluice: Any) -> Web:
    return open_web(sluice.status)


@pytest.fixture(scope="module")
def replayed(web: Web) -> dict[Path, Replayed]:
    return {file: replay(web, file) for file in FILES}


@pytest.fixture(scope="module")
def stored(web: Web, replayed: dict[Path, Replayed]) -> dict[Path, Replayed]:
    """The same, once every event of them is in all three stores."""
    web.await_stored(identity for file in EVENTS for identity in replayed[file].ids)
    return replayed


def test_the_corpus_is_there() -> None:
    assert len(FILES) == 141


@pytest.mark.parametrize("file", FILES, ids=_name)
def test_answers(file: Path, replayed: dict[Path, Replayed]) -> None:
    found = replayed[file]
    kind, answer = found.request["kind"], found.answer
    if kind in {"entry", "bulk", "rum"}:
        assert answer.status == 202, answer.body
    else:
        assert 200 <= answer.status < 300, answer.body
    named = {name.lower(): value for name, value in found.request["headers"]}
    assert answer.header("Access-Control-Allow-Origin") in {named.get("origin", "*"), "*"}
    if kind == "options":
        asked = named["access-control-request-headers"].lower().split(",")
        allowed = answer.header("Access-Control-Allow-Headers").lower().replace(" ", "").split(",")
        assert {name.strip() for name in asked} <= set(allowed)
        assert "POST" in answer.header("Access-Control-Allow-Methods")


@pytest.mark.parametrize("file", EVENTS, ids=_name)
def test_lands(file: Path, web: Web, stored: dict[Path, Replayed]) -> None:
    found = stored[file]
    items = _items(found)
    assert len(found.ids) == len(items)
    for identity, sent in zip(found.ids, items, strict=True):
        raw, redacted = web.raw_redacted(identity)
        item = json.loads(raw) if redacted else sent
        assert raw.count(BLANK.encode()) == redacted
        assert not SECRETS.search(raw)
        if redacted:
            assert _is_but_for_blanks(item, sent)
        else:
            assert raw in found.body
            assert json.loads(raw) == sent or "NaN" in raw.decode("utf-8", "replace")
        picture = web.event(identity)
        assert picture["id"] == identity
        if found.request["kind"] == "rum":
            _check_rum(picture, item)
        else:
            _check_crash(picture, item, found.request["family"])
    if found.request["kind"] == "entry" and not SECRETS.search(found.body):
        assert web.raw(found.ids[0]) == found.body


def _is_but_for_blanks(stored: Any, sent: Any) -> bool:
    """Whether what was stored is what was sent, but for strings in which something is blanked."""
    if isinstance(stored, str) and BLANK in stored:
        return stored != sent
    if isinstance(stored, dict):
        same = isinstance(sent, dict) and list(stored) == list(sent)
        return same and all(_is_but_for_blanks(stored[key], sent[key]) for key in stored)
    if isinstance(stored, list):
        same = isinstance(sent, list) and len(stored) == len(sent)
        return same and all(map(_is_but_for_blanks, stored, sent))
    return bool(stored == sent)


def _items(found: Replayed) -> list[Any]:
    parsed = json.loads(found.body)
    if found.request["kind"] == "entry":
        return [parsed]
    return parsed if found.request["kind"] == "bulk" else parsed["eventData"]


def _check_rum(picture: dict[str, Any], item: dict[str, Any]) -> None:
    assert picture["type"] == "rum"
    assert picture["error"] is None
    assert picture["rum"]["type"] == item["type"]
    assert picture["rum"]["session_id"] == item["sessionId"]
    timings = json.loads(item["data"]) if "data" in item else []
    assert len(picture["rum"]["timings"]) == len(timings)
    vitals = {timing["url"] for timing in timings if timing["timing"]["t"] == "w"}
    assert set(picture["rum"]["vitals"]) == vitals


def _check_crash(picture: dict[str, Any], item: dict[str, Any], family: str) -> None:
    assert picture["type"] == "crash"
    details = _lower(_lower(item)["details"])
    sent = _lower(details["error"])
    error = picture["error"]
    if sent.get("classname"):
        assert error["class_name"] == visible(sent["classname"])
    assert error["class_name"] is None or isinstance(error["class_name"], str)
    assert error["message"] == _message(sent, family)
    frames = sent.get("stacktrace") or []
    assert bool(error["frames"]) == bool(frames)
    if frames:
        top = _lower(frames[-1 if family == "raygun4py" else 0])
        assert error["frames"][0]["line"] == top.get("linenumber")
        assert error["frames"][0]["file"] == top.get("filename")


def _message(sent: dict[str, Any], family: str) -> str:
    """The message a person wrote: py and java put the class's name before it."""
    message = visible(sent.get("message") or "")
    if family in {"raygun4py", "raygun4java"} and sent.get("classname"):
        short = sent["classname"].rpartition(".")[2]
        message = message.removeprefix(f"{short}: ")
    return message


def _lower(value: dict[str, Any]) -> dict[str, Any]:
    return {key.lower(): item for key, item in value.items()}


def visible(text: str) -> str:
    """How the record shows what rows and documents cannot hold."""
    return (
        text.replace("\0", "\u2400").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )
