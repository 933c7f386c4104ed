"""Paths into a JSON body, for rules that people write in the config.

`generationConfig.temperature`, `tools.0.name`, `tools.-1` (append), `a\\.b` (a literal dot), and the array queries
`tools.#(type=="web_search").name` (the first that fits) and `tools.#(type=="web_search")#.name` (all of them), with
`&&` and `||` inside. Values that no path touches keep their bytes: digits, white space, key order.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw


class BadPath(ValueError):
    """A path that cannot be read; the message says what is wrong with it."""


type Test = Callable[[Raw], bool]


@dataclass(frozen=True, slots=True)
class Query:
    """Elements of an array that fit. every: all of them, else the first."""

    test: Test
    every: bool


type Step = str | Query
type Path = tuple[Step, ...]

_MAX_INDEX = 10_000  # a rule that asks for more is a slip of the pen, and would fill the body with nulls
_STEP = re.compile(r"#\((?P<query>(?:[^()\"]|\"(?:[^\"\\]|\\.)*\")*)\)(?P<every>#?)(?=\.|$)|(?P<name>(?:[^.\\]|\\.)*)")
_TERM = re.compile(
    r"\s*(?P<path>[^=!<>~%\s]*)\s*(?:(?P<op>==|!=|<=|>=|<|>|=|!%|%)\s*(?P<value>\"(?:[^\"\\]|\\.)*\"|\S+))?\s*"
)


def read_path(text: str) -> Path:
    """Read a path. Raises BadPath."""
    steps: list[Step] = []
    place = 0
    while True:
        found = _STEP.match(text, place)
        if found is None:  # pragma: no cover  (the name may be empty, so something always matches)
            raise BadPath(f"{text!r}: cannot be read at {place}")
        if found["name"] is None:
            steps.append(Query(_read_query(found["query"], text), bool(found["every"])))
        elif not found["name"] or found["name"].startswith("#"):
            raise BadPath(f"{text!r}: a step is empty or no query I know")
        else:
            steps.append(re.sub(r"\\(.)", r"\1", found["name"]))
        place = found.end()
        if place == len(text):
            return tuple(steps)
        place += 1  # the dot


def _read_query(text: str, whole: str) -> Test:
    ways = [[_read_term(term, whole) for term in way.split("&&")] for way in text.split("||")]
    return lambda raw: any(all(test(raw) for test in way) for way in ways)


def _read_term(text: str, whole: str) -> Test:
    found = _TERM.fullmatch(text)
    if found is None or not (found["path"] or found["op"]):
        raise BadPath(f"{whole!r}: cannot read the query {text.strip()!r}")
    path = read_path(found["path"]) if found["path"] else ()
    op, wanted = found["op"] or "", found["value"]
    if not op:
        return lambda raw: any(True for _ in values(raw, path))
    try:
        target = json.loads(wanted)
    except ValueError:
        target = wanted  # gjson lets words stand without quotes
    compare = _COMPARE[op]
    return lambda raw: any(compare(plain(value), target) for value in values(raw, path))


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def safe(left: Any, right: Any) -> bool:
        alike = isinstance(left, str) == isinstance(right, str) and not isinstance(left, bool | dict | list | None)
        return alike and isinstance(right, str | int | float) and compare(left, right)

    return safe


def _like(left: Any, right: Any) -> bool:
    return isinstance(left, str) and glob(str(right)).fullmatch(left) is not None


def same(left: Any, right: Any) -> bool:
    """Deep JSON equality: 1 and 1.0 are one number, true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(one, other) for one, other in zip(left, right, strict=True))
    return bool(left == right)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": same,
    "=": same,
    "!=": lambda left, right: not same(left, right),
    "<": _ordered(lambda left, right: left < right),
    "<=": _ordered(lambda left, right: left <= right),
    ">": _ordered(lambda left, right: left > right),
    ">=": _ordered(lambda left, right: left >= right),
    "%": _like,
    "!%": lambda left, right: not _like(left, right),
}


def glob(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """A pattern in which `*` stands for any run of characters, and nothing else is special."""
    return re.compile(".*".join(re.escape(piece) for piece in pattern.split("*")), re.DOTALL | flags)


# --- looking --------------------------------------------------------------------------------------------------------

_objects = msgspec.json.Decoder(dict[str, Raw])
_arrays = msgspec.json.Decoder(list[Raw])


def plain(raw: Raw) -> Any:
    """The value as Python has it, for comparing only."""
    return msgspec.json.decode(raw)


def _members(raw: Raw) -> dict[str, Raw] | list[Raw] | None:
    """One level of a body; None for a scalar."""
    start = bytes(raw).lstrip()[:1]
    if start == b"{":
        return _objects.decode(raw)
    return _arrays.decode(raw) if start == b"[" else None


def _index(step: str) -> int | None:
    return int(step) if step.isascii() and step.isdigit() else None


def places(raw: Raw, path: Path) -> list[tuple[str, ...]]:
    """The path with its queries answered: names and indexes only. [] if a query finds nothing."""
    return list(_places(raw, path, ()))


def _places(raw: Raw | None, path: Path, before: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if not any(isinstance(step, Query) for step in path):
        yield before + tuple(str(step) for step in path)
        return
    members = _members(raw) if raw is not None else None
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        yield from _places(_member(members, step), rest, (*before, step))
        return
    for index, item in enumerate(members) if isinstance(members, list) else ():
        if step.test(item):
            yield from _places(item, rest, (*before, str(index)))
            if not step.every:
                return


def _member(members: dict[str, Raw] | list[Raw] | None, step: str) -> Raw | None:
    if isinstance(members, dict):
        return members.get(step)
    index = _index(step)
    if isinstance(members, list) and index is not None and index < len(members):
        return members[index]
    return None


def values(raw: Raw, path: Path) -> Iterator[Raw]:
    """What stands at the path: nothing, one value, or several after a query for all."""
    for place in places(raw, path):
        found: Raw | None = raw
        for step in place:
            found = _member(_members(found), step) if found is not None else None
        if found is not None:
            yield found


# --- changing -------------------------------------------------------------------------------------------------------


def put(raw: Raw, place: tuple[str, ...], value: bytes) -> Raw:
    """The body with `value` (JSON) at a place from `places`. Missing objects and arrays on the way are made.

    Raises BadPath if a scalar stands in the way, or an array is asked for a name.
    """
    if not place:
        return Raw(value)
    step, rest = place[0], place[1:]
    empty = bytes(raw).strip() in (b"", b"null")
    index = _index(step)
    members = ([] if index is not None or step == "-1" else {}) if empty else _members(raw)
    if isinstance(members, dict):
        members[step] = put(members.get(step, Raw(b"")), rest, value)
    elif isinstance(members, list) and step == "-1":
        members.append(put(Raw(b""), rest, value))
    elif isinstance(members, list) and index is not None and index <= _MAX_INDEX:
        members.extend([Raw(b"null")] * (index + 1 - len(members)))
        members[index] = put(members[index], rest, value)
    else:
        raise BadPath(f"cannot go to {step!r}: what stands there is no container for it")
    return Raw(msgspec.json.encode(members))


def remove(raw: Raw, place: tuple[str, ...]) -> Raw:
    """The body without what stands at a place; the same object if nothing stands there."""
    members = _members(raw)
    step, rest = place[0], place[1:]
    found = _member(members, step)
    if members is None or found is None:
        return raw
    if rest:
        inner = remove(found, rest)
        if inner is found:
            return raw
        if isinstance(members, dict):
            members[step] = inner
        else:
            members[int(step)] = inner
    elif isinstance(members, dict):
        del members[step]
    else:
        del members[int(step)]
    return Raw(msgspec.json.encode(members))
