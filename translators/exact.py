"""Bodies in which every member has a field: they need no second look for what nobody reads.

To report such members, a body must be decoded once more, as plain values. That costs more than anything else in reading
a large request, and nearly always finds nothing. So a body is first held against the same structs, but with unknown
members forbidden: what fits is read, and wholly read.
"""

from types import UnionType
from typing import Any, TypeAliasType, Union, get_args, get_origin

import msgspec
from msgspec import Raw, Struct


class Exact[T]:
    """Decodes JSON of the type `kind`, if every member of every object in it has a field."""

    def __init__(self, kind: Any) -> None:
        self._decode = msgspec.json.Decoder(_exact(kind)).decode

    def read(self, raw: bytes | Raw) -> T | None:
        """The value; its structs are of subclasses of those in `kind`. None: it must be looked at more closely."""
        try:
            value: T = self._decode(raw)
        except (ValueError, RecursionError):
            return None
        return value


def _exact(shape: Any) -> Any:
    if isinstance(shape, TypeAliasType):
        return _exact(shape.__value__)
    if isinstance(shape, type) and issubclass(shape, Struct):
        return _exact_struct(shape)
    if shape == Raw | None:
        return Raw  # msgspec takes that union for null alone
    parts = tuple(_exact(part) for part in get_args(shape))
    origin = get_origin(shape)
    if origin in (Union, UnionType):
        return Union[parts]  # noqa: UP007  # made of values
    return origin[parts] if origin in (list, dict, tuple) else shape


_made: dict[type[Struct], type[Any]] = {}  # a cache of what never changes: struct → the one that forbids


def _exact_struct(kind: type[Struct]) -> type[Any]:
    """The struct with unknown members forbidden in it and below it."""
    if kind not in _made:
        _made[kind] = type(None)  # while it is made: inside of itself it may not stand
        _made[kind] = _forbidding(kind)
    return _made[kind]


def _forbidding(kind: type[Struct]) -> type[Struct]:
    fields: list[tuple[str, Any, Any]] = []
    for info in msgspec.structs.fields(kind):
        shape = _exact(info.type)
        if shape != info.type:
            fields.append((info.name, shape, _field(info)))
    config = kind.__struct_config__
    tag: dict[str, Any] = {"tag_field": config.tag_field, "tag": config.tag} if config.tag_field else {}
    return msgspec.defstruct(kind.__name__, fields, bases=(kind,), forbid_unknown_fields=True, kw_only=True, **tag)


def _field(info: msgspec.structs.FieldInfo) -> Any:
    if info.required:
        return msgspec.field(name=info.encode_name)
    if info.default_factory is not msgspec.NODEFAULT:
        return msgspec.field(default_factory=info.default_factory, name=info.encode_name)
    return msgspec.field(default=info.default, name=info.encode_name)
