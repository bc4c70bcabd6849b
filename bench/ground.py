"""Where a measurement stands: four real servers, an empty place on them, and processes to watch.

Servers are started for the run in a temporary home on free ports, but for those that the
environment names (``SLUICE_REDIS_URL`` and so on). On the latter a fresh database, bucket, search
prefix and an emptied Redis database are used, so nobody else's may be named.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
import redis

from bench.processes import Watched, listening_pids
from broker.client import Broker
from config.settings import Settings, load_settings
from ops.home import Home
from ops.paths import CHECKOUT, SCRIPTS, cache_path
from ops.ports import keep_or_choose
from ops.procfile import read_procfile
from ops.servers.direct import running_servers
from ops.stack.provision import bring_up_to_date
from storage.sql.database import Database
from storage.sql.projects import Projects

BROKER_DATABASE = 9
PATIENCE_SECONDS = 120.0
Say = Callable[[str], None]


@dataclass(slots=True)
class Ground:
    """The servers' addresses, a project to send to, and what was started beside them."""

    environment: dict[str, str]
    settings: Settings
    project_id: int
    key: str
    servers: dict[str, Watched]
    logs: Path
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def broker(self) -> Broker:
        return Broker(self.settings.redis_url, timeout=60)

    def redis(self) -> redis.Redis[bytes]:
        return redis.Redis.from_url(self.settings.redis_url.reveal(), socket_timeout=60)

    def start(self, name: str, argv: list[str], extra: Mapping[str, str] | None = None) -> Watched:
        """Start a process of our own; what it prints goes to the log of its name."""
        with self.log(name).open("ab") as log:
            child = subprocess.Popen(
                argv,
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **self.environment, **(extra or {})},
            )
        self.children[name] = child
        return Watched(name, child.pid)

    def log(self, name: str) -> Path:
        """Where a process of ours prints to."""
        return self.logs / f"bench-{name}.log"

    def stop(self, *names: str) -> None:
        """End processes of our own, gently and then for certain; all of them without a name."""
        chosen = {name: self.children.pop(name) for name in names or list(self.children)}
        for child in chosen.values():
            _signal(child, signal.SIGTERM)
        for child in chosen.values():
            try:
                child.wait(timeout=40)
            except subprocess.TimeoutExpired:
                _signal(child, signal.SIGKILL)
                child.wait()

    def part(self, name: str) -> list[str]:
        """The command of a part as the Procfile has it."""
        for program in read_procfile(CHECKOUT / "Procfile", self.environment):
            if program.name == name:
                return list(program.argv)
        raise KeyError(name)

    def empty_broker(self) -> None:
        with self.redis() as client:
            client.flushdb()


def _signal(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


@contextlib.contextmanager
def ground(say: Say) -> Iterator[Ground]:
    """A fresh ground; everything that was started for it ends with it."""
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        root = Path(folder)
        root.chmod(0o755)  # Elasticsearch runs as another user and must reach its data
        home = Home(root / "home")
        given = {name: value for name, value in os.environ.items() if name.startswith("SLUICE_")}
        with running_servers(home, cache_path(os.environ), given, say) as addresses:
            found = _prepare(addresses, home, say)
            try:
                yield found
            finally:
                found.stop()


def _prepare(addresses: Mapping[str, str], home: Home, say: Say) -> Ground:
    mark = uuid.uuid4().hex[:10]
    web = keep_or_choose(["web"], {})["web"]
    environment = {
        **addresses,
        "SLUICE_HOME": str(home.root),
        "SLUICE_WEB_HOST": "127.0.0.1",
        "SLUICE_WEB_PORT": str(web),
        "SLUICE_REDIS_URL": _own_redis(addresses["SLUICE_REDIS_URL"]),
        "SLUICE_POSTGRES_DSN": _own_database(addresses["SLUICE_POSTGRES_DSN"], f"bench_{mark}"),
        "SLUICE_S3_BUCKET": f"bench-{mark}",
        "SLUICE_SEARCH_PREFIX": f"bench-{mark}",
        "SLUICE_SESSION_KEY": mark,
        "PYTHONPATH": str(CHECKOUT),
        "PATH": f"{SCRIPTS}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }
    defaults = Settings()
    for name in ("web_workers", "web_threads"):
        environment.setdefault(f"SLUICE_{name.upper()}", str(getattr(defaults, name)))
    settings = load_settings(environment)
    bring_up_to_date(settings, say)
    database = Database(settings.postgres_dsn, max_connections=1)
    try:
        project, key = Projects(database).create("bench")
    finally:
        database.close()
    place = Ground(environment, settings, project.id, key, _servers(addresses), home.logs)
    place.empty_broker()
    return place


def _own_redis(url: str) -> str:
    return urllib.parse.urlsplit(url)._replace(path=f"/{BROKER_DATABASE}").geturl()


def _own_database(dsn: str, name: str) -> str:
    connection = psycopg2.connect(dsn)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
    finally:
        connection.close()
    return urllib.parse.urlsplit(dsn)._replace(path=f"/{name}").geturl()


def _servers(addresses: Mapping[str, str]) -> dict[str, Watched]:
    """The servers' processes, by the ports they listen on."""
    urls = {
        "valkey": addresses["SLUICE_REDIS_URL"],
        "postgres": addresses["SLUICE_POSTGRES_DSN"],
        "seaweedfs": addresses["SLUICE_S3_ENDPOINT"],
        "elasticsearch": addresses["SLUICE_ELASTICSEARCH_URL"],
    }
    pids = listening_pids()
    ports = {name: urllib.parse.urlsplit(url).port or 0 for name, url in urls.items()}
    return {name: Watched(name, pids[port]) for name, port in ports.items() if port in pids}


def wait_until(what: str, done: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Ask until it is so; raises ``TimeoutError`` that names what did not come."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.05)
