"""Baseline ``naive``: one event a task and a chain of three, as a good tutorial would write it.

Stock Celery and kombu, late acknowledgement, prefork with two children, one client a process; the
same four servers, with a table, keys and an index of its own.
"""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from functools import cache
from typing import Any

import boto3
import psycopg2
from celery import Celery, chain
from elasticsearch import Elasticsearch

from bench.ground import Ground, wait_until
from bench.kinds import CRASH, KINDS, Kind
from bench.processes import CpuMeter
from config.settings import Settings, load_settings
from events.envelope import Envelope
from events.ids import new_id, now_ms
from events.registry import event_type

INDEX = "naive"
CHILDREN = 2
_TABLE = """
CREATE TABLE IF NOT EXISTS naive_crashes (
    id uuid PRIMARY KEY, class_name text, message text, version text, machine text, key text
)
"""

app = Celery("naive", broker=os.environ.get("SLUICE_REDIS_URL", ""), set_as_current=False)
app.conf.update(
    task_default_queue="naive",
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=4,
    broker_connection_retry_on_startup=True,
)


@cache
def _settings() -> Settings:
    return load_settings(os.environ)


@cache
def _s3() -> Any:
    settings = _settings()
    return boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint,
        aws_access_key_id=settings.s3_access_key.reveal(),
        aws_secret_access_key=settings.s3_secret_key.reveal(),
        region_name=settings.s3_region,
    )


@cache
def _sql() -> Any:
    return psycopg2.connect(_settings().postgres_dsn.reveal())


@cache
def _search() -> Elasticsearch:
    return Elasticsearch(_settings().elasticsearch_url.reveal())


@app.task(shared=False)
def store_file(kind: str, body: str) -> tuple[str, str]:
    event_id = str(uuid.uuid4())
    key = f"naive/{kind}/{event_id}"
    _s3().put_object(Bucket=_settings().s3_bucket, Key=key, Body=body.encode("latin-1"))
    return event_id, key


@app.task(shared=False)
def insert_row(stored: tuple[str, str]) -> str:
    event_id, key = stored
    row = _read(key)[0]
    with _sql() as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO naive_crashes VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (event_id, *row, key),
        )
    return key


@app.task(shared=False)
def index_document(key: str) -> None:
    _search().index(index=INDEX, id=key.rpartition("/")[2], document=_read(key)[1])


def _read(key: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The row and the document of a payload."""
    answer = _s3().get_object(Bucket=_settings().s3_bucket, Key=key)
    body, kind = answer["Body"].read(), KINDS[key.split("/")[1]]
    return _of_crash(body) if kind is CRASH else _of_parts(kind, body)


def _of_crash(body: bytes) -> tuple[tuple[Any, ...], dict[str, Any]]:
    details = json.loads(body)["details"]
    error = details["error"]
    row = (error["className"], error["message"], details["version"], details["machineName"])
    return row, {
        "class_name": error["className"],
        "message": error["message"],
        "version": details["version"],
        "user": details["user"],
        "tags": details["tags"],
    }


def _of_parts(kind: Kind, body: bytes) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Spans or points, read as Sluice reads them, since a tutorial would use the same library."""
    envelope = Envelope(new_id(now_ms()), 0, kind.event_type, kind.protocol, body)
    record = event_type(kind.event_type).normalise(envelope)
    document = dict(record.document())
    return (document["service"], None, document["version"], document["host"]), document


def measure(place: Ground, events: int, seed: int, kind: Kind = CRASH) -> dict[str, Any]:
    """Events a second, and what they cost."""
    with psycopg2.connect(place.settings.postgres_dsn.reveal()) as connection:
        with connection.cursor() as cursor:
            cursor.execute(_TABLE)
        connection.commit()
    source = kind.source(seed)
    # A connection of its own: the app's would go on to the broker of an earlier run.
    with app.connection_for_write(place.settings.redis_url.reveal()) as connection:
        for _ in range(events):
            body = source.body().decode("latin-1")
            tasks = chain(store_file.s(kind.event_type, body), insert_row.s(), index_document.s())
            tasks.apply_async(connection=connection)
    argv = [
        sys.executable,
        "-m",
        "celery",
        "--app",
        "bench.naive:app",
        "worker",
        "--pool",
        "prefork",
    ]
    argv += ["--concurrency", str(CHILDREN), "--loglevel", "WARNING", "--hostname", "naive@%h"]
    search = Elasticsearch(place.settings.elasticsearch_url.reveal())
    watched = place.start("naive", argv)
    wait_until("naive works", lambda: _indexed(search) > 0)
    meter = CpuMeter([watched, *place.servers.values()])
    first, begun = _indexed(search), now_ms()
    wait_until("naive has stored all", lambda: _indexed(search) == events, 1800)
    took, done = (now_ms() - begun) / 1000, events - first
    memory = sum(item.proportional for item in watched.memory())
    cpu = meter.per_thousand(done)
    place.stop("naive")
    return {
        "what": "naive",
        "events": events,
        "events_per_s": round(done / took, 1),
        "workers_pss_mb": round(memory / 1e6, 1),
        "cpu": cpu,
    }


def _indexed(search: Elasticsearch) -> int:
    time.sleep(0.5)  # a refresh costs the server as much as many documents
    client = search.options(ignore_status=404)
    client.indices.refresh(index=INDEX)
    return int(client.count(index=INDEX).get("count", 0))
