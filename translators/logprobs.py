"""Log probabilities as the model of all dialects holds them: Chat's list of token objects."""

import msgspec
from msgspec import Raw, Struct


class TopToken(Struct):
    """What might have been said instead."""

    token: str
    logprob: float | None


class Token(Struct):
    """A token of the answer."""

    token: str
    logprob: float | None
    top_logprobs: list[TopToken] = []


tokens = msgspec.json.Decoder(list[Token]).decode


def sound(raw: Raw | None) -> Raw | None:
    """`raw`, if it is such a list; else None."""
    if raw is None:
        return None
    try:
        tokens(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return raw
