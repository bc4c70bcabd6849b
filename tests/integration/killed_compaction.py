"""``tasks.compaction_command``, but killed with SIGKILL before or after the step ``KILL_AT`` names.

``KILL_AT`` is such as ``Merges.move:after``; rows move two at a time, so that a move has several.
"""

import functools
import os
import signal
import sys

import tasks.merging
from storage.files.merge import Merging
from storage.files.multipart import Upload
from storage.files.s3 import Bucket
from storage.sql.doomed import DoomedPacks
from storage.sql.merges import Merges
from tasks.compaction_command import main

_CLASSES = {kind.__name__: kind for kind in (Bucket, DoomedPacks, Merges, Merging, Upload)}


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _arm(step: str) -> None:
    name, _, moment = step.partition(":")
    owner, _, method = name.partition(".")
    works = getattr(_CLASSES[owner], method)

    @functools.wraps(works)
    def killed(*arguments, **named):
        if moment == "before":
            _die()
        works(*arguments, **named)
        _die()

    setattr(_CLASSES[owner], method, killed)


if __name__ == "__main__":
    tasks.merging.MOVED_AT_ONCE = 2
    _arm(os.environ["KILL_AT"])
    sys.exit(main(sys.argv[1:]))
