"""Makes ``.venv`` and installs the pinned requirements; runs on the standard library alone.

Run as ``python ops/bootstrap.py requirements.txt``. A copy of the list is kept beside what was
installed from it and written last, so a kill in between means installing again, not half.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
import venv
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parent.parent
_VENV = _CHECKOUT / ".venv"
_TOLD_EVERY = 10


def installed(name: str) -> bool:
    """Whether exactly the list ``name`` was installed, and whole."""
    stamp = _VENV / f"{name}.installed"
    return stamp.exists() and stamp.read_bytes() == (_CHECKOUT / name).read_bytes()


def install(name: str) -> int:
    """Install the list ``name`` unless it is installed; returns the exit code of the step.

    Two runs at once install one after the other.
    """
    with (_CHECKOUT / name).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if installed(name):
            return 0
        if not _has_pip():
            _say("making .venv…")
            if not _make_venv():
                return 1
        _say(f"installing {name} (a minute or two the first time)…")
        code = _pip(name)
        if code == 0:
            (_VENV / f"{name}.installed").write_bytes((_CHECKOUT / name).read_bytes())
            if name != "requirements.txt":  # the longer list contains the shorter
                (_VENV / "requirements.txt.installed").write_bytes(
                    (_CHECKOUT / "requirements.txt").read_bytes()
                )
        else:
            _say(f"could not install {name}: the lines above say why (network? disk full?)")
        return code


def _has_pip() -> bool:
    """Whether ``.venv`` is whole: pip comes last, so a kill while it was made leaves none."""
    asked = [str(_VENV / "bin" / "python"), "-m", "pip", "--version"]
    try:
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _make_venv() -> bool:
    try:
        venv.create(_VENV, with_pip=True, clear=_VENV.exists())
    except (OSError, subprocess.CalledProcessError) as error:
        _say(
            f"could not make .venv ({error}): if this Python has no venv, install it "
            "(Debian: apt-get install python3-venv)"
        )
        return False
    return True


def _pip(name: str) -> int:
    argv = [str(_VENV / "bin" / "python"), "-m", "pip", "install", "--progress-bar", "off"]
    argv += ["--disable-pip-version-check", "-r", str(_CHECKOUT / name)]
    seen = 0
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as pip:
        for line in pip.stdout or ():
            seen += line.startswith("Collecting")
            if line.startswith("Collecting") and seen % _TOLD_EVERY == 0:
                _say(f"{seen} packages fetched…")
            elif line.startswith("Installing"):
                _say(f"{seen} packages fetched, installing…")
    return pip.returncode


def _say(text: str) -> None:
    print(f"sluice: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(install(sys.argv[1]))
