"""The Elasticsearch distribution: fetched once, checked, and unpacked into the cache whole.

The archive is the server's core without its optional modules. It unpacks into a temporary
folder that is renamed when complete, so a kill at any time leaves nothing half done, and two
runs at once do not disturb each other.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from ops.errors import OpsError
from ops.maven import Artifact, fetch_artifact

VERSION = "8.19.3"
_ARCHIVE = Artifact(
    "org.elasticsearch.distribution.integ-test-zip",
    "elasticsearch",
    VERSION,
    "c4b08b70523700efde9f3e4c9287229f085c2c0db1efca5c6a7d65abbdb9f2e1",
    "zip",
)


def unpacked(cache: Path, say: Callable[[str], None]) -> Path:
    """The unpacked distribution, fetched if it is not there; raises :class:`OpsError`."""
    target = cache / f"elasticsearch-{VERSION}"
    if target.exists():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    say("elasticsearch: fetching version " + VERSION + " (97 MB)…")
    with tempfile.TemporaryDirectory(dir=cache, prefix=".elasticsearch-") as folder:
        archive = _fetch(Path(folder))
        say("elasticsearch: unpacking…")
        fresh = _unpack(archive, Path(folder))
        try:
            fresh.rename(target)
        except OSError:
            if not target.exists():  # else another run was first, with the same content
                raise
    return target


def _fetch(folder: Path) -> Path:
    try:
        return fetch_artifact(_ARCHIVE, folder)
    except OpsError as error:
        raise OpsError(
            f"{error}: check the network, or set SLUICE_ELASTICSEARCH_URL to a server of your own"
        ) from error


def _unpack(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as content:
        content.extractall(folder / "content")
    fresh = folder / "content" / f"elasticsearch-{VERSION}"
    for name in (fresh / "bin").iterdir():
        name.chmod(0o755)
    return fresh
