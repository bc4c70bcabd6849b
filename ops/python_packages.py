"""Python packages that tests run in environments of their own, such as other versions of SDKs."""

from __future__ import annotations

import subprocess
import venv
from collections.abc import Callable
from pathlib import Path

from ops.errors import OpsError
from ops.once import installed_once


def install_python_packages(lock: Path, cache: Path, say: Callable[[str], None]) -> Path:
    """The Python of an environment with the packages of a list, and no others.

    Raises :class:`OpsError` when pip fails.
    """

    def install(target: Path) -> None:
        say(f"installing {lock.name} for the tests…")
        venv.create(target, with_pip=True)
        result = subprocess.run(
            [str(_python(target)), "-m", "pip", "install", "--quiet", "-r", str(lock)],
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            last = result.stderr.strip().splitlines()[-1:] or ["no word why"]
            raise OpsError(f"pip could not install {lock.name}: {last[0]}")

    return _python(installed_once("python", lock, cache, install))


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"
