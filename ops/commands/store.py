"""migrate: what an installation on servers of one's own needs before its start."""

from __future__ import annotations

import click

from ops.commands.context import current_settings
from ops.commands.output import say, told
from ops.stack.provision import bring_up_to_date


@click.command()
@told
def migrate() -> None:
    """Make tables, the bucket and index templates, or bring them to this version's shape.

    ``up`` does it by itself; a deployment runs it once before its parts start.
    """
    bring_up_to_date(current_settings(), say)
