"""Faults drawn at random by a seed (SLUICE_TEST_SEED), one after the other without a rest."""

from __future__ import annotations

import time

import pytest

from tests.faults import injections
from tests.faults.form import SEED
from tests.faults.ground import Ground
from tests.faults.test_faults import endured

pytestmark = pytest.mark.timeout(1800)

MINUTES = 5


def test_a_random_mix(ground: Ground) -> None:
    def mix(found: Ground) -> None:
        until = time.monotonic() + 60 * MINUTES
        while time.monotonic() < until:
            found.random.choice(injections.ALL)(found)

    endured(ground.endure(f"a random mix for {MINUTES} minutes, seed {SEED}", mix))
