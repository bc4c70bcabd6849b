"""What a fault did: the ids sent against what the stores hold, and the ledger's word; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.faults.load import Sent
from tests.faults.truth import Held

Totals = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One line of the table. ``seconds`` is the time to recover: from the end of the fault until
    everything accepted was settled. ``refused`` and ``unanswered`` events were never promised.
    """

    scenario: str
    accepted: int
    stored: int
    dead: int
    parked: int
    lost: int
    duplicated: int
    refused: dict[str, int]
    unanswered: int
    seconds: float
    problems: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def judge(
    scenario: str,
    sent: Sent,
    held: Held,
    miscounted: Mapping[str, int],
    problems: list[str],
    seconds: float,
) -> Outcome:
    """Every id is in all three stores, dead, or parked; else it is lost. One that repeats another
    is where that one is.
    """
    ids = set(sent.ids)
    whole = {e for e in held.sql if held.files[e] and held.search[e]}
    stored = {e for e in ids if held.repeats.get(e, e) in whole}
    dead, parked = ids & held.dead.keys(), ids & held.parked
    twice = len(sent.ids) - len(ids)
    twice += sum(held.sql[e] > 1 for e in ids) + sum(held.search[e] > 1 for e in ids)
    twice += sum(len(_events(of_sdk, held)) > 1 for of_sdk in sent.by_sdk.values())
    twice += sum(difference for difference in miscounted.values() if difference > 0)
    wrong = [f"{name} counts {by:+} too many" for name, by in miscounted.items()]
    wrong += [f"{e} is dead and stored" for e in stored & dead]
    of_sdks = {e for of_sdk in sent.by_sdk.values() for e in _events(of_sdk, held)}
    wrong += [f"{e} came with a file and has none" for e in of_sdks & whole - held.linked]
    return Outcome(
        scenario=scenario,
        accepted=len(ids),
        stored=len(stored),
        dead=len(dead),
        parked=len(parked),
        lost=len(ids - stored - dead - parked),
        duplicated=twice,
        refused=dict(sent.refused),
        unanswered=sent.unanswered,
        seconds=round(seconds, 1),
        problems=problems + wrong,
    )


def _events(deliveries: Iterable[str], held: Held) -> set[str]:
    """The events with a row that deliveries of one SDK's id are stored as: it should be one."""
    return {held.repeats.get(e, e) for e in deliveries if held.sql[held.repeats.get(e, e)]}


def ledger_problems(before: Totals, after: Totals, sent: Sent, rows: int, parked: int) -> list[str]:
    """Where the ledger does not tell what happened. Both totals were read while idle.

    Events that were sent and never answered may have been accepted or not.
    """
    accepted = after["accepted"] - before["accepted"]
    problems = []
    if not len(sent.ids) <= accepted <= len(sent.ids) + sent.unanswered + _refused(sent):
        problems.append(
            f"the ledger accepted {accepted}, senders know of {len(sent.ids)} "
            f"and have no word of {sent.unanswered}"
        )
    if after["stored"] != rows:
        problems.append(f"the ledger stored {after['stored']}, SQL has {rows}")
    if after["in_flight"] != parked:
        problems.append(f"{after['in_flight']} are in flight, {parked} are parked")
    return problems


def _refused(sent: Sent) -> int:
    """A request refused in part, or by a balancer that lost its answer, may be stored in part."""
    return sum(sent.refused.values())
