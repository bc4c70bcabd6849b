"""What commands share: the option ``--json``, tables for people, failures in one sentence."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ParamSpec, TypeVar

import click
import orjson
import structlog
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ops.errors import OpsError
from ops.home import Home
from ops.paths import home_path
from ops.stack.presence import NOT_RUNNING, is_idle
from storage.errors import Rejected, StoreDown, StoreError

P = ParamSpec("P")
R = TypeVar("R")

#: What a person can mend, and no bug of ours: rights, and room on a disk.
_OF_THE_MACHINE = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOSPC, errno.EDQUOT}
)
_UNBROKEN = frozenset({"id", "cluster"})
_PIPE_COLUMNS = 1000

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def print_json(document: Any) -> None:
    """One indented document on standard output; times as ISO 8601."""
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for a person. Cells may hold hostile text: no markup, no control characters.

    Ids are never broken, as they are copied; into a file or a pipe no line is.
    """
    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, no_wrap=name in _UNBROKEN)
    for row in rows:
        table.add_row(*(Text(_printable(cell), overflow="fold") for cell in row))
    width = None if sys.stdout.isatty() else _PIPE_COLUMNS
    Console(highlight=False, width=width).print(table)


def _printable(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return "".join(letter if letter.isprintable() else "·" for letter in text)


def told(function: Callable[P, R]) -> Callable[P, R]:
    """Let a command fail with one sentence and exit code 1 instead of a traceback.

    What is logged meanwhile goes to standard error: standard output is for results.
    """

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with _logs_apart():
            try:
                return function(*args, **kwargs)
            except (OpsError, StoreError, OSError) as error:
                raise click.ClickException(_sentence(error)) from error

    return wrapped


@contextlib.contextmanager
def _logs_apart() -> Iterator[None]:
    before = structlog.get_config()
    # Each record asks for its logger anew, and so for the standard error of the moment.
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    try:
        yield
    finally:
        structlog.configure(**before)


def _sentence(error: OpsError | StoreError | OSError) -> str:
    """What went wrong, for a person; raises the error itself where it is a bug."""
    if isinstance(error, OSError):
        if error.errno not in _OF_THE_MACHINE:
            raise error
        return f"{error.filename or 'writing'}: {error.strerror}"
    if isinstance(error, Rejected):
        return error.detail  # of what was asked for: which store refuses it does not matter
    if isinstance(error, StoreDown) and is_idle(Home(home_path(os.environ)), os.environ):
        return f"{error}. {NOT_RUNNING}"
    return str(error)


def say(text: str) -> None:
    """A line of progress, on standard error: standard output is for results."""
    click.echo(f"sluice: {text}", err=True)
