"""WSGI within RSGI: Flask, in threads, for every request that no other lane takes.

Format: PEP 3333. The body is handed over as it is read, in parts; an answer of several parts is
sent as it is made.

A thread is dear and a sender may be slow, or mean to be: so the start of a body, which mostly is
all of it, is read in the event loop before a thread is taken, and the rest within a time.
"""

from __future__ import annotations

import asyncio
import io
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import chain
from typing import IO, Any

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]  # it exports it unsaid

from app.cors import answer_headers
from app.errors import JSON
from app.ingest.slow_senders import too_slow
from app.rsgi import HeaderPairs, HTTPProtocol, Scope, next_part

WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_WHOLE_BYTES = 256 * 1024
"""An answer of at most so many bytes is sent in one piece."""
_READ_BYTES = 64 * 1024
_AHEAD_BYTES = 64 * 1024
"""How much of a body is read before a thread is taken; above all forms of pages and the API."""
_STAND_ALONE = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a sender may say nothing within a body, and how long a thread reads one."""

    silence_seconds: float
    body_seconds: float


class WsgiBridge:
    """Runs a WSGI application in the threads of ``pool``, each request in one."""

    def __init__(self, application: WSGIApplication, pool: Executor, patience: Patience) -> None:
        self._application = application
        self._pool = pool
        self._patience = patience

    async def serve(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer a request; raises what the application raises before it answers."""
        loop = asyncio.get_running_loop()
        sent = _Body(protocol, loop, self._patience)
        if _is_sent_unasked(scope) and not await sent.read_ahead():
            refusal, origin = too_slow(), scope.headers.get("origin")
            headers = [("Content-Type", JSON), *answer_headers(origin, credentials=False)]
            protocol.response_bytes(refusal.status, headers, refusal.body())
            return
        body: IO[bytes] = io.BufferedReader(sent, _READ_BYTES)
        call = _Call(self._application, environ_of(scope, body), protocol, loop)
        await loop.run_in_executor(self._pool, call.run)


def _is_sent_unasked(scope: Scope) -> bool:
    """Whether a body comes without the sender waiting for "100 Continue", which reading sends."""
    headers = scope.headers
    announced = headers.get("content-length") or headers.get("transfer-encoding")
    return announced not in (None, "0") and headers.get("expect") is None


class _Call:
    """One request in its thread; what speaks to the server does so in the event loop."""

    def __init__(
        self,
        application: WSGIApplication,
        environ: dict[str, Any],
        protocol: HTTPProtocol,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._application = application
        self._environ = environ
        self._protocol = protocol
        self._loop = loop
        self._status = 500
        self._headers: HeaderPairs = []

    def run(self) -> None:
        found = self._application(self._environ, self._start)
        try:
            parts = iter(found)
            first, more = _up_to(parts, _WHOLE_BYTES)
            if more:
                self._stream(chain([first], parts))
            else:
                self._protocol.response_bytes(self._status, self._headers, first)
        finally:
            close = getattr(found, "close", None)
            if close is not None:
                close()

    def _start(
        self,
        status: str,
        headers: HeaderPairs,
        exc_info: Any = None,  # noqa: ARG002 - PEP 3333
    ) -> None:
        self._status, self._headers = int(status.split(" ", 1)[0]), headers

    def _stream(self, parts: Iterable[bytes]) -> None:
        transport = self._protocol.response_stream(self._status, self._headers)
        for part in parts:
            if part:
                asyncio.run_coroutine_threadsafe(transport.send_bytes(part), self._loop).result()


def _up_to(parts: Iterator[bytes], limit: int) -> tuple[bytes, bool]:
    """The parts joined until there are no more or they exceed the limit, and whether they do."""
    taken: list[bytes] = []
    size = 0
    for part in parts:
        taken.append(part)
        size += len(part)
        if size > limit:
            return b"".join(taken), True
    return b"".join(taken), False


class _Body(io.RawIOBase):
    """The body of a request as a blocking file, to be read in a thread other than the loop's.

    Reading raises :class:`app.errors.ApiError` 408 ``body_too_slow``, once; what broke off, or was
    too slow, ends there.
    """

    def __init__(
        self, protocol: HTTPProtocol, loop: asyncio.AbstractEventLoop, patience: Patience
    ) -> None:
        self._protocol = protocol
        self._loop = loop
        self._patience = patience
        self._parts: AsyncIterator[bytes] | None = None
        self._rest = memoryview(b"")
        self._ended = False
        self._until: float | None = None

    def readable(self) -> bool:
        return True

    async def read_ahead(self) -> bool:
        """Read the start of the body, in the loop; false when it does not come in time."""
        ahead = bytearray()
        while len(ahead) < _AHEAD_BYTES and not self._ended:
            try:
                async with asyncio.timeout(self._patience.silence_seconds):
                    ahead += await self._part()
            except TimeoutError:
                return False
        self._rest = memoryview(bytes(ahead))
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest and not self._ended:
            self._rest = memoryview(self._next())
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def _next(self) -> bytes:
        if self._until is None:
            self._until = time.monotonic() + self._patience.body_seconds
        seconds = min(self._patience.silence_seconds, self._until - time.monotonic())
        asked = asyncio.run_coroutine_threadsafe(self._part(), self._loop)
        try:
            return asked.result(max(0.0, seconds))
        except TimeoutError:
            asked.cancel()
            self._ended = True
            raise too_slow() from None

    async def _part(self) -> bytes:
        if self._parts is None:
            self._parts = aiter(self._protocol)
        try:
            while (part := await next_part(self._parts)) is not None:
                if part:  # an empty read would be the end
                    return part
        except ProtocolClosed:  # the sender broke off: what is missing shows in the length
            pass
        self._ended = True
        return b""


def environ_of(scope: Scope, body: IO[bytes]) -> dict[str, Any]:
    """A request's environment."""
    host, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "REMOTE_ADDR": scope.client.rpartition(":")[0],
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "SERVER_SOFTWARE": "granian",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        key = _STAND_ALONE.get(name) or "HTTP_" + name.upper().replace("-", "_")
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ
