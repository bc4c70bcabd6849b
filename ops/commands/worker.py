"""worker: one pool of workers on a set of queues."""

from __future__ import annotations

import os
import re
import sys

import click

from config.policy import match_queues
from config.settings import SettingsError, load_settings
from ops.commands.context import current_environment, current_home
from ops.commands.output import say, told
from ops.errors import OpsError
from ops.paths import CHECKOUT
from ops.release import checkout_release
from ops.stack.presence import NOT_RUNNING, is_idle

#: glibc gives each thread an arena of its own, and what one frees another does not use; once it saw
#: large blocks freed it keeps them in arenas, unless it is told from which size a block is large.
ALLOCATOR = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "262144",
}
_SUPERVISED = "SUPERVISOR_PROCESS_NAME"
"""The supervisor's name for what it started."""


@click.command()
@click.argument("queues", nargs=-1, required=True)
@click.option("--concurrency", default=1, show_default=True, help="Processes of the pool.")
@click.option("--pool", default="prefork", show_default=True, help="prefork, threads or solo.")
@click.option("--name", help="Name of the pool in Flower; made from the queues otherwise.")
@click.option("--beat", is_flag=True, help="Also keep the clock of the system's periodic tasks.")
@told
def worker(
    queues: tuple[str, ...], concurrency: int, pool: str, name: str | None, beat: bool
) -> None:
    """Work on QUEUES (globs such as 'crash.*') until stopped.

    The first TERM or Ctrl-C finishes what is in hand.
    """
    try:
        matched = match_queues(queues)
    except ValueError as error:
        raise OpsError(str(error)) from error
    if not os.environ.get(_SUPERVISED) and is_idle(current_home(), os.environ):
        say(f"{NOT_RUNNING}. This pool waits for its broker")
    # Not the last start's release: what runs from here on is the code that is here now.
    release = {"SLUICE_RELEASE": os.environ.get("SLUICE_RELEASE") or checkout_release()}
    environment = {**ALLOCATOR, **os.environ, **current_environment(), **release}
    environment["PYTHONPATH"] = str(CHECKOUT)
    try:
        load_settings(environment)
    except SettingsError as error:  # else Celery tells it below forty lines of traceback
        raise OpsError(str(error)) from error
    argv = worker_argv(matched, name or own_name(queues), pool, concurrency)
    if beat:
        argv.append("--beat")
    os.chdir(CHECKOUT)
    os.execve(argv[0], argv, environment)  # noqa: S606 - no shell is the point


def worker_argv(queues: list[str], name: str, pool: str, concurrency: int) -> list[str]:
    """Celery's command for a pool. Workers need no gossip: the broker's leases tell who lives."""
    argv = [sys.executable, "-m", "celery", "--app", "tasks.worker:app", "worker"]
    argv += ["--pool", pool, "--concurrency", str(concurrency), "--queues", ",".join(queues)]
    argv += ["--hostname", f"{name}@%h", "--without-gossip", "--without-mingle"]
    return [*argv, "--loglevel", "INFO"]


def own_name(patterns: tuple[str, ...]) -> str:
    """The supervisor's name for it, or one that no other pool of the machine has: Celery
    addresses pools by name.
    """
    supervised = os.environ.get(_SUPERVISED)
    readable = re.sub(r"[^a-z0-9]+", "-", "-".join(patterns)).strip("-") or "all"
    return supervised or f"{readable}-{os.getpid()}"
