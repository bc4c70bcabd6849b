"""The three stages as Celery tasks: wiring only, the work is in the module of each stage.

That module, with the stores that it needs, is imported by the process that works: a pool's parent
has no use for it, and 20 MB fewer.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from celery import Celery, Task

from broker.handoff import Handoff
from broker.message import size_headers
from broker.suspects import Suspects
from config.policy import StagePolicy, stage_policy
from events.ids import Clock, now_ms
from tasks.chains import send_pack
from tasks.delivery import Delivery, delivery_of, outages_pause
from tasks.handing_on import hand_on_rest
from tasks.isolation import Retrying

if TYPE_CHECKING:
    from tasks.stores import WorkerStores


def _limits(policy: StagePolicy) -> dict[str, Any]:
    return {
        "name": policy.task,
        "bind": True,
        "shared": False,  # else every other Celery app of the process would get it too
        "soft_time_limit": policy.soft_limit,
        "time_limit": policy.hard_limit,
    }


PackWork = Callable[[Handoff, Delivery, Suspects, "WorkerStores", Retrying, Clock], None]
"""The work of a stage that is handed a pack."""


def _rows() -> PackWork:
    from tasks.store_sql import store_pack_rows  # noqa: PLC0415 - the point

    return store_pack_rows


def _search() -> PackWork:
    from tasks.index_search import index_pack  # noqa: PLC0415 - the point

    return index_pack


def import_work() -> None:
    """Import what the stages need, for children that are to share it."""
    for module in ("tasks.store_files", "tasks.store_sql", "tasks.index_search"):
        import_module(module)


def register(app: Celery, stores: Callable[[], WorkerStores], clock: Clock = now_ms) -> None:
    """Add the stages to the app. ``stores`` is called inside the process that runs the task."""
    files, sql, search = (stage_policy(name) for name in ("files", "sql", "search"))

    def run_pack(
        work: Callable[[], PackWork], policy: StagePolicy
    ) -> Callable[[Task[Any, Any], dict[str, Any]], None]:
        def run(self: Task[Any, Any], handoff: dict[str, Any]) -> None:
            delivery, reservations = delivery_of(self.request), stores().reservations
            suspects = Suspects(reservations, delivery.tag, str(self.request.id))
            with outages_pause(delivery, reservations):
                work()(
                    Handoff.from_message(handoff),
                    delivery,
                    suspects,
                    stores(),
                    Retrying(policy.retry, sleep=time.sleep, random=random.random),
                    clock,
                )
                hand_on_rest(app, self)

        return run

    def run_files(self: Task[Any, Any], batch: bytes) -> None:
        from tasks.store_files import store_batches  # noqa: PLC0415 - the point

        delivery = delivery_of(self.request)
        with outages_pause(delivery, stores().reservations):
            store_batches(batch, delivery, stores(), hand_on, clock)

    def hand_on(handoff: Handoff, oldest_ms: int) -> None:
        pack = handoff.pack
        headers = size_headers(pack.events, pack.raw_bytes, oldest_ms)
        send_pack(app, handoff, ("sql", "search"), headers)

    app.task(**_limits(sql))(run_pack(_rows, sql))
    app.task(**_limits(search))(run_pack(_search, search))
    app.task(**_limits(files))(run_files)
