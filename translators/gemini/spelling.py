"""Reads JSON into wire structs in either spelling of their fields.

Google's servers take every field in camelCase and in snake_case, and the official libraries send a mixture. Names are
matched for the structs of wire.py only: what stands inside arguments, responses, schemas and labels is data and stays
as it is. Members without a field are reported in the client's own spelling.
"""

import re
import types
from collections.abc import Callable
from typing import Any, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec import Raw, Struct

from translators.errors import Unreadable
from translators.gemini.wire import OTHERS

type Shape = Any  # an annotation of a wire struct

_members = msgspec.json.Decoder(dict[str, Raw])
_items = msgspec.json.Decoder(list[Raw])
_spaces = b" \t\r\n"


class Field(NamedTuple):
    """How to read one field: struct and list element shapes it may have, and a decoder for anything else."""

    attribute: str
    name: str
    struct: type[Struct] | None
    element: type[Struct] | None
    leaf: msgspec.json.Decoder[Any]


class Reading:
    """Reads one body.

    `lose(path)` is told of members nobody reads. forgiving: a member of the wrong type counts as absent (answers of
    an upstream) rather than raising Unreadable (requests of a client). `spelt` maps paths in Google's spelling to the
    client's where they differ; only fields outside of lists are in it.
    """

    def __init__(self, lose: Callable[[str], None], forgiving: bool = False) -> None:
        self.lose = lose
        self.forgiving = forgiving
        self.spelt: dict[str, str] = {}

    def read[T: Struct](self, raw: bytes | Raw, kind: type[T]) -> T:
        """Read a body. Raises Unreadable with the JSON path."""
        try:
            found = self._struct(raw, kind, "$", "$")
        except RecursionError:
            raise Unreadable("nested too deeply", "$") from None
        return found

    def _struct[T: Struct](self, raw: bytes | Raw, kind: type[T], at: str, canonical: str) -> T:
        try:
            members = _members.decode(raw)
        except msgspec.ValidationError as exc:
            raise Unreadable(_said(exc), at) from None
        except (msgspec.DecodeError, ValueError) as exc:
            raise Unreadable(f"not JSON: {exc}", at) from None
        fields = fields_of(kind)
        found: dict[str, Any] = {}
        others: dict[str, Raw] = {}
        for key, value in members.items():
            field = fields.get(key)
            if field is not None:
                path = f"{canonical}.{field.name}" if canonical else ""
                if path and path != f"{at}.{key}":
                    self.spelt[path] = f"{at}.{key}"
                found[field.attribute] = self._value(value, field, f"{at}.{key}", path)
            elif OTHERS in fields:
                others[key] = value
            else:
                self.lose(f"{at}.{key}")
        if others:
            found["others"] = others
        return kind(**{name: value for name, value in found.items() if value is not None})

    def _value(self, raw: Raw, field: Field, at: str, canonical: str) -> Any:
        """The value of a field, or None for null (Google takes null for absent)."""
        text = bytes(raw).lstrip(_spaces)
        first = text[:1]
        try:
            if text == b"null":
                return None
            if first == b"{" and field.struct is not None:
                return self._struct(raw, field.struct, at, canonical)
            if first == b"[" and field.element is not None:
                kind = field.element
                return [self._struct(item, kind, f"{at}[{i}]", "") for i, item in enumerate(_items.decode(raw))]
            return field.leaf.decode(raw)
        except msgspec.ValidationError as exc:
            if self.forgiving:
                return None
            raise Unreadable(_said(exc), at) from None
        except Unreadable:
            if self.forgiving:
                return None
            raise


_AT = re.compile(r" - at `\$(.*)`$")


def _said(exc: msgspec.ValidationError) -> str:
    """msgspec's message without its path, which starts inside our own."""
    return _AT.sub(lambda found: f" (at {found[1]})" if found[1] else "", str(exc))


_known: dict[type[Struct], dict[str, Field]] = {}  # a cache of what never changes: class → both names → field


def fields_of(kind: type[Struct]) -> dict[str, Field]:
    """The fields of a wire struct under both names."""
    if kind not in _known:
        found: dict[str, Field] = {}
        for info in msgspec.structs.fields(kind):
            struct, element = _shapes(info.type)
            field = Field(
                info.name, info.encode_name, struct, element, msgspec.json.Decoder(_leaf(info.type), strict=False)
            )
            found[info.encode_name] = field
            if info.encode_name != OTHERS:
                found[info.name] = field
        _known[kind] = found
    return _known[kind]


def _origin(shape: Shape) -> object:
    return get_origin(shape)


def _options(shape: Shape) -> tuple[Shape, ...]:
    return get_args(shape) if _origin(shape) in (Union, types.UnionType) else (shape,)


def _shapes(shape: Shape) -> tuple[type[Struct] | None, type[Struct] | None]:
    """The struct a field may be, and the struct its list may hold."""
    struct = element = None
    for option in _options(shape):
        if isinstance(option, type) and issubclass(option, Struct):
            struct = option
        elif _origin(option) is list and isinstance(inner := get_args(option)[0], type) and issubclass(inner, Struct):
            element = inner
    return struct, element


def _leaf(shape: Shape) -> Shape:
    """What a field may be besides structs; the whole shape if that is nothing, for the error message."""
    rest = []
    for option in _options(shape):
        struct, element = _shapes(option)
        if struct is None and element is None and option is not type(None):
            rest.append(option)
    return Union[tuple(rest)] if rest else shape  # noqa: UP007
