"""Token counting: the one operation besides generating that dialects share.

    claude            POST …/messages/count_tokens      → {"input_tokens": n}
    gemini            POST …:countTokens                → {"totalTokens": n}
    openai-responses  POST …/responses/input_tokens     → {"object": "response.input_tokens", "input_tokens": n}

Sources: the vendors' API references, read November 2026.
"""

import msgspec
from msgspec import Raw, Struct

from translators.errors import Unreadable


class _Counted(Struct):
    input_tokens: int | None = None
    totalTokens: int | None = None


_object = msgspec.json.Decoder(dict[str, Raw])
_counted = msgspec.json.Decoder(_Counted)

_KEPT = {
    "claude": frozenset({"model", "messages", "system", "tools", "tool_choice", "thinking", "output_config"}),
    "openai-responses": frozenset(
        {"model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "text"}
    ),
}


def write_count(dialect: str, body: bytes, model: str) -> bytes:
    """Make a counting request of a generating one. What the counting endpoints refuse (max_tokens, stream …) is
    left out. Raises Unreadable if `body` is no JSON object.
    """
    try:
        fields = _object.decode(body)
    except msgspec.MsgspecError as error:
        raise Unreadable(f"the body is no JSON object: {error}") from error
    if dialect == "gemini":
        if "generateContentRequest" in fields:
            return body
        request = {"model": Raw(msgspec.json.encode(f"models/{model}"))} | fields
        return msgspec.json.encode({"generateContentRequest": request})
    kept = _KEPT.get(dialect)
    if kept is None:
        raise ValueError(f"{dialect} has no counting endpoint")
    return msgspec.json.encode({name: value for name, value in fields.items() if name in kept})


def read_count(body: bytes) -> int:
    """The number of tokens an upstream counted. Raises Unreadable."""
    try:
        counted = _counted.decode(body)
    except msgspec.MsgspecError as error:
        raise Unreadable(f"not a token count: {error}") from error
    found = counted.input_tokens if counted.input_tokens is not None else counted.totalTokens
    if found is None:
        raise Unreadable("not a token count: neither input_tokens nor totalTokens")
    return found


def write_count_reply(dialect: str, tokens: int) -> bytes:
    """A count in the client's words."""
    if dialect == "gemini":
        return msgspec.json.encode({"totalTokens": tokens})
    if dialect == "claude":
        return msgspec.json.encode({"input_tokens": tokens})
    return msgspec.json.encode({"object": "response.input_tokens", "input_tokens": tokens})
