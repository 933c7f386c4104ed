"""Streams as their dialect's own checker judges them."""

from typing import Literal

from translators.registry import DIALECTS

type Ending = Literal["end", "error"]

_ERRORS = {
    "claude": b"event: error\n",
    "openai-chat": b'data: {"error":',
    "openai-responses": b"event: response.failed\n",
    "gemini": b'{"error":',
}
"""How an error in a stream begins."""


def check(dialect: str, body: bytes, *, garbled: bool = False) -> Ending:
    """How a legal stream ended. Fails for one that a client of the vendor's own would break on.

    garbled: the arguments of calls are pieces that lack one, or have one twice. They are told as they came.
    """
    found = DIALECTS[dialect].grammar
    assert found is not None
    grammar = found()
    violations = [each for each in [*grammar.feed(body), *grammar.finish()] if not each.mild]
    told = ("the arguments", "the input of block") if garbled else ()
    assert not [each for each in violations if not each.what.startswith(told)], violations
    return "error" if _ERRORS[dialect] in body else "end"
