"""Reads every byte that is kept anywhere, and says where a mark is still to be found."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import redis
import urllib3
import zstandard
from psycopg2 import sql

from broker.connection import connect
from broker.message import UnreadableMessage, message_args
from config.settings import Settings
from events.envelope import MalformedBatch, decode_batch
from storage.files.store import FileStore
from storage.sql.database import Database

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

_COLUMNS = """
SELECT table_schema, table_name, column_name FROM information_schema.columns
WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
    AND data_type IN ('text', 'bytea', 'jsonb', 'json', 'character varying', 'ARRAY')
"""


_EVERYWHERE = ("object", "table", "index", "broker", "file")


def places_with(settings: Settings, mark: bytes, *kinds: str) -> list[str]:
    """Where the mark lies: in objects, tables, indices, the broker, files of the home."""
    readers = {
        "object": _objects,
        "table": _columns,
        "index": _indices,
        "broker": _broker,
        "file": lambda settings: _files(settings.home),
    }
    found = {
        f"{kind} {place}"
        for kind in kinds or _EVERYWHERE
        for place, data in readers[kind](settings)
        if mark in data
    }
    return sorted(found)


def _opened(data: bytes) -> Iterator[bytes]:
    """The bytes, and what every zstd frame in them decompresses to."""
    yield data
    at = data.find(_ZSTD_MAGIC)
    while at >= 0:
        with contextlib.suppress(zstandard.ZstdError):  # four bytes that only look like a frame
            yield zstandard.ZstdDecompressor().decompressobj().decompress(data[at:])
        at = data.find(_ZSTD_MAGIC, at + 1)


def _objects(settings: Settings) -> Iterator[tuple[str, bytes]]:
    bucket = FileStore(settings).bucket
    for key, _ in list(bucket.list("")):
        for part in _opened(bucket.get(key, 1 << 30)):
            yield key, part


def _columns(settings: Settings) -> Iterator[tuple[str, bytes]]:
    database = Database(settings.postgres_dsn)
    with database.transaction() as cursor:
        cursor.execute(_COLUMNS)
        columns = cursor.fetchall()
        assert ("public", "dead_letters", "payload") in columns
        for schema, table, column in columns:
            cursor.execute(
                sql.SQL("SELECT {} FROM {}.{}").format(
                    *(sql.Identifier(name) for name in (column, schema, table))
                )
            )
            for (value,) in cursor:
                data = bytes(value) if isinstance(value, memoryview) else repr(value).encode()
                for part in _opened(data):
                    yield f"{table}.{column}", part
    database.close()


def _indices(settings: Settings) -> Iterator[tuple[str, bytes]]:
    base = settings.elasticsearch_url.reveal()
    names = urllib3.request(
        "GET", f"{base}/_cat/indices/{settings.search_prefix}*?format=json&h=index"
    ).json()
    for name in (item["index"] for item in names):
        urllib3.request("POST", f"{base}/{name}/_refresh")
        answer = urllib3.request("GET", f"{base}/{name}/_search?size=10000")
        assert answer.json()["hits"]["total"]["value"] < 10_000
        yield name, answer.data


def _broker(settings: Settings) -> Iterator[tuple[str, bytes]]:
    client = connect(settings.redis_url, timeout=10)
    for key in client.scan_iter():
        for value in _values(client, key):
            yield key.decode(), value
            try:
                for envelope in decode_batch(message_args(value)[0]):
                    yield key.decode(), envelope.body
            except (UnreadableMessage, MalformedBatch, LookupError, TypeError):
                continue
    client.close()


def _values(client: redis.Redis[bytes], key: bytes) -> list[bytes]:
    kind = client.type(key)
    if kind == b"list":
        return client.lrange(key, 0, -1)
    if kind == b"hash":
        return [part for pair in client.hgetall(key).items() for part in pair]
    if kind == b"set":
        return list(client.smembers(key))
    if kind == b"zset":
        return client.zrange(key, 0, -1)
    assert kind == b"string", kind
    return [client.get(key) or b""]


def _files(home: Path) -> Iterator[tuple[str, bytes]]:
    for path in home.rglob("*"):
        if path.is_file() and path.suffix != ".log":
            for part in _opened(path.read_bytes()):
                yield str(path.relative_to(home)), part
