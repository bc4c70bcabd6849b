"""An S3 server of the faults' own, reached through the fault proxy: it can be killed and slowed."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from ops.home import Home
from ops.paths import CHECKOUT, cache_path
from ops.programs import launcher_argv
from ops.servers.catalogue import complete, make_site
from ops.servers.seaweedfs import SEAWEEDFS
from tests.faults.fault_proxy import FaultProxy

_READY_SECONDS = 120


class ObjectStore:
    """SeaweedFS behind a :class:`FaultProxy`; ``environment`` tells Sluice where it is."""

    def __init__(self, folder: Path) -> None:
        home = Home(folder)
        home.make()
        state = home.load()
        complete(state, [SEAWEEDFS])
        state.secrets.update(s3_access=secrets.token_hex(8), s3_secret=secrets.token_hex(16))
        self._site = make_site(home, state, cache_path(os.environ), print)
        SEAWEEDFS.prepare(self._site)
        self._child: subprocess.Popen[bytes] | None = None
        self.proxy = FaultProxy(state.ports["seaweedfs-s3"])
        self.environment = {
            **SEAWEEDFS.environment(self._site),
            "SLUICE_S3_ENDPOINT": f"http://127.0.0.1:{self.proxy.port}",
        }

    def start(self) -> None:
        """Start the server and wait until it takes objects."""
        home = self._site.home
        with (home.logs / "seaweedfs.log").open("ab") as log:
            self._child = subprocess.Popen(
                launcher_argv(home, SEAWEEDFS.program(self._site)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            )
        deadline = time.monotonic() + _READY_SECONDS
        while (trouble := SEAWEEDFS.trouble(self._site)) is not None:
            assert time.monotonic() < deadline, f"SeaweedFS does not start: {trouble}"
            time.sleep(0.1)

    def kill(self) -> None:
        """SIGKILL it."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None

    @contextlib.contextmanager
    def killed(self) -> Iterator[None]:
        """SIGKILL it, and start it again afterwards."""
        self.kill()
        try:
            yield
        finally:
            self.start()

    def close(self) -> None:
        self.kill()
        self.proxy.close()
