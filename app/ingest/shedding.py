"""Refusing events while the workers are too far behind, the less important types first.

A type is refused while a queue of its own, or of a type that matters more, has waited too long or
grown too deep. The limits of the type that matters most are the settings'; those of the others are
a share of them. What is accepted already is never touched.
"""

from __future__ import annotations

import multiprocessing.util
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import structlog

from app.errors import Code
from broker.load import Load, QueueLoad
from config.policy import EVENT_TYPES, EventTypePolicy
from config.settings import Settings
from storage.errors import StoreDown

READ_SECONDS = 1.0
"""How often a process asks how far behind the workers are, and counts what it refused."""
CODE: Code = "overloaded"
SHED_SECONDS = 60
"""How long the sender of a refused event is asked to wait."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """When the most important type is refused: events of a queue, age in seconds; 0 is never."""

    events: int
    age_seconds: float

    @property
    def never(self) -> bool:
        """Whether nothing is ever refused."""
        return self.events <= 0 and self.age_seconds <= 0


def share_of(kind: EventTypePolicy) -> float:
    """The share of the limits at which a type is refused: 1 for what is shed last."""
    orders = sorted({row.shed_order for row in EVENT_TYPES})
    return (orders.index(kind.shed_order) + 1) / len(orders)


def refused_types(loads: Iterable[QueueLoad], limits: LoadLimits) -> dict[str, str]:
    """The types to refuse now, each with the queue that is at fault and why."""
    loads = list(loads)
    found: dict[str, str] = {}
    for kind in EVENT_TYPES:
        share = share_of(kind)
        for load in loads:
            matters = load.policy.event_type.shed_order >= kind.shed_order
            if matters and (why := _excess(load, limits, share)):
                found.setdefault(kind.name, f"{load.policy.queue} {why}")
    return found


def _excess(load: QueueLoad, limits: LoadLimits, share: float) -> str | None:
    if 0 < limits.events * share < load.events:
        return f"holds {load.events} events"
    if 0 < limits.age_seconds * share < load.age_seconds:
        return f"waits for {load.age_seconds:.0f} s"
    return None


class Shedder:
    """What this process refuses now: read in the background, never within a request.

    Thread-safe. Its thread starts with the first question and is a daemon. While the broker does
    not answer, the last word stands. Counts of what was refused reach the broker within a second;
    a kill loses those of the last one.
    """

    def __init__(
        self,
        read: Callable[[], list[QueueLoad]],
        count: Callable[[Mapping[str, int]], None],
        limits: LoadLimits,
    ) -> None:
        self._read = read
        self._count = count
        self._limits = limits
        self._refused: dict[str, str] = {}
        self._blind = False
        self._uncounted: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def why(self, event_type: str) -> str | None:
        """Why events of this type are refused now; None while they are welcome."""
        if self._thread is None and not self._limits.never:
            self._start()
        return self._refused.get(event_type)

    def note(self, event_type: str, events: int) -> None:
        """Count events that were refused."""
        with self._lock:
            self._uncounted[f"refused:{event_type}:{CODE}"] += events

    def close(self) -> None:
        """Stop the thread, once it has counted what there is to count."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="sluice-shed", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._step()
            self._closed.wait(READ_SECONDS)
        self._step()

    def _step(self) -> None:
        try:
            self._turn(refused_types(self._read(), self._limits))
            self._settle()
            self._blind = False
        except StoreDown as error:
            if not self._blind:
                _log.warning("load_unknown", reason=error.detail)
            self._blind = True
        except Exception:  # a bug must not end the thread: shedding would stay as it is for ever
            _log.exception("shedding_failed")

    def _turn(self, refused: dict[str, str]) -> None:
        for name in refused.keys() - self._refused.keys():
            _log.warning("shedding_starts", type=name, reason=refused[name])
        for name in self._refused.keys() - refused.keys():
            _log.warning("shedding_ends", type=name)
        self._refused = refused

    def _settle(self) -> None:
        with self._lock:
            amounts, self._uncounted = self._uncounted, Counter()
        if not amounts:
            return
        try:
            self._count(amounts)
        except StoreDown:
            with self._lock:  # counted twice if the broker had done it: better than not at all
                self._uncounted.update(amounts)
            raise


def open_shedder(settings: Settings) -> Shedder:
    """The shedder of a web process; connects to nothing before it is used."""
    load = Load(settings.redis_url, timeout=settings.publish_timeout_seconds)
    limits = LoadLimits(settings.shed_events, settings.shed_age_seconds)
    shedder = Shedder(load.queues, load.count, limits)
    # Not atexit: a web worker is a child of multiprocessing, which does not run its handlers.
    multiprocessing.util.Finalize(None, shedder.close, exitpriority=0)
    return shedder
