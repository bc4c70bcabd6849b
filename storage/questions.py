"""What a request asks of the stores: how often and for how long, when somebody wants to know.

Whoever answers a request opens :func:`counted`; adapters note each question that they put. Outside
of it nothing is kept, and noting costs a look at a context variable.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class Questions:
    """Questions put to each store (``sql``, ``search``, ``files``), and the seconds they took."""

    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def note(self, store: str, seconds: float) -> None:
        """Count a question."""
        self.counts[store] += 1
        self.seconds[store] += seconds


_ASKED: ContextVar[Questions | None] = ContextVar("questions", default=None)


@contextmanager
def counted() -> Iterator[Questions]:
    """Count what this thread asks until the block ends."""
    questions = Questions()
    token = _ASKED.set(questions)
    try:
        yield questions
    finally:
        _ASKED.reset(token)


@contextmanager
def asking(store: str) -> Iterator[None]:
    """A question to a store, also one that fails."""
    questions = _ASKED.get()
    if questions is None:
        yield
        return
    began = time.perf_counter()
    try:
        yield
    finally:
        questions.note(store, time.perf_counter() - began)
