"""Numbers, sizes, shares and durations as pages write them; pure."""

from __future__ import annotations

_UNITS = ("B", "kB", "MB", "GB", "TB")


def count(number: float) -> str:
    """``12,345``; a whole number keeps no decimals."""
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.2f}"


def size(amount: float) -> str:
    """Bytes in the unit that leaves up to three digits: ``3.4 kB``."""
    unit = 0
    while amount >= 999.5 and unit < len(_UNITS) - 1:
        amount /= 1000
        unit += 1
    return f"{amount:.0f} {_UNITS[unit]}" if unit == 0 or amount >= 99.5 else _tenths(amount, unit)


def _tenths(amount: float, unit: int) -> str:
    return f"{amount:.1f} {_UNITS[unit]}"


def measured(number: float, unit: str) -> str:
    """A value of a metric: bytes (UCUM's ``By``) as :func:`size`, ``ms`` as :func:`milliseconds`,
    all else as its number with its unit.
    """
    if unit == "By":
        return size(number)
    return milliseconds(number) if unit == "ms" else f"{count(number)} {unit}".rstrip()


def share(part: float, whole: float) -> str:
    """``37 %`` of a whole; what is there and rounds to nothing is ``<1 %``, none of nothing."""
    if whole <= 0:
        return "none"
    percent = 100 * part / whole
    return "<1 %" if 0 < percent < 1 else f"{percent:.0f} %"


def duration(seconds: float) -> str:
    """``350 ms``, ``2.5 s``, ``3 min 20 s``, ``5 h 10 min``, ``3 d 4 h``."""
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    for name, unit, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60)):
        if seconds >= unit:
            return _pair(seconds, unit, name, part, smaller)
    return _pair(seconds, 60, "min", 1, "s")


def milliseconds(amount: float) -> str:
    """``0.35 ms``, ``4.2 ms``, ``350 ms``, and from a second on as :func:`duration`."""
    if amount >= 999.5:
        return duration(max(1000.0, amount) / 1000)
    places = 0 if amount >= 99.5 else 1 if amount >= 9.95 else 2
    return f"{amount:.{places}f}".removesuffix("." + "0" * places) + " ms"


def _pair(seconds: float, unit: int, name: str, part: int, smaller: str) -> str:
    whole, rest = divmod(int(seconds), unit)
    return f"{whole} {name} {rest // part} {smaller}" if rest // part else f"{whole} {name}"
