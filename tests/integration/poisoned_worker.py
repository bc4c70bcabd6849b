"""The real worker, but for crashes with a mark in their body: those fail as the mark says."""

import os
from dataclasses import replace
from typing import Any

import events.crash
import events.redact.redactor
from events.envelope import Envelope
from events.record import Record
from tasks.worker import app

__all__ = ["app"]

_normalise = events.crash.normalise
_redact_body = events.redact.redactor.redact_body


def _poisoned(envelope: Envelope) -> Record:
    if b"poison:raise" in envelope.body:
        raise RuntimeError("poisoned by the test")
    if b"poison:die" in envelope.body:
        os._exit(9)
    record = _normalise(envelope)
    if b"poison:row" in envelope.body:
        return replace(record, row=("NUL \0",) * len(record.row))
    return record


def _unredactable(body: bytes, *rest: Any) -> bytes:
    if b"poison:redact" in body:
        raise RuntimeError("poisoned by the test")
    return _redact_body(body, *rest)


events.crash.normalise = _poisoned
events.redact.redactor.redact_body = _unredactable
