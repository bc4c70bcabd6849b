"""Real servers for the tests: started by the run itself, or those the environment names.

`./sluice test` starts them once and names them; a bare `pytest` starts them when first asked.
Each test module gets a database, a bucket, an emptied Redis database and a search prefix of its
own, which go away after it.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import urllib.parse
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import psycopg2
import pytest
import redis
import urllib3
from psycopg2 import sql

from config.settings import Settings, load_settings
from ops.home import Home
from ops.paths import cache_path
from ops.servers.catalogue import needed_servers
from ops.servers.direct import running_servers

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def pytest_configure() -> None:
    """Give each of several processes of pytest the servers that were started for it.

    One more than there are sets of servers starts its own.
    """
    sets = json.loads(os.environ.get("SLUICE_TEST_SERVERS", "[]"))
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if not sets or not worker:
        return
    number = int(worker.removeprefix("gw"))
    for name in sets[0]:
        os.environ.pop(name, None)
    os.environ.update(sets[number] if number < len(sets) else {})


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Call bytes by their length: what they hold, such as a time, may differ from process to
    process, and all of them must know a test by one name.
    """
    return f"{argname}-{len(val)}-bytes" if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, str]]:
    """``SLUICE_*`` of four real servers; one that cannot start fails the run."""
    if not needed_servers(os.environ):
        yield {name: value for name, value in os.environ.items() if name.startswith("SLUICE_")}
        return
    with (
        tempfile.TemporaryDirectory(prefix="sluice-test-") as folder,
        running_servers(Home(Path(folder)), cache_path(os.environ), os.environ, print) as found,
    ):
        yield found


@pytest.fixture(scope="module")
def module_settings(
    servers: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """Settings of a place of its own on the servers, for one module."""
    with place_of_its_own(servers, tmp_path_factory.mktemp("home")) as settings:
        yield settings


@contextlib.contextmanager
def place_of_its_own(servers: dict[str, str], home: Path) -> Iterator[Settings]:
    """A fresh database, bucket and search prefix on the servers, and an emptied Redis."""
    mark = uuid.uuid4().hex[:12]
    environ = {
        **servers,
        "SLUICE_HOME": str(home),
        "SLUICE_S3_BUCKET": f"test-{mark}",
        "SLUICE_SEARCH_PREFIX": f"test-{mark}",
        "SLUICE_SESSION_KEY": uuid.uuid4().hex,
    }
    flush_redis(environ["SLUICE_REDIS_URL"])
    with _database(servers["SLUICE_POSTGRES_DSN"], f"test_{mark}") as dsn:
        settings = load_settings({**environ, "SLUICE_POSTGRES_DSN": dsn})
        _s3(settings).create_bucket(Bucket=settings.s3_bucket)
        yield settings
        _drop_bucket(settings)
        _drop_search(settings)
    flush_redis(environ["SLUICE_REDIS_URL"])


@pytest.fixture
def settings(module_settings: Settings) -> Settings:
    """The module's settings: an empty place at its first test, shared by the rest of them."""
    return module_settings


def flush_redis(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.flushdb()


@contextlib.contextmanager
def _database(dsn: str, name: str) -> Iterator[str]:
    _execute(dsn, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield urllib.parse.urlsplit(dsn)._replace(path=f"/{name}").geturl()
    finally:
        _execute(dsn, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _execute(dsn: str, statement: sql.Composed) -> None:
    connection = psycopg2.connect(dsn)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


def _s3(settings: Settings) -> S3Client:
    return boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint,
        aws_access_key_id=settings.s3_access_key.reveal(),
        aws_secret_access_key=settings.s3_secret_key.reveal(),
        region_name=settings.s3_region,
    )


def _drop_bucket(settings: Settings) -> None:
    client = _s3(settings)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=settings.s3_bucket)
    for item in [item for page in pages for item in page.get("Contents", [])]:
        client.delete_object(Bucket=settings.s3_bucket, Key=item["Key"])
    client.delete_bucket(Bucket=settings.s3_bucket)
    client.close()


def _drop_search(settings: Settings) -> None:
    base, prefix = settings.elasticsearch_url.reveal(), settings.search_prefix
    found = urllib3.request("GET", f"{base}/_cat/indices/{prefix}*?format=json&h=index")
    for item in found.json():
        urllib3.request("DELETE", f"{base}/{item['index']}")
    urllib3.request("DELETE", f"{base}/_index_template/{prefix}*")
