"""packs: what compaction did, what waits for it, and which packs are damaged."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from ops.commands.context import open_database
from ops.commands.output import json_option, print_json, print_table, told
from storage.sql.compacting import Compacting
from storage.sql.quarantine import Quarantine


@click.command()
@json_option
@told
def packs(as_json: bool) -> None:
    """What compaction did and what waits, and the packs in quarantine.

    A damaged pack is never touched: what is whole in it is still read. Exit code 1 when there is
    one.
    """
    with open_database() as database:
        compacting, quarantine = Compacting(database), Quarantine(database)
        state, totals, damaged = compacting.state(), compacting.totals(), quarantine.list()
    if as_json:
        print_json(
            {
                "state": asdict(state),
                "totals": [asdict(row) for row in totals],
                "quarantined": [asdict(pack) for pack in damaged],
            }
        )
    else:
        _show([asdict(row) for row in totals], [asdict(pack) for pack in damaged])
        click.echo(
            f"merges under way: {state.merges}; to be deleted: {state.doomed_packs} packs of "
            f"{state.doomed_bytes:,} bytes; erased events whose bytes lie in a pack yet: "
            f"{state.erased}"
        )
    if damaged:
        raise SystemExit(1)


def _show(totals: list[dict[str, Any]], damaged: list[dict[str, Any]]) -> None:
    if totals:
        print_table(list(totals[0]), [list(row.values()) for row in totals])
    if damaged:
        click.echo("In quarantine:")
        shown = ("id", "type", "code", "whole", "damaged", "found_by", "at", "reason")
        print_table(shown, [[pack[name] for name in shown] for pack in damaged])
