"""compact: merge small packs now, and drop the bytes of what was erased."""

from __future__ import annotations

import os
import sys

import click

from config.policy import EVENT_TYPES
from ops.commands.context import current_environment, current_settings
from ops.commands.output import json_option, told
from ops.paths import CHECKOUT


@click.command()
@click.option("--now", is_flag=True, help="Heed neither ages, nor the queues' backlog, nor pace.")
@click.option("--type", "kind", type=click.Choice([row.name for row in EVENT_TYPES]))
@click.option("--dry-run", is_flag=True, help="Only say which packs would be merged.")
@json_option
@told
def compact(*, now: bool, kind: str | None, dry_run: bool, as_json: bool) -> None:
    """Merge small packs, rewrite those that hold erased events, delete what was merged.

    Workers do the same every minute; this goes on until nothing is left to do. Killed at any
    instant, every event stays readable and the next run goes on. The objects of merged packs are
    deleted once their grace (SLUICE_PACK_GRACE_SECONDS) is over.
    """
    current_settings()  # fails with a sentence when no addresses are known
    argv = [sys.executable, "-m", "tasks.compaction_command"]
    argv += ["--now"] if now else []
    argv += ["--type", kind] if kind else []
    argv += ["--dry-run"] if dry_run else []
    argv += ["--json"] if as_json else []
    environment = {**os.environ, **current_environment(), "PYTHONPATH": str(CHECKOUT)}
    os.chdir(CHECKOUT)
    os.execve(argv[0], argv, environment)  # noqa: S606 - no shell is the point
