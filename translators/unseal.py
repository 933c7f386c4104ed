"""Takes opaque reasoning state out of a body that is ready for an upstream, and leaves every other byte as it was.

Needed where a body is passed on as it came: envelopes of ours (seals.py) that the client got while another vendor
answered; and where an upstream has refused the seals of a conversation. A dialect brings one function, `edit`, for the
messages of its body; what they share is here.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
from msgspec import Raw

from translators import seals
from translators.parts import Vendor

type Drop = Callable[[str, bool], bool]
"""(seal as it stands in its field, "" for none; whether it belongs to the turn that is still open) → take it out."""

_object = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])


class Unsealed(NamedTuple):
    """The body without the seals, and the paths in it they stood at. Where nothing was found: the body as it came."""

    body: bytes
    paths: list[str]


_FERNET = "gAAAA"
"""How OpenAI's encrypted reasoning begins; no seal of Anthropic's or Google's does."""


def misplaced(data: str, vendor: Vendor) -> bool:
    """Whether a seal in a field of `vendor`'s is not that vendor's: an envelope, or OpenAI's encrypted reasoning."""
    return (vendor != "openai" and data.startswith(_FERNET)) or seals.unwrap(data) is not None


def may_be_misplaced(body: bytes, vendor: Vendor) -> bool:
    """Whether it is worth looking for such seals in a body."""
    return any(mark in body for mark in _ENVELOPES) or (vendor != "openai" and _FERNET.encode() in body)


_ENVELOPES = (seals.PREFIX.encode(), b"Y2xpcHJveHkuMS")
"""What stands in a body that holds an envelope, plain or in base64."""


def members(raw: Raw | bytes) -> dict[str, Raw]:
    """The members of an object; none for anything else."""
    try:
        return _object.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def elements(raw: Raw | None) -> list[Raw]:
    """The elements of a list; none for anything else."""
    try:
        return _list.decode(raw) if raw is not None else []
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []


def literal(fields: dict[str, Raw], name: str) -> bytes:
    """A member as it is written; nothing if it is not there."""
    return bytes(fields[name]) if name in fields else b""


def packed(value: dict[str, Raw] | list[Raw]) -> Raw:
    """Members or elements put together again."""
    return Raw(msgspec.json.encode(value))


def edit_messages(
    body: bytes,
    name: str,
    spoken: Callable[[Raw], bool],
    edit: Callable[[Raw, bool, str, list[str]], Raw | None],
) -> Unsealed:
    """Edit the list `name` of a body, message by message.

    spoken: whether a message is the user's own word, with which a turn begins. edit(message, open, at, paths): the
    message, another in its place, or None; it appends what it takes out to `paths`.
    """
    fields = members(body)
    messages = elements(fields.get(name))
    begun = max((index for index, message in enumerate(messages) if spoken(message)), default=-1)
    paths: list[str] = []
    kept: list[Raw] = []
    for index, message in enumerate(messages):
        edited = edit(message, index > begun, f"$.{name}[{index}]", paths)
        if edited is not None:
            kept.append(edited)
    if not paths:
        return Unsealed(body, paths)
    fields[name] = packed(kept)
    return Unsealed(bytes(packed(fields)), paths)
