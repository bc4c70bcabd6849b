"""settings: what this home's processes work with, without secrets."""

from __future__ import annotations

from dataclasses import asdict

import click

from config.effective import effective_settings
from ops.commands.context import current_environment
from ops.commands.output import json_option, print_json, print_table, told
from ops.stack.plan import read_settings


@click.command()
@click.option("--changed", is_flag=True, help="Only those that are not the default.")
@json_option
@told
def settings(*, changed: bool, as_json: bool) -> None:
    """The settings in effect here; of secrets only whether they are set."""
    found = effective_settings(read_settings(current_environment()))
    shown = [one for one in found if not (changed and one.is_default)]
    if as_json:
        print_json({"items": [asdict(one) for one in shown]})
    else:
        rows = [(one.name, one.value, "" if one.is_default else "changed") for one in shown]
        print_table(("setting", "value", ""), rows)
