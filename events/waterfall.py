"""A trace's spans as a person reads them: each below its parent, in the order in which they began.

Clocks of machines differ, parents may be missing or stand in a circle, and spans may end before
they begin. Nothing of that hides a span: what was done about it is said. Pure, without recursion.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from events.telemetry import Span

_MS = 1_000_000


class Placed(NamedTuple):
    """A span at its place. ``depth`` is 0 for one without a parent. ``at`` is its number in what
    was given. ``start_ns`` is by the clock of the topmost span; ``skew_ms`` says by how much the
    span's own was put right. An ``orphan`` names a parent that is not there.
    """

    at: int
    depth: int
    start_ns: int | None
    duration_ns: int
    skew_ms: float = 0.0
    orphan: bool = False
    ends_early: bool = False


class Waterfall(NamedTuple):
    """``placed`` are the first spans, of ``total``; times are of all."""

    placed: list[Placed]
    total: int
    start_ns: int | None
    end_ns: int | None
    orphans: int
    skewed: int
    ended_early: int


class _Task(NamedTuple):
    at: int
    depth: int
    shift: int
    orphan: bool


def waterfall(spans: Sequence[Span], services: Sequence[str | None], most: int) -> Waterfall:
    """Spans of one trace in order; ``services`` are whose each is. A span that came twice counts
    once. At most ``most`` are placed.
    """
    return _Waterfall(spans, services).build(most)


class _Waterfall:
    def __init__(self, spans: Sequence[Span], services: Sequence[str | None]) -> None:
        self._spans = spans
        self._services = services
        self._by_id: dict[str, int] = {}
        self._children: dict[int, list[int]] = defaultdict(list)
        self._roots: list[_Task] = []
        self._shifts: dict[str | None, int] = {}

    def build(self, most: int) -> Waterfall:
        once = self._once()
        self._hang(once)
        order = self._walk(once)
        placed = [self._place(task) for task in order]
        begun = [one.start_ns for one in placed if one.start_ns is not None]
        ended = [one.start_ns + one.duration_ns for one in placed if one.start_ns is not None]
        return Waterfall(
            placed[:most],
            len(placed),
            min(begun, default=None),
            max(ended, default=None),
            sum(one.orphan for one in placed),
            sum(bool(one.skew_ms) for one in placed),
            sum(one.ends_early for one in placed),
        )

    def _once(self) -> list[int]:
        """Spans in the order in which they began, each id once."""
        order = sorted(range(len(self._spans)), key=lambda at: (self._spans[at].start_ns or 0, at))
        kept = []
        for at in order:
            span_id = self._spans[at].span_id
            if span_id is not None and self._by_id.setdefault(span_id, at) != at:
                continue
            kept.append(at)
        return kept

    def _hang(self, once: Sequence[int]) -> None:
        for at in once:
            parent = self._spans[at].parent_id
            known = self._by_id.get(parent) if parent is not None else None
            if known is not None and known != at:
                self._children[known].append(at)
            else:
                self._roots.append(_Task(at, 0, 0, orphan=parent is not None))

    def _walk(self, once: Sequence[int]) -> list[_Task]:
        """Depth first, those without a parent in the order in which they began. Spans in a circle
        are reached from none: the first of each begins one.
        """
        seen: set[int] = set()
        lost = [root for root in self._roots if root.orphan]
        lost += [_Task(at, 0, 0, orphan=True) for at in once]
        parts = [self._below(root, seen) for root in self._roots if not root.orphan]
        # An orphan's clock is that of its service, by how much that was put right below others.
        parts += [self._below(one._replace(shift=self._shift_of(one.at)), seen) for one in lost]
        begun = sorted((part for part in parts if part), key=lambda part: self._start(part[0]))
        return [task for part in begun for task in part]

    def _below(self, root: _Task, seen: set[int]) -> list[_Task]:
        """A span and all below it that were not reached yet."""
        order: list[_Task] = []
        stack = [root]
        while stack:
            task = stack.pop()
            if task.at in seen:
                continue
            seen.add(task.at)
            order.append(task)
            self._shifts.setdefault(self._services[task.at], task.shift)
            stack += [
                _Task(child, task.depth + 1, self._shift(task, child), orphan=False)
                for child in reversed(self._children[task.at])
            ]
        return order

    def _shift_of(self, at: int) -> int:
        return self._shifts.get(self._services[at], 0)

    def _start(self, task: _Task) -> int:
        return (self._spans[task.at].start_ns or 0) + task.shift

    def _shift(self, parent: _Task, child: int) -> int:
        """By how much a child's clock is put right. Within a service it is its parent's; one of
        another service that lies outside its parent is moved into its middle, or to its start.
        """
        if self._services[child] == self._services[parent.at]:
            return parent.shift
        start, outer = self._spans[child].start_ns, self._spans[parent.at].start_ns
        if start is None or outer is None:
            return 0
        outer += parent.shift
        took, room = self._duration(child), self._duration(parent.at)
        if outer <= start and start + took <= outer + room:
            return 0
        if took > room:
            return 0 if start >= outer else outer - start
        return outer + (room - took) // 2 - start

    def _duration(self, at: int) -> int:
        span = self._spans[at]
        if span.start_ns is None or span.end_ns is None:
            return 0
        return max(0, span.end_ns - span.start_ns)

    def _place(self, task: _Task) -> Placed:
        span = self._spans[task.at]
        ends = span.start_ns is not None and span.end_ns is not None
        early = ends and (span.end_ns or 0) < (span.start_ns or 0)
        return Placed(
            task.at,
            task.depth,
            None if span.start_ns is None else span.start_ns + task.shift,
            self._duration(task.at),
            task.shift / _MS,
            task.orphan,
            early,
        )
