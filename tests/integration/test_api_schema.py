"""Whatever the OpenAPI document allows, and some that it does not: no answer is a 5xx.

``SLUICE_TEST_SCHEMA_EXAMPLES`` asks each endpoint more often than the short form does.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.core import NOT_SET

from tests.integration.api_world import TOKEN, World, crash
from tests.otlp_samples import Timed, gauges, traces

EXAMPLES = int(os.environ.get("SLUICE_TEST_SCHEMA_EXAMPLES", "8"))
OWN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def api_schema(world: World) -> Any:
    """The document, over a world that holds something of each type."""
    world.seed([crash("one"), crash("two")], "shop")
    for kind, body in (("trace", traces(Timed("GET /"))), ("metric", gauges({"load": [1.0]}))):
        world.seed([body], "shop", kind)
    document = world.json("/api/v1/openapi.json")
    for path in document["paths"].values():
        for method in path.values():
            for parameter in method.get("parameters", []):
                if parameter["name"] == "project":
                    parameter["schema"]["examples"] = ["shop"]
    return schemathesis.openapi.from_dict(document)


schema = schemathesis.pytest.from_fixture("api_schema")


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_no_request_meets_a_fault_of_ours(case: Any, world: World) -> None:
    body = None if isinstance(case.body, type(NOT_SET)) else case.body
    answer = world.client.open(
        case.formatted_path,
        method=case.method,
        query_string=[(str(name), str(value)) for name, value in (case.query or {}).items()],
        headers={**{k: str(v) for k, v in (case.headers or {}).items() if k.isascii()}, **OWN},
        data=body if isinstance(body, bytes) else json.dumps(body),
        content_type="application/json",
    )
    assert answer.status_code < 500, (case.method, case.formatted_path, case.query, answer.text)
