"""Release health as pages show it: how many sessions and users met no crash. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.dashboard import links
from app.dashboard.charts import Chart, Series
from app.dashboard.links import Named
from storage.sql.health import MAX_ROWS, Health, Source

_VERSIONS = 15


@dataclass(frozen=True, slots=True)
class HealthRow:
    """A version's sessions and users in the days asked for; shares are percentages, null of none.
    ``adoption`` is its share of the sessions of the last day.
    """

    version: str
    href: str
    sessions: int
    crashed: int
    abnormal: int
    errored: int
    crash_free_sessions: float | None
    users: int
    crash_free_users: float | None
    adoption: float | None


@dataclass(frozen=True, slots=True)
class HealthView:
    """Versions with most sessions first; of ``found`` versions those that there is room for.
    ``from_rum``: an SDK sent no sessions, so those of real users stand for them. ``cut``: there is
    more than was read.
    """

    days: int
    from_rum: bool
    rows: tuple[HealthRow, ...]
    found: int
    cut: bool


@dataclass(frozen=True, slots=True)
class VersionHealth:
    """One version: its numbers, and its sessions by day."""

    days: int
    from_rum: bool
    row: HealthRow
    chart: Chart


def health_view(project: Named, source: Source, found: Sequence[Health], days: int) -> HealthView:
    """The health of a project's versions."""
    rows = health_rows(project, found)
    return HealthView(
        days, source == "rum", tuple(rows[:_VERSIONS]), len(rows), len(found) >= MAX_ROWS
    )


def version_health(
    project: Named, source: Source, found: Sequence[Health], version: str, today: date, days: int
) -> VersionHealth | None:
    """The health of one version; null without a session of it."""
    row = next((row for row in health_rows(project, found) if row.version == version), None)
    if row is None:
        return None
    by_day = {one.day: one for one in found if one.day and one.version == version}
    return VersionHealth(days, source == "rum", row, _chart(by_day, today, days, row))


def health_rows(project: Named, found: Sequence[Health]) -> list[HealthRow]:
    """Versions over all days, from what is told of days and of all of them."""
    last = max((one.day for one in found if one.day), default=None)
    of_last = {one.version: one.sessions for one in found if one.day == last and last}
    whole = sum(of_last.values())
    return [
        HealthRow(
            one.version or "",
            links.release(project, one.version) if one.version else "",
            one.sessions,
            one.crashed,
            one.abnormal,
            one.errored,
            percent(one.crash_free_sessions),
            one.users,
            percent(one.crash_free_users),
            percent(of_last.get(one.version, 0) / whole if whole else None),
        )
        for one in found
        if one.day is None
    ]


def percent(share: float | None) -> float | None:
    """A share in percent. What is less than whole is never rounded up to it."""
    if share is None:
        return None
    rounded = round(100 * share, 2)
    return 99.99 if rounded == 100 and share < 1 else rounded


def _chart(by_day: Mapping[date, Health], today: date, days: int, row: HealthRow) -> Chart:
    times = [today - timedelta(days=days - 1 - n) for n in range(days)]
    told = [by_day.get(day) for day in times]
    crashed = tuple(float(one.crashed) if one else 0.0 for one in told)
    well = tuple(float(one.sessions - one.crashed) if one else 0.0 for one in told)
    return Chart(
        f"{row.sessions:,} sessions in {days} days, {row.crashed:,} of them crashed.",
        tuple(f"{day:%Y-%m-%d}" for day in times),
        (Series("without a crash", well, "ok"), Series("crashed", crashed, "bad")),
        axis="Day",
    )
