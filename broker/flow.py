"""How many events go into each queue and out of it, as scripts count them by quarter minutes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from broker import keys
from broker.connection import broker_errors, connect
from config.settings import Secret

#: Seconds of a slice, as in the scripts; they keep slices for half an hour.
SLICE_SECONDS = 15
#: Whole slices that a rate is taken over: a minute.
RATE_SLICES = 4
MOST_SLICES = 100


@dataclass(frozen=True, slots=True)
class Slice:
    """Events that went into a queue and out of it, within a quarter of a minute."""

    at: datetime
    into: int
    out: int


@dataclass(frozen=True, slots=True)
class Flow:
    """The flow of a queue: its slices, oldest first, the last one not over yet."""

    slices: Sequence[Slice] = ()

    @property
    def in_per_second(self) -> float:
        """Events that came a second, over the last whole minute."""
        return self._rate([one.into for one in self.slices])

    @property
    def out_per_second(self) -> float:
        """Events that were done with a second, over the last whole minute."""
        return self._rate([one.out for one in self.slices])

    @property
    def last_out(self) -> datetime | None:
        """The latest slice in which an event was done with; null when none was lately."""
        done = (one.at for one in reversed(self.slices) if one.out)
        return next(done, None)

    @staticmethod
    def _rate(counts: Sequence[int]) -> float:
        whole = counts[:-1][-RATE_SLICES:]
        return sum(whole) / (RATE_SLICES * SLICE_SECONDS)


class Flows:
    """Connects when used; every method raises :class:`StoreDown`."""

    def __init__(self, redis_url: Secret, *, timeout: float) -> None:
        self._client = connect(redis_url, timeout=timeout)

    def read(self, slices: int = RATE_SLICES + 1) -> dict[str, Flow]:
        """The flow of every queue that had any in the last so many slices, by the broker's time."""
        with broker_errors():
            last = self._client.time()[0] // SLICE_SECONDS
            parts = range(last - min(slices, MOST_SLICES) + 1, last + 1)
            with self._client.pipeline(transaction=False) as pipe:
                for part in parts:
                    pipe.hgetall(keys.flow(part))
                found = dict(zip(parts, pipe.execute(), strict=True))
        queues = {field.partition(b"|")[2].decode() for row in found.values() for field in row}
        return {
            queue: Flow([_slice(part, queue, row) for part, row in found.items()])
            for queue in queues
        }

    def seen_queues(self) -> set[str]:
        """Every queue that events ever went into."""
        with broker_errors():
            return {name.decode() for name in self._client.smembers(keys.SEEN_QUEUES)}


def _slice(part: int, queue: str, row: Mapping[bytes, bytes]) -> Slice:
    into, out = (int(row.get(f"{way}|{queue}".encode(), 0)) for way in ("in", "out"))
    return Slice(datetime.fromtimestamp(part * SLICE_SECONDS, UTC), into, out)
