"""``python -m bench``: what ``./sluice bench`` runs."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from types import FrameType

from bench.kinds import KINDS

COMMANDS = {
    "ingest": "durable events accepted a second, one by one and in bulks",
    "drain": "events a second from a backlog in the broker into all three stores",
    "steady": "the highest rate at which accepting and storing run together",
    "memory": "memory of each worker over many events",
    "growth": "speed of storing and reading as stored events grow",
    "scale": "storing with 1, 2 and 4 processes a stage",
    "files": "the file server",
    "pages": "first bytes of pages with a million occurrences of a group",
    "performance": "first bytes of pages of performance, with 1,000 series in every minute",
    "profile": "flame graphs of the workers while they drain",
}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    signal.signal(signal.SIGTERM, _interrupt)  # what was started for it ends with it
    parser = argparse.ArgumentParser(prog="sluice bench", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="WHAT")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text)
        command.add_argument("--runs", type=int, default=3, help="runs; the median counts")
        command.add_argument("--short", action="store_true", help="little and quick, as for CI")
        command.add_argument("--seed", type=int, default=1, help="of the payloads")
        command.add_argument("--seconds", type=int, default=10, help="of each load")
        command.add_argument("--events", type=int, default=0, help="0: as many as the bench says")
        if name == "drain":
            command.add_argument("--of", default="crash", choices=sorted(KINDS), help="event type")
        if name == "memory":
            command.add_argument("--without", default="", help="steps left out, by commas")
    options = parser.parse_args()
    if options.runs < 1 or options.seconds < 1 or options.events < 0:
        parser.error("runs and seconds are at least 1, events at least 0")
    options.say = _say
    try:
        module = importlib.import_module(f"bench.{options.command}")
    except ModuleNotFoundError as error:
        if error.name != f"bench.{options.command}":
            raise
        sys.exit(f"bench: there is no measurement {options.command} in this version")
    module.main(options)


if __name__ == "__main__":
    main()
