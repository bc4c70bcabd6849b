"""Where faults are injected: one running Sluice under load, and the judgement afterwards."""

from __future__ import annotations

import contextlib
import json
import random
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.faults.installation import Installation, wait_until
from tests.faults.load import Load, Mark, Sent
from tests.faults.object_store import ObjectStore
from tests.faults.outcome import Outcome, judge, ledger_problems
from tests.faults.truth import Truth

_WARM_SECONDS = 0.7
_SETTLE_SECONDS = 300.0
_RATES = {True: 300.0, False: 200.0}


@dataclass(slots=True)
class Ground:
    """The installation and its S3. ``full`` asks for long faults; ``random`` is seeded; ``sent``
    is what came of the last load.
    """

    sluice: Installation
    store: ObjectStore
    full: bool
    random: random.Random
    outcomes: list[Outcome] = field(default_factory=list)
    sent: Sent = field(default_factory=Sent)
    _seed: int = 0
    _truth: Truth | None = None

    def seconds(self, short: float, full: float) -> float:
        """How long a fault lasts in this form."""
        return full if self.full else short

    def hold(self, short: float, full: float) -> None:
        """Let a fault last."""
        time.sleep(self.seconds(short, full))

    def totals(self) -> dict[str, int]:
        """The ledger's totals; raises ``OSError`` while the web tier or a store cannot tell."""
        return dict(self.sluice.get("/api/v1/ledger")["totals"])

    def settle(self, accepted: int) -> None:
        """Wait until the ledger has so many accepted, and none of them is on its way."""

        def settled() -> bool:
            totals = self.totals()
            waiting = totals["in_flight"]
            return totals["accepted"] >= accepted and (
                waiting == 0 or waiting == self.truth.parked_events()
            )

        with contextlib.suppress(AssertionError):  # the judgement says it with numbers
            wait_until(settled, _SETTLE_SECONDS, "everything accepted is settled")

    @property
    def truth(self) -> Truth:
        if self._truth is None:
            self._truth = Truth(self.sluice.status)
        return self._truth

    def load(
        self,
        *,
        web: str | None = None,
        rate: float | None = None,
        mark: Mark = lambda _number: None,
    ) -> Load:
        """A load on the installation, or on another address; each its own events."""
        self._seed += 1
        status = self.sluice.status
        project = status["project"]
        return Load(
            web or status["web"],
            project["key"],
            urllib.parse.urlsplit(project["dsn"]).username or "",
            rate=rate or _RATES[self.full],
            seed=self._seed,
            mark=mark,
        )

    def endure(
        self,
        scenario: str,
        inject: Callable[[Ground], None],
        *,
        web: str | None = None,
        rate: float | None = None,
        mark: Mark = lambda _number: None,
    ) -> Outcome:
        """Inject a fault under load, wait until all is settled, and compare ids."""
        before = self._quiet_totals()
        with self.load(web=web, rate=rate, mark=mark) as load:
            time.sleep(_WARM_SECONDS)
            inject(self)
            lifted = time.monotonic()
            time.sleep(_WARM_SECONDS)
        return self.judge(scenario, before, load.sent, lifted)

    def judge(self, scenario: str, before: dict[str, int], sent: Sent, lifted: float) -> Outcome:
        """Compare ids with the stores once idle, and keep the outcome."""
        self.sent = sent
        self.settle(before["accepted"] + len(sent.ids))
        took = time.monotonic() - lifted
        after = self._quiet_totals()
        held = self.truth.held(sent.ids)
        problems = ledger_problems(
            before, after, sent, self.truth.rows(), self.truth.parked_events()
        )
        problems += self.truth.parked_reasons()
        outcome = judge(scenario, sent, held, self.truth.miscounted(), problems, took)
        self.outcomes.append(outcome)
        with (self.sluice.home / "logs" / "outcomes.log").open("a", encoding="utf-8") as log:
            log.write(json.dumps(outcome.to_json()) + "\n")
        return outcome

    def _quiet_totals(self) -> dict[str, int]:
        found: dict[str, int] = {}

        def read() -> bool:
            found.update(self.totals())
            return True

        wait_until(read, 60, "the ledger can be read")
        return found
