"""reconcile: compare packs, SQL and search now, and repair gaps."""

from __future__ import annotations

import os
import sys
from datetime import datetime

import click

from ops.commands.context import current_environment, current_settings
from ops.commands.output import json_option, told
from ops.paths import CHECKOUT

DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--from", "first", type=DAY, help="First day; recent time if not given.")
@click.option("--to", "last", type=DAY, help="Last day, included; today if not given.")
@click.option("--grace", type=float, help="Seconds a pack may be on its way; default: the setting.")
@click.option("--dry-run", is_flag=True, help="Only say what would be repaired.")
@json_option
@told
def reconcile(
    first: datetime | None,
    last: datetime | None,
    grace: float | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Compare all packs of recent days with SQL and search, and repair gaps from packs.

    Repairs that re-run a stage are queued: workers do them. Exit code 1 when something cannot be
    repaired; it is named.
    """
    current_settings()  # fails with a sentence when no addresses are known
    argv = [sys.executable, "-m", "tasks.reconcile_command"]
    for name, day in (("--from", first), ("--to", last)):
        argv += [name, f"{day:%Y-%m-%d}"] if day else []
    argv += ["--grace", str(grace)] if grace is not None else []
    argv += ["--dry-run"] if dry_run else []
    argv += ["--json"] if as_json else []
    environment = {**os.environ, **current_environment(), "PYTHONPATH": str(CHECKOUT)}
    os.chdir(CHECKOUT)
    os.execve(argv[0], argv, environment)  # noqa: S606 - no shell is the point
