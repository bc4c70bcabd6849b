"""bench: measurements on real servers, as ``bench/`` has them."""

from __future__ import annotations

import os
import sys

import click

from ops.commands.output import told
from ops.paths import CHECKOUT


@click.command(
    context_settings={
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        # What follows WHAT is its own, --help too.
        "allow_interspersed_args": False,
    }
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@told
def bench(arguments: tuple[str, ...]) -> None:
    """Measure WHAT: ingest, drain, steady, memory, growth, scale, files, pages, performance or
    profile.

    'bench WHAT --help' tells its options.

    Starts servers of its own, but for those that the environment names; results go to
    bench/results.
    """
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    os.chdir(CHECKOUT)
    argv = [sys.executable, "-P", "-m", "bench", *arguments]
    os.execve(argv[0], argv, environment)  # noqa: S606 - no shell is the point
