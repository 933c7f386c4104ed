"""What stays of an exchange when it is over: plain data in the flow, and one line that tells the story."""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from mitmproxy.http import HTTPFlow

from addons.exchanges import Attempt, Exchange, Exchanges
from translators.dialect import Violation
from translators.model import Usage
from translators.relay import Relay, RelayedArray


class Record:
    """The last addon: it sees what everyone did, and closes the exchange."""

    def __init__(self, exchanges: Exchanges) -> None:
        self.exchanges = exchanges

    def response(self, flow: HTTPFlow) -> None:
        """A good end, or a refusal."""
        self._close(flow)

    def error(self, flow: HTTPFlow) -> None:
        """The client left, or the answer broke."""
        self._close(flow)

    def _close(self, flow: HTTPFlow) -> None:
        exchange = self.exchanges.close(flow)
        if exchange is None:
            return
        verdict = check(exchange)
        flow.comment = story(exchange, flow, verdict)
        flow.metadata["cliproxy"] = plain(exchange, verdict)


class Verdict(NamedTuple):
    """Whether what the client got is what its dialect's clients need. how: "whole", "beginning" (the client left, so
    nothing may be said of the end), or why nobody looked.
    """

    how: str
    violations: Sequence[Violation] = ()
    number: int = 0


LARGEST = 1024 * 1024
"""Bytes of an answer. A larger one is not checked: a megabyte takes some 25 ms, in which nobody else is served."""


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


def story(exchange: Exchange, flow: HTTPFlow, verdict: Verdict | None = None) -> str:
    """`claude→gemini · alice 429 → bob · 0.4/1.2 s · 1,234→567 tok · 2 drops`."""
    upstream = exchange.attempts[-1].dialect if exchange.attempts else ""
    pieces = [
        f"{exchange.client.name}→{upstream}" if upstream and upstream != exchange.client.name else exchange.client.name
    ]
    if exchange.attempts:
        pieces.append(" → ".join(_try(attempt) for attempt in exchange.attempts))
        last, began = exchange.attempts[-1], flow.request.timestamp_start
        ended = last.ended or time.time()
        first = f"{last.first_byte - began:.1f}/" if last.first_byte else ""
        pieces.append(f"{first}{ended - began:.1f} s")
    if exchange.pump is not None and exchange.pump.usage is not None:
        pieces.append(_tokens(exchange.pump.usage))
    if exchange.pump is not None and exchange.pump.stop is not None:
        pieces.append(exchange.pump.stop.reason)
    count = len(exchange.ledger.losses) + sum(loss.semantic for loss in exchange.asked.ledger.losses)
    if count:
        pieces.append(f"{count} drop{'s' if count > 1 else ''}")
    wrong = [one.what for one in verdict.violations if not one.mild] if verdict is not None else []
    if verdict is not None and wrong:
        more = f" (+{verdict.number - 1})" if verdict.number > 1 else ""
        pieces.append(f"⚠ not {exchange.client.name}: {wrong[0]}{more}"[:120])
    failure = exchange.refusal or (exchange.attempts[-1].failure if exchange.attempts else None)
    if failure is not None:
        pieces.append(f"{failure.origin}: {failure.message}"[:200])
    return " · ".join(pieces)


def _try(attempt: Attempt) -> str:
    if attempt.failure is None:
        return attempt.label
    return f"{attempt.label} {attempt.status if attempt.status >= 300 else attempt.failure.kind}"


def _tokens(usage: Usage) -> str:
    cached = f" ({usage.cache_read:,} cached)" if usage.cache_read else ""
    thought = f" ({usage.thinking:,} thought)" if usage.thinking else ""
    return f"{usage.input or 0:,}{cached}→{usage.output or 0:,}{thought} tok"


def plain(exchange: Exchange, verdict: Verdict | None = None) -> dict[str, Any]:
    """Everything worth keeping, in types that mitmproxy can save."""
    verdict = verdict or check(exchange)
    return {
        "client": exchange.client.name,
        "operation": exchange.call.operation,
        "model": exchange.asked.model,
        "stream": exchange.asked.stream,
        "caller": exchange.caller,
        "losses": [[loss.path, loss.reason, loss.semantic] for loss in exchange.ledger.losses],
        "answer_losses": [[loss.path, loss.reason, loss.semantic] for loss in exchange.asked.ledger.losses],
        "rules": [[rule.path, rule.rule, rule.to] for rule in exchange.ledger.applied],
        "attempts": [_attempt(attempt) for attempt in exchange.attempts],
        "emitted": exchange.emitted.bytes(),
        "refusal": exchange.refusal.message if exchange.refusal else "",
        "grammar": {
            "checked": verdict.how,
            "count": verdict.number,
            "violations": [[one.frame, one.path, one.what, one.rule, one.mild] for one in verdict.violations],
        },
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    failure = attempt.failure
    return {
        "number": attempt.number,
        "credential": attempt.label,
        "provider": attempt.provider,
        "dialect": attempt.dialect,
        "model": attempt.model,
        "url": attempt.url,
        "request_headers": [list(pair) for pair in attempt.headers],
        "request_body": attempt.body,
        "status": attempt.status,
        "answer_headers": [list(pair) for pair in attempt.answer_headers],
        "raw": attempt.raw.bytes(),
        "started": attempt.started,
        "first_byte": attempt.first_byte,
        "ended": attempt.ended,
        "failure": [failure.origin, failure.kind, failure.message] if failure else [],
        "verdict": attempt.verdict,
    }
