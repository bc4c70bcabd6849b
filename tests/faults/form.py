"""How the faults are run: in full by ``./sluice test --faults``, else in a short form."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

FULL = os.environ.get("SLUICE_TEST_FAULTS") == "full"
SEED = int(os.environ.get("SLUICE_TEST_SEED", "4"))


def in_full(*items: T) -> tuple[T, ...]:
    """What the short form leaves out, since a sister of it is there."""
    return items if FULL else ()
