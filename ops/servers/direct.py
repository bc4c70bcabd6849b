"""Embedded servers run by one process for its own time: the tests' way, without a supervisor."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ops.errors import OpsError
from ops.home import Home
from ops.paths import CHECKOUT
from ops.programs import launcher_argv, sighting_path
from ops.servers.catalogue import addresses, complete, make_site, needed_servers
from ops.servers.model import Server, Site
from ops.supervision.leftovers import end_groups, read_sighting

READY_SECONDS = 120.0


@contextlib.contextmanager
def running_servers(
    home: Home, cache: Path, environ: Mapping[str, str], say: Callable[[str], None]
) -> Iterator[dict[str, str]]:
    """Run the servers that ``environ`` does not replace; gives the ``SLUICE_*`` of all four.

    Raises :class:`OpsError` naming the server that does not start. On leaving, all are ended.
    """
    home.make()
    state = home.load()
    servers = needed_servers(environ)
    complete(state, servers)
    home.save(state)
    site = make_site(home, state, cache, say)
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        _start(servers, site, children)
        yield addresses(site, environ)
    finally:
        seen = [read_sighting(sighting_path(home, name)) for name in children]
        end_groups([sighting for sighting in seen if sighting])
        for child in children.values():
            child.wait()


def _start(
    servers: tuple[Server, ...], site: Site, children: dict[str, subprocess.Popen[bytes]]
) -> None:
    failures: list[OpsError] = []

    def prepare_and_start(server: Server) -> None:
        try:
            server.prepare(site)
            children[server.name] = _spawn(server, site)
        except OpsError as error:
            failures.append(error)

    threads = [threading.Thread(target=prepare_and_start, args=(server,)) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    for server in servers:
        _wait(server, site, children[server.name])


def _spawn(server: Server, site: Site) -> subprocess.Popen[bytes]:
    with (site.home.logs / f"{server.name}.log").open("ab") as log:
        return subprocess.Popen(
            launcher_argv(site.home, server.program(site)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        )


def _wait(server: Server, site: Site, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    trouble: str | None = "not asked yet"
    while trouble is not None:
        if child.poll() is not None or time.monotonic() > deadline:
            raise OpsError(
                f"{server.name} did not start ({trouble}): see {site.home.logs}/{server.name}.log"
            )
        time.sleep(0.1)
        trouble = server.trouble(site)
