"""Java libraries that tests run, such as real SDKs, fetched into the cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ops.maven import Artifact, fetch_artifact
from ops.once import installed_once


def install_java_packages(lock: Path, cache: Path, say: Callable[[str], None]) -> Path:
    """The folder with the jars of a list, a line ``group:name:version sha256`` each.

    Raises :class:`OpsError` when one cannot be had, or is not what the list says.
    """

    def install(target: Path) -> None:
        say(f"fetching {lock.name} for the tests…")
        for line in lock.read_text(encoding="utf-8").splitlines():
            coordinates, sha256 = line.split()
            group, name, version = coordinates.split(":")
            fetch_artifact(Artifact(group, name, version, sha256), target)

    return installed_once("java", lock, cache, install)
