"""Maximal requests, generated from the wire structs of a dialect: every field set, a sentinel in every leaf.

The structs say which fields there are (msgspec's introspection); a table of shapes (maximal_shapes.py) says only what
they cannot: what a Raw field holds, which words a field takes, who may stand where in a conversation. Where several
things may stand in one place, the first stands in the base request, and each of the others gives a request more.
"""

import base64
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct, inspect


class With:
    """A struct with some of its fields told; every other field is made as its type says."""

    def __init__(self, cls: type[Struct], **fields: Any) -> None:
        self.cls, self.fields = cls, fields


class Only(With):
    """A struct with these fields alone."""


class One:
    """Alternatives: the first in the base request, each other in a request of its own."""

    def __init__(self, *shapes: Any) -> None:
        self.shapes = shapes


class Same(str):
    """The sentinel of this label, the same wherever the label stands (ids of calls, names of tools)."""


class Form(str):
    """A string with `{}` in it for a sentinel."""


class Bytes(str):
    """base64 of a sentinel behind this head."""


class Fixed(NamedTuple):
    """A value as it stands."""

    value: Any


class Without:
    """A field that is left out in the base request (it excludes others)."""


SENTINEL = re.compile(r"q\d{4}z")
_PREFERENCE = (inspect.StructType, inspect.ListType, inspect.DictType, inspect.StrType, inspect.FloatType)


class Maker:
    """Makes one request. `picks`: place → which alternative. `places` counts the alternatives it met."""

    def __init__(self, shapes: dict[str, Any], picks: dict[str, int]) -> None:
        self.shapes, self.picks = shapes, picks
        self.places: dict[str, int] = {}
        self.made: set[tuple[str, str]] = set()
        self._count = 0
        self._same: dict[str, str] = {}

    def sentinel(self) -> str:
        self._count += 1
        return f"q{self._count:04d}z"

    def struct(self, cls: type[Struct], told: dict[str, Any], rest: bool = True) -> dict[str, Any]:
        """An object with every field of the struct (`rest`), or with the fields told."""
        made: dict[str, Any] = {}
        config = cls.__struct_config__
        if config.tag_field is not None:
            made[config.tag_field] = config.tag
        for field in _fields(cls):
            place = f"{cls.__name__}.{field.encode_name}"
            if not rest and field.encode_name not in told:
                continue
            shape = told.get(field.encode_name, self.shapes.get(place, field.type))
            shape = self.pick(place, shape)
            if shape is not Without:
                self.made.add((cls.__name__, field.encode_name))
                made[field.encode_name] = self.make(shape, place)
        return made

    def pick(self, place: str, shape: Any) -> Any:
        """One of several shapes."""
        several: tuple[Any, ...] = ()
        if isinstance(shape, One):
            several = shape.shapes
        elif isinstance(shape, inspect.UnionType):
            kinds = [kind for kind in shape.types if not isinstance(kind, inspect.NoneType)]
            kinds = [kind for kind in kinds if not isinstance(kind, inspect.IntType) or len(kinds) == 1]
            several = tuple(sorted(kinds, key=lambda kind: _rank(kind)))
        if not several:
            return shape
        self.places[place] = len(several)
        return self.pick(place + "'", several[self.picks.get(place, 0)])

    def make(self, shape: Any, place: str) -> Any:
        """The JSON value of a shape, or of msgspec's type."""
        match shape:
            case With():
                return self.struct(shape.cls, shape.fields, not isinstance(shape, Only))
            case One():
                return self.make(self.pick(place, shape), place)
            case Same():
                return self._same.setdefault(str(shape), self.sentinel())
            case Form():
                return shape.format(self.sentinel())
            case Bytes():
                return str(shape) + base64.b64encode(f"plain {self.sentinel()} text ".encode()).decode()
            case Fixed():
                return shape.value
            case str() | bool():
                return shape
            case float():
                self._count += 1
                return round(shape + self._count / 1e7, 7)
            case int():
                self._count += 1
                return shape + self._count
            case list():
                return [self.make(each, f"{place}[{number}]") for number, each in enumerate(shape)]
            case dict():
                return {key: self.make(each, f"{place}.{key}") for key, each in shape.items()}
            case type() if issubclass(shape, Struct):
                return self.struct(shape, {})
            case inspect.Type():
                return self._typed(shape, place)
        raise AssertionError((shape, place))

    def _typed(self, kind: inspect.Type, place: str) -> Any:
        match kind:
            case inspect.StructType():
                return self.struct(kind.cls, {})
            case inspect.UnionType():
                return self.make(self.pick(place, kind), place)
            case inspect.ListType():
                return [self.make(kind.item_type, place)]
            case inspect.DictType():
                return {self.sentinel(): self.sentinel()}
            case inspect.StrType():
                return self.sentinel()
            case inspect.BoolType():
                return True
            case inspect.LiteralType():
                return kind.values[0]
        raise AssertionError(f"{place}: a shape must say what stands here ({kind})")


_known: dict[type[Struct], tuple[inspect.Field, ...]] = {}


def _fields(cls: type[Struct]) -> tuple[inspect.Field, ...]:
    if cls not in _known:
        info = inspect.type_info(cls)
        assert isinstance(info, inspect.StructType)
        _known[cls] = info.fields
    return _known[cls]


def _rank(kind: inspect.Type) -> int:
    return next((rank for rank, known in enumerate(_PREFERENCE) if isinstance(kind, known)), len(_PREFERENCE))


class Made(NamedTuple):
    """A request: its name, its body, and the places in it that are unlike the base request."""

    name: str
    body: dict[str, Any]


def requests(root: Any, shapes: dict[str, Any], made: set[tuple[str, str]]) -> Iterator[Made]:
    """The base request and one for each other alternative of each place; `made` collects struct fields."""
    queue: list[dict[str, int]] = [{}]
    seen: set[str] = set()
    while queue:
        picks = queue.pop(0)
        maker = Maker(shapes, picks)
        body = maker.make(root, "$")
        made |= maker.made
        yield Made(", ".join(f"{place}={number}" for place, number in picks.items()) or "base", body)
        for place, count in maker.places.items():
            if place not in seen:
                seen.add(place)
                queue += [picks | {place: number} for number in range(1, count)]


class Leaf(NamedTuple):
    """A scalar of a request; `at` as ledgers write paths, `way` its keys."""

    at: str
    way: tuple[str | int, ...]
    value: Any


def leaves(value: Any, at: str = "$", way: tuple[str | int, ...] = ()) -> Iterator[Leaf]:
    """Every scalar of a tree."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, f"{at}.{key}", (*way, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from leaves(each, f"{at}[{index}]", (*way, index))
    else:
        yield Leaf(at, way, value)


def nodes(value: Any, at: str = "$") -> Iterator[str]:
    """Every path of a tree."""
    yield at
    if isinstance(value, dict):
        for key, each in value.items():
            yield from nodes(each, f"{at}.{key}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from nodes(each, f"{at}[{index}]")


def needles(value: Any) -> list[str]:
    """What of a leaf must be found upstream; nothing for words and switches, which are tried by changing them."""
    if isinstance(value, str):
        found = SENTINEL.findall(value)
        if found:
            return found
        try:  # bytes, perhaps in a data URL
            return SENTINEL.findall(base64.b64decode(value.rpartition(",")[2], validate=True).decode())
        except ValueError:
            return []
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, float) or value >= 1000:
        return [msgspec.json.encode(value).decode()]
    return []


def above(path: str) -> Iterator[str]:
    """A path and those above it, without the root."""
    while path != "$" and path:
        yield path
        path = path[: max(path.rfind("."), path.rfind("["))]


def changed(body: dict[str, Any], leaf: Leaf) -> dict[str, Any] | None:
    """The body with a word left out or a switch turned; None where it stands in a list."""
    body = msgspec.json.decode(msgspec.json.encode(body))
    owner: Any = body
    for key in leaf.way[:-1]:
        owner = owner[key]
    if isinstance(leaf.value, bool):
        owner[leaf.way[-1]] = not leaf.value
    elif isinstance(owner, dict):
        del owner[leaf.way[-1]]
    else:
        owner.pop(leaf.way[-1])
    return body


def written(body: bytes, headers: dict[str, str]) -> str:
    """What went upstream, with base64 opened up, to look for sentinels in."""
    text = body.decode() + "".join(f"\n{name}: {value}" for name, value in headers.items())
    opened = []
    for data in re.findall(r"[A-Za-z0-9+/]{24,}={0,2}", text):
        try:
            opened.append(base64.b64decode(data).decode())
        except ValueError:
            continue
    return text + "\n".join(opened)
