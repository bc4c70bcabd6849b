"""Counts of accepted events in the broker, and their way out of it once they are old.

A move sets the counts of some minutes aside under an id of its own, and takes them away once
PostgreSQL has them. Whoever reads meanwhile sees by :attr:`Held.generation` whether a move began or
ended between two reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from broker import keys, scripts
from broker.connection import broker_errors, connect
from config.settings import Secret

Row: TypeAlias = tuple[int, int, str]
"""Minute of the id, project id, type."""

_SCANNED_AT_ONCE = 1000
_STRETCH = 240
"""Minutes that are asked for together, whether any of them has counts."""


@dataclass(frozen=True, slots=True)
class Held:
    """Counts of a span of minutes: ``plain`` ones, and by move those set aside.

    As long as ``generation`` is the broker's, no move began or ended since.
    """

    generation: int
    plain: Mapping[Row, int]
    moving: Mapping[UUID, Mapping[Row, int]]


class AcceptedCounts:
    """Connects when used; every method raises :class:`StoreDown`."""

    def __init__(self, redis_url: Secret, *, timeout: float) -> None:
        self._client = connect(redis_url, timeout=timeout)

    def held(self, first_minute: int, last_minute: int) -> Held:
        """The counts of minutes from first to last, both included."""
        span = range(first_minute, last_minute + 1)
        with broker_errors():
            generation, moves = self.generation(), self.moves()
            aside = [
                (move, minute)
                for move, of_move in moves.items()
                for minute in of_move
                if minute in span
            ]
            minutes = self._counted(span)
            with self._client.pipeline(transaction=False) as pipe:
                for minute in minutes:
                    pipe.hgetall(keys.accepted(minute))
                for move, minute in aside:
                    pipe.hgetall(keys.moving(move, minute))
                answers = pipe.execute()
        plain = _rows(zip(minutes, answers, strict=False))
        moving: dict[UUID, dict[Row, int]] = {}
        for (move, minute), answer in zip(aside, answers[len(minutes) :], strict=True):
            moving.setdefault(move, {}).update(_rows([(minute, answer)]))
        return Held(generation, plain, moving)

    def _counted(self, span: range) -> list[int]:
        """The minutes of every stretch of the span that has counts here: old ones have moved away,
        and asking for each of a month's minutes would hold up the broker.
        """
        stretches = [span[at : at + _STRETCH] for at in range(0, len(span), _STRETCH)]
        with self._client.pipeline(transaction=False) as pipe:
            for stretch in stretches:
                pipe.exists(*map(keys.accepted, stretch))
            found = pipe.execute()
        return [
            minute
            for stretch, counted in zip(stretches, found, strict=True)
            if counted
            for minute in stretch
        ]

    def generation(self) -> int:
        """Grows whenever a move begins or ends."""
        with broker_errors():
            return int(self._client.get(keys.MOVED) or 0)

    def old_minutes(self, before: int) -> list[int]:
        """The minutes before one that have counts here. Goes through all keys of the broker, in
        small steps that hold nobody up.
        """
        found = set()
        pattern = keys.accepted("*")
        with broker_errors():
            for key in self._client.scan_iter(match=pattern, count=_SCANNED_AT_ONCE):
                minute = key.decode().rpartition(":")[2]
                if minute.isdigit() and int(minute) < before:
                    found.add(int(minute))
        return sorted(found)

    def moves(self) -> dict[UUID, list[int]]:
        """The moves that have begun and not ended, with their minutes."""
        with broker_errors():
            found = self._client.hgetall(keys.MOVES)
        return {
            UUID(move.decode()): [int(minute) for minute in minutes.decode().split(",")]
            for move, minutes in found.items()
        }

    def begin(self, move: UUID, minutes: Iterable[int]) -> None:
        """Set the counts of minutes aside, all at one moment. Call it once an id."""
        with broker_errors():
            scripts.run(self._client, "move_accepted", str(move), *minutes)

    def aside(self, move: UUID, minutes: Sequence[int]) -> dict[Row, int]:
        """The counts that a move set aside."""
        with broker_errors(), self._client.pipeline(transaction=False) as pipe:
            for minute in minutes:
                pipe.hgetall(keys.moving(move, minute))
            return _rows(zip(minutes, pipe.execute(), strict=True))

    def end(self, move: UUID) -> None:
        """Forget what a move set aside: PostgreSQL has it. May be repeated."""
        with broker_errors():
            scripts.run(self._client, "moved_accepted", str(move))


def _rows(answers: Iterable[tuple[int, Mapping[bytes, bytes]]]) -> dict[Row, int]:
    found: dict[Row, int] = {}
    for minute, row in answers:
        for field, count in row.items():
            project, _, event_type = field.decode().partition("|")
            found[minute, int(project), event_type] = int(count)
    return found
