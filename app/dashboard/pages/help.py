"""What pages mean: states, numbers, charts, gaps, text twins and keys."""

from __future__ import annotations

from dataclasses import dataclass

from app.dashboard.charts import Chart, Mark, Series, Tone
from app.dashboard.keys import KEYS
from app.dashboard.page import Page, Visit

STATES: tuple[tuple[Tone, str, str], ...] = (
    ("ok", "ok", "Works, or is done."),
    ("busy", "busy", "Under way, or waiting for its turn; nothing to do."),
    ("warn", "warning", "Look at it when there is time: slow, late, or nearly full."),
    ("bad", "bad", "Look at it now: failed, or down."),
    ("dead", "dead", "Given up on; it waits for a decision of yours."),
)
_SAMPLE = Chart(
    "A sample: 41 occurrences in 8 hours, 30 of them after version 2.1 came out.",
    tuple(f"{hour}:00" for hour in range(8, 16)),
    (
        Series("occurrences", (2.0, 1.0, 3.0, 5.0, 9.0, 8.0, 7.0, 6.0)),
        Series("dead letters", (0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0), "bad"),
    ),
    marks=(Mark(4, "2.1"),),
)


@dataclass(frozen=True, slots=True)
class HelpView:
    """States with their meaning, keys, and charts to read."""

    title: str
    states: tuple[tuple[Tone, str, str], ...]
    keys: tuple[tuple[str, str], ...]
    chart: Chart
    shares: tuple[tuple[str, float, Tone], ...]


def read_help(visit: Visit) -> HelpView:
    """The same for everybody."""
    del visit
    shares: tuple[tuple[str, float, Tone], ...] = (
        ("good", 70, "ok"),
        ("needs work", 20, "warn"),
        ("poor", 10, "bad"),
    )
    return HelpView("Reading these pages", STATES, KEYS, _SAMPLE, shares)


PAGES = (Page("/help", "help", read_help, "pages/help.html", needs="nothing"),)
