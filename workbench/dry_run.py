"""What the pipeline would make of a dead letter now, tried stage by stage without keeping anything.

It is tried in a process of its own, with bounds of time and memory: the event may be one that kills
who works on it.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from config.settings import Settings, environment_of

STEPS = ("payload", "redact", "files", "normalise", "sql", "search")

SECONDS = 20.0
MEMORY_BYTES = 2 << 30
_AT_ONCE = 2
_ROOT = Path(__file__).resolve().parents[1]

_places = threading.BoundedSemaphore(_AT_ONCE)


class Busy(Exception):
    """As many dry runs as may be are under way in this process."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A step: ``passed``, ``failed`` with why, ``unknown`` while its store is away, or ``skipped``
    after a step that failed. ``told`` is what came of it.
    """

    step: str
    outcome: str
    why: str | None = None
    traceback: str | None = None
    told: str | None = None


@dataclass(frozen=True, slots=True)
class DryRun:
    """The steps in their order; ``record`` is what would be stored, as names and values."""

    steps: list[Tried]
    record: Mapping[str, Any] | None = field(default=None)

    @property
    def would_pass(self) -> bool:
        """Whether every step that could be tried passed."""
        return all(step.outcome in ("passed", "unknown") for step in self.steps)


def dry_run(settings: Settings, letter_id: UUID, seconds: float = SECONDS) -> DryRun:
    """Try a letter's current payload on every stage; writes no pack, row or document.

    Raises :class:`Busy`. A process that dies, or takes too long, is the failure of its step.
    """
    if not _places.acquire(blocking=False):
        raise Busy
    try:
        argv = [sys.executable, "-P", "-m", "workbench.rehearsing", str(letter_id)]
        environment = {**environment_of(settings), "PYTHONPATH": str(_ROOT)}
        with subprocess.Popen(  # noqa: S603 - ourselves, with an id of ours
            argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as child:
            return _watched(child, seconds)
    finally:
        _places.release()


def _watched(child: subprocess.Popen[bytes], seconds: float) -> DryRun:
    try:
        out, _ = child.communicate(timeout=seconds)
        how = _death(child.returncode)
    except subprocess.TimeoutExpired:
        child.kill()
        out, _ = child.communicate()
        how = f"it took longer than {seconds:g} s"
    return read_lines(out, how)


def _death(code: int) -> str | None:
    if code == 0:
        return None
    return f"its process was ended by signal {-code}" if code < 0 else f"its process ended: {code}"


def read_lines(out: bytes, death: str | None) -> DryRun:
    """The steps that a process told, up to its death; pure."""
    steps: dict[str, Tried] = {}
    begun: str | None = None
    record: Mapping[str, Any] | None = None
    for line in _documents(out):
        if "begin" in line:
            begun = str(line["begin"])
        elif "record" in line:
            record = line["record"]
        elif "step" in line:
            steps[str(line["step"])] = Tried(**line)
    if death is not None:
        step = begun if begun is not None and begun not in steps else "payload"
        steps[step] = Tried(step, "failed", f"{death}: it kills who works on it")
    return DryRun([steps.get(name, Tried(name, "skipped")) for name in STEPS], record)


def _documents(out: bytes) -> Iterator[dict[str, Any]]:
    for line in out.splitlines():
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError:  # cut by the death of who wrote it
            continue
        if isinstance(document, dict):
            yield document
