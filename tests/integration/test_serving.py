"""A process of the web tier or the file server that is told to end while it starts."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

# As granian forks it: with a handler that only takes a note. The application takes for ever.
_STARTING = """
import signal, sys, threading, types

signal.signal(signal.SIGTERM, lambda *_: None)
from app import serving

def create():
    print("starting", flush=True)
    threading.Event().wait()

sys.modules[sys.argv[2]] = types.SimpleNamespace(create=create)
getattr(serving, sys.argv[1])()
"""


@pytest.mark.parametrize(
    ("target", "factory"), [("web", "app.web"), ("files", "app.files.factory")]
)
def test_it_ends_although_it_does_not_serve_yet(target: str, factory: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _STARTING, target, factory], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"starting\n"
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(timeout=60) == -signal.SIGTERM
        finally:
            process.kill()
