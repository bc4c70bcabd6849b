"""Faults, each one small function: it breaks something of a running Sluice, and mends it."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

import redis

from tests.faults.fault_proxy import Mode
from tests.faults.ground import Ground
from tests.faults.installation import send, wait_until

_SERVER_SECONDS = 120.0
WORKERS = ("worker-files", "worker-sql", "worker-search")


def kill_workers(ground: Ground) -> None:
    """SIGKILL a random worker, parent or child, every two seconds."""
    until = time.monotonic() + ground.seconds(6, 60)
    while time.monotonic() < until:
        began = time.monotonic()
        name = ground.random.choice(WORKERS)
        if pids := ground.sluice.tree(name):
            send([ground.random.choice(pids)], signal.SIGKILL)
        time.sleep(max(0.0, 2 - (time.monotonic() - began)))


def kill_broker_twice(ground: Ground) -> None:
    """SIGKILL the broker, which is restarted on its append-only file, and again."""
    for _ in range(2):
        ground.sluice.kill("valkey")
        ground.hold(3, 6)
    broker_answers(ground)


def freeze_broker(ground: Ground) -> None:
    """SIGSTOP the broker: it holds its connections and answers nobody."""
    with ground.sluice.frozen("valkey"):
        ground.hold(4, 20)


def fill_broker(ground: Ground) -> None:
    """Leave the broker no memory at all, as if its machine were full."""
    broker_answers(ground)
    with redis.Redis.from_url(ground.sluice.status["redis"]) as client:
        usual = client.config_get("maxmemory")["maxmemory"]
        client.config_set("maxmemory", client.info("memory")["used_memory"] - 1)
        ground.hold(4, 20)
        client.config_set("maxmemory", usual)


def kill_sql(ground: Ground) -> None:
    """SIGKILL PostgreSQL, every process of it; the supervisor starts it again."""
    ground.sluice.kill("postgres")
    ground.hold(4, 10)


def freeze_sql(ground: Ground) -> None:
    """SIGSTOP PostgreSQL, every process of it."""
    with ground.sluice.frozen("postgres"):
        ground.hold(4, 20)


def kill_search(ground: Ground) -> None:
    """SIGKILL Elasticsearch; it takes its time to come back."""
    ground.sluice.kill("elasticsearch")
    ground.hold(4, 10)


def block_index(ground: Ground) -> None:
    """Make the indices read-only, as the disk's flood stage does."""
    block = {"index.blocks.read_only_allow_delete": True}
    with _elasticsearch_setting(ground, "/sluice-*/_settings", block):
        ground.hold(4, 20)


def block_cluster(ground: Ground) -> None:
    """Make the whole cluster read-only, as an operator would."""
    block = {"persistent": {"cluster.blocks.read_only_allow_delete": True}}
    with _elasticsearch_setting(ground, "/_cluster/settings", block):
        ground.hold(4, 20)


def kill_files(ground: Ground) -> None:
    """SIGKILL the object store, and start it again."""
    with ground.store.killed():
        ground.hold(4, 20)


def slow_files(ground: Ground) -> None:
    """Let the object store take five seconds for each answer."""
    with ground.store.proxy.failing(Mode.SLOW):
        ground.hold(6, 30)


def throttle_files(ground: Ground) -> None:
    """Let the object store answer every request with 503 SlowDown."""
    with ground.store.proxy.failing(Mode.UNAVAILABLE):
        ground.hold(4, 20)


def kill_web_child(ground: Ground) -> None:
    """SIGKILL one process of the web tier; its parent makes another."""
    if children := ground.sluice.process("web")["children"]:
        send([ground.random.choice(children)], signal.SIGKILL)
    ground.hold(2, 10)


def kill_web(ground: Ground) -> None:
    """SIGKILL the web tier's parent and children."""
    ground.sluice.kill("web")
    ground.hold(1, 10)
    web_answers(ground)


def kill_web_while_spooling(ground: Ground) -> None:
    """SIGKILL the whole web tier while it spools, since the broker hangs."""
    with ground.sluice.frozen("valkey"):
        ground.hold(3, 10)
        ground.sluice.kill("web")
        ground.hold(4, 10)
    web_answers(ground)


def lose_all_stores(ground: Ground) -> None:
    """Stop PostgreSQL and Elasticsearch and kill the object store, for minutes.

    In the short form the first two are frozen: to all who ask them it is the same.
    """
    with contextlib.ExitStack() as mended, ground.store.killed():
        if ground.full:
            mended.enter_context(ground.sluice.stopped("postgres", "elasticsearch"))
        else:
            mended.enter_context(ground.sluice.frozen("postgres"))
            mended.enter_context(ground.sluice.frozen("elasticsearch"))
        ground.hold(6, 180)


def term_everything(ground: Ground) -> None:
    """TERM each process and server in turn, as a careless deploy would."""
    for pid in [item["pid"] for item in ground.sluice.refresh()["processes"]]:
        send([pid], signal.SIGTERM)
        ground.hold(0.7, 5)
    broker_answers(ground)
    web_answers(ground)


ALL = (
    kill_workers,
    kill_broker_twice,
    freeze_broker,
    fill_broker,
    kill_sql,
    freeze_sql,
    kill_search,
    block_index,
    block_cluster,
    kill_files,
    slow_files,
    throttle_files,
    kill_web_child,
    kill_web,
    kill_web_while_spooling,
)
"""What the random mix draws from."""


def broker_answers(ground: Ground) -> None:
    """Wait until the broker is back."""

    def answers() -> bool:
        try:
            with redis.Redis.from_url(ground.sluice.status["redis"]) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    wait_until(answers, _SERVER_SECONDS, "the broker answers")


def web_answers(ground: Ground) -> None:
    """Wait until the web tier is back."""
    wait_until(lambda: ground.sluice.get("/health/live"), _SERVER_SECONDS, "the web tier answers")


@contextlib.contextmanager
def _elasticsearch_setting(ground: Ground, path: str, settings: dict[str, Any]) -> Iterator[None]:
    # In a mix the server may just be starting, after another fault.
    url = ground.sluice.status["elasticsearch"]
    wait_until(lambda: _put(url, path, settings), _SERVER_SECONDS, "Elasticsearch takes a setting")
    try:
        yield
    finally:
        nulled = _nulled(settings)
        wait_until(lambda: _put(url, path, nulled), _SERVER_SECONDS, "Elasticsearch forgets it")


def _nulled(settings: dict[str, Any]) -> dict[str, Any]:
    return {k: _nulled(v) if isinstance(v, dict) else None for k, v in settings.items()}


def _put(url: str, path: str, body: dict[str, Any]) -> bool:
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=60)
    connection.request("PUT", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status == http.HTTPStatus.OK
