"""Failures of our own, as dead letters tell them."""

from __future__ import annotations

import pytest

from events.failures import traceback_of
from events.raygun.entry import RaygunEntry
from events.record import Malformed


def test_files_are_named_from_the_checkout_on() -> None:
    with pytest.raises(Malformed) as caught:
        RaygunEntry(b"{")
    told = traceback_of(caught.value, 16_000)
    assert 'File "events/raygun/entry.py", line ' in told
    assert 'File "tests/unit/test_failures.py", line ' in told
    assert traceback_of(ValueError("x" * 500), 100) == "x" * 99 + "\n"
