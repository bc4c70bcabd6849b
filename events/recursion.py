"""Recursion folded away, so that its depth does not tell two stacks apart."""

from __future__ import annotations

#: Longest cycle looked for, in calls.
MAX_CYCLE = 8


def fold(calls: list[str]) -> list[str]:
    """The calls with every run of a repeated cycle as one turn of it.

    A turn starts at its smallest call, and the part of a turn that may follow the run is dropped:
    where in the cycle the stack began and ended does not matter either. Linear in the calls.
    """
    if len(set(calls)) == len(calls):
        return calls  # most stacks: nothing repeats
    folded: list[str] = []
    at = 0
    while at < len(calls):
        size, end = _cycle(calls, at)
        if size == 0:
            folded.append(calls[at])
            at += 1
            continue
        folded.extend(_from_smallest(calls[at : at + size]))
        at = end
    return folded


def _cycle(calls: list[str], at: int) -> tuple[int, int]:
    """Size of the shortest cycle that repeats at ``at``, and where the run ends; 0 for none."""
    for size in range(1, MAX_CYCLE + 1):
        if calls[at : at + size] == calls[at + size : at + 2 * size]:
            end = at + 2 * size
            while end < len(calls) and calls[end] == calls[end - size]:
                end += 1
            return size, end
    return 0, at


def _from_smallest(cycle: list[str]) -> list[str]:
    first = cycle.index(min(cycle))
    return cycle[first:] + cycle[:first]
