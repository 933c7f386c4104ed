"""Bytes → structs of this wire, with errors that say where and what was expected."""

import re
from collections.abc import Callable
from typing import Any, NoReturn

import msgspec
from msgspec import Raw

from translators.claude import wire
from translators.errors import Unreadable

_PLACE = re.compile(r" - at `\$(.*)`$")
_OPEN_TAGS = frozenset({"$.type", "$.source.type"})

_blocks: msgspec.json.Decoder[wire.RequestBlock] = msgspec.json.Decoder(wire.RequestBlock)
_any_block = msgspec.json.Decoder(wire.AnyBlock)
_plain = msgspec.json.Decoder(float_hook=str)  # numbers are only looked past here: none can be out of range

FAULTS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not the JSON that was asked for (ValidationError is a DecodeError)."""


def refuse(exc: Exception, at: str = "$") -> NoReturn:
    """Raise Unreadable with the JSON path of a msgspec error; `at` is where the decoded node stands."""
    if isinstance(exc, msgspec.ValidationError):
        text = str(exc)
        place = _PLACE.search(text)
        raise Unreadable(_PLACE.sub("", text), at + (place.group(1) if place else "")) from None
    raise Unreadable(f"not JSON: {exc}", at) from None


def decode[T](decode_bytes: Callable[[Any], T], raw: bytes | Raw, at: str = "$") -> T:
    """Decode with `decode_bytes` (a Decoder's method). Raises Unreadable."""
    try:
        return decode_bytes(raw)
    except FAULTS as exc:
        refuse(exc, at)


def plain(raw: bytes | Raw, at: str = "$") -> Any:
    """Decode to dicts and lists (floats as text), to see which members a struct has no field for."""
    return decode(_plain.decode, raw, at)


def block_of(raw: Raw, at: str) -> "wire.RequestBlock | wire.AnyBlock":
    """A block of a request; one with a tag (or a source) that has no struct comes as AnyBlock.

    Raises Unreadable for a known tag in the wrong shape, and for what has no tag at all.
    """
    try:
        return _blocks.decode(raw)
    except msgspec.ValidationError as exc:
        place = _PLACE.search(str(exc))
        path = "$" + place.group(1) if place else "$"
        if str(exc).startswith("Invalid value") and path in _OPEN_TAGS:
            return decode(_any_block.decode, raw, at)
        refuse(exc, at)
    except FAULTS as exc:
        refuse(exc, at)
