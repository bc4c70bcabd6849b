"""The Redis channel of Celery workers: stock kombu, but for how a message is reserved and answered.

kombu's own channel pops a message and records it as unacknowledged in a second command, so a kill
between the two loses it; and a message whose worker died waits an hour. Here one script pops and
records, and leases say within seconds who is dead (``docs/adr/0003``). Everything else, control
commands and Flower included, is kombu's.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty
from time import monotonic
from typing import Any

import redis
import structlog
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as stock

from broker import scripts
from broker.leases import Leases
from broker.message import ACCEPTED_CONTENT, EVENTS_HEADER, OWNER_HEADER, RETURNS_HEADER
from broker.reservations import tag_queue

_log = structlog.get_logger(__name__)


class QoS(stock.QoS):  # type: ignore[misc]
    """Answers messages through the scripts; the tag names its queue."""

    def append(self, message: Any, delivery_tag: str) -> None:
        # The script recorded the message when it handed it out; only the local books are kept.
        super(stock.QoS, self).append(message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        events = self._delivered[delivery_tag].headers.get(EVENTS_HEADER, 0)
        self._run("ack", tag_queue(delivery_tag), delivery_tag, events)
        super(stock.QoS, self).ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Requeued: its worker died or ran out of time. Else no task can take it: parked."""
        if requeue:
            self._run("release", tag_queue(delivery_tag), "1", delivery_tag)
        else:
            _log.error("message_parked", queue=tag_queue(delivery_tag))
            self._run("park", tag_queue(delivery_tag), delivery_tag, "no task could take it")
        super(stock.QoS, self).ack(delivery_tag)

    def restore_unacked(self, client: Any = None) -> list[Any]:  # noqa: ARG002
        """Give back what was not answered. What cannot be given back, its lease gives back."""
        self._flush()
        for tag in list(self._delivered):
            try:
                self._run("release", tag_queue(tag), "0", tag)
            except redis.RedisError as exc:
                _log.warning("release_left_to_lease", tag=tag, error=str(exc))
        self._delivered.clear()
        return []

    def restore_visible(self, *_: Any, **__: Any) -> None:
        """Nothing: leases take over from dead workers, not a time-out."""

    def _run(self, script: str, *args: object) -> Any:
        with self.channel.conn_or_acquire() as client:
            return scripts.run(client, script, *args)


class Channel(stock.Channel):  # type: ignore[misc]
    """A channel that reserves with one script and blocks on wake lists while idle."""

    QoS = QoS
    lease_seconds = 10.0
    from_transport_options = (*stock.Channel.from_transport_options, "lease_seconds")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.owner = _new_owner()
        self._answerless: set[str] = set()
        self._leases: Leases | None = None
        self._waiting = False
        self._sync_client: tuple[int, Any] | None = None
        super().__init__(*args, **kwargs)

    def basic_consume(self, queue: str, no_ack: bool, *args: Any, **kwargs: Any) -> Any:
        if no_ack:
            self._answerless.add(queue)
        elif self._leases is None:
            self._leases = Leases(
                self._create_client(), self.owner, self._answered, lease_seconds=self.lease_seconds
            )
            self._leases.start()
        return super().basic_consume(queue, no_ack, *args, **kwargs)

    def _on_connection_disconnect(self, connection: Any) -> None:
        """Become another owner when a request for a message is lost with its connection.

        A broker that hung may still hand the message out, to an owner that will never know.
        """
        if self._in_poll is connection and not self._waiting and self._leases is not None:
            self.owner = _new_owner()
            self._leases.go_on_as(self.owner)
        super()._on_connection_disconnect(connection)

    def _answered(self) -> list[str]:
        return [queue for queue in self.active_queues if queue not in self._answerless]

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        """One cached client a process; kombu builds one per command, which costs 95 µs."""
        if client is not None:
            yield client
            return
        pid = os.getpid()
        if self._sync_client is None or self._sync_client[0] != pid:
            self._sync_client = (pid, self._create_client())
        yield self._sync_client[1]

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        events = message.get("headers", {}).get(EVENTS_HEADER, 0)
        ordered = {"headers": message.get("headers", {}), **message}
        with self.conn_or_acquire() as client:
            expires = self._expires.get(queue, 0)
            scripts.run(client, "put", queue, json.dumps(ordered), events, expires)

    def _take_args(self, queues: list[str]) -> list[object]:
        pairs = [(queue, "0" if queue in self._answerless else "1") for queue in queues]
        flat = [part for pair in pairs for part in pair]
        return [self.owner, uuid.uuid4().hex, scripts.PARK_AFTER, *flat]

    def _get(self, queue: str) -> dict[str, Any]:
        with self.conn_or_acquire() as client:
            found = scripts.run(client, "take", *self._take_args([queue]))
        if found is None:
            raise Empty
        payload = self._payload(*found)
        if payload is None:
            raise Empty
        return payload

    def _brpop_start(self, timeout: float | None = None) -> None:
        """Ask for a message; when the last answer was none, block on the wake lists instead."""
        queues = self._queue_cycle.consume(len(self.active_queues))
        if not queues:
            return
        connection = self.client.connection
        self._in_poll = connection
        self._brpop_sent_at = monotonic()
        if self._waiting:
            wait = timeout or self.brpop_timeout or 1
            connection.send_command("BRPOP", *(f"wake:{queue}" for queue in queues), wait)
        else:
            connection.send_command("EVAL", scripts.source("take"), 0, *self._take_args(queues))

    def _brpop_read(self, **options: Any) -> bool:
        was_waiting = self._waiting
        try:
            command = "BRPOP" if was_waiting else "EVAL"
            found = self.client.parse_response(self.client.connection, command, **options)
        except self.connection_errors:
            self._waiting = False
            self.client.connection.disconnect()
            raise
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()
        self._waiting = not was_waiting and found is None
        if was_waiting or found is None:
            raise Empty
        return self._deliver(*found)

    def _deliver(self, queue: bytes, tag: bytes, raw: bytes, returns: int) -> bool:
        payload = self._payload(queue, tag, raw, returns)
        if payload is None:
            raise Empty
        name = queue.decode()
        self._queue_cycle.rotate(name)
        self.connection._deliver(payload, name)
        return True

    def _payload(self, queue: bytes, tag: bytes, raw: bytes, returns: int) -> dict[str, Any] | None:
        """The message as kombu expects it under a fresh tag; parked when it is no task message."""
        reason = None
        try:
            payload: dict[str, Any] = json.loads(raw)
            if payload.get("content-type") not in ACCEPTED_CONTENT:
                reason = f"content type {payload.get('content-type')!r} is not accepted"
            payload["properties"]["delivery_tag"] = tag.decode()
            payload["headers"][OWNER_HEADER] = self.owner
            payload["headers"][RETURNS_HEADER] = returns
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            reason = f"not a task message: {exc}"
        if reason is None:
            return payload
        _log.error("message_parked", queue=queue.decode(), reason=reason)
        with self.conn_or_acquire() as client:
            scripts.run(client, "park", queue.decode(), tag.decode(), reason)
        return None

    def _purge(self, queue: str) -> int:  # noqa: ARG002 - the name of every queue is refused
        raise PermissionError(
            "purge would lose accepted events; discard dead letters one by one instead"
        )

    def close(self) -> None:
        if self._leases is not None:
            self._leases.close()
        super().close()


def _new_owner() -> str:
    return f"{os.uname().nodename}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


class Transport(stock.Transport):  # type: ignore[misc]
    """kombu's Redis transport with this channel."""

    Channel = Channel


def install_channel() -> None:
    """Make ``redis://`` mean this transport in this process.

    The scheme stays stock because Flower and operators' tools look at it.
    """
    TRANSPORT_ALIASES["redis"] = "broker.channel:Transport"
