"""What became of each value of a request: its path, what was done to it, and its path upstream.

For a person who asks where something went (scripts/translate --explain). The ledger tells losses and deliberate
changes; everything else is found again by its value, so that a value that is nowhere and that nobody listed shows as
what it is: lost in silence.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Collection
from functools import lru_cache
from typing import Any, Literal

import msgspec
from msgspec import Struct

from translators.losses import Applied, Ledger

type Fate = Literal["kept", "moved", "inside", "lost", "aimed", "implied", "missing", "unsought"]

TAGS = frozenset({"type", "role"})
"""Words of the grammar rather than of the client: each dialect has its own."""

AIMED = frozenset({"$.model", "$.stream"})
"""What routing decides, and some dialects say in the path of the request."""


class Line(Struct, frozen=True):
    """One value, or everything below a path that shares its fate.

    what: kept (the same path), moved, inside (part of a longer text), lost (the reason is in `why`), aimed (AIMED, not
    in the body), implied (a word, a switch or nothing at all: each dialect says it in its own way, or by saying
    nothing), missing (nobody knows), unsought (it took too long), or the name of a rule. to: the
    path upstream, "" if there is none.
    """

    path: str
    what: Fate | str
    to: str = ""
    why: str = ""


def explain(client: bytes, upstream: bytes, ledger: Ledger) -> list[Line]:
    """The fate of every value of `client` in `upstream`, in the order of `client`. Both are JSON."""
    return fates(msgspec.json.decode(client), msgspec.json.decode(upstream), ledger).lines


class Fates(Struct, frozen=True):
    """The fates of the client's values, and what is upstream that came from none of them, with its paths."""

    lines: list[Line]
    added: list[tuple[str, Any]]


def fates(client: Any, upstream: Any, ledger: Ledger, patience: int = sys.maxsize) -> Fates:
    """As `explain`, of parsed JSON. patience: characters that are searched for texts that became part of longer ones;
    beyond that such a value is unsought.
    """
    index = _Index(upstream, patience)
    lost = {loss.path: loss.reason for loss in ledger.losses}
    ruled = {applied.path: applied for applied in ledger.applied}
    here = [(path, value) for path, value in leaves(client) if not (_name(path) in TAGS and isinstance(value, str))]
    gone = {path: _nearest(path, lost) for path, _ in here}
    found = {path: to for path, value in here if gone[path] is None and (to := index.near(path, value))}
    lines: list[Line] = []
    told: set[str] = set()
    alike: dict[str, Applied] = {}
    for path, value in here:
        above = gone[path]
        if above is not None:
            if above not in told:
                lines.append(Line(above, "lost", why=lost[above]))
            told.add(above)
            continue
        to = found.get(path) or index.find(path, value)
        rule = _nearest(path, ruled)
        if rule is not None and (not to or rule == path):
            applied = ruled[rule]
            told.add(rule)
            lines.append(Line(path, applied.rule, to or applied.to))
            if _long(value):
                alike[value] = applied
        elif to:
            lines.append(Line(path, index.how(path, to, value), to))
        elif isinstance(value, str) and value in alike:  # an id that was changed is changed wherever it stands
            lines.append(Line(path, alike[value].rule, alike[value].to))
        else:
            lines.append(Line(path, _unfound(path, value, index.patience)))
    lines += [Line(path, "lost", why=reason) for path, reason in lost.items() if path not in told]
    lines += [Line(path, one.rule, one.to) for path, one in ruled.items() if path not in told]
    for path, value in here:
        if gone[path] is not None:  # what a rule put in its stead may hold it
            index.near(path, value)
    placed = {applied.to for applied in ledger.applied if applied.to}
    return Fates(lines, [(path, value) for path, value in index.left() if _nearest(path, placed) is None])


def _unfound(path: str, value: Any, patience: int) -> Fate:
    """What may be said of a value that was looked for in vain."""
    if path in AIMED:
        return "aimed"
    if not value or isinstance(value, bool) or (isinstance(value, int) and abs(value) < TELLING):
        return "implied"
    if isinstance(value, str) and (not _long(value) or (_WORD.fullmatch(value) and not _SAID.search(path))):
        return "implied"
    return "missing" if patience > 0 or not isinstance(value, str) else "unsought"


TELLING = 2
"""Smaller numbers are everywhere."""
_WORD = re.compile(r"[A-Za-z_.]{1,32}|[a-z]+/[a-z0-9.+-]{1,16}")
"""A word of a grammar, or a media type."""
_SAID = re.compile(
    r"(?i:text|content|parts|prompt|input|output|instructions|system|description|arguments|reasoning|thinking|name|title"
    r"|id|url|uri|data|key|user|refusal|result|response)(?:\[\d+\])*\Z"
)
"""Where clients put words of their own."""


def leaves(value: Any, at: str = "$") -> list[tuple[str, Any]]:
    """Paths and values of everything that is neither an object nor an array; empty ones count as values."""
    found: list[tuple[str, Any]] = []
    _gather(value, at, found)
    return found


def _gather(value: Any, at: str, found: list[tuple[str, Any]]) -> None:
    if isinstance(value, dict) and value:
        for key, member in value.items():
            _gather(member, at + _step(key), found)
    elif isinstance(value, list) and value:
        for place, item in enumerate(value):
            _gather(item, f"{at}[{place}]", found)
    else:
        found.append((at, value))


def step(at: str, name: str) -> str:
    """The path of an object's member: `$.a.b`, or `$.a["a name"]` where a name is no plain word."""
    return at + _step(name)


@lru_cache(maxsize=1024)
def _step(name: str) -> str:
    return f".{name}" if _PLAIN.fullmatch(name) else f"[{as_text(name)}]"


_PLAIN = re.compile(r"[\w$-]+")


def as_text(value: Any) -> str:
    """A value as compact JSON text."""
    return msgspec.json.encode(value).decode()


def generic(path: str) -> str:
    """A path without the numbers of its places: `$.a[].b`."""
    return _NUMBER.sub("[]", path) or "$"


_NUMBER = re.compile(r"\[\d+\]")


def _nearest(path: str, known: Collection[str]) -> str | None:
    """The longest path in `known` that is `path` or stands above it."""
    if not known:
        return None
    while path not in known:
        if not path:
            return None
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return path


class _Index:
    """Where values stand upstream. Each place is given away once, so that equal values keep their order."""

    def __init__(self, tree: Any, patience: int) -> None:
        self.patience = patience
        self._places: defaultdict[str, dict[str, dict[str, int]]] = defaultdict(dict)
        """Value as text → section and last name of its path → paths in their order, and how often it stands there."""
        self._texts: dict[str, str] = {}
        self._leaves = leaves(tree)
        self._claimed: set[str] = set()
        for path, value in self._leaves:
            self._enter(value, path, path)
            if isinstance(value, str):
                self._texts[path] = value
                for inner, each in leaves(_json_inside(value) or []):  # what an object became that must be text there
                    self._enter(each, path, path + inner[1:])

    def _enter(self, value: Any, path: str, named: str) -> None:
        paths = self._places[as_text(value)].setdefault(_kin(named), {})
        paths[path] = paths.get(path, 0) + 1

    def left(self) -> list[tuple[str, Any]]:
        """Places and values that no value of the client's was found at; words of the grammar apart."""
        return [
            (path, value)
            for path, value in self._leaves
            if path not in self._claimed and path not in AIMED and not (_name(path) in TAGS and isinstance(value, str))
        ]

    def near(self, path: str, value: Any) -> str:
        """The place of a value of the same name in the same section, "" if there is none."""
        kin = _kin(path)
        places = self._places.get(as_text(value), {})
        return self._claim(places, kin, path) if kin in places else ""

    def find(self, path: str, value: Any) -> str:
        """The place of a value, or "": of several the one of the same name, else the first that is left.

        Flags, small numbers and empty values are everywhere: they must have the same name.
        """
        places = self._places.get(as_text(value), {})
        name = _name(path)
        named = next((kin for kin in places if kin.endswith(f" {name}")), "")
        telling = bool(value) and not isinstance(value, bool) and not (isinstance(value, int) and abs(value) < TELLING)
        if named or (places and telling):
            return self._claim(places, named or next(iter(places)), path)
        if not isinstance(value, str):
            return ""
        bare = _bare_base64(value)
        dressed = self._places.get(as_text(bare)) if bare != value else None
        if dressed:
            return self._claim(dressed, next(iter(dressed)), path)
        inner = _json_inside(value)
        if inner is not None:
            found = [self.find(f"{path}{below[1:]}", each) for below, each in leaves(inner)]
            return found[0].rpartition(".")[0] if all(found) else ""
        return (self._inside(value) or (self._inside(bare) if bare != value else "")) if _long(value) else ""

    def _claim(self, places: dict[str, dict[str, int]], kin: str, path: str) -> str:
        """Give a place away: the same path, else the first."""
        paths = places[kin]
        place = path if path in paths else next(iter(paths))
        paths[place] -= 1
        if not paths[place]:
            del paths[place]
        if not paths:
            del places[kin]
        self._claimed.add(place)
        return place

    def _inside(self, value: str) -> str:
        """The first longer text that holds this one, as long as patience lasts."""
        for place, text in self._texts.items():
            if self.patience <= 0:
                break
            self.patience -= len(text)
            if value in text:
                self._claimed.add(place)
                return place
        return ""

    def how(self, path: str, to: str, value: Any) -> Fate:
        """Is it there as it is, or as a part of a longer text?"""
        if path == to:
            return "kept"
        return "inside" if isinstance(value, str) and self._texts.get(to, value) != value else "moved"


MIN_INSIDE = 4
"""Shorter texts are found in other texts by chance."""


def _bare_base64(text: str) -> str:
    """The base64 of a data URL or of the alphabet for URLs, as every dialect but its own writes it; other texts as they
    are.
    """
    head, comma, data = text.partition(",")
    bare = data if comma and head.startswith("data:") and head.endswith("base64") else text
    if len(bare) > 64 and ("-" in bare or "_" in bare) and _URL_SAFE.fullmatch(bare):
        bare = bare.replace("-", "+").replace("_", "/")
        bare += "=" * (-len(bare) % 4)
    return bare


_URL_SAFE = re.compile(r"[\w-]+=*", re.ASCII)


def _long(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= MIN_INSIDE


def _name(path: str) -> str:
    return path.rpartition(".")[2]


_TURNS = frozenset({"messages", "contents", "input", "prompt"})
"""What the dialects call the turns."""


def _kin(path: str) -> str:
    """The section of a path and its last name: a tool's name is no argument of a call."""
    end = min((at for at in (path.find(".", 2), path.find("[", 2)) if at > 0), default=len(path))
    section = path[2:end]
    return f"{'turns' if section in _TURNS else section} {_name(path)}"


def _json_inside(text: str) -> Any:
    """The object or array that a string holds as JSON text; None for any other string."""
    if not text.startswith(("{", "[")):
        return None
    try:
        inner = msgspec.json.decode(text)
    except msgspec.MsgspecError:
        return None
    return inner if isinstance(inner, dict | list) and inner else None
