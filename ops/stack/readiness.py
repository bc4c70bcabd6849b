"""Waiting for servers and parts, telling which is late, and why one will not come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import urllib3

from ops.errors import OpsError
from ops.servers.elasticsearch import search_trouble
from ops.servers.postgres import sql_trouble
from ops.servers.seaweedfs import s3_trouble
from ops.servers.valkey import broker_trouble
from ops.supervision.remote import Supervisor

READY_SECONDS = 120.0
_TELL_SECONDS = 5.0
_MOST_STARTS = 3


@dataclass(slots=True)
class Awaited:
    """Something that is starting: ``trouble`` gives why it is not ready, or ``None``."""

    name: str
    trouble: Callable[[], str | None]
    pids: set[int] = field(default_factory=set)
    last: str = "not asked yet"


def wait_ready(
    awaited: Iterable[Awaited], supervisor: Supervisor, logs: Path, say: Callable[[str], None]
) -> None:
    """Wait until all are ready, telling each; raises :class:`OpsError` for one that is not.

    One that keeps dying is given up at its third process, a silent one after two minutes.
    """
    begun = told = time.monotonic()
    waiting = list(awaited)
    while waiting:
        running = {item.name: item.pid for item in supervisor.processes()}
        for item in list(waiting):
            trouble = item.trouble()
            seconds = time.monotonic() - begun
            if trouble is None:
                waiting.remove(item)
                say(f"{item.name}: ready in {seconds:.1f} s")
                continue
            item.last = trouble
            item.pids.add(running.get(item.name, 0))
            if len(item.pids - {0}) >= _MOST_STARTS or seconds > READY_SECONDS:
                raise OpsError(f"{item.name} does not start: {_why(item, logs)}")
        if waiting and time.monotonic() - told > _TELL_SECONDS:
            told = time.monotonic()
            say(f"{', '.join(item.name for item in waiting)}: starting…")
        time.sleep(0.1)


def _why(item: Awaited, logs: Path) -> str:
    path = logs / f"{item.name}.log"
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        lines = []
    last = next((line.strip()[:300] for line in reversed(lines) if line.strip()), item.last)
    return f"{last} (all of it: {path})"


def check_external(environ: Mapping[str, str]) -> None:
    """Raise :class:`OpsError` naming the address in the environment that cannot be used."""
    probes: dict[str, Callable[[str], str | None]] = {
        "SLUICE_REDIS_URL": broker_trouble,
        "SLUICE_POSTGRES_DSN": sql_trouble,
        "SLUICE_ELASTICSEARCH_URL": search_trouble,
        "SLUICE_S3_ENDPOINT": lambda _url: s3_trouble(dict(environ)),
    }
    for name, probe in probes.items():
        trouble = probe(environ[name]) if environ.get(name) else None
        if trouble is not None:
            raise OpsError(
                f"the server that {name} names cannot be used ({trouble}): start it, correct the "
                "address, or unset it to have an embedded one"
            )


def web_trouble(url: str) -> str | None:
    """Why the web tier, or the file server, is not ready, or ``None``."""
    try:
        answer = urllib3.request("GET", f"{url}/health/ready", timeout=5, retries=False)
    except urllib3.exceptions.HTTPError as error:
        return str(error)
    return None if answer.status == HTTPStatus.OK else answer.data.decode("utf-8", "replace")[:300]
