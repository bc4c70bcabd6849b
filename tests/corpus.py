"""Where the recorded requests of real SDKs are: one file a request, as its README.md says.

They are kept packed in this folder, and unpacked once a machine, so that a clone is whole.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import IO

import zstandard

_PACKED = Path(__file__).with_name("corpus.tar.zst")


def _unpacked() -> Path:
    """The folder of the requests; two that unpack at once end with the same one."""
    packed = _PACKED.read_bytes()
    name = f"sluice-corpus-{os.getuid()}-{hashlib.sha256(packed).hexdigest()[:16]}"
    folder = Path(os.environ.get("SLUICE_CACHE") or tempfile.gettempdir()) / name
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=name, dir=folder.parent))
        with (
            zstandard.ZstdDecompressor().stream_reader(packed) as stream,
            tarfile.open(fileobj=stream, mode="r|") as archive,
        ):
            for member in archive:
                _write(fresh / member.name, archive.extractfile(member))
        try:
            fresh.rename(folder)
        except OSError:  # another process was first
            shutil.rmtree(fresh)
    return folder / "corpus"


def _write(path: Path, content: IO[bytes] | None) -> None:
    if content is not None:  # not a folder
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.read())


CORPUS = _unpacked()
