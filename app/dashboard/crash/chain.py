"""The errors of a crash in the order of their causes."""

from __future__ import annotations

from collections.abc import Iterator

from app.dashboard.crash.parts import Picture, list_of, object_of

MOST_ERRORS = 20


def chain_of(picture: Picture) -> Iterator[Picture]:
    """The error and those that caused it, depth first, the outermost first; a bounded number."""
    error = object_of(picture, "error")
    waiting = [error] if error else []
    for _ in range(MOST_ERRORS):
        if not waiting:
            return
        one = waiting.pop()
        yield one
        waiting += [cause for cause in reversed(list_of(one, "inner")) if isinstance(cause, dict)]
