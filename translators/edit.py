"""The smallest possible change of a body that goes to an upstream of the client's own dialect.

Everything but what must change stays byte for byte: unknown fields, digits, key order, white space.
"""

import re

import msgspec
from msgspec import Raw

from translators.dialect import Aim, Dialect
from translators.errors import Unreadable
from translators.losses import Ledger
from translators.model import Reasoning, Request


class _Named(msgspec.Struct):
    model: str = ""


class _Limited(msgspec.Struct):
    max_tokens: int | None = None


_named = msgspec.json.Decoder(_Named)
_limited = msgspec.json.Decoder(_Limited)
_object = msgspec.json.Decoder(dict[str, Raw])
_MODEL = re.compile(rb'"model"\s*:\s*("(?:[^"\\]|\\.)*")')


def set_model(body: bytes, model: str) -> bytes:
    """Give `body` with its top-level `model` replaced, every other byte as it was.

    Raises Unreadable if the body is no JSON object with a model.
    """
    try:
        if _named.decode(body).model == model:
            return body
    except msgspec.MsgspecError as error:
        raise Unreadable(f"the body is no JSON object with a model: {error}") from error
    name = msgspec.json.encode(model)
    for found in _MODEL.finditer(body):
        changed = body[: found.start(1)] + name + body[found.end(1) :]
        if _named.decode(changed).model == model:  # the same words inside a message change nothing at the top
            return changed
    raise Unreadable("missing field `model`", "$.model")


def set_reasoning(body: bytes, reasoning: Reasoning, dialect: Dialect, aim: Aim, ledger: Ledger) -> bytes:
    """Give `body` with the reasoning fields of its dialect replaced by `reasoning` (a thinking suffix beats the body).

    Values of other fields keep their bytes; white space between top-level fields is lost. Raises Unreadable if the body
    is no JSON object, or its limit no number.
    """
    try:
        limit, fields = _limited.decode(body).max_tokens, _object.decode(body)
    except msgspec.MsgspecError as error:
        raise Unreadable(f"the body cannot be read: {error}") from error
    # A budget must fit under the limit that the client has set.
    bare = Request(model=aim.model, turns=[], reasoning=reasoning, max_output=limit)
    wanted = _object.decode(dialect.write_request(bare, aim, ledger).body)
    for name in dialect.reasoning_fields:
        outer, _, inner = name.partition(".")
        if not inner:
            _replace(fields, outer, wanted.get(outer))
            continue
        members, meant = _members(fields.get(outer)), _members(wanted.get(outer))
        _replace(members, inner, meant.get(inner))
        _replace(fields, outer, Raw(msgspec.json.encode(members)) if members else None)
    return msgspec.json.encode(fields)


def _members(value: Raw | None) -> dict[str, Raw]:
    """The members of an object; none for null or anything else."""
    try:
        return _object.decode(value) if value is not None else {}
    except msgspec.ValidationError:
        return {}


def _replace(fields: dict[str, Raw], name: str, value: Raw | None) -> None:
    if value is None:
        fields.pop(name, None)
    else:
        fields[name] = value
