"""Hostile and broken envelopes: each gets a clear 4xx or is stored; none hurts its batch-mates."""

from __future__ import annotations

import base64
import gzip
import json
import re
import socket
import urllib.parse
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psutil
import pytest

from tests.system.plain_http import Answer, Web, open_web
from tests.system.test_bad_input import MEGABYTE, gzip_bomb

DEEP = b'{"a":' * 5_000 + b"1" + b"}" * 5_000


def event(**fields: Any) -> bytes:
    told = {"event_id": uuid4().hex, "exception": [{"type": "Oops", "value": "boom"}], **fields}
    return json.dumps(told).encode()


def envelope(*items: tuple[Any, bytes], header: Any = None, length: bool = True) -> bytes:
    lines = [json.dumps(header or {}).encode()]
    for kind, payload in items:
        told = kind if isinstance(kind, dict) else {"type": kind}
        if length and "length" not in told:
            told = {**told, "length": len(payload)}
        lines += [json.dumps(told).encode(), payload]
    return b"\n".join(lines)


def lying(length: Any) -> bytes:
    """An item with a length that is not its own."""
    return envelope(({"type": "event", "length": length}, event()))


def spans(number: int, **fields: Any) -> bytes:
    one = {"trace_id": uuid4().hex, "span_id": "b" * 16, "name": "s", **fields}
    return json.dumps({"version": 2, "items": [one] * number}).encode()


#: Envelopes of which nothing can be taken: the status and the code.
REFUSED: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "bad_envelope"),
    "blank lines": (b"\n\n\n", 400, "bad_envelope"),
    "binary": (bytes(range(256)) * 10, 400, "bad_envelope"),
    "no object": (b"[]\n{}", 400, "bad_envelope"),
    "a header of 1 MB": (b'{"a":"' + b"x" * MEGABYTE + b'"}\n', 400, "bad_envelope"),
    "a header 5,000 deep": (DEEP + b"\n", 400, "bad_envelope"),
    "an item's header of 1 MB": (
        envelope(({"type": "event", "a": "x" * MEGABYTE}, event())),
        400,
        "bad_item",
    ),
    "a length beyond the end": (lying(10**9), 400, "bad_item"),
    "a length below nothing": (lying(-1), 400, "bad_item"),
    "a length that is none": (lying("9"), 400, "bad_item"),
    "a length that cuts": (lying(5), 400, "bad_item"),
    "no type": (envelope(({}, event())), 400, "bad_item"),
    "5,000 levels": (envelope(("event", DEEP)), 400, "too_deep"),
    "an event of 1.1 MB": (envelope(("event", event(x="y" * MEGABYTE))), 413, "event_too_large"),
    "a span of 1.1 MB": (envelope(("span", spans(1, x="y" * MEGABYTE))), 413, "event_too_large"),
    "no JSON": (envelope(("event", b"{"), ("transaction", b"x")), 400, "not_json"),
    "brackets of 15 MB": (envelope(("log", b"[" * (15 * MEGABYTE))), 400, "too_deep"),
}

#: Envelopes that are taken, with how many events they hold.
TAKEN: dict[str, tuple[bytes, int]] = {
    "a header alone": (b"{}", 0),
    "items nobody knows": (envelope(*[("nobody_knows", b"\0\n\xff")] * 900), 0),
    "a bad item among good ones": (
        envelope(("event", event()), ("event", b"{"), ("session", b"[]"), ("transaction", b"{}")),
        2,
    ),
    "10,000 items": (envelope(*[("event", event())] * 10_000), 1_000),
    "empty lines between": (envelope(("event", event())).replace(b"\n", b"\n\n\r\n", 1), 1),
    "carriage returns": (b'{}\r\n{"type":"event"}\r\n' + event() + b"\r\n", 1),
    "byte order mark": (b"\xef\xbb\xbf" + envelope(("event", event())), 1),
    "100 attachments and more": (
        envelope(("event", event()), *[({"type": "attachment"}, b"%d" % n) for n in range(500)]),
        1,
    ),
    "an attachment of 9 MB": (
        envelope(("event", event()), ({"type": "attachment"}, b"\0\n{}" * (9 << 18))),
        1,
    ),
    "names that lead elsewhere": (
        envelope(
            ("event", event()),
            ({"type": "attachment", "filename": "../../etc/passwd\0"}, b"x"),
            ({"type": "attachment", "filename": "\u202e" * 5_000, "content_type": "\r\nX: y"}, b""),
            ({"type": "attachment", "filename": {"a": 1}, "content_type": 7}, b""),
        ),
        1,
    ),
    "a minidump that lies": (
        envelope(
            ({"type": "attachment", "attachment_type": "event.minidump"}, b"MDMP" + b"\xff" * 500),
            ("event", event()),
        ),
        1,
    ),
    "lone surrogates and NUL": (
        envelope(("event", event(message="\ud800\0", tags={"\0": "\udfff"}, user={"id": "\0"}))),
        1,
    ),
    "everything of a wrong kind": (
        envelope(
            (
                "event",
                b'{"exception":7,"user":[],"tags":"t","contexts":[1],"request":"r","sdk":3,'
                b'"breadcrumbs":{"values":7},"threads":[[]],"fingerprint":{},"timestamp":[]}',
            ),
            ("transaction", b'{"spans":{"a":1},"contexts":{"trace":[]},"start_timestamp":"x"}'),
            ("session", b'{"sid":[],"status":{},"errors":"x","started":{}}'),
            ("sessions", b'{"aggregates":7}'),
            ("check_in", b'{"monitor_slug":{},"duration":"never"}'),
            ("client_report", b'{"discarded_events":[{"quantity":1e999}]}'),
            ("feedback", b'{"contexts":{"feedback":7}}'),
            ("log", b'{"items":[7,{"timestamp":1e300,"trace_id":7,"attributes":7}]}'),
            ("trace_metric", b'{"items":[{"name":[],"type":"gauge","value":1e400}]}'),
        ),
        9,
    ),
    "3,000 spans": (envelope(("span", spans(3_000))), 3),
    "clocks that are wrong": (
        envelope(("span", spans(3, start_timestamp=9e99, end_timestamp=-9e99))),
        1,
    ),
}


@pytest.fixture(scope="module")
def web(sluice: Any) -> Web:
    return open_web(sluice.status)


@pytest.fixture(scope="module")
def key(sluice: Any) -> str:
    return public_key(sluice.status["project"]["dsn"])


def public_key(dsn: str) -> str:
    found = re.match(r"https?://(\w+)@", dsn)
    assert found is not None
    return found[1]


def post(
    web: Web, key: str, body: bytes, *headers: tuple[str, str], path: str = "envelope"
) -> Answer:
    return web.post(f"/api/1/{path}/?sentry_key={key}", body, *headers, key=None)


def ids_of(answer: Answer) -> list[str]:
    told = answer.headers["Sluice-Event-Ids"]
    return told.split(",") if told else []


def refused(answer: Answer, status: int, code: str) -> None:
    assert answer.status == status, answer.body
    assert answer.json()["error"]["code"] == code
    assert answer.json()["detail"] == answer.json()["error"]["message"]
    assert answer.header("Access-Control-Allow-Origin")


@pytest.mark.parametrize("name", REFUSED)
def test_refused(web: Web, key: str, name: str) -> None:
    body, status, code = REFUSED[name]
    refused(post(web, key, body), status, code)


@pytest.fixture(scope="module")
def taken(web: Web, key: str) -> dict[str, Answer]:
    """All of them at the same moment, so that they share batches; and stored."""
    with ThreadPoolExecutor(len(TAKEN)) as senders:
        sent = senders.map(lambda one: post(web, key, one[0]), TAKEN.values())
        answers = dict(zip(TAKEN, sent, strict=True))
    web.await_stored((one for answer in answers.values() for one in ids_of(answer)), 240)
    return answers


@pytest.mark.parametrize("name", TAKEN)
def test_taken(web: Web, taken: dict[str, Answer], name: str) -> None:
    answer = taken[name]
    assert answer.status == 200, answer.body
    ids = ids_of(answer)
    assert len(ids) == min(100, TAKEN[name][1])
    for event_id in ids:
        picture = web.read(f"/api/v1/events/{event_id}")
        assert picture.status == 200
        assert b"\\u0000" not in picture.body
        assert b"\\ud8" not in picture.body


def test_files_are_as_they_were_sent(web: Web, taken: dict[str, Answer]) -> None:
    def files(name: str) -> list[Any]:
        (event_id,) = ids_of(taken[name])
        found: list[Any] = web.read(f"/api/v1/events/{event_id}/attachments").json()["items"]
        return found

    assert len(files("100 attachments and more")) == 100
    (large,) = files("an attachment of 9 MB")
    assert large["bytes"] == 9 * MEGABYTE
    (dump,) = files("a minidump that lies")
    assert dump["kind"] == "minidump"
    for one in files("names that lead elsewhere"):
        assert "\0" not in one["name"]
        assert "\r" not in one["content_type"]


@pytest.mark.parametrize("path", ["envelope", "store", "security", "minidump"])
@pytest.mark.parametrize(
    ("encoding", "body", "status", "code"),
    [
        ("gzip", gzip.compress(envelope(("event", event())))[:-9], 400, "bad_encoding"),
        ("gzip", b"no gzip", 400, "bad_encoding"),
        ("deflate", b"\xff\xff", 400, "bad_encoding"),
        ("br", b"\xff\xff", 400, "bad_encoding"),
        ("gzip", gzip_bomb(2_000), 413, "body_too_large"),
    ],
    ids=["cut", "no gzip", "no deflate", "no br", "a bomb of 2 GB"],
)
def test_broken_encodings(
    web: Web, key: str, path: str, encoding: str, body: bytes, status: int, code: str
) -> None:
    answer = post(web, key, body, ("Content-Encoding", encoding), path=path)
    refused(answer, status, code)


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("store", base64.b64encode(zlib.compress(b" " * (200 * MEGABYTE))), 413, "event_too_large"),
        ("store", base64.b64encode(b"\x78\x9c garbage"), 400, "bad_body"),
        ("store", b"[" * 500_000, 400, "too_deep"),
        ("security", b"[{}, {}]", 400, "bad_item"),
        ("security", b"[" + b"{}," * 5_000 + b"{}]", 400, "invalid_event"),
        ("security", b"[" * 500_000, 400, "not_json"),
        ("minidump", b"MDMP", 400, "bad_minidump"),
        ("minidump", b"MDMP" + b"\xff" * 1_000, 400, "bad_minidump"),
    ],
)
def test_other_paths(web: Web, key: str, path: str, body: bytes, status: int, code: str) -> None:
    refused(post(web, key, body, path=path), status, code)


def test_one_id_in_two_projects_is_two_events(sluice: Any, web: Web, key: str) -> None:
    made = json.loads(sluice.succeed("project", "create", f"other-{uuid4().hex[:8]}", "--json"))
    other = public_key(made["dsn"])
    body = event()
    sdk_id = json.loads(body)["event_id"]
    answers = [post(web, one, body, path="store") for one in (key, other, key)]
    assert [answer.json() for answer in answers] == [{"id": sdk_id}] * 3
    first, second, again = (answer.header("Sluice-Event-Id") for answer in answers)
    web.await_stored([first, second, again])
    refused_as_ambiguous = web.read(f"/api/v1/events/{sdk_id}")
    assert refused_as_ambiguous.status == 409
    assert refused_as_ambiguous.json()["error"]["code"] == "ambiguous_id"
    assert web.event(first)["id"] == web.event(again)["id"]
    assert web.event(second)["project"] == made["name"]
    totals = web.read(f"/api/v1/ledger?project={made['name']}").json()["totals"]
    assert (totals["accepted"], totals["filtered"]) == (1, 0)


def test_an_attachment_of_200_mb_is_refused_before_it_is_read(web: Web, key: str) -> None:
    start = envelope(("event", event()), ({"type": "attachment", "length": 200 * MEGABYTE}, b""))
    head = (
        f"POST /api/1/envelope/?sentry_key={key} HTTP/1.1\r\nHost: x\r\n"
        f"Content-Length: {len(start) + 200 * MEGABYTE}\r\n\r\n"
    )
    parts = urllib.parse.urlsplit(web.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as sender:
        sender.sendall(head.encode() + start + b"\0" * MEGABYTE)
        for _ in range(199):
            try:
                sender.sendall(b"\0" * MEGABYTE)
            except OSError:  # the answer is there already, and nobody reads on
                break
        assert sender.recv(1000).startswith(b"HTTP/1.1 413")


def test_the_web_tier_stayed_small(sluice: Any) -> None:
    parents = [row["pid"] for row in sluice.status["processes"] if row["name"] == "web"]
    for pid in parents:
        for child in psutil.Process(pid).children(recursive=True):
            assert child.memory_info().rss < 400 * MEGABYTE
