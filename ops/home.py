"""The home: one folder that holds everything of one installation, and its lock.

Layout: ``data/`` of the embedded servers, ``logs/``, ``run/`` (what may be lost), and
``state.json`` (ports, secrets, what was done once). Files are for their owner only. The state
is replaced in one rename, so a crash leaves the old one or the new one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from ops.errors import OpsError

MINIMUM_FREE_BYTES = 1 << 30


@dataclass(slots=True)
class State:
    """What a home remembers between starts. ``environment`` is ``SLUICE_*`` of the last ``up``;
    ``complete`` is false from its beginning to its end. ``project_id`` and ``public_key`` are of
    its project demo.
    """

    ports: dict[str, int] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    socket: str = ""
    sampled: bool = False
    project_id: int = 0
    public_key: str | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of state at ``root``."""

    root: Path

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def data(self) -> Path:
        return self.root / "data"

    def make(self) -> None:
        """Create the folders; raises :class:`OpsError` when the file system refuses."""
        try:
            for folder in (self.root, self.run, self.logs, self.data):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise OpsError(
                f"cannot make the folder of state {self.root}: {error.strerror}; "
                "name another with SLUICE_HOME"
            ) from error

    def load(self) -> State:
        """The remembered state, or a new one; raises :class:`OpsError` when it is unreadable."""
        path = self.root / "state.json"
        known = {item.name for item in fields(State)}
        try:
            kept = json.loads(path.read_bytes())
            # What another version remembers besides is not ours to trip over.
            return State(**{name: value for name, value in kept.items() if name in known})
        except FileNotFoundError:
            return State()
        except OSError as error:
            raise OpsError(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, AttributeError) as error:
            raise OpsError(f"cannot read {path}: {error}; move it away to start anew") from error

    def save(self, state: State) -> None:
        write_private(self.root / "state.json", json.dumps(asdict(state), indent=1))

    def check_space(self) -> None:
        """Raise :class:`OpsError` when the disk is too full to start anything on."""
        free = shutil.disk_usage(self.root).free
        if free < MINIMUM_FREE_BYTES:
            raise OpsError(
                f"the disk of {self.root} has {free >> 20} MiB free and Sluice needs 1024 MiB: "
                "free some space, or name another folder with SLUICE_HOME"
            )

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the home for one command; a second command waits until the first is done."""
        with (self.root / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def write_private(path: Path, text: str) -> None:
    """Replace ``path`` in one rename, readable by its owner only."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    Path(temporary).replace(path)
