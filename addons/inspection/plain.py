"""An exchange as plain data, in types that mitmproxy can save: what stands in `flow.metadata["cliproxy"]`.

`recorded.py` reads it. Of the client's request nothing stands here: it is the flow's own.
"""

from typing import Any

from addons import making
from addons.exchanges import Attempt, Exchange, Tape
from addons.inspection.checking import UNDER_WAY, Verdict
from addons.marks import steps
from translators.model import Failure, Stop, Usage

KEY = "cliproxy"
"""Where it stands in a flow's metadata."""


def plain(
    exchange: Exchange,
    verdict: Verdict = UNDER_WAY,
    usage: Usage | None = None,
    stop: Stop | None = None,
    *,
    bodies: bool = True,
) -> dict[str, Any]:
    """Everything worth keeping. usage, stop: of the answer, where they are known. bodies: with what was sent and said,
    which costs copies of it.
    """
    emitted = exchange.emitted.bytes() if bodies else b""
    return {
        "client": exchange.client.name,
        "operation": exchange.call.operation,
        "model": exchange.asked.model,
        "stream": exchange.asked.stream,
        "seed": exchange.asked.seed,
        "now": exchange.asked.now,
        "caller": exchange.caller,
        "losses": [[loss.path, loss.reason, loss.semantic] for loss in exchange.ledger.losses],
        "answer_losses": [[loss.path, loss.reason, loss.semantic] for loss in exchange.asked.ledger.losses],
        "rules": [[rule.path, rule.rule, rule.to] for rule in exchange.ledger.applied],
        "attempts": [_attempt(attempt, emitted, bodies) for attempt in exchange.attempts],
        "pauses": [list(pause) for pause in exchange.pauses],
        "emitted": emitted,
        "emitted_size": exchange.emitted.size,
        "emitted_marks": steps(exchange.emitted.marks.moments(), exchange.flow.request.timestamp_start),
        "usage": _stated(usage),
        "stop": _stated(stop),
        "refusal": _failure(exchange.refusal),
        "grammar": {
            "checked": verdict.how,
            "count": verdict.number,
            "violations": [[one.frame, one.path, one.what, one.rule, one.mild] for one in verdict.violations],
        },
    }


def refused(client: str, operation: str, model: str, failure: Failure) -> dict[str, Any]:
    """The same of a request that was answered with an error before any exchange was opened."""
    return {"client": client, "operation": operation, "model": model, "refusal": _failure(failure)}


def _attempt(attempt: Attempt, emitted: bytes, bodies: bool) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "credential": attempt.label,
        "provider": attempt.provider,
        "dialect": attempt.dialect,
        "model": attempt.model,
        "url": attempt.url,
        "request_headers": [list(pair) for pair in attempt.headers],
        "request_body": attempt.body if bodies else b"",
        "status": attempt.status,
        "answer_headers": [list(pair) for pair in attempt.answer_headers],
        "raw": _raw(attempt.raw, emitted) if bodies else b"",
        "raw_size": attempt.raw.size,
        "marks": steps(attempt.raw.marks.moments(), attempt.started),
        "started": attempt.started,
        "first_byte": attempt.first_byte,
        "ended": attempt.ended,
        "failure": _failure(attempt.failure),
        "verdict": attempt.verdict,
        "making": making.plain(attempt.making),
    }


def _raw(tape: Tape, emitted: bytes) -> bytes:
    """What the upstream said; the same object as `emitted` where it was passed on as it came."""
    raw = tape.bytes()
    return emitted if raw == emitted else raw


def _failure(failure: Failure | None) -> list[str]:
    if failure is None:
        return []
    return [failure.origin, failure.kind, failure.message, *([failure.code] if failure.code else [])]


def _stated(counts: Usage | Stop | None) -> dict[str, Any]:
    """The members that say something."""
    if counts is None:
        return {}
    found = ((name, getattr(counts, name)) for name in counts.__struct_fields__)
    return {name: value for name, value in found if value is not None and value != ""}
