"""A pack that is written as it grows, block by block; only its index is in memory."""

from __future__ import annotations

from collections.abc import Sequence

from storage.files.frames import Member, encode_mark
from storage.files.index import Entry, FrameSpan, PackIndex
from storage.files.layout import Identity, encode_header
from storage.files.multipart import Upload


class Target:
    """The pack in the making: its blocks are written as they come, its index grows."""

    def __init__(self, identity: Identity, upload: Upload) -> None:
        self.index = PackIndex(identity, [], [])
        self._upload = upload
        self._upload.write(encode_header(identity))

    def add(self, stored: bytes, raw_length: int, entries: Sequence[Entry]) -> None:
        """A frame, with entries in the order of their bytes and protocols by this pack's list."""
        index, number = self.index, len(self.index.frames)
        members = [Member(e.id, e.project_id, e.protocol, e.length, e.redacted) for e in entries]
        self._upload.write(encode_mark(index.identity, number, stored, raw_length, members))
        index.frames.append(FrameSpan(self._upload.size, len(stored), raw_length))
        self._upload.write(stored)
        offset = 0
        for entry in entries:
            index.entries.append(entry._replace(frame=number, offset=offset))
            offset += entry.length

    def finish(self) -> None:
        """The index at the end; then the pack is under its key."""
        self._upload.write(self.index.encode())
        self._upload.finish()
