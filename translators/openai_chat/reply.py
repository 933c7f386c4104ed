"""Whole answers: a chat.completion object ⇄ events and Reply.

Source: OpenAI API reference, “The chat completion object”, read November 2026.
"""

from typing import Any

import msgspec

from translators.errors import Unreadable
from translators.events import Event, Failed
from translators.model import Failure
from translators.openai_chat.answer import ChunkDecoder
from translators.openai_chat.assembly import Assembly
from translators.openai_chat.failure import is_error, read_failure


def read_tree_failure(body: bytes) -> Failure | None:
    """The failure that a JSON body without choices describes, or None if it describes none."""
    tree: Any = msgspec.json.decode(body)
    return read_failure(200, {}, body) if is_error(tree) else None


def read_reply(body: bytes) -> list[Event]:
    """Read a whole answer as events.

    An error body that came with status 200 gives [Failed]; so does an answer without choices.

    Raises:
        Unreadable: not one JSON value (HTML, an empty body, lines of JSON).
    """
    decoder, assembly = ChunkDecoder(), Assembly()
    out: list[Event] = []
    try:
        failure = read_tree_failure(body)
        if failure is not None:
            return [Failed(failure)]
        chunk = decoder.decode(body)
    except ValueError as error:
        raise Unreadable(f"the upstream's answer is no JSON object of this API: {error}") from None
    assembly.torn = decoder.torn
    if not chunk.choices:
        return [Failed(Failure(kind="upstream", message="the upstream's answer has no choices"))]
    assembly.take(chunk, out, whole=True)
    for choice in chunk.choices:
        if choice.finish_reason is None:
            assembly.conclude(choice.index or 0)
    assembly.end(out)
    return out
