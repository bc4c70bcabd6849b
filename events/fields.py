"""Reading loose JSON: keys in any letter case, and values that may be of the wrong kind."""

from __future__ import annotations

from typing import Any

_INT64 = 1 << 63
_MAX_DIGITS = 19


def lowered(value: Any) -> dict[str, Any]:
    """An object by its keys in lower case; empty when the value is no object."""
    if not isinstance(value, dict):
        return {}
    return {key.lower(): item for key, item in value.items()}


def members(value: Any) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    """The value if it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def integer(value: Any) -> int | None:
    """A whole number of at most 64 bits, also from a string (Ruby sends those) or a float."""
    if type(value) is str:
        digits = value.strip().removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
            return None
        value = int(value)
    elif type(value) is float and value.is_integer() and abs(value) < _INT64:
        value = int(value)
    return value if type(value) is int and -_INT64 <= value < _INT64 else None


def real(value: Any) -> float | None:
    """A finite number, also from a string; null for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) != float("inf") and number == number else None  # noqa: PLR0124


def truth(value: Any) -> bool | None:
    """A boolean, also as the strings that Apple's SDK sends."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return None
