"""Payloads of dead letters: the original, wherever it lies, and what it was edited to."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from storage.errors import Corrupt, NotFound
from storage.files.store import FileStore
from storage.sql.letter_rows import DeadLetterRow


class Unreadable(Exception):
    """The payload is not where it should be, or damaged; the message says how."""


class Payloads:
    """Reads payloads. Raises :class:`StoreDown` while the file store is away."""

    def __init__(self, files: FileStore) -> None:
        self._files = files

    def original(self, letter: DeadLetterRow) -> bytes:
        """What the sender sent. ``letter`` was read alone; raises :class:`Unreadable`."""
        if letter.payload is not None:
            return letter.payload
        if letter.location is None:
            raise Unreadable("the letter has neither a payload nor a place of one")
        try:
            return self._files.read_event(letter.location)
        except (NotFound, Corrupt) as exc:
            raise Unreadable(exc.detail) from exc

    def current(self, letter: DeadLetterRow) -> bytes:
        """What a replay sends: the edited payload if there is one, else the original."""
        return self.original(letter) if letter.edited is None else letter.edited


def told(body: bytes) -> dict[str, Any]:
    """Bytes as JSON that loses nothing: text where they are UTF-8, else base64."""
    try:
        return {"encoding": "utf-8", "data": body.decode(), "bytes": len(body)}
    except UnicodeDecodeError:
        data = base64.b64encode(body).decode()
        return {"encoding": "base64", "data": data, "bytes": len(body)}


def untold(document: Any) -> bytes:
    """Back from :func:`told`; raises ``ValueError`` for anything else."""
    data = document.get("data") if isinstance(document, dict) else None
    if type(data) is not str:
        raise ValueError("must be an object with encoding and data")
    if document.get("encoding") == "utf-8":
        return bytes(data, "utf-8")
    if document.get("encoding") != "base64":
        raise ValueError("encoding must be utf-8 or base64")
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as exc:
        raise ValueError(f"data is not base64: {exc}") from None
