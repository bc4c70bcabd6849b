"""What the code of this checkout is called: its version, and its commit where git can tell."""

from __future__ import annotations

import configparser
import shutil
import subprocess

from ops.paths import CHECKOUT

_SECONDS = 5.0


def checkout_release() -> str:
    """Such as ``0.1.0+7c5a2c0``; the version alone in a copy without git."""
    parser = configparser.ConfigParser()
    parser.read(CHECKOUT / "setup.cfg", encoding="utf-8")
    version = parser.get("metadata", "version", fallback="unknown")
    commit = _commit()
    return f"{version}+{commit}" if commit else version


def _commit() -> str:
    git = shutil.which("git")
    if git is None or not (CHECKOUT / ".git").exists():
        return ""
    try:
        done = subprocess.run(
            [git, "-C", str(CHECKOUT), "describe", "--always", "--dirty", "--exclude", "*"],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
