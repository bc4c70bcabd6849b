"""The OpenAPI 3 document, made from the same rows and schemas that serve the API."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from app.api.answers import Failure
from app.api.endpoint import Endpoint

_PARAMETER = re.compile(r"<(?:path:)?(\w+)>")
SECURITY: dict[str, list[dict[str, list[str]]]] = {
    "token": [{"token": []}],
    "token_or_key": [{"token": []}, {"key": []}, {"key_in_query": []}],
    "nothing": [],
}


def openapi_document(endpoints: Iterable[Endpoint], prefix: str, version: str) -> dict[str, Any]:
    """The document of all endpoints, as JSON-able data."""
    spec = APISpec(
        title="Sluice",
        version=version,
        openapi_version="3.0.3",
        plugins=[MarshmallowPlugin()],
        info={"description": "What SDKs sent, read back, and the switches of operators."},
    )
    schemes = spec.components
    schemes.security_scheme("token", {"type": "http", "scheme": "bearer"})
    schemes.security_scheme("key", {"type": "apiKey", "in": "header", "name": "X-ApiKey"})
    schemes.security_scheme("key_in_query", {"type": "apiKey", "in": "query", "name": "apikey"})
    for endpoint in endpoints:
        path = prefix + _PARAMETER.sub(r"{\1}", endpoint.rule)
        spec.path(path=path, operations={endpoint.method.lower(): _operation(endpoint)})
    return dict(spec.to_dict())


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(endpoint.rule)
    ]
    if endpoint.arguments().fields:
        parameters.append({"in": "query", "schema": endpoint.arguments})
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "security": SECURITY[endpoint.opens_with],
        "parameters": parameters,
        "responses": {
            "200": {"description": "Found, or done.", "content": _content(endpoint)},
            "default": {
                "description": "A stable code, and a sentence for a person.",
                "content": {"application/json": {"schema": Failure}},
            },
        },
    }
    if endpoint.body is None:
        raw = {"schema": {"type": "string", "format": "binary"}}
        operation["requestBody"] = {"content": {"application/octet-stream": raw}}
    elif endpoint.body().fields:
        operation["requestBody"] = {"content": {"application/json": {"schema": endpoint.body}}}
    return operation


def _content(endpoint: Endpoint) -> dict[str, Any]:
    shape: Any = endpoint.answer or {"type": "string", "format": "binary"}
    return {"application/json": {"schema": shape}}
