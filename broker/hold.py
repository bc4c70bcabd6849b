"""Holding a queue for a moment: nothing is handed out, and what is in work comes to its end."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from broker import keys, scripts
from broker.connection import broker_errors, connect
from config.settings import Secret

_STEP_SECONDS = 0.1


class Holds:
    """Connects when used. A hold ends by itself after its time: a kill leaves no pause behind."""

    def __init__(
        self, redis_url: Secret, *, timeout: float, sleep: Callable[[float], None]
    ) -> None:
        self._client = connect(redis_url, timeout=timeout)
        self._sleep = sleep

    @contextmanager
    def hold(self, queue: str, reason: str, *, seconds: float, patience: float) -> Iterator[bool]:
        """Hold a queue for up to ``seconds``; whether what was in work ended within ``patience``.

        A queue that is paused already stays so, and its pause is not ended here. Raises
        :class:`StoreDown`.
        """
        text = f"hold: {reason} ({uuid.uuid4().hex[:8]})"
        with broker_errors():
            self._client.set(keys.pause(queue), text, px=int(seconds * 1000), nx=True)
        try:
            yield self._drained(queue, patience)
        finally:
            with broker_errors():
                scripts.run(self._client, "unhold", queue, text)

    def _drained(self, queue: str, patience: float) -> bool:
        for _ in range(int(patience / _STEP_SECONDS)):
            with broker_errors():
                if not self._client.hlen(keys.reserved(queue)):
                    return True
            self._sleep(_STEP_SECONDS)
        return False
