"""The real worker, but its child is killed once with SIGKILL around the step ``KILL_AT`` names.

That it happened is in the file ``KILLED_ONCE``.
"""

import functools
import os
import signal
from pathlib import Path

import tasks.stages
from storage.files.s3 import Bucket
from storage.files.store import FileStore
from tasks.worker import app

__all__ = ["app"]

_PLACES = {
    "write_pack": (FileStore, "write_pack"),
    "put": (Bucket, "put"),
    "hand_on": (tasks.stages, "send_pack"),
}


def _die_once() -> None:
    try:
        Path(os.environ["KILLED_ONCE"]).touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def _arm(step: str) -> None:
    name, _, moment = step.partition(":")
    owner, attribute = _PLACES[name]
    works = getattr(owner, attribute)

    @functools.wraps(works)
    def killed(*arguments, **named):
        if moment == "before":
            _die_once()
        done = works(*arguments, **named)
        if moment == "after":
            _die_once()
        return done

    setattr(owner, attribute, killed)


_arm(os.environ["KILL_AT"])
