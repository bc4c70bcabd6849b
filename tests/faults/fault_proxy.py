"""A proxy between Sluice and its object store that can make the store slow or failing."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Iterator
from enum import Enum

_CHUNK = 1 << 16
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect: *100-continue", re.IGNORECASE)
_ERROR = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Slow down.</Message></Error>"
_UNAVAILABLE = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_ERROR), _ERROR)
)


class Mode(Enum):
    """What the proxy does to requests."""

    PASS = "pass"
    SLOW = "slow"
    UNAVAILABLE = "unavailable"


class FaultProxy:
    """Forwards ``127.0.0.1:port`` to ``upstream``, or misbehaves. Runs in a thread of its own."""

    def __init__(self, upstream_port: int, delay: float = 5.0) -> None:
        self.port = 0
        self._upstream_port = upstream_port
        self._delay = delay
        self._mode = Mode.PASS
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait()

    @contextlib.contextmanager
    def failing(self, mode: Mode) -> Iterator[None]:
        """Misbehave for a while. Connections that are open break at its beginning and end."""
        self._switch(mode)
        try:
            yield
        finally:
            self._switch(Mode.PASS)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _switch(self, mode: Mode) -> None:
        self._mode = mode
        self._loop.call_soon_threadsafe(self._break_connections)

    def _break_connections(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            if self._mode is Mode.UNAVAILABLE:
                await _refuse(reader, writer)
            else:
                await self._forward(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # either side went away, which is what the proxy is for
        finally:
            self._open.discard(writer)
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        asked = asyncio.Event()
        pumps = [
            asyncio.create_task(self._requests(reader, upstream[1], asked)),
            asyncio.create_task(self._answers(upstream[0], writer, asked)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            upstream[1].close()

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: asyncio.Event
    ) -> None:
        while data := await reader.read(_CHUNK):
            asked.set()
            writer.write(data)
            await writer.drain()

    async def _answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: asyncio.Event
    ) -> None:
        while data := await reader.read(_CHUNK):
            # "100 Continue" only lets the client send its body; the answer comes after it.
            if self._mode is Mode.SLOW and asked.is_set() and b" 100 " not in data[:16]:
                asked.clear()
                await asyncio.sleep(self._delay)
            writer.write(data)
            await writer.drain()


async def _refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if length and not _EXPECT.search(head):
        await reader.readexactly(int(length[1]))
    writer.write(_UNAVAILABLE)
    await writer.drain()
