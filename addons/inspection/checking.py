"""Whether what the client got is what its dialect's clients need."""

from collections.abc import Sequence
from typing import NamedTuple

from addons.exchanges import Exchange
from translators.dialect import Violation
from translators.relay import Relay, RelayedArray

LARGEST = 1024 * 1024
"""Bytes of an answer. A larger one is not checked: a megabyte takes some 25 ms, in which nobody else is served."""


class Verdict(NamedTuple):
    """Whether what the client got is what its dialect's clients need. how: "whole", "beginning" (the client left, so
    nothing may be said of the end), or why nobody looked.
    """

    how: str
    violations: Sequence[Violation] = ()
    number: int = 0


UNDER_WAY = Verdict("under way")


def check(exchange: Exchange) -> Verdict:
    """Check the bytes the client got against the grammar of its dialect. Never raises: it is about somebody else."""
    pump, tape, client = exchange.pump, exchange.emitted, exchange.client
    if pump is None or not pump.committed or not tape.size or exchange.call.operation != "generate":
        return Verdict("no answer")
    if isinstance(pump, Relay | RelayedArray):  # the vendor's own words, and many of them: not ours to judge
        return Verdict("passed on")
    if tape.left_out or tape.size > LARGEST:
        return Verdict("too large")
    try:
        if not exchange.asked.stream:
            if client.check_reply is None or not pump.ended:
                return Verdict("no grammar" if client.check_reply is None else "no answer")
            found = client.check_reply(tape.bytes())
            return Verdict("whole", found, len(found))
        if client.grammar is None:
            return Verdict("no grammar")
        grammar = client.grammar()
        found = grammar.feed(tape.bytes())
        over = pump.ended or pump.failure is not None
        if over:
            found += grammar.finish()
        return Verdict("whole" if over else "beginning", found, grammar.count)
    except Exception as error:
        return Verdict(f"the checker failed: {type(error).__name__}: {error}"[:200])
