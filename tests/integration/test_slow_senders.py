"""Senders that stop within a body hold up nobody else, and hear an answer."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.stores import open_stores
from config.settings import Settings
from storage.sql.migrate import migrate
from tests.integration.web_process import AS_RSGI, DEADLINE, KEY, Lane, request, start
from tests.system.test_bad_input import crash

_THREADS = 2


@pytest.fixture(scope="module")
def web(module_settings: Settings) -> Iterator[Lane]:
    """A web process with few threads, and a project with the key."""
    migrate(module_settings.postgres_dsn)
    stores = open_stores(module_settings)
    stores.projects.create("shop", KEY)
    stores.database.close()
    own = replace(module_settings, web_threads=_THREADS, body_silence_seconds=3.0, body_seconds=4.0)
    lane = start(own, AS_RSGI)
    yield lane
    lane.process.send_signal(signal.SIGTERM)
    assert lane.process.wait(timeout=DEADLINE) == 0


@contextlib.contextmanager
def begun(web: Lane, sent: bytes) -> Iterator[socket.socket]:
    """A connection on which a request was begun."""
    with socket.create_connection(("127.0.0.1", web.port), timeout=DEADLINE) as sender:
        sender.sendall(sent)
        yield sender


def _without_its_body(path: str, key: str = "") -> bytes:
    head, _, _ = request("POST", path, b"x" * 1000, key=key).partition(b"\r\n\r\n")
    return head + b"\r\n\r\n"


@pytest.mark.parametrize("path", ["/relay/entries", "/login", "/api/v1/dead-letters/x/replay"])
def test_bodies_that_do_not_come_hold_no_thread(web: Lane, path: str) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(4 * _THREADS):
            stack.enter_context(begun(web, _without_its_body(path)))
        for _ in range(2 * _THREADS):
            assert b" 200 " in web.talk(request("GET", "/health/live"))


@pytest.mark.parametrize(
    ("path", "status"), [("/entries", b" 403 "), ("/relay/entries", b" 408 "), ("/login", b" 408 ")]
)
def test_who_waits_for_an_answer_gets_one(web: Lane, path: str, status: bytes) -> None:
    with begun(web, _without_its_body(path)) as sender:
        assert status in sender.recv(1 << 16)


@pytest.mark.parametrize("sent", [b"", b'{"occurredOn": '])
def test_a_report_that_never_ends_is_given_up(web: Lane, sent: bytes) -> None:
    with begun(web, _without_its_body("/entries", KEY) + sent) as sender:
        assert b" 408 " in sender.recv(1 << 16)
    assert b" 202 " in web.talk(request("POST", "/entries", crash("after it")))


def test_a_refused_upload_of_too_much_is_told_before_it_is_sent(web: Lane) -> None:
    head = request("POST", "/entries", None, (("Content-Length", "20000000"),), key="wrong")
    with begun(web, head) as sender:
        assert b" 403 " in sender.recv(1 << 16)


@pytest.mark.parametrize("path", ["/entries", "/relay/entries"])
def test_a_body_in_two_halves_is_one_body(web: Lane, path: str) -> None:
    asked = request("POST", path, crash("in two halves"))
    with begun(web, asked[:-5]) as sender:
        assert b" 200 " in web.talk(request("GET", "/health/live"))
        sender.sendall(asked[-5:])
        assert b" 202 " in sender.recv(1 << 16)
