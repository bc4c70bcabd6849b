"""The queues as operators see them: what waits, how fast it comes and goes, and who works on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from broker.client import Broker, QueueState
from broker.flow import MOST_SLICES, Flow, Flows
from broker.peek import Peek, QueuedMessage
from broker.pools import Pool, Pools
from config.policy import ALL_QUEUES, QUEUES
from config.settings import Settings

#: Where messages end that nobody routed; Celery's own default beside it.
_STRAY = ("unrouted", "celery")


@dataclass(frozen=True, slots=True)
class QueueView:
    """A queue with its flow and the pools that work on it now. ``known`` is false for one that
    holds messages and that this version has no task for: no worker will ever take them.
    """

    state: QueueState
    flow: Flow
    pools: Sequence[str]
    known: bool

    @property
    def unattended(self) -> bool:
        """Whether messages wait and nobody takes them."""
        return self.state.ready > 0 and not self.pools

    @property
    def seconds_to_drain(self) -> float | None:
        """How long what waits will take at the present pace; null when it does not get less."""
        gain = self.flow.out_per_second - self.flow.in_per_second
        return self.state.events / gain if gain > 0 and self.state.events else None


@dataclass(frozen=True, slots=True)
class QueueBook:
    """Looks and takes nothing. Methods raise :class:`StoreDown`."""

    broker: Broker
    flows: Flows
    pools: Pools
    peek: Peek

    def queues(self) -> list[QueueView]:
        """Every queue of events, the system's own, and any other that holds messages."""
        pools, flows = self.pools.list(), self.flows.read()
        others = {*_STRAY, *self.flows.seen_queues(), *_queues_of(pools)} - set(ALL_QUEUES)
        states = self.broker.queues([*ALL_QUEUES, *sorted(others)])
        return [
            _view(state, flows, pools)
            for state in states
            if state.queue in ALL_QUEUES or state.ready + state.reserved + state.parked
        ]

    def queue(self, name: str) -> QueueView:
        """One queue, its flow as far back as it is kept; raises ``KeyError`` for an unknown one."""
        pools, flows = self.pools.list(), self.flows.read(MOST_SLICES)
        if name not in {*ALL_QUEUES, *_STRAY, *self.flows.seen_queues(), *_queues_of(pools)}:
            raise KeyError(name)
        (state,) = self.broker.queues([name])
        return _view(state, flows, pools)

    def messages(self, name: str, most: int) -> list[QueuedMessage]:
        """What would be handed out next, and what is in hand; all stays where it is."""
        return self.peek.messages(name, most)


def _view(state: QueueState, flows: Mapping[str, Flow], pools: Sequence[Pool]) -> QueueView:
    names = [pool.report.name for pool in pools if pool.works and state.queue in pool.report.queues]
    known = state.queue in QUEUES or state.queue in ALL_QUEUES
    return QueueView(state, flows.get(state.queue, Flow()), names, known)


def _queues_of(pools: Sequence[Pool]) -> set[str]:
    return {queue for pool in pools for queue in pool.report.queues}


def open_queues(settings: Settings, broker: Broker) -> QueueBook:
    """The book over a broker that is open already."""
    timeout = settings.broker_timeout_seconds
    return QueueBook(
        broker=broker,
        flows=Flows(settings.redis_url, timeout=timeout),
        pools=Pools(settings.redis_url, timeout=timeout),
        peek=Peek(settings.redis_url, timeout=timeout),
    )
