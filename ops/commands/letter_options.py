"""What the commands of dead letters share: their filters, and the workbench they work on."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import click

from broker.client import Broker
from config.policy import EVENT_TYPES, STAGES
from ops.commands.context import current_settings, open_database
from ops.errors import OpsError
from storage.files.store import FileStore
from storage.sql.letter_filter import LetterFilter
from workbench.opening import Workbench, open_workbench

F = TypeVar("F", bound=Callable[..., Any])

_TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])

_OPTIONS = (
    click.option("--project", help="Only this project."),
    click.option(
        "--type",
        "event_type",
        type=click.Choice([row.name for row in EVENT_TYPES]),
        help="Only this type.",
    ),
    click.option(
        "--stage", type=click.Choice([row.name for row in STAGES]), help="Only this stage."
    ),
    click.option("--code", help="Only this code: the class of the error."),
    click.option("--cluster", help="Only this cluster, as dlq clusters names it."),
    click.option(
        "--from", "start", type=_TIME, metavar="TIME", help="Died at this time (UTC) or later."
    ),
    click.option("--to", "end", type=_TIME, metavar="TIME", help="Died before this time (UTC)."),
)


def filter_options(function: F) -> F:
    """Give a command the filters; it gets them as one ``wanted``."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        wanted = LetterFilter(
            kwargs.pop("project"),
            kwargs.pop("event_type"),
            kwargs.pop("stage"),
            kwargs.pop("code"),
            kwargs.pop("cluster"),
            _utc(kwargs.pop("start")),
            _utc(kwargs.pop("end")),
        )
        return function(*args, wanted=wanted, **kwargs)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


def selection(letter_id: UUID | None, wanted: LetterFilter, everything: bool) -> LetterFilter:
    """Which letters a command acts on: one, those of the filters, or, said so, every open one.

    Raises ``click.UsageError`` for none of these or for more than one.
    """
    filtered = wanted != LetterFilter()
    if (letter_id is not None) + filtered + everything != 1:
        raise click.UsageError("give an ID, or filters, or --all for every open letter")
    return LetterFilter(ids=(letter_id,)) if letter_id is not None else wanted


@contextlib.contextmanager
def workbench() -> Iterator[Workbench]:
    """The workbench of this home; its connections are closed afterwards."""
    settings = current_settings()
    with open_database() as database:
        broker = Broker(settings.redis_url, timeout=settings.broker_timeout_seconds)
        yield open_workbench(settings, database, broker, FileStore(settings))


def require_project(bench: Workbench, wanted: LetterFilter) -> None:
    """Raise :class:`OpsError` for a project that is not there: a typing error must not act."""
    if wanted.project is not None and bench.projects.by_name(wanted.project) is None:
        raise OpsError(f"there is no project named {wanted.project!r}")
