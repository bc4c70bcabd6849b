"""Python's collector of cycles, for processes that make much and few cycles.

``docs/memory.md`` tells what each choice saves, and how to measure it again.
"""

from __future__ import annotations

import gc

COLLECT_AFTER = 50_000
"""Containers made before the youngest generation is looked through. A pack of 2,000 events makes
some 150,000, all of which live until it is stored: at Python's 700 they are looked through 200
times for nothing, 15 to 29 % of a stage's time."""
OLDER_AFTER = 20
OLDEST_AFTER = 100


def freeze_shared() -> None:
    """Keep the collector off what there is now and stays: a web process is else stopped for 70 ms,
    again and again, to look at its imports.
    """
    gc.collect()
    gc.freeze()


def collect_seldom() -> None:
    """Collect as seldom as the work makes garbage that only the collector can find."""
    gc.set_threshold(COLLECT_AFTER, OLDER_AFTER, OLDEST_AFTER)
