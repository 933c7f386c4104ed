"""A JSON text with some values changed, and everything else as somebody wrote it: digits, escapes, order, blanks."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

_BLANKS = " \t\n\r"
_value = json.JSONDecoder().raw_decode


class _Member(NamedTuple):
    """A member of an object, and where in the text its name and its value begin and end."""

    name: str
    named: tuple[int, int]
    value: tuple[int, int]


def rewritten(text: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """`text`, an object that says `before`, so that it says `after`. New members go to the end, spaced like the last.
    Where a member was taken away, or stands there twice, the object is written anew.
    """
    if same(before, after):
        return text
    members = _members(text)
    if not members or [member.name for member in members] != list(before) or before.keys() - after.keys():
        return dumped(after)
    pieces, at = [], 0
    for name, _, (start, end) in members:
        old, new = before[name], after[name]
        if isinstance(old, dict) and isinstance(new, dict):
            pieces += [text[at:start], rewritten(text[start:end], old, new)]
        elif same(old, new):
            continue
        else:
            pieces += [text[at:start], dumped(new)]
        at = end
    last = members[-1]
    lead = text[members[-2].value[1] : last.named[0]] if len(members) > 1 else "," + _blank_before(text, last.named[0])
    colon = text[last.named[1] : last.value[0]]
    more = [lead + dumped(name) + colon + dumped(value) for name, value in after.items() if name not in before]
    return "".join([*pieces, text[at : last.value[1]], *more, text[last.value[1] :]])


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are written alike: `1` is not `true`, and order counts."""
    return json.dumps(one) == json.dumps(other)


def dumped(value: Any, indent: int | None = None) -> str:
    """JSON in people's characters; those that cannot be in a file (half of a pair) as escapes."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return json.dumps(value, indent=indent)
    return text


def _members(text: str) -> list[_Member]:
    """The members of the object that the text is; [] if it has none."""
    members = []
    at = _skip(text, _skip(text, 0) + 1)
    while text[at] == '"':
        name, named = _value(text, at)
        start = _skip(text, _skip(text, named) + 1)
        _, end = _value(text, start)
        members.append(_Member(name, (at, named), (start, end)))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return members


def _skip(text: str, at: int) -> int:
    while text[at] in _BLANKS:
        at += 1
    return at


def _blank_before(text: str, end: int) -> str:
    start = end
    while text[start - 1] in _BLANKS:
        start -= 1
    return text[start:end]
