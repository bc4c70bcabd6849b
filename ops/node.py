"""Node packages that tests run, such as real JavaScript SDKs, installed into the cache."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from ops.errors import OpsError
from ops.once import installed_once


def install_node_packages(source: Path, cache: Path, say: Callable[[str], None]) -> Path:
    """The folder ``node_modules`` of ``source``'s lock file, installed once per lock file.

    Raises :class:`OpsError` when Node or npm is missing or npm fails.
    """

    def install(target: Path) -> None:
        say(f"installing the Node packages of {source.parent.name} tests…")
        _install(source, target)

    lock = source / "package-lock.json"
    return installed_once("node", lock, cache, install) / "node_modules"


def _install(source: Path, target: Path) -> None:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise OpsError(
            "the tests run JavaScript, real SDKs too, and need Node 18 or newer with npm: "
            "install them (Debian: apt-get install nodejs npm)"
        )
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(source / name, target / name)
    result = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=target,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        last = result.stderr.strip().splitlines()[-1:] or ["no word why"]
        raise OpsError(f"npm could not install the packages of the tests: {last[0]}")
