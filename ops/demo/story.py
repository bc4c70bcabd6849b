"""The plot: which release of which application ran when, when people come, and what changed.

Times are shares of the span that is told, 0 its beginning and 1 its end, so that any span holds it.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime

WEB, API, APP = "shop-web", "shop-api", "shop-app"

#: The machines that the API runs on.
SERVERS = ("api-1", "api-2", "api-3")

#: Releases, each since its share of the span.
RELEASES: dict[str, tuple[tuple[float, str], ...]] = {
    WEB: ((0.0, "3.4.0"), (0.22, "3.4.1"), (0.55, "3.5.0"), (0.58, "3.5.1"), (0.8, "3.6.0")),
    API: ((0.0, "2.7.3"), (0.3, "2.8.0"), (0.62, "2.9.0"), (0.86, "2.9.1")),
    APP: ((0.0, "1.18.0"), (0.45, "1.19.0")),
}

#: The release of the web shop whose checkout was broken until the next one.
BAD_DEPLOY = "3.5.0"
#: The release of the web shop since which one page is slow, and the page.
SLOW_RELEASE = "3.6.0"
SLOW_PATH = "/checkout/payment"
#: The release of the API that brought back what 2.8.0 had mended, and since which the payment
#: provider is slow and fails.
REGRESSED = "2.9.1"

#: Which paths are one page. That orders have numbers too is left to be found.
PATH_RULES = ["/product/*", "/category/*"]

_BY_HOUR = (
    *(14, 9, 6, 5, 5, 8, 15, 27, 42, 55, 62, 66),
    *(72, 68, 62, 60, 63, 70, 82, 94, 100, 88, 60, 32),
)
_WEEKEND = 1.25
_GROWTH = 0.2
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Span:
    """The time that is told, in milliseconds since 1970."""

    start_ms: int
    end_ms: int

    def share(self, at_ms: float) -> float:
        """How much of the span is over at a moment."""
        return (at_ms - self.start_ms) / (self.end_ms - self.start_ms)


def release(app: str, share: float) -> str:
    """What ran at a moment."""
    since = [at for at, _ in RELEASES[app]]
    return RELEASES[app][max(0, bisect_right(since, share) - 1)][1]


def traffic(span: Span, at_ms: float) -> float:
    """How many people come at a moment, relative to others: by hour, by day, and ever more."""
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    weekend = _WEEKEND if moment.weekday() >= _SATURDAY else 1.0
    return _BY_HOUR[moment.hour] * weekend * (1 + _GROWTH * span.share(at_ms))
