"""The real worker, but packs take some seconds to write, so that it can be seen at work."""

import time
from typing import Any

import storage.files.store
from tasks.worker import app

__all__ = ["app"]

_write_pack = storage.files.store.FileStore.write_pack


def _slowly(*arguments: Any) -> Any:
    time.sleep(7)
    return _write_pack(*arguments)


storage.files.store.FileStore.write_pack = _slowly  # type: ignore[method-assign]
