"""What many values add up to: count, total, ends, and their distribution as a DDSketch of 1 %.

SQL keeps the sketch as bins and weights (type ``sketch``); the mapping of values to bins, and the
reading of quantiles, are the library's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ddsketch.ddsketch import BaseDDSketch
from ddsketch.mapping import LogarithmicMapping
from ddsketch.store import DenseStore

ACCURACY = 0.01
#: SQL counts bins of positive values from here on up, and of negative ones down from its negative.
_OFFSET = 2_000


@dataclass(frozen=True)
class Distribution:
    """``bins`` are SQL's; values that only add up (counters) have none. ``least`` and ``most`` are
    null where nobody told.
    """

    count: float = 0.0
    total: float = 0.0
    least: float | None = None
    most: float | None = None
    bins: Counter[int] = field(default_factory=Counter)

    @property
    def mean(self) -> float | None:
        """Their mean; null of none."""
        return self.total / self.count if self.count else None

    def quantile(self, share: float) -> float | None:
        """The value below which this share of them lies, within 1 %; null of none."""
        if not self.bins:
            return None
        value = self._sketch.get_quantile_value(share)
        if value is None:
            return None
        if self.least is not None:
            value = max(value, self.least)
        return float(value if self.most is None else min(value, self.most))

    def below(self, value: float) -> float:
        """How many of them are at most this large, within the width of a bin."""
        most = 0 if value <= 0 else _MAPPING.key(value) + _OFFSET
        return float(sum(weight for number, weight in self.bins.items() if number <= most))

    @cached_property
    def _sketch(self) -> BaseDDSketch:
        above, below = DenseStore(), DenseStore()
        zeros = 0.0
        for number, weight in self.bins.items():
            if number == 0:
                zeros += weight
            elif number > 0:
                above.add(number - _OFFSET, weight)
            else:
                below.add(-number - _OFFSET, weight)
        return BaseDDSketch(_MAPPING, above, below, zeros)


_MAPPING = LogarithmicMapping(ACCURACY)


def distribution(
    count: float,
    total: float,
    least: float | None,
    most: float | None,
    bins: Sequence[int] | None,
    weights: Sequence[float] | None,
) -> Distribution:
    """From the columns of SQL."""
    paired = zip(bins or (), weights or (), strict=True)
    return Distribution(count, total, least, most, Counter(dict(paired)))


def together(parts: Iterable[Distribution]) -> Distribution:
    """The distribution of all values of several."""
    listed = list(parts)
    bins: Counter[int] = Counter()
    for part in listed:
        bins.update(part.bins)
    return Distribution(
        sum(part.count for part in listed),
        sum(part.total for part in listed),
        min((part.least for part in listed if part.least is not None), default=None),
        max((part.most for part in listed if part.most is not None), default=None),
        bins,
    )
