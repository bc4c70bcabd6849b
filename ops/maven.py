"""Files of Maven's repository, fetched and checked: a server's archive, Java libraries of tests."""

from __future__ import annotations

import hashlib
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OpsError

_TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file by its coordinates, with the SHA-256 that it must have, in hex."""

    group: str
    name: str
    version: str
    sha256: str
    packaging: str = "jar"


def fetch_artifact(artifact: Artifact, folder: Path) -> Path:
    """The artifact, moved into the folder when it is whole and checked.

    Raises :class:`OpsError` when it cannot be had, or is not what is expected.
    """
    try:
        fetched = _download(artifact, folder / "maven")
    except (OSError, RuntimeError) as error:
        raise OpsError(f"cannot fetch {artifact.name} {artifact.version} ({error})") from error
    with fetched.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    if found != artifact.sha256:
        raise OpsError(f"the fetched {artifact.name} {artifact.version} has a wrong checksum")
    target = fetched.replace(folder / fetched.name)
    shutil.rmtree(folder / "maven")
    return target


def _download(artifact: Artifact, repository: Path) -> Path:
    with warnings.catch_warnings():
        # One of its dependencies warns, when imported, of a missing folder that we do not use.
        warnings.simplefilter("ignore")
        from jgo.maven import MavenContext  # noqa: PLC0415 - half a second, for the first start

    context = MavenContext(repo_cache=repository, timeout=_TIMEOUT_SECONDS)
    component = context.project(artifact.group, artifact.name).at_version(artifact.version)
    return Path(component.artifact(packaging=artifact.packaging).resolve())
