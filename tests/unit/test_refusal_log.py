"""Refused requests are noted by the kind, told in the background, and bounded."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from app.ingest.refusal_log import MOST_WAITING, RefusalLog
from broker.refusals import Kind, Noted, Refusals
from storage.errors import StoreDown

KIND = Kind("not_json", "/entries", "abc123")


class Told(Refusals):
    """Takes refusals in the broker's place."""

    def __init__(self) -> None:
        self.told: list[tuple[int | None, dict[Kind, Noted]]] = []
        self.away = False

    def note(self, project_id: int | None, noted: Mapping[Kind, Noted]) -> None:
        if self.away:
            raise StoreDown("broker", "away")
        self.told.append((project_id, dict(noted)))


def note(log: RefusalLog, project_id: int | None = 1, kind: Kind = KIND) -> None:
    log.note(project_id, kind, 400, "The body is not JSON.", "curl/8")


def test_the_same_again_is_a_count() -> None:
    told = Told()
    log = RefusalLog(told, clock=lambda: 1000)
    for _ in range(5):
        note(log)
    note(log, None)
    log.tell()
    expected = Noted(400, "The body is not JSON.", "curl/8", 1000, 5)
    assert (1, {KIND: expected}) in told.told
    assert [
        count.count for project, found in told.told for count in found.values() if project is None
    ] == [1]
    log.tell()
    assert len(told.told) == 2


def test_what_waits_is_bounded_and_forgotten_while_the_broker_is_away() -> None:
    told = Told()
    log = RefusalLog(told, clock=lambda: 1000)
    for number in range(MOST_WAITING + 50):
        note(log, 1, Kind("not_json", "/entries", str(number)))
    told.away = True
    with pytest.raises(StoreDown):
        log.tell()
    told.away = False
    note(log)
    log.tell()
    ((project, found),) = told.told
    assert (project, list(found)) == (1, [KIND])
