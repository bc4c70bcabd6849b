"""Elasticsearch's judgement of a document without keeping it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
from elasticsearch import Elasticsearch

from storage.search.faults import reason_of

_JSON = {
    "accept": "application/vnd.elasticsearch+json; compatible-with=8",
    "content-type": "application/vnd.elasticsearch+json; compatible-with=8",
}


def refusal_of(client: Elasticsearch, index: str, event_id: UUID, document: bytes) -> str | None:
    """Why an index would refuse a document, null if it would take it.

    The server parses it by the index's mapping, or by the template that would make the index.
    """
    doc = {"_id": str(event_id), "_index": index, "_source": orjson.Fragment(document)}
    answer = client.perform_request(
        "POST", "/_ingest/_simulate", headers=_JSON, body=orjson.dumps({"docs": [doc]})
    )
    told: dict[str, Any] = answer.body["docs"][0]["doc"]
    error = told.get("error")
    return None if error is None else reason_of(error)
