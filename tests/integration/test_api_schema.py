"""Whatever the OpenAPI document allows, and some that it does not: no answer is a 5xx.

``SLUICE_TEST_SCHEMA_EXAMPLES`` asks each endpoint more often than the short form does.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
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


def test_no_request_meets_a_fault_of_ours(api_schema: Any, world: World) -> None:
    operations = [found.ok() for found in api_schema.get_all_operations()]
    assert len(operations) > 50

    def ask(case: Any) -> None:
        body = b"" if case.body is NOT_SET else json.dumps(case.body).encode()
        answer = world.client.open(
            case.formatted_path,
            method=case.method,
            query_string=[(str(name), str(value)) for name, value in (case.query or {}).items()],
            headers=OWN,
            data=body,
            content_type="application/json",
        )
        told = (case.method, case.formatted_path, case.query, body, answer.text)
        # There is no file server here to make URLs of.
        assert answer.status_code < 500 or case.formatted_path.endswith("/signed-urls"), told

    for operation in operations:
        asked = given(operation.as_strategy())(ask)
        settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )(asked)()
