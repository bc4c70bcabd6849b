"""pack inspect, verify, cat: looking into packs, of the bucket or copied from it."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import click
import orjson

from ops import pack_reading
from ops.commands.context import current_settings
from ops.commands.output import json_option, print_json, print_table, say, told
from ops.errors import OpsError
from ops.pack_reading import Reading
from storage.files.store import FileStore
from workbench.payloads import told as as_json_text

_target = click.argument("target")
_salvage = click.option(
    "--salvage", is_flag=True, help="Of a damaged pack, go on with the events that are whole."
)


@click.group()
def pack() -> None:
    """Packs: TARGET is a local file, or else a key of the bucket."""


@pack.command()
@_target
@click.option("--events", "list_events", is_flag=True, help="List the events too.")
@_salvage
@json_option
@told
def inspect(target: str, list_events: bool, salvage: bool, as_json: bool) -> None:
    """What a pack is and holds. Exit code 1 when it is damaged, unless --salvage."""
    reading = _read(target)
    summary = pack_reading.summary(reading)
    events = pack_reading.rows(reading.events)
    if as_json:
        print_json({**summary, "items": events} if list_events else summary)
    else:
        print_table(("pack", target), [(name, _shown(value)) for name, value in summary.items()])
        if list_events and events:
            print_table(list(events[0]), [list(row.values()) for row in events])
    _judge(reading, target, allowed=salvage)


@pack.command()
@_target
@json_option
@told
def verify(target: str, as_json: bool) -> None:
    """Check every byte of a pack: exit code 0 when it is whole, 1 when not."""
    reading = _read(target)
    if as_json:
        print_json(pack_reading.summary(reading))
    elif not reading.faults:
        click.echo(f"whole: {len(reading.events)} events")
    else:
        for fault in reading.faults:
            click.echo(f"damaged: {fault}")
        click.echo(f"{len(reading.events)} events are whole")
    _judge(reading, target, allowed=False)


@pack.command()
@_target
@click.option("--event", type=click.UUID, help="Only this event: exactly its bytes.")
@_salvage
@json_option
@told
def cat(target: str, event: UUID | None, salvage: bool, as_json: bool) -> None:
    """Print the events' payloads, a line each; with --json each line also says whose it is."""
    reading = _read(target)
    # An event that is asked for by its id was verified by its own checksum, whatever else is torn.
    _judge(reading, target, allowed=salvage or event is not None)
    for found in pack_reading.pick(reading.events, event):
        if as_json:
            (row,) = pack_reading.rows([found])
            line = orjson.dumps({**row, "payload": as_json_text(found.envelope.body)})
            click.echo(line)
        else:
            click.echo(found.envelope.body, nl=event is None)


def _read(target: str) -> Reading:
    files = None if Path(target).exists() else FileStore(current_settings())
    return pack_reading.read(pack_reading.load(target, files), target)


def _judge(reading: Reading, target: str, *, allowed: bool) -> None:
    if not reading.faults:
        return
    for fault in reading.faults if allowed else ():
        say(f"damaged: {fault}")
    if not allowed:
        raise OpsError(
            f"{target} is damaged: {reading.faults[0]}; {len(reading.events)} events are whole"
        )


def _shown(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
