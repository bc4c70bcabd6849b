"""Publishing the stages behind ``files`` for a stored pack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from celery import Celery, chain

from broker.handoff import Handoff
from config.policy import queue_name, stage_policy
from tasks.handing_on import publishing


def send_pack(
    app: Celery, handoff: Handoff, stages: Sequence[str], headers: dict[str, int]
) -> None:
    """Publish these stages of a pack as one chain: each follows when the one before has worked.

    Raises :class:`StoreDown` when the broker did not take it; it may be there all the same.
    """
    pack = handoff.pack
    message = handoff.to_message()
    options: dict[str, Any] = {"headers": headers, "argsrepr": pack.key}
    steps = [
        app.tasks[stage_policy(stage).task]
        .si(message)
        .set(queue=queue_name(pack.type, stage), **options)
        for stage in stages
    ]
    with publishing():
        chain(*steps, app=app).apply_async()
