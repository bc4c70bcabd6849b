"""What tests of a damaged pipeline share: an empty place, and a worker that lives through them."""

import pytest

from tests.integration.pipeline import open_pipeline, working


@pytest.fixture(scope="module")
def worker(module_settings):
    with open_pipeline(module_settings):
        pass
    with working(module_settings):
        yield


@pytest.fixture
def pipeline(module_settings):
    with open_pipeline(module_settings) as pipeline:
        yield pipeline
