"""One Sluice for all faults, with an object store that can be killed and slowed.

``SLUICE_TEST_FAULTS=full`` (``./sluice test --faults``) gives each fault its full length and
writes the table of the README; otherwise each lasts a few seconds.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.faults.form import FULL, SEED
from tests.faults.ground import Ground
from tests.faults.installation import CHECKOUT, Installation
from tests.faults.object_store import ObjectStore
from tests.faults.outcome import Outcome
from tests.faults.report import plain_table, write_results

#: Drawn faults are as long as they are: there is no short form of five minutes of them.
collect_ignore = [] if FULL else ["test_mix.py"]

_outcomes = pytest.StashKey[list[Outcome]]()


@pytest.fixture(scope="session")
def ground(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Ground]:
    """Everything is up and idle; what a scenario breaks it mends."""
    folder = tmp_path_factory.mktemp("faults")
    store = ObjectStore(folder / "s3")
    sluice = Installation(folder / "home", _environment(store))
    ground = Ground(sluice, store, FULL, random.Random(SEED))
    request.config.stash[_outcomes] = ground.outcomes
    try:
        store.start()
        sluice.up()
        yield ground
    finally:
        if request.session.testsfailed:
            sys.stdout.write(last_words(sluice.home / "logs"))
        sluice.run("down")
        store.close()


def _environment(store: ObjectStore) -> dict[str, str]:
    # Short faults are over before a lease of the usual ten seconds lapses.
    return store.environment if FULL else {**store.environment, "SLUICE_LEASE_SECONDS": "4"}


def last_words(logs: Path, lines: int = 15) -> str:
    """The ends of the logs, for whoever must find out why a fault was not endured."""
    parts = []
    for path in sorted(logs.glob("*.log")):
        tail = path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
        parts.append("\n".join([f"--- {path.name}", *(line[:500] for line in tail)]))
    return "\n".join(parts)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the table, and in the full form write it down."""
    outcomes = config.stash.get(_outcomes, [])
    if not outcomes:
        return
    terminalreporter.section("faults")
    for line in plain_table(outcomes):
        terminalreporter.write_line(line)
    if FULL:
        path = write_results(CHECKOUT, outcomes, datetime.now(UTC))
        terminalreporter.write_line(f"written to README.md and {path}")
