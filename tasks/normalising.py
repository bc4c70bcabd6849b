"""Records of a pack's events; what cannot be normalised fails alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Never

from celery.exceptions import SoftTimeLimitExceeded

from events.record import Record
from events.registry import event_type
from storage.model import PackedEvent
from tasks.isolation import Failure, failure_of


@dataclass(frozen=True, slots=True)
class Normalised:
    """An event with its record, and where its payload lies."""

    packed: PackedEvent
    record: Record


def normalise_all(
    packed: Sequence[PackedEvent],
) -> tuple[list[Normalised], list[Failure[PackedEvent]]]:
    """Normalise each event, for rows: what only a search document needs is let go of.

    A record holds its event parsed until then, ten times the event's size.
    """
    failures: list[Failure[PackedEvent]] = []
    good = []
    for event in normalise_each(packed, failures):
        event.record.document = _let_go
        good.append(event)
    return good, failures


def normalise_each(
    packed: Sequence[PackedEvent], failures: list[Failure[PackedEvent]]
) -> Iterator[Normalised]:
    """Normalise events one by one; one whose record cannot be made fails alone, into ``failures``.

    Normalising is pure: the same event would fail again, so there is nothing to retry.
    """
    for item in packed:
        envelope = item.envelope
        try:
            record = event_type(envelope.type).normalise(envelope)
        except SoftTimeLimitExceeded:
            raise  # whichever event was in hand then; one that hangs is found by its mark
        except Exception as exc:
            failures.append(failure_of(item, exc, attempts=1))
        else:
            yield Normalised(item, record)


def _let_go() -> Never:
    raise RuntimeError("this record was made for rows: its document was let go of")


def of_packed(failure: Failure[Normalised]) -> Failure[PackedEvent]:
    """The failure of a normalised event as one of the event itself."""
    return Failure(
        failure.item.packed, failure.code, failure.reason, failure.traceback, failure.attempts
    )
