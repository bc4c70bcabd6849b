"""The body of a request on asyncio: read once within a bound, or read out and forgotten."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]  # it exports it unsaid

from app.ingest.body import BodyBuffer, truncated
from app.rsgi import HTTPProtocol, next_part

AT_ONCE_BYTES = 1024 * 1024
"""The largest announced body that is taken from the server in one piece."""
SILENCE_SECONDS = 2.0
"""How long the next part of a body that is refused is waited for."""


class SentBody:
    """What a sender sends, which the server gives only once."""

    def __init__(self, protocol: HTTPProtocol) -> None:
        self._protocol = protocol
        self._parts: AsyncIterator[bytes] | None = None
        self._ended = False

    async def read(self, limit: int, announced: int | None) -> bytes:
        """All of it; ``announced`` is its length, None when it comes in chunks.

        Raises :class:`app.errors.ApiError`: 413 ``body_too_large`` beyond ``limit`` bytes, 400
        ``body_truncated`` when the sender broke off.
        """
        buffer = BodyBuffer(limit, announced)
        try:
            if announced is not None and announced <= AT_ONCE_BYTES:
                self._ended = True
                buffer.add(await self._protocol())
                return buffer.body()
            while (part := await self._next()) is not None:
                buffer.add(part)
        except ProtocolClosed as closed:
            raise truncated() from closed
        return buffer.body()

    async def forget(self, limit: int) -> None:
        """Read what is still to come, up to ``limit`` bytes, so that the sender hears an answer.

        One that sends nothing for a while waits for it, and hears it at once.
        """
        left = limit
        # It went away, or is silent: there is no more to read.
        with contextlib.suppress(ProtocolClosed, TimeoutError):
            while left > 0:
                async with asyncio.timeout(SILENCE_SECONDS):
                    part = await self._next()
                if part is None:
                    return
                left -= len(part)

    async def _next(self) -> bytes | None:
        if self._ended:
            return None
        if self._parts is None:
            self._parts = aiter(self._protocol)
        part = await next_part(self._parts)
        self._ended = part is None
        return part
