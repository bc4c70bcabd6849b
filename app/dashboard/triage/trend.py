"""How a group went over time, as a chart with releases, and as a small one for lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from app.dashboard.charts import Chart, Mark, Series, Tone
from storage.sql import release_list
from storage.sql.trends import Window

#: Versions that have a colour of their own; the others are drawn together.
_TONES: tuple[Tone, ...] = ("busy", "ok", "warn")


def sentence_of(counts: Sequence[int], hours: int) -> str:
    """A small chart in words."""
    return f"{sum(counts):,} in the last {len(counts) * hours} h, now {counts[-1]:,}"


def trend_chart(
    window: Window, counts: Mapping[str, Sequence[int]], marks: Sequence[release_list.Mark]
) -> Chart:
    """Occurrences by span and version, the latest versions apart, with releases as marks."""
    labels = tuple(_label(window, span) for span in range(window.spans))
    total = sum(sum(one) for one in counts.values())
    busiest = max((sum(column) for column in zip(*counts.values(), strict=True)), default=0)
    step = timedelta(hours=window.step)
    return Chart(
        sentence=(
            f"{total:,} occurrences since {labels[0]}, at most {busiest:,} in"
            f" {'a day' if window.step == 24 else f'{window.step} h'}."
        ),
        labels=labels,
        series=tuple(_series(counts, window.spans)),
        marks=tuple(
            Mark(int((mark.first_seen - window.start) / step), mark.version) for mark in marks
        ),
    )


def _series(counts: Mapping[str, Sequence[int]], spans: int) -> list[Series]:
    named = list(counts.items())
    shown = [
        Series(version or "without a version", tuple(one), tone)
        for (version, one), tone in zip(named, _TONES, strict=False)
    ]
    rest = [one for _, one in named[len(_TONES) :]]
    if rest:
        summed = tuple(float(sum(column)) for column in zip(*rest, strict=True))
        shown.append(Series("earlier versions", summed))
    return shown or [Series("occurrences", (0.0,) * spans)]


def _label(window: Window, span: int) -> str:
    at = window.start + timedelta(hours=window.step * span)
    return f"{at:%Y-%m-%d}" if window.step % 24 == 0 else f"{at:%m-%d %H:%M}"
