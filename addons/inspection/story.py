"""The one line that tells the story of a flow, and the sign beside it.

    claude→gemini · opus→gemini-2.5-pro · alice 429 → bob · 0.4/1.2 s · 1,234 (1,000 cached)→567 tok · tool · 2 drops

Pieces stand in this order, divided by ` · `, and keep their spelling: filters look for them.
"""

from addons.inspection.recorded import Recorded, RecordedAttempt
from translators.model import Failure, Usage

MARKERS = {
    "cliproxy": ":no_entry:",
    "upstream": ":x:",
    "client": ":no_entry_sign:",
    "cut": ":scissors:",
    "grammar": ":warning:",
    "losses": ":fallen_leaf:",
    "failover": ":arrows_counterclockwise:",
}
"""Kind → mitmproxy's name of the sign; of several kinds the first one counts.

cliproxy, upstream, client: who made the error that the client got. cut: an answer that broke after it had begun, or
whose client left. grammar: what the client got is not as its dialect's clients need it. losses: something that changes
the answer could not be said. failover: all is well, by the second credential or a later one.
"""

CLIENTS_FAULT = frozenset(
    {"invalid", "model", "too_large", "not_found", "upgrade", "unprocessable", "auth", "permission"}
)
"""Kinds of failure that cliproxy tells a client of its own request."""


def marker(found: Recorded) -> str:
    """The sign of an exchange; "" where nothing is to be noted."""
    return MARKERS.get(kind(found), "")


def kind(found: Recorded) -> str:
    """The key in MARKERS; "" where nothing is to be noted."""
    failure = found.failure
    if found.error:
        return "cut"
    if failure is not None:
        return culprit(failure)
    if any(not one.mild for one in found.grammar.violations):
        return "grammar"
    if any(loss.semantic for loss in (*found.losses, *found.answer_losses)):
        return "losses"
    return "failover" if len(found.attempts) > 1 else ""


NOTICED = frozenset({"upstream", "timeout"})
"""Kinds of failure that cliproxy tells of an upstream that said nothing itself: unreachable, broken off, silent."""

TRIES = {"closed": "broke off", "connect": "unreachable"}
"""Codes of failures without a status, in words."""


def culprit(failure: Failure) -> str:
    """Who made an error: client, cliproxy or upstream."""
    if failure.origin != "cliproxy" or failure.kind in NOTICED:
        return "client" if failure.origin == "client" else "upstream"
    return "client" if failure.kind in CLIENTS_FAULT and failure.code != "invalid_grant" else "cliproxy"


def story(found: Recorded) -> str:
    """The line. Of an exchange that is under way: as far as it has come, without what changes with time."""
    pieces = [_dialects(found)]
    if found.model:
        pieces.append(_models(found))
    if found.attempts:
        pieces.append(" → ".join(_try(attempt) for attempt in found.attempts))
        if not found.live:
            pieces.append(_times(found))
    if found.usage is not None and (found.usage.input or found.usage.output):
        pieces.append(tokens(found.usage))
    if found.stop is not None:
        pieces.append(found.stop.reason)
    drops = len(found.losses) + sum(loss.semantic for loss in found.answer_losses)
    if drops:
        pieces.append(f"{drops} drop{'s' if drops > 1 else ''}")
    wrong = [one.what for one in found.grammar.violations if not one.mild]
    if wrong:
        more = f" (+{found.grammar.count - 1})" if found.grammar.count > 1 else ""
        pieces.append(f"⚠ not {found.client}: {wrong[0]}{more}"[:120])
    failure = found.failure
    if failure is not None and not (found.live and found.refusal is None):
        pieces.append(f"✗ {culprit(failure)}: {' '.join(failure.message.split())}"[:200] + _until(found, failure))
    elif found.error:
        pieces.append("✂ the client left" if "client" in found.error.lower() else f"✂ {found.error}"[:200])
    return " · ".join(pieces)


def _dialects(found: Recorded) -> str:
    upstream = found.attempts[-1].dialect if found.attempts else ""
    name = f"{found.client}→{upstream}" if upstream and upstream != found.client else found.client
    return name if found.operation in ("generate", "") else f"{name} {found.operation.replace('_', ' ')}"


def _models(found: Recorded) -> str:
    sent = found.attempts[-1].model if found.attempts else ""
    return f"{found.model}→{sent}" if sent and sent != found.model else found.model


def _try(attempt: RecordedAttempt) -> str:
    if attempt.failure is None:
        return attempt.credential
    failure = attempt.failure
    return f"{attempt.credential} {attempt.status if attempt.status >= 300 else TRIES.get(failure.code, failure.kind)}"


def _until(found: Recorded, failure: Failure) -> str:
    """How long everybody still rests, as the client was told."""
    told = next((value for name, value in found.emitted_headers if name.lower() == "retry-after"), "")
    return f", the first for {int(told):,} s more" if failure.kind == "cooling" and told.isdecimal() else ""


def _times(found: Recorded) -> str:
    last, began = found.attempts[-1], found.began
    whole = max((last.ended or found.ended) - began, 0)
    spans = [last.first_byte - began, whole] if last.first_byte else [whole]
    if whole < 1:
        return "/".join(f"{span * 1000:.0f}" for span in spans) + " ms"
    return "/".join(f"{span:.1f}" for span in spans) + " s"


def tokens(usage: Usage) -> str:
    """`1,234 (1,000 cached)→567 (8 thought) tok`."""
    cached = f" ({usage.cache_read:,} cached)" if usage.cache_read else ""
    thought = f" ({usage.thinking:,} thought)" if usage.thinking else ""
    return f"{usage.input or 0:,}{cached}→{usage.output or 0:,}{thought} tok"


def so_far(found: Recorded, now: float) -> str:
    """The line of an exchange that is under way, with what it is waiting for. now: seconds since the epoch."""
    return f"{story(found)} · … {_doing(found, now)}, {now - found.began:.0f} s"


def _doing(found: Recorded, now: float) -> str:
    attempt = found.last
    pause = found.pauses[-1] if found.pauses else None
    if pause is not None and (attempt is None or pause.began >= attempt.started):
        return f"waits for {pause.why}"
    if attempt is None:
        return "has asked nobody yet"
    if not attempt.raw_size:
        return f"{attempt.credential} has not answered" if not attempt.status else "no byte of the answer yet"
    silent = now - attempt.started - attempt.marks[-1].ms / 1000 if attempt.marks else 0
    quiet = f", silent for {silent:.0f} s" if silent >= 2 else ""
    return f"{attempt.raw_size:,} bytes have come{quiet}"
