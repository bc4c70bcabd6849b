"""Who comes to the shop: some often, most once; by what browser, and from where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Any

FIRST = (
    *("Ana", "Ben", "Chloé", "David", "Elif", "Farid", "Grace", "Hugo", "Ines", "Jan", "Kira"),
    *("Liam", "Mei", "Noah", "Olga", "Paul", "Quinn", "Rosa", "Sven", "Tara", "Umar", "Vera"),
    *("Wim", "Xenia", "Yuki", "Zoë"),
)
LAST = (
    *("Almeida", "Bauer", "Costa", "Dubois", "Eriksen", "Fischer", "García", "Hughes", "Ivanova"),
    *("Jansen", "Kowalski", "Lima", "Müller", "Nguyen", "Okafor", "Petrov", "Rossi", "Schmidt"),
    *("Tanaka", "Usman", "Vries", "Weber", "Yildiz", "Zhang"),
)


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser with its window, and how much slower than a good desktop it shows a page."""

    agent: str
    width: int
    height: int
    slower: float


_MOZILLA = "Mozilla/5.0"
_KIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
BROWSERS = (
    (34, Browser(f"{_MOZILLA} (Windows NT 10.0; Win64; x64) {_KIT} Chrome/142.0.0.0 Safari/537.36",
                 1440, 789, 1.0)),
    (12, Browser(f"{_MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) {_KIT} Chrome/141.0.0.0"
                 " Safari/537.36", 1512, 860, 0.9)),
    (9, Browser(f"{_MOZILLA} (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
                1920, 955, 1.0)),
    (7, Browser(f"{_MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like"
                " Gecko) Version/18.1 Safari/605.1.15", 1440, 800, 0.95)),
    (6, Browser(f"{_MOZILLA} (Windows NT 10.0; Win64; x64) {_KIT} Chrome/142.0.0.0 Safari/537.36"
                " Edg/142.0.0.0", 1536, 730, 1.05)),
    (18, Browser(f"{_MOZILLA} (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15"
                 " (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1", 390, 664, 1.5)),
    (14, Browser(f"{_MOZILLA} (Linux; Android 14; Pixel 8) {_KIT} Chrome/142.0.0.0 Mobile"
                 " Safari/537.36", 412, 732, 1.9)),
)  # fmt: skip
COUNTRIES = (
    *((30, "DE", 1.0), (16, "US", 1.25), (12, "GB", 1.05), (9, "FR", 1.05), (8, "NL", 1.0)),
    *((6, "ES", 1.15), (6, "PL", 1.15), (5, "BR", 1.7), (5, "IN", 1.9), (3, "JP", 1.5)),
)
_SIGNED_IN = 0.45
_HEX = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Person:
    """A visitor; without ``email`` one that never signed in."""

    identifier: str
    email: str | None
    name: str | None
    browser: Browser
    country: str
    slower: float

    def user(self) -> dict[str, Any]:
        """As SDKs send it."""
        if self.email is None:
            uuid = self.identifier
            return {"Identifier": uuid, "IsAnonymous": True, "UUID": uuid}
        return {
            "Identifier": self.identifier,
            "IsAnonymous": False,
            "Email": self.email,
            "FullName": self.name,
        }


class Crowd:
    """People of a seed, numbered from the first on; some come far more often than others."""

    def __init__(self, rng: Random, size: int, first: int = 0) -> None:
        self._rng = rng
        self._people: Sequence[Person] = list(_people(rng, range(first, first + size)))
        self._weights = list(accumulate(1 / (rank + 8) for rank in range(size)))

    def one(self) -> Person:
        """Whoever comes next."""
        return self._rng.choices(self._people, cum_weights=self._weights)[0]


def _people(rng: Random, numbers: Iterable[int]) -> Iterator[Person]:
    browsers, countries = [weight for weight, _ in BROWSERS], [row[0] for row in COUNTRIES]
    for number in numbers:
        browser = rng.choices(BROWSERS, browsers)[0][1]
        _, country, far = rng.choices(COUNTRIES, countries)[0]
        slower = browser.slower * far * rng.lognormvariate(0, 0.15)
        if rng.random() >= _SIGNED_IN:
            digits = "".join(rng.choices(_HEX, k=32))
            uuid = "-".join(
                (digits[:8], digits[8:12], f"4{digits[13:16]}", f"a{digits[17:20]}", digits[20:])
            )
            yield Person(uuid, None, None, browser, country, slower)
            continue
        first, last = rng.choice(FIRST), rng.choice(LAST)
        email = f"user{number}@example.com"
        yield Person(f"u{10_000 + number}", email, f"{first} {last}", browser, country, slower)
