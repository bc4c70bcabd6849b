"""A web process as far as the spool goes: commits events without end, and tells each one accepted.

Run as a module of the checkout: ``python -m tests.integration.spooling_process HOME URL [BYTES]``,
where BYTES is the largest file the process may write. Prints ``ready``, then ids and refusals.
"""

from __future__ import annotations

import logging
import os
import resource
import sys
import time
from pathlib import Path

import structlog

from app.ingest.outbox import open_outbox
from broker.client import Broker
from config.settings import Secret, Settings
from events.envelope import Envelope
from events.ids import new_id, now_ms
from storage.errors import StoreDown


def main(home: str, url: str, largest_file: str = "") -> None:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    if largest_file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest_file),) * 2)
    settings = Settings(home=Path(home), redis_url=Secret(url), publish_timeout_seconds=0.5)
    outbox = open_outbox(settings, Broker(Secret(url), timeout=0.5).publish)
    outbox.start()
    say("ready")
    while True:
        events = [
            Envelope(new_id(now_ms()), 7, "crash", "raygun.entry", b"x" * 300) for _ in range(5)
        ]
        try:
            outbox.publish("crash", new_id(now_ms()), events)
        except StoreDown as refused:
            say(f"refused {refused}")
            time.sleep(0.02)
        else:
            say(" ".join(str(event.id) for event in events))


def say(line: str) -> None:
    # One write, unbuffered: a line is out or it is not, whenever the process is killed.
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
