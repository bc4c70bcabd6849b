"""How Sluice tells of failures of its own; pure."""

from __future__ import annotations

import traceback
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]


def traceback_of(error: BaseException, most: int) -> str:
    """The traceback of an error, of which the last ``most`` characters, as the end tells most.

    Our own files are named from the checkout on, so that they are the same on every machine.
    """
    text = "".join(traceback.format_exception(error))
    return text.replace(f'File "{_ROOT}/', 'File "')[-most:]
