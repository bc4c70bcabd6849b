"""The ids that each of the three stores really holds, read without Sluice's own queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import boto3
import psycopg2
from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan

from storage.files.pack import decode_pack

Status = dict[str, Any]
"""What ``./sluice status --json`` prints."""


def in_sql(status: Status, table: str = "crash_events") -> Counter[str]:
    """Ids of an event type's table."""
    with psycopg2.connect(status["postgres"]) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT id::text FROM {table}")
        return Counter(row[0] for row in cursor)


def in_search(status: Status, index: str = "sluice-crash") -> Counter[str]:
    """Ids of an event type's documents."""
    client = Elasticsearch(status["elasticsearch"])
    client.indices.refresh(index=index)
    hits = scan(client, index=index, query={"_source": False}, size=5000)
    return Counter(hit["_id"] for hit in hits)


def in_files(status: Status, event_type: str = "crash") -> Counter[str]:
    """Ids in the packs of an event type. A redelivered event may lie in two packs."""
    return Counter(
        str(packed.envelope.id)
        for key, data in _packs(status)
        if f"/{event_type}/" in key
        for packed in decode_pack(data, key)
    )


def _packs(status: Status) -> Iterator[tuple[str, bytes]]:
    s3 = status["s3"]
    client = boto3.client(
        "s3",
        endpoint_url=s3["endpoint"],
        aws_access_key_id=s3["access_key"],
        aws_secret_access_key=s3["secret_key"],
        region_name=s3["region"],
    )
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=s3["bucket"]):
        for item in page.get("Contents", []):
            answer = client.get_object(Bucket=s3["bucket"], Key=item["Key"])
            yield item["Key"], answer["Body"].read()
