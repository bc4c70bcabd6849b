from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ops.home import Home
from ops.paths import CHECKOUT
from ops.programs import Program, launcher_argv, sighting_path
from ops.supervision.launch import CRASH_LOOP_SECONDS, crash_loop_wait
from ops.supervision.leftovers import Sighting, end_groups, members, read_sighting

# A parent with a child, as a worker with its pool; the child ignores TERM.
FAMILY = "trap '' TERM; (while :; do sleep 0.1; done) & trap - TERM; wait"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.make()
    return made


@pytest.fixture
def family(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    yield from _launched(home)


def _launched(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    program = Program("family", ("/bin/sh", "-c", FAMILY), stop_seconds=1)
    child = subprocess.Popen(
        launcher_argv(home, program), env={**os.environ, "PYTHONPATH": str(CHECKOUT)}
    )
    deadline = time.monotonic() + 20
    while len(_members(home)) < 2 or _seen(home).pid != child.pid:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield child
    end_groups([_seen(home)], at_once=True)
    child.wait()


def _seen(home: Home) -> Sighting:
    seen = read_sighting(sighting_path(home, "family"))
    assert seen is not None
    return seen


def _members(home: Home) -> list[int]:
    seen = read_sighting(sighting_path(home, "family"))
    return members(seen) if seen else []


def test_a_launcher_becomes_its_program(home: Home, family: subprocess.Popen[bytes]) -> None:
    assert _seen(home).pid == family.pid
    assert _members(home)[0] == family.pid


def test_children_of_a_killed_parent_are_still_ours(
    home: Home, family: subprocess.Popen[bytes]
) -> None:
    family.kill()
    family.wait()
    (child,) = [pid for pid in _members(home) if "sleep" not in _command(pid)]
    assert child != family.pid


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text()


def _runs(pid: int) -> bool:
    """Whether a process is there that did not end; init may be slow to clear one away."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_the_next_start_ends_what_the_last_one_left(
    home: Home, family: subprocess.Popen[bytes]
) -> None:
    left = _members(home)
    family.kill()
    family.wait()
    again = _launched(home)
    next(again)
    assert not [pid for pid in left if _runs(pid)]
    next(again, None)


def test_one_that_ignores_its_stop_signal_is_killed_in_time(
    home: Home, family: subprocess.Popen[bytes]
) -> None:
    begun = time.monotonic()
    assert end_groups([_seen(home)]) >= 2
    assert time.monotonic() - begun >= 1  # it had its time to end by itself
    assert _members(home) == []
    assert family.wait() == -signal.SIGTERM


def test_a_stranger_with_a_reused_number_is_left_alone(
    home: Home, family: subprocess.Popen[bytes]
) -> None:
    stranger = replace(_seen(home), ticks=_seen(home).ticks - 1)
    assert members(stranger) == []
    assert end_groups([stranger], at_once=True) == 0
    assert family.poll() is None


@pytest.mark.parametrize("content", ["", "{}", "12", '{"pid": 1}'])
def test_a_torn_sighting_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.pid").write_text(content)
    assert read_sighting(tmp_path / "x.pid") is None


def test_a_sighting_of_an_earlier_boot_is_none(tmp_path: Path) -> None:
    path = tmp_path / "x.pid"
    kept = {"pid": os.getpid(), "ticks": 1, "boot": "other", "at": 0.0}
    path.write_text(json.dumps({**kept, "stop_signal": "TERM", "stop_seconds": 1}))
    assert read_sighting(path) is None


def test_starts_of_a_crash_loop_lie_apart() -> None:
    seen = Sighting(1, 1, "b", at=100.0, stop_signal="TERM", stop_seconds=1)
    assert crash_loop_wait(None, 5.0) == 0
    assert crash_loop_wait(seen, 100.5) == CRASH_LOOP_SECONDS - 0.5
    assert crash_loop_wait(seen, 200.0) == 0


def test_the_launcher_runs_in_the_interpreter_of_the_checkout(home: Home) -> None:
    argv = launcher_argv(home, Program("x", ("true",)))
    assert argv[0] == sys.executable
