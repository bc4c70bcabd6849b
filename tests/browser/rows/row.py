"""A page to check, with its budgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.browser.site import Site

LIST_BYTES = 60_000
CRASH_BYTES = 80_000


@dataclass(frozen=True)
class Row:
    """``path`` of the site's things. ``asks`` bounds the questions put to each store; one that is
    not named is asked nothing. ``bytes`` bounds the HTML before it is compressed.
    """

    name: str
    path: Callable[[Site], str]
    asks: Mapping[str, int] = field(default_factory=dict)
    bytes: int = LIST_BYTES
    status: int = 200
    signed_in: bool = True

    def __str__(self) -> str:
        return self.name
