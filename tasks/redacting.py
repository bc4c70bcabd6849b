"""Redaction in stage ``files``: nothing is stored before its project's rules were applied."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from celery.exceptions import SoftTimeLimitExceeded

from events.envelope import SYSTEM_PROJECT, Envelope
from events.redact.redactor import Redactor
from storage.errors import StoreDown
from storage.redaction import ProjectRules
from tasks.isolation import Failure, failure_of

_log = structlog.get_logger(__name__)

#: How long a worker goes by rules before it looks at them again.
FRESH_SECONDS = 3.0
#: Most projects whose rules are kept compiled. Those of the defaults share what is large; others
#: have 0.4 MB each, with a hundred names of their own 3 MB.
MAX_KEPT = 50


class KnowsRules(Protocol):
    """The part of ``workbench.redaction.RedactionBook`` used here."""

    def known(self, project_id: int) -> ProjectRules: ...


class SharesRules(Protocol):
    """The other part."""

    def share_all(self) -> int: ...


class Redactors:
    """The redactor of each project, compiled anew when its rules have changed. For one thread."""

    def __init__(self, book: KnowsRules, clock: Callable[[], float] = time.monotonic) -> None:
        self._book = book
        self._clock = clock
        self._kept: OrderedDict[int, tuple[ProjectRules, Redactor, float]] = OrderedDict()

    def of(self, project_id: int) -> Redactor:
        """The redactor of a project; raises :class:`StoreDown` when nobody knows its rules."""
        now = self._clock()
        known = self._kept.get(project_id)
        if known is not None and now < known[2]:
            return known[1]
        rules = self._book.known(project_id)
        if known is not None and known[0] == rules:
            redactor = known[1]
        else:
            redactor = Redactor(rules.rules, rules.keys)
        self._kept[project_id] = (rules, redactor, now + FRESH_SECONDS)
        self._kept.move_to_end(project_id)
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return redactor


def share_rules(book: SharesRules) -> None:
    """Tell the broker the rules and keys of every project, whoever changed them and missed it.

    Raises :class:`StoreDown`.
    """
    _log.info("redaction_shared", projects=book.share_all())


def redact_all(
    envelopes: Sequence[Envelope], redactors: Redactors
) -> tuple[list[Envelope], list[Failure[Envelope]]]:
    """Redact each event by the rules of its project; one that cannot be redacted fails alone.

    Redacting is pure: the same event would fail again, so there is nothing to retry. The system's
    own events have no rules. Raises :class:`StoreDown` when rules are not known.
    """
    good: list[Envelope] = []
    failures: list[Failure[Envelope]] = []
    for envelope in envelopes:
        if envelope.project_id == SYSTEM_PROJECT:
            good.append(envelope)
            continue
        redactor = redactors.of(envelope.project_id)
        try:
            good.append(redactor.redact(envelope))
        except (SoftTimeLimitExceeded, StoreDown):
            raise
        except Exception as exc:
            failures.append(failure_of(envelope, exc, attempts=1, code="redaction_failed"))
    return good, failures
