"""Spools of real processes that share a home: killed at any instant, adopted, and out of disk."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import pytest

from config.settings import Secret, Settings
from ops.paths import CHECKOUT
from storage.spool.state import read_spool_state
from tests.integration.test_ingest_commit import OwnBroker
from tests.integration.test_spool_outbox import (
    assert_exactly_once,
    await_drained,
    await_true,
    make_outbox,
)

DEADLINE = 30.0


class Web:
    """A process that accepts events until it is killed, and what it told."""

    started: ClassVar[list[Web]] = []

    def __init__(self, settings: Settings, largest_file: int | None = None) -> None:
        arguments = [str(settings.home), settings.redis_url.reveal()]
        arguments += [] if largest_file is None else [str(largest_file)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.spooling_process", *arguments],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
        )
        self.accepted: list[UUID] = []
        self.refused = 0
        self._rest = b""
        self.started.append(self)

    def read(self, until: float) -> None:
        """Take in what is told until a time, or the end."""
        assert self._process.stdout is not None
        while (left := until - time.monotonic()) > 0:
            if select.select([self._process.stdout], [], [], left)[0]:
                chunk = os.read(self._process.stdout.fileno(), 1 << 16)
                if not chunk:
                    return
                self._take(chunk)

    def _take(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"refused"):
                self.refused += 1
            elif len(line.split()[0]) == 36 and line[8:9] == b"-":
                self.accepted += [UUID(text.decode()) for text in line.split()]

    def kill(self) -> None:
        if self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self.read(time.monotonic() + DEADLINE)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def await_events(self, more: int) -> None:
        aim, deadline = len(self.accepted) + more, time.monotonic() + DEADLINE
        while len(self.accepted) < aim:
            assert time.monotonic() < deadline, "the process accepts nothing"
            self.read(time.monotonic() + 0.05)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[OwnBroker]:
    (tmp_path / "broker").mkdir()
    broker = OwnBroker(tmp_path / "broker")
    yield broker
    broker.kill()


@pytest.fixture(autouse=True)
def no_process_stays() -> Iterator[None]:
    yield
    for web in Web.started:
        web.kill()
    Web.started.clear()


@pytest.fixture
def settings(own: OwnBroker, tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path / "home",
        redis_url=Secret(f"redis://127.0.0.1:{own.port}/0"),
        spool_replay_rate=100_000,
    )


def assert_all_there(own: OwnBroker, settings: Settings, accepted: list[UUID]) -> None:
    """Every accepted event once; beside them only events whose process died before it told."""
    ids = own.ids()
    assert not set(accepted) - ids.keys()
    assert max(ids.values()) == 1
    assert_exactly_once(own, settings, list(ids))


def test_what_killed_processes_spooled_is_adopted_once(own: OwnBroker, settings: Settings) -> None:
    accepted: list[UUID] = []
    own.kill()
    for kill in range(3):
        one, two = Web(settings), Web(settings)
        for web in (one, two):
            web.await_events(50 + 13 * kill)
            web.kill()
            accepted += web.accepted
    assert read_spool_state(settings.home).events >= len(accepted)
    own.start()
    outboxes = [make_outbox(settings) for _ in range(3)]
    for outbox in outboxes:
        outbox.start()
    await_drained(settings)
    for outbox in outboxes:
        outbox.close()
    assert_all_there(own, settings, accepted)


def test_a_process_killed_while_it_replays_leaves_the_rest(
    own: OwnBroker, settings: Settings
) -> None:
    accepted: list[UUID] = []
    for _ in range(2):
        own.kill()
        web = Web(settings)
        web.await_events(1000)
        own.start()
        before = len(accepted)
        await_true(partial(_holds_more, own, before + 20), "no replay")
        web.kill()
        accepted += web.accepted
    outbox = make_outbox(settings)
    outbox.start()
    await_drained(settings)
    outbox.close()
    assert_all_there(own, settings, accepted)


def _holds_more(own: OwnBroker, events: int) -> bool:
    return own.ids().total() > events


def test_a_living_process_adopts_from_one_killed_beside_it(
    own: OwnBroker, settings: Settings
) -> None:
    own.kill()
    dead, alive = Web(settings), Web(settings)
    dead.await_events(100)
    alive.await_events(100)
    dead.kill()
    own.start()
    await_true(lambda: set(dead.accepted) <= own.ids().keys(), "nobody adopts")
    alive.kill()
    outbox = make_outbox(settings)
    outbox.start()
    await_drained(settings)
    outbox.close()
    assert_all_there(own, settings, [*dead.accepted, *alive.accepted])


def test_a_file_that_cannot_grow_refuses_what_it_cannot_hold(
    own: OwnBroker, settings: Settings
) -> None:
    own.kill()
    web = Web(settings, largest_file=20_000)
    _await_refusals(web, 10)
    web.kill()
    assert web.accepted
    own.start()
    _replay(own, settings, web.accepted)


@pytest.fixture
def largest_file(settings: Settings) -> Iterator[int | None]:
    """Makes the home a file system of 256 KiB; where this user may not, bounds files instead."""
    settings.home.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(settings.home)]
    mounted = shutil.which("mount") and subprocess.run(command, check=False).returncode == 0
    yield None if mounted else 200_000
    if mounted:
        subprocess.run(["umount", str(settings.home)], check=True)


def test_a_full_disk_refuses_counts_and_recovers(
    own: OwnBroker, settings: Settings, largest_file: int | None
) -> None:
    own.kill()
    web = Web(settings, largest_file)
    _await_refusals(web, 10)
    assert read_spool_state(settings.home).refused >= 50
    own.start()
    await_true(partial(_holds_more, own, len(web.accepted) - 1), "no replay")
    web.await_events(200)  # refuses no more
    web.kill()
    _replay(own, settings, web.accepted)


def _await_refusals(web: Web, count: int) -> None:
    deadline = time.monotonic() + DEADLINE
    while web.refused < count:
        assert time.monotonic() < deadline, "nothing is refused"
        web.read(time.monotonic() + 0.05)


def _replay(own: OwnBroker, settings: Settings, accepted: list[UUID]) -> None:
    outbox = make_outbox(settings)
    outbox.start()
    await_drained(settings)
    outbox.close()
    assert_all_there(own, settings, accepted)
