"""What granian loads in each of its processes, the web tier's and the file server's.

granian forks its processes with its own handler of SIGTERM, which only takes a note: until a
process serves, it would not hear that it is to end, and be killed when its time to end is over.
Nothing was accepted yet, so it may end at once. Hence the applications are imported only after
that is said: importing them is most of the start.
"""

from __future__ import annotations

import signal
from importlib import import_module
from typing import TYPE_CHECKING, Any

import config.plain_logs  # noqa: F401 - before whatever imports structlog
from config.collector import collect_seldom, freeze_shared

if TYPE_CHECKING:
    from flask import Flask

    from app.web import WebApplication


def web() -> WebApplication:
    """The web tier, as the environment says; raises ``SettingsError`` for one that cannot be."""
    application: WebApplication = _create("app.web")
    return application


def files() -> Flask:
    """The file server, as the environment says; raises ``SettingsError`` likewise."""
    application: Flask = _create("app.files.factory")
    return application


def _create(factory: str) -> Any:
    # TERM ends this process until granian, ready to serve, listens for it.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    made = import_module(factory).create()
    freeze_shared()
    collect_seldom()
    return made
