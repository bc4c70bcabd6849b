"""What runs, and every address and key: the document of ``status --json``."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

import psutil

from config.settings import load_settings
from events.sentry.dsn import dsn
from ops.home import Home, State
from ops.paths import CHECKOUT
from ops.procfile import read_procfile
from ops.servers.elasticsearch import FLOOD_STAGE_BYTES
from ops.stack.plan import PROJECT, local_address, public_web_address
from ops.supervision.leftovers import alive
from ops.supervision.remote import Running, Supervisor


def status(home: Home, state: State) -> dict[str, Any]:
    """The document; works too when nothing runs or nothing ever did."""
    supervisor = Supervisor(state.socket) if state.socket else None
    up = supervisor is not None and supervisor.answers()
    running = supervisor.processes() if supervisor is not None and up else []
    processes = _processes(running, _queues(state))
    return {
        "state": _overall(processes, up=up),
        **_addresses(state),
        "project": {
            "id": state.project_id or None,
            "name": PROJECT,
            "key": state.secrets.get("project_key"),
            "dsn": _dsn(state),
        },
        "token": state.secrets.get("token"),
        "processes": processes,
        "home": str(home.root),
        "warnings": [*_orphans(home, up=up), *_warnings(home)],
    }


def _overall(processes: list[dict[str, Any]], *, up: bool) -> str:
    if not up:
        return "down"
    return "running" if all(item["state"] == "running" for item in processes) else "degraded"


def _addresses(state: State) -> dict[str, Any]:
    environment = state.environment
    settings = load_settings(environment)
    started = bool(environment)
    return {
        "web": web_address(environment) if started else None,
        "files": settings.files_url or None,
        "flower": f"http://127.0.0.1:{state.ports['flower']}" if started else None,
        "redis": settings.redis_url.reveal() or None,
        "postgres": settings.postgres_dsn.reveal() or None,
        "elasticsearch": settings.elasticsearch_url.reveal() or None,
        "s3": {
            "endpoint": settings.s3_endpoint or None,
            "bucket": settings.s3_bucket,
            "access_key": settings.s3_access_key.reveal() or None,
            "secret_key": settings.s3_secret_key.reveal() or None,
            "region": settings.s3_region,
        },
    }


def _dsn(state: State) -> str | None:
    if not state.environment or state.public_key is None:
        return None
    base = public_web_address(load_settings(state.environment))
    return dsn(base, state.public_key, state.project_id)


def web_address(environment: Mapping[str, str]) -> str:
    """Where a client on this machine finds the web tier."""
    return local_address(environment["SLUICE_WEB_HOST"], environment["SLUICE_WEB_PORT"])


def _queues(state: State) -> dict[str, list[str]]:
    parts = read_procfile(CHECKOUT / "Procfile", state.environment)
    return {part.name: list(part.queues) for part in parts}


def _processes(running: list[Running], queues: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    return [
        {
            "name": item.name,
            "pid": item.pid or None,
            "children": _children(item.pid),
            "state": item.state,
            "queues": queues.get(item.name, []),
        }
        for item in running
    ]


def _children(pid: int) -> list[int]:
    if not pid:
        return []
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:  # it ended after the supervisor was asked
        return []


def _orphans(home: Home, *, up: bool) -> list[str]:
    count = 0 if up else alive(home.run)
    if not count:
        return []
    return [
        f"{count} processes run without their supervisor, which was killed: nothing restarts them. "
        "./sluice up starts all anew, ./sluice down ends them"
    ]


def _warnings(home: Home) -> list[str]:
    if not home.root.exists():
        return []
    free = shutil.disk_usage(home.root).free
    if free >= FLOOD_STAGE_BYTES:
        return []
    return [
        f"the disk of {home.root} has {free >> 20} MiB free: below "
        f"{FLOOD_STAGE_BYTES >> 20} MiB Elasticsearch turns its indices read-only, and events wait "
        "in the search queues until space is freed"
    ]
