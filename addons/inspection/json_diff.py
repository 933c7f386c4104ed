"""What differs between two JSON values: rows of a path and what stands there before and after.

Members of objects are told apart by name, whatever their order. Items of arrays are paired from both ends first, so
that one that was put in or taken out shows as one row and does not move all others; what remains between is paired in
order.
"""

from collections.abc import Iterator
from enum import Enum
from typing import Any, NamedTuple

import msgspec

from translators.explain import as_text, step


class Absent(Enum):
    """What stands for a value that is not there, which null is not."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


class Row(NamedTuple):
    """One difference. path: of the item in `before` (in `after` if it is only there). ABSENT: nothing on that side."""

    path: str
    before: Any
    after: Any


def differences(before: Any, after: Any, at: str = "$") -> Iterator[Row]:
    """The differences of two parsed JSON values, in the order of `before`, what is new last. 1 and 1.0 are the same;
    true and 1 are not.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for name, member in before.items():
            yield from differences(member, after.get(name, ABSENT), step(at, name))
        yield from (Row(step(at, name), ABSENT, member) for name, member in after.items() if name not in before)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _items(before, after, at)
    elif not same(before, after):
        yield Row(at, before, after)


def same(one: Any, other: Any) -> bool:
    """Whether two parsed JSON values are equal; a flag is no number."""
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(member, other[name]) for name, member in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def _items(before: list[Any], after: list[Any], at: str) -> Iterator[Row]:
    if len(before) == len(after):
        for place, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, f"{at}[{place}]")
        return
    shorter, head, tail = min(len(before), len(after)), 0, 0
    while head < shorter and same(before[head], after[head]):
        head += 1
    while tail < shorter - head and same(before[-1 - tail], after[-1 - tail]):
        tail += 1
    for place in range(head, max(len(before), len(after)) - tail):
        one = before[place] if place < len(before) - tail else ABSENT
        other = after[place] if place < len(after) - tail else ABSENT
        yield from differences(one, other, f"{at}[{place}]")


LONGEST = 72
"""Characters of a value in a line."""


def shown(value: Any, longest: int = LONGEST) -> str:
    """A value as compact JSON, head and tail where it is long; "nothing" where there is none."""
    if value is ABSENT:
        return "nothing"
    text = as_text(value)
    if len(text) <= longest:
        return text
    half = (longest - 1) // 2
    return f"{text[:half]}…{text[-half:]} ({len(text):,} characters)"


def lines(rows: list[Row], most: int = 200) -> list[str]:
    """Rows as text: `- ` is only before, `+ ` only after, `~ ` changed. Long texts show where they begin to differ."""
    told = [_line(row) for row in rows[:most]]
    if len(rows) > most:
        told.append(f"… and {len(rows) - most:,} more differences")
    return told


def _line(row: Row) -> str:
    if row.after is ABSENT:
        return f"- {row.path}  {shown(row.before)}"
    if row.before is ABSENT:
        return f"+ {row.path}  {shown(row.after)}"
    before, after = row.before, row.after
    if isinstance(before, str) and isinstance(after, str) and max(len(before), len(after)) > LONGEST:
        at = next((place for place, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), None)
        at = min(len(before), len(after)) if at is None else at
        since = max(0, at - 12)
        return f"~ {row.path}  from character {at:,}: {shown(before[since:])} → {shown(after[since:])}"
    return f"~ {row.path}  {shown(before)} → {shown(after)}"


def parsed(body: bytes) -> Any:
    """A body as parsed JSON, or ABSENT if it is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ABSENT
