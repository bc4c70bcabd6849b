"""Where things are: the checkout, its home of state and the shared cache of downloads."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent

#: Folder of the interpreter's own scripts and of the tools that packages bring (``weed``).
SCRIPTS = Path(sys.executable).parent


def home_path(environ: Mapping[str, str]) -> Path:
    """``SLUICE_HOME``, or ``.sluice`` in the checkout."""
    return _absolute(environ.get("SLUICE_HOME") or str(CHECKOUT / ".sluice"))


def cache_path(environ: Mapping[str, str]) -> Path:
    """``SLUICE_CACHE``, or a folder under the user's cache folder."""
    base = environ.get("XDG_CACHE_HOME") or "~/.cache"
    return _absolute(environ.get("SLUICE_CACHE") or f"{base}/sluice")


def _absolute(text: str) -> Path:
    return Path(text).expanduser().absolute()
