"""The Elasticsearch distribution: fetched once, checked, and unpacked into the cache whole.

The archive is the server's core without its optional modules. It unpacks into a temporary
folder that is renamed when complete, so a kill at any time leaves nothing half done, and two
runs at once do not disturb each other.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

from ops.errors import OpsError

VERSION = "8.19.3"
_GROUP, _ARTIFACT = "org.elasticsearch.distribution.integ-test-zip", "elasticsearch"
_SHA256 = "c4b08b70523700efde9f3e4c9287229f085c2c0db1efca5c6a7d65abbdb9f2e1"
_FETCH_TIMEOUT_SECONDS = 60


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
        archive = _download(folder / "maven")
    except (OSError, RuntimeError) as error:
        raise OpsError(
            f"cannot fetch Elasticsearch {VERSION} ({error}): check the network, "
            "or set SLUICE_ELASTICSEARCH_URL to a server of your own"
        ) from error
    with archive.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    if found != _SHA256:
        raise OpsError(f"the fetched Elasticsearch {VERSION} has a wrong checksum: try again")
    return archive


def _download(repository: Path) -> Path:
    with warnings.catch_warnings():
        # One of its dependencies warns, when imported, of a missing folder that we do not use.
        warnings.simplefilter("ignore")
        from jgo.maven import MavenContext  # noqa: PLC0415 - half a second, for the first start

    context = MavenContext(repo_cache=repository, timeout=_FETCH_TIMEOUT_SECONDS)
    component = context.project(_GROUP, _ARTIFACT).at_version(VERSION)
    return Path(component.artifact(packaging="zip").resolve())


def _unpack(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as content:
        content.extractall(folder / "content")
    fresh = folder / "content" / f"elasticsearch-{VERSION}"
    for name in (fresh / "bin").iterdir():
        name.chmod(0o755)
    shutil.rmtree(folder / "maven")
    return fresh
