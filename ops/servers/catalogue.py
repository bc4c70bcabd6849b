"""All embedded servers, and the site of a home's servers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ops.home import Home, State
from ops.ports import keep_or_choose
from ops.servers.elasticsearch import ELASTICSEARCH
from ops.servers.model import Server, Site
from ops.servers.postgres import POSTGRES
from ops.servers.seaweedfs import SEAWEEDFS
from ops.servers.valkey import VALKEY

SERVERS: tuple[Server, ...] = (VALKEY, POSTGRES, SEAWEEDFS, ELASTICSEARCH)

_SECRETS = ("valkey", "postgres", "s3_access", "s3_secret", "session_key", "project_key", "token")


def needed_servers(environ: Mapping[str, str]) -> tuple[Server, ...]:
    """The servers that no address in the environment replaces."""
    return tuple(server for server in SERVERS if not environ.get(server.replaced_by))


def complete(state: State, servers: Sequence[Server]) -> None:
    """Give the state what it misses: ports that are free now, and secrets, made once."""
    names = [port for server in servers for port in server.ports]
    state.ports = keep_or_choose([*names, "flower"], state.ports)
    for name in _SECRETS:
        state.secrets.setdefault(name, secrets.token_hex(16))


def make_site(home: Home, state: State, cache: Path, say: Callable[[str], None]) -> Site:
    """The servers' view of a home."""
    return Site(home, cache, state.ports, state.secrets, say)


def addresses(site: Site, environ: Mapping[str, str]) -> dict[str, str]:
    """``SLUICE_*`` of every store: the embedded servers', overruled by the environment's own."""
    found: dict[str, str] = {}
    for server in needed_servers(environ):
        found.update(server.environment(site))
    found.update({name: value for name, value in environ.items() if name.startswith("SLUICE_")})
    return found
