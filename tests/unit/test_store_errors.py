"""Errors cross from a worker's child to its parent, pickled."""

from __future__ import annotations

import pickle

import pytest
from celery.exceptions import Reject

from storage.errors import Corrupt, NotFound, Rejected, StoreDown, StoreError


@pytest.mark.parametrize("kind", [StoreDown, Rejected, NotFound, Corrupt])
def test_a_store_error_survives_pickling(kind: type[StoreError]) -> None:
    sent = Reject(kind("sql", "it is away"), requeue=True)
    received = pickle.loads(pickle.dumps(sent)).reason
    assert (type(received), received.store, received.detail) == (kind, "sql", "it is away")
    assert str(received) == "sql: it is away"
