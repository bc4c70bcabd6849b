"""RSGI as far as we use it: granian's interface between its server and asyncio.

Format: granian's ``docs/spec/RSGI.md``, version 1.5. Names are lower case; values that are not
ASCII are left out of ``get``, ``values`` and ``items``, not of ``keys``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from typing import Any, Protocol

HeaderPairs = list[tuple[str, str]]


class Headers(Protocol):
    """Headers of a request, by names in lower case."""

    def get(self, name: str, /) -> str | None: ...
    def keys(self) -> list[str]: ...
    def values(self) -> list[str]: ...
    def items(self) -> list[tuple[str, str]]: ...


class Scope(Protocol):
    """A request but for its body. ``path`` is decoded, ``query_string`` is not."""

    proto: str
    http_version: str
    server: str
    client: str
    scheme: str
    method: str
    path: str
    query_string: str

    @property
    def headers(self) -> Headers: ...


class StreamTransport(Protocol):
    """An answer's body on its way."""

    def send_bytes(self, data: bytes, /) -> Coroutine[Any, Any, None]: ...


class HTTPProtocol(Protocol):
    """The request's body to read, in parts or at once, and the answer to give."""

    def __call__(self) -> Coroutine[Any, Any, bytes]: ...
    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def response_empty(self, status: int, headers: HeaderPairs, /) -> None: ...
    def response_bytes(self, status: int, headers: HeaderPairs, body: bytes, /) -> None: ...
    def response_stream(self, status: int, headers: HeaderPairs, /) -> StreamTransport: ...


async def next_part(parts: AsyncIterator[bytes]) -> bytes | None:
    """The next part of a body; None after the last.

    Not ``anext(parts, None)``: with a default, CPython takes more of what granian's iterator
    gives than it is, and the process dies.
    """
    try:
        return await anext(parts)
    except StopAsyncIteration:
        return None
