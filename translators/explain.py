"""What became of each value of a request: its path, what was done to it, and its path upstream.

For a person who asks where something went (scripts/translate --explain). The ledger tells losses and deliberate
changes; everything else is found again by its value, so that a value that is nowhere and that nobody listed shows as
what it is: lost in silence.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct

from translators.losses import Ledger

type Fate = Literal["kept", "moved", "inside", "lost", "aimed", "missing"]

TAGS = frozenset({"type", "role"})
"""Words of the grammar rather than of the client: each dialect has its own."""


class Line(Struct, frozen=True):
    """One value, or everything below a path that shares its fate.

    what: kept (the same path), moved, inside (part of a longer text), lost (the reason is in `why`), aimed (the model's
    name, which routing decides), missing (nobody knows), or the name of a rule. to: the path upstream, "" if there is
    none.
    """

    path: str
    what: Fate | str
    to: str = ""
    why: str = ""


def explain(client: bytes, upstream: bytes, ledger: Ledger) -> list[Line]:
    """The fate of every value of `client` in `upstream`, in the order of `client`. Both are JSON."""
    here, there = msgspec.json.decode(client), msgspec.json.decode(upstream)
    index = _Index(there)
    lost = {loss.path: loss.reason for loss in ledger.losses}
    ruled = {applied.path: applied for applied in ledger.applied}
    lines: list[Line] = []
    told: set[str] = set()
    for path, value in leaves(here):
        if _name(path) in TAGS and isinstance(value, str):
            continue
        above = _nearest(path, lost)
        if above is not None:
            if above not in told:
                lines.append(Line(above, "lost", why=lost[above]))
            told.add(above)
            continue
        to = index.find(path, value)
        rule = _nearest(path, ruled)
        if rule is not None and (not to or rule == path):
            applied = ruled[rule]
            told.add(rule)
            lines.append(Line(path, applied.rule, to or applied.to))
        elif to:
            lines.append(Line(path, index.how(path, to, value), to))
        else:
            lines.append(Line(path, "aimed" if path == "$.model" else "missing"))
    lines += [Line(path, "lost", why=reason) for path, reason in lost.items() if path not in told]
    lines += [Line(path, one.rule, one.to) for path, one in ruled.items() if path not in told]
    return lines


def leaves(value: Any, at: str = "$") -> Iterator[tuple[str, Any]]:
    """Paths and values of everything that is neither an object nor an array; empty ones count as values."""
    if isinstance(value, dict) and value:
        for key, member in value.items():
            yield from leaves(member, step(at, key))
    elif isinstance(value, list) and value:
        for place, item in enumerate(value):
            yield from leaves(item, f"{at}[{place}]")
    else:
        yield at, value


def step(at: str, name: str) -> str:
    """The path of an object's member: `$.a.b`, or `$.a["a name"]` where a name is no plain word."""
    return f"{at}.{name}" if _PLAIN.fullmatch(name) else f"{at}[{as_text(name)}]"


_PLAIN = re.compile(r"[\w$-]+")
_LAST = re.compile(r"(?:\.[\w$-]+|\[[^\]]*\]|\$)\Z")


def as_text(value: Any) -> str:
    """A value as compact JSON text."""
    return msgspec.json.encode(value).decode()


def _nearest(path: str, known: dict[str, Any]) -> str | None:
    """The longest path in `known` that is `path` or stands above it."""
    while path not in known:
        if not path:
            return None
        path = _LAST.sub("", path)
    return path


class _Index:
    """Where values stand upstream. Each place is given away once, so that equal values keep their order."""

    def __init__(self, tree: Any) -> None:
        self._places: defaultdict[str, list[str]] = defaultdict(list)
        self._texts: dict[str, str] = {}
        for path, value in leaves(tree):
            self._places[as_text(value)].append(path)
            if isinstance(value, str):
                self._texts[path] = value
                for _, each in leaves(_json_inside(value) or []):  # what an object became that must be text there
                    self._places[as_text(each)].append(path)

    def find(self, path: str, value: Any) -> str:
        """The place of a value, or "": of several the one of the same name, else the first that is left.

        Flags, small numbers and empty values are everywhere: they must have the same name.
        """
        places = self._places.get(as_text(value), [])
        named = [place for place in places if _name(place) == _name(path)]
        telling = bool(value) and not isinstance(value, bool) and not (isinstance(value, int) and abs(value) < 2)
        if named or (places and telling):
            place = path if path in places else (named or places)[0]
            places.remove(place)
            return place
        if not isinstance(value, str):
            return ""
        inner = _json_inside(value)
        if inner is not None:
            found = [self.find(f"{path}{below[1:]}", each) for below, each in leaves(inner)]
            return found[0].rpartition(".")[0] if all(found) else ""
        if len(value) < MIN_INSIDE:
            return ""
        return next((place for place, text in self._texts.items() if value in text), "")

    def how(self, path: str, to: str, value: Any) -> Fate:
        """Is it there as it is, or as a part of a longer text?"""
        if path == to:
            return "kept"
        return "inside" if isinstance(value, str) and self._texts.get(to, value) != value else "moved"


MIN_INSIDE = 4
"""Shorter texts are found in other texts by chance."""


def _name(path: str) -> str:
    return path.rpartition(".")[2]


def _json_inside(text: str) -> Any:
    """The object or array that a string holds as JSON text; None for any other string."""
    if not text.startswith(("{", "[")):
        return None
    try:
        inner = msgspec.json.decode(text)
    except msgspec.MsgspecError:
        return None
    return inner if isinstance(inner, dict | list) and inner else None
