"""Reading a request's body within a bound, whatever frames it arrives in."""

from __future__ import annotations

from collections.abc import Iterator

from app.errors import ApiError
from app.ingest.encodings import too_large


class BodyBuffer:
    """Gathers a body as it arrives; push-style, so that any lane can feed it.

    ``announced`` is the Content-Length, None for a chunked body. Raises
    :class:`app.errors.ApiError` 413 ``body_too_large`` as soon as the body is known to exceed
    ``limit`` bytes: by its announcement, before a byte is read.
    """

    def __init__(self, limit: int, announced: int | None) -> None:
        if announced is not None and announced > limit:
            raise too_large(limit)
        self._limit = limit
        self._announced = announced
        self._parts: list[bytes] = []
        self._size = 0

    @property
    def complete(self) -> bool:
        """Whether every announced byte is there, so that nothing more need be read."""
        return self._size == self._announced

    def add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._limit:
            raise too_large(self._limit)
        self._parts.append(part)

    def body(self) -> bytes:
        """The whole body; raises 400 ``body_truncated`` when the sender broke off."""
        if self._announced is not None and not self.complete:
            raise truncated()
        return b"".join(self._parts)


def truncated() -> ApiError:
    """The refusal of a body whose sender broke off."""
    return ApiError(400, "body_truncated", "The body is shorter than its Content-Length.")


def read_body(chunks: Iterator[bytes], limit: int, announced: int | None) -> bytes:
    """Read a body from an iterator of its chunks; raises as :class:`BodyBuffer` does."""
    buffer = BodyBuffer(limit, announced)
    while not buffer.complete:
        chunk = next(chunks, b"")
        if not chunk:
            break
        buffer.add(chunk)
    return buffer.body()


def drain(chunks: Iterator[bytes], limit: int) -> None:
    """Read and forget up to ``limit`` bytes of a body that was refused.

    A server that closes with bytes unread resets the connection, and the sender may then lose
    the answer that says why it was refused.
    """
    left = limit
    while left > 0:
        chunk = next(chunks, b"")
        if not chunk:
            return
        left -= len(chunk)
