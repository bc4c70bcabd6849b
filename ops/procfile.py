"""The Procfile: one line a part, ``name: command``, run by the shell in the checkout."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from config.policy import match_queues
from ops.errors import OpsError
from ops.paths import CHECKOUT, SCRIPTS
from ops.programs import Program


def read_procfile(path: Path, environment: Mapping[str, str]) -> list[Program]:
    """Its programs, in order; raises :class:`OpsError` on a line that is none."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    added = {
        **environment,
        "PATH": f"{SCRIPTS}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(CHECKOUT),
    }
    return [_program(line, added) for line in lines if line and not line.startswith("#")]


def _program(line: str, environment: dict[str, str]) -> Program:
    name, colon, command = line.partition(":")
    if not colon or not command.strip():
        raise OpsError(f"a line of the Procfile is not 'name: command': {line!r}")
    return Program(
        name=name.strip(),
        # exec: the supervisor then watches the program itself, not a shell before it.
        argv=("/bin/sh", "-c", f"exec {command.strip()}"),
        environment=environment,
        queues=tuple(worker_queues(command)),
    )


def worker_queues(command: str) -> list[str]:
    """Queues of a ``sluice worker`` command; none of any other."""
    words = shlex.split(command)
    if "worker" not in words[:2]:
        return []
    patterns = [word for word in words[words.index("worker") + 1 :] if not word.startswith("-")]
    return match_queues(patterns) if patterns else []
