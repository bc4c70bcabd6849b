"""Packages that tests run, installed into the cache: once for each list of them."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path


def installed_once(kind: str, lock: Path, cache: Path, install: Callable[[Path], None]) -> Path:
    """The folder of the packages that a list names; ``install`` fills an empty one.

    Two runs at once install one after the other; what a kill left half is made anew.
    """
    target = cache / f"{kind}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    done = target / "installed"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{kind}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            install(target)
            done.touch()
    return target
