"""Quotas as every web process knows them: a copy in the broker, beside what was used of each.

The hash ``quotas`` has for ``<project>|<type>`` the bounds ``<day>|<month>|<minute>``, empty where
there is none. What was used of a day or a month is counted by whoever publishes events, of a minute
by the ledger's own counts of what was accepted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from broker import keys, scripts
from broker.connection import broker_errors, connect
from config.settings import Secret
from storage.quotas import ProjectType, Quota, Used, day_of, month_of

DROP_MEMORY_SECONDS = 3600
"""How long counts of dropped events are known by their id: whoever sends them repeats at once."""

_DAY_SECONDS = 40 * 86_400
_MONTH_SECONDS = 400 * 86_400
"""How long it is known what was used of a day, and of a month."""

Dropped = Mapping[tuple[int, int, str], int]
"""Events by minute of the id, project and type."""


class QuotaCopies:
    """Thread-safe; connects when used. Methods raise :class:`StoreDown`."""

    def __init__(self, redis_url: Secret, *, timeout: float) -> None:
        self._client = connect(redis_url, timeout=timeout)

    def keep(self, quotas: Mapping[ProjectType, Quota], now_ms: int) -> None:
        """Make these all the quotas there are, in one moment."""
        pairs = [part for key, quota in quotas.items() for part in (_field(key), _value(quota))]
        day, month, _ = _periods(now_ms)
        with broker_errors():
            scripts.run(
                self._client, "keep_quotas", day, _DAY_SECONDS, month, _MONTH_SECONDS, *pairs
            )

    def read(self, now_ms: int) -> dict[ProjectType, tuple[Quota, Used]]:
        """Every quota with what was used of it in the present day, month and minute."""
        with broker_errors():
            answer = scripts.run(self._client, "quotas", *_periods(now_ms))
        found = {}
        for field, bounds, *used in zip(*[iter(answer)] * 5, strict=True):
            counts = Used(*(int(count or 0) for count in used))
            found[_key(field)] = (_quota(bounds), counts)
        return found

    def used(self, of: Sequence[ProjectType], now_ms: int) -> dict[ProjectType, Used]:
        """What projects have used of types, whether they have a quota or not."""
        fields = [_field(key) for key in of]
        if not fields:
            return {}
        with broker_errors(), self._client.pipeline(transaction=False) as pipe:
            for name in _periods(now_ms):
                pipe.hmget(name, fields)
            columns = pipe.execute()
        rows = zip(*columns, strict=True)
        return {
            key: Used(*(int(count or 0) for count in row))
            for key, row in zip(of, rows, strict=True)
        }

    def drop(self, batch_id: UUID, dropped: Dropped) -> None:
        """Count events as accepted and dropped for their quota, once per id."""
        triples = [
            part
            for (minute, project, kind), n in dropped.items()
            for part in (keys.accepted(minute), keys.over_field(project, kind), n)
        ]
        with broker_errors():
            scripts.run(self._client, "drop", keys.batch(batch_id), DROP_MEMORY_SECONDS, *triples)


def _periods(now_ms: int) -> tuple[str, str, str]:
    return (
        keys.used(day_of(now_ms)),
        keys.used(month_of(now_ms)),
        keys.accepted(now_ms // 60_000),
    )


def _field(key: ProjectType) -> str:
    return keys.accepted_field(*key)


def _key(field: bytes) -> ProjectType:
    project, _, kind = field.decode().partition("|")
    return int(project), kind


def _value(quota: Quota) -> str:
    bounds = (quota.day, quota.month, quota.minute)
    return "|".join("" if bound is None else str(bound) for bound in bounds)


def _quota(value: bytes) -> Quota:
    return Quota(*(int(part) if part else None for part in value.split(b"|")))
