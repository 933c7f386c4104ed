"""Spans of time as text: `90m`, `1h30m`, `6m0s`, `250ms`, `2d`, or seconds as a bare number."""

import re

_PIECE = re.compile(r"(\d+(?:\.\d+)?)(ms|d|h|m|s)")
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def read_span(text: str) -> float | None:
    """Seconds; None for what is no span, or a negative one."""
    stripped = text.strip()
    pieces = _PIECE.findall(stripped)
    if pieces and "".join(number + unit for number, unit in pieces) == stripped:
        return sum(float(number) * _UNITS[unit] for number, unit in pieces)
    return read_number(stripped)


def read_number(text: str) -> float | None:
    """A number as headers have it: a count, a share, seconds; None for what is none, or a negative one."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number < 1e12 else None
