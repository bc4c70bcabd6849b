"""Hostile and broken requests: each gets a clear 4xx or is stored; none hurts its batch-mates."""

from __future__ import annotations

import gzip
import json
import socket
import urllib.parse
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import brotli
import psutil
import pytest

from tests.system.plain_http import Answer, Web, open_web

MEGABYTE = 1 << 20


def crash(message: str = "boom", **details: Any) -> bytes:
    error = {"className": "Oops", "message": message, "stackTrace": [_frame(1)]}
    body = {"occurredOn": "2026-11-22T22:35:07Z", "details": {"error": error, **details}}
    return json.dumps(body).encode()


def _frame(line: int) -> dict[str, Any]:
    return {"fileName": "/srv/a.py", "lineNumber": line, "methodName": "run"}


def custom(value: bytes) -> bytes:
    """A crash whose custom data is the given JSON, byte by byte."""
    return crash(userCustomData="HERE").replace(b'"HERE"', value)


def nested(levels: int) -> bytes:
    return custom(b"[" * levels + b"]" * levels)


def stack(frames: int, frame: bytes = b"{}") -> bytes:
    error = b'{"className":"Deep","message":"m","stackTrace":[' + b",".join([frame] * frames)
    return b'{"occurredOn":"2026-11-22T22:35:07Z","details":{"error":' + error + b"]}}}"


def occurred(date: str) -> bytes:
    return crash().replace(b"2026-11-22T22:35:07Z", date.encode())


def gzip_bomb(megabytes: int) -> bytes:
    """A gzip stream that inflates to white space: one block, repeated as it was packed."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    blank = b" " * MEGABYTE
    start, block = (packer.compress(blank) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return start + block * (megabytes - 1)


REFUSED: dict[str, tuple[bytes, int, str]] = {
    "empty body": (b"", 400, "not_json"),
    "white space": (b" \n", 400, "not_json"),
    "truncated JSON": (crash()[:-4], 400, "not_json"),
    "two documents": (crash() + crash(), 400, "not_json"),
    "number": (b"7", 400, "not_an_object"),
    "null": (b"null", 400, "not_an_object"),
    "string": (b'"text"', 400, "not_an_object"),
    "array": (b"[]", 400, "not_an_object"),
    "no details": (b'{"occurredOn": "x"}', 400, "missing_field"),
    "no occurredOn": (b'{"details": {}}', 400, "missing_field"),
    "5,000 levels": (nested(5_000), 400, "too_deep"),
    "500,000 open brackets": (b"[" * 500_000, 400, "too_deep"),
    "1.1 MB in one report": (crash("x" * (MEGABYTE + 1)), 413, "event_too_large"),
    "100,000 full frames": (stack(100_000, json.dumps(_frame(1)).encode()), 413, "event_too_large"),
    "20 MB body": (b" " * (20 * MEGABYTE), 413, "body_too_large"),
    "binary": (bytes(range(256)) * 10, 400, "not_json"),
}

STORED: dict[str, bytes] = {
    "120 levels": nested(120),
    "invalid UTF-8": crash("HERE").replace(b"HERE", b"caf\xe9 \xff\xfe \xed\xa0\x80"),
    "lone surrogates": crash("\ud800 and \udfff", tags=["\udc00"]),
    "NUL in strings": crash("a\0b", version="1\0", userCustomData={"v": "\0"}),
    "NUL in keys": crash(userCustomData={"a\0b": 1, "\0": {"\0": "\0"}}),
    "raw control characters": crash("HERE").replace(b"HERE", b"a\x00\x01\x1b\n\tb"),
    "10,000 keys": crash(userCustomData={f"key {n}": n for n in range(10_000)}),
    "10,000 nested keys": crash(
        userCustomData={"a": {f"b.c {n}": {"d": n} for n in range(10_000)}}
    ),
    "1e400": custom(b"[1e400, -1e400, 1e-400]"),
    "NaN and Infinity": custom(b"[NaN, Infinity, -Infinity]"),
    "401 digits": custom(b"[" + b"9" * 401 + b", -" + b"1" * 401 + b"]"),
    "200,000 digits": custom(b"9" * 200_000),
    "year 1": occurred("0001-01-01T00:00:00Z"),
    "year 1, before UTC's": occurred("0001-01-01T00:00:00+14:00"),
    "year 9999": occurred("9999-12-31T23:59:59.999Z"),
    "year 9999, after UTC's": occurred("9999-12-31T23:59:59-14:00"),
    "no date": occurred("never"),
    "100,000 frames": stack(100_000),
    "everything null": b'{"occurredOn":null,"details":{"error":null,"user":null,"tags":null}}',
    "everything of a wrong kind": (
        b'{"occurredOn":{},"details":{"error":[1],"user":7,"tags":{"a":1},"request":"r",'
        b'"environment":[],"client":3,"breadcrumbs":"b","version":[],"groupingKey":{}}}'
    ),
    "frames of wrong kinds": stack(50, b'{"lineNumber":1e99,"fileName":[],"methodName":{"a":1}}'),
    "repeated keys": crash().replace(b'"details"', b'"details": {}, "details"'),
    "byte order mark": b"\xef\xbb\xbf" + crash(),
    "empty keys": crash(userCustomData={"": {"": ""}}, **{"": 1}),
    "long class": crash().replace(b"Oops", b"O" * 100_000),
    "long message": crash("m" * 500_000),
    "hostile grouping key": crash(groupingKey="\0" * 1000),
}


@pytest.fixture(scope="module")
def web(sluice: Any) -> Web:
    return open_web(sluice.status)


@pytest.fixture(scope="module")
def web_processes(sluice: Any) -> list[psutil.Process]:
    parents = [row["pid"] for row in sluice.status["processes"] if row["name"] == "web"]
    return [child for pid in parents for child in psutil.Process(pid).children(recursive=True)]


def refused(answer: Answer, status: int, code: str) -> None:
    assert answer.status == status, answer.body
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["message"]
    assert answer.header("Access-Control-Allow-Origin")


@pytest.mark.parametrize("name", REFUSED)
def test_refused(web: Web, name: str) -> None:
    body, status, code = REFUSED[name]
    refused(web.post("/entries", body), status, code)


@pytest.fixture(scope="module")
def stored(web: Web) -> dict[str, str]:
    """Ids of the odd events, all sent at the same moment so that they share batches."""
    with ThreadPoolExecutor(len(STORED)) as senders:
        sent = senders.map(lambda body: web.post("/entries", body), STORED.values())
        answers = dict(zip(STORED, sent, strict=True))
    assert {answer.status for answer in answers.values()} == {202}
    ids = {name: answer.header("Sluice-Event-Id") for name, answer in answers.items()}
    web.await_stored(ids.values())
    return ids


@pytest.mark.parametrize("name", STORED)
def test_stored(web: Web, stored: dict[str, str], name: str) -> None:
    assert web.raw(stored[name]) == STORED[name]
    picture = web.read(f"/api/v1/events/{stored[name]}").body.decode()
    assert "\\u0000" not in picture
    assert "\\ud" not in picture
    assert json.loads(picture)["type"] == "crash"


def test_nul_and_lone_surrogates_are_readable(web: Web, stored: dict[str, str]) -> None:
    assert web.event(stored["NUL in strings"])["error"]["message"] == "a\u2400b"
    assert web.event(stored["NUL in keys"])["custom"]["a\u2400b"] == 1
    assert web.event(stored["lone surrogates"])["error"]["message"] == "\ufffd and \ufffd"


def test_a_bulk_of_good_and_bad_keeps_the_good(web: Web) -> None:
    good = [crash(f"good {number}") for number in range(5)]
    bad = [b"7", b"null", b'{"details": {}}', nested(5_000), crash("x" * (MEGABYTE + 1))]
    odd = [body for body in STORED.values() if not body.startswith(b"\xef")]
    mixed = [*bad, *(item for pair in zip(good, odd, strict=False) for item in pair), *odd[5:]]
    kept = [item for item in mixed if item not in bad]
    answer = web.post("/entries/bulk", b"[" + b",\n ".join(mixed) + b"]")
    assert answer.status == 202, answer.body
    assert answer.header("Sluice-Accepted") == str(len(kept))
    ids = answer.header("Sluice-Event-Ids").split(",")
    web.await_stored(ids)
    assert [web.raw(identity) for identity in ids] == kept


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", "not_json"), (b"[]", "no_events"), (b"[1, {}]", "not_an_object"), (b"[", "not_json")],
)
def test_a_bulk_of_nothing_good(web: Web, body: bytes, code: str) -> None:
    refused(web.post("/entries/bulk", body), 400, code)


def test_rum_with_broken_inner_data_is_stored(web: Web) -> None:
    items: Sequence[dict[str, Any]] = [
        {"type": "session_start", "sessionId": "s" * 32},
        {"type": "web_request_timing", "sessionId": "s" * 32, "data": "[{broken"},
        {
            "type": "web_request_timing",
            "sessionId": 7,
            "data": '[{"timing": {"t": "p", "du": "x"}}]',
        },
        {"type": "mobile_event_timing", "data": "[" * 5_000},
        {"type": "\0\ud800"},
    ]
    answer = web.post("/events", json.dumps({"eventData": items}).encode())
    assert answer.status == 202, answer.body
    ids = answer.header("Sluice-Event-Ids").split(",")
    assert len(ids) == len(items)
    web.await_stored(ids)
    assert [json.loads(web.raw(identity)) for identity in ids] == items


def test_keys(web: Web) -> None:
    refused(web.post("/entries", crash(), key=None), 403, "key_missing")
    refused(web.post("/entries", crash(), key="wrong"), 403, "key_unknown")
    refused(web.post("/entries", crash(), key="k" * 10_000), 403, "key_unknown")
    refused(web.post("/entries?apikey=%00%ff%F0", crash(), key=None), 403, "key_unknown")
    refused(
        web.post("/entries?apikey=' OR 1=1 --".replace(" ", "%20"), b"", key=None),
        403,
        "key_unknown",
    )
    quoted = urllib.parse.quote(web.key, safe="")
    assert web.post(f"/entries?aPiKeY={quoted}", crash(), key=None).status == 202


def test_a_refused_key_is_told_after_a_large_body_too(web: Web) -> None:
    refused(web.post("/entries", b" " * (15 * MEGABYTE), key="wrong"), 403, "key_unknown")


@pytest.mark.parametrize(
    "path", ["/nowhere", "/%ff%fe", "/%00", "/entries/x", "/" + "a" * 5_000, "/api/v9"]
)
def test_unknown_paths(web: Web, path: str) -> None:
    refused(web.post(path, crash()), 404, "not_found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "BREW"])
@pytest.mark.parametrize("path", ["/entries", "/entries/bulk", "/events"])
def test_wrong_methods(web: Web, path: str, method: str) -> None:
    answer = web.send(method, path, headers=[("X-ApiKey", web.key), ("Content-Length", "0")])
    refused(answer, 405, "method_not_allowed")
    assert "POST" in answer.header("Allow")


@pytest.mark.parametrize("path", ["//entries", "/relay/entries", "/entries/", "/relay/eu/entries"])
def test_prefixes(web: Web, path: str) -> None:
    assert web.post(path, crash()).status == 202


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(crash())),
        ("deflate", zlib.compress(crash())),
        ("br", brotli.compress(crash())),
        ("br, gzip", gzip.compress(brotli.compress(crash()))),
    ],
)
def test_encoded_bodies_are_stored_decoded(web: Web, encoding: str, body: bytes) -> None:
    answer = web.post("/entries", body, ("Content-Encoding", encoding))
    assert answer.status == 202, answer.body
    event_id = answer.header("Sluice-Event-Id")
    web.await_stored([event_id])
    assert web.raw(event_id) == crash()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", crash()),
        ("gzip", gzip.compress(crash())[:-9]),
        ("deflate", b"\0" * 100),
        ("br", brotli.compress(crash())[:-1]),
        ("zstd", crash()),
        ("gzip, gzip, gzip", crash()),
        ("nonsense;q=1", crash()),
    ],
)
def test_broken_encodings(web: Web, encoding: str, body: bytes) -> None:
    refused(web.post("/entries", body, ("Content-Encoding", encoding)), 400, "bad_encoding")


def test_a_bomb_costs_little_memory(web: Web, web_processes: list[psutil.Process]) -> None:
    bomb = gzip_bomb(10_000)
    with ThreadPoolExecutor(4) as senders:
        sent = [
            senders.submit(web.post, "/entries", bomb, ("Content-Encoding", "gzip"))
            for _ in range(8)
        ]
    for answer in sent:
        refused(answer.result(), 413, "body_too_large")
    assert max(process.memory_info().rss for process in web_processes) < 400 * MEGABYTE


def test_chunked_bodies(web: Web) -> None:
    chunked = [("Transfer-Encoding", "chunked"), ("X-ApiKey", web.key)]
    body = crash("in chunks")
    sizes = [1, 2, len(body) - 3]
    answer = web.send("POST", "/entries", body, chunked, sizes)
    assert answer.status == 202
    web.await_stored([answer.header("Sluice-Event-Id")])
    assert web.raw(answer.header("Sluice-Event-Id")) == body
    endless = web.send("POST", "/entries", b" " * 20 * MEGABYTE, chunked, [MEGABYTE] * 20)
    refused(endless, 413, "body_too_large")


def test_a_body_cut_off_is_not_an_event(web: Web) -> None:
    """The JSON is whole, the announced body is not: what came cannot be told from a part."""
    body = crash()
    head = f"POST /entries HTTP/1.1\r\nHost: x\r\nX-ApiKey: {web.key}\r\n"
    status = _talk(web, f"{head}Content-Length: {len(body) + 10}\r\n\r\n".encode() + body)
    assert status == b"HTTP/1.1 400"


def test_a_body_without_a_length_is_empty(web: Web) -> None:
    refused(web.send("POST", "/entries", headers=[("X-ApiKey", web.key)]), 400, "not_json")


def test_expect_100_continue(web: Web) -> None:
    body = crash()
    head = f"POST /entries HTTP/1.1\r\nHost: x\r\nX-ApiKey: {web.key}\r\nExpect: 100-continue\r\n"
    parts = urllib.parse.urlsplit(web.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as sender:
        sender.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode())
        assert sender.recv(1000).startswith(b"HTTP/1.1 100")
        sender.sendall(body)
        assert sender.recv(1000).startswith(b"HTTP/1.1 202")


def test_expect_100_continue_is_refused_before_the_body(web: Web) -> None:
    head = "POST /entries HTTP/1.1\r\nHost: x\r\nX-ApiKey: wrong\r\nExpect: 100-continue\r\n"
    parts = urllib.parse.urlsplit(web.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as sender:
        sender.sendall(f"{head}Content-Length: 1000000\r\n\r\n".encode())
        assert sender.recv(1000).startswith(b"HTTP/1.1 403")


def _talk(web: Web, request: bytes) -> bytes:
    """The first 12 bytes of the answer to a request after which the sender closes its side."""
    parts = urllib.parse.urlsplit(web.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as sender:
        sender.sendall(request)
        sender.shutdown(socket.SHUT_WR)
        return sender.recv(1000)[:12]
