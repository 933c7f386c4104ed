"""What stays of an exchange when it is over: plain data in the flow, and one line that tells the story."""

import time

from mitmproxy.http import HTTPFlow

from addons.exchanges import Attempt, Exchange, Exchanges
from addons.inspection.checking import Verdict, check
from addons.inspection.plain import KEY, plain
from translators.model import Usage


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
        pump = exchange.pump
        kept = plain(exchange, verdict, pump.usage if pump else None, pump.stop if pump else None)
        flow.metadata[KEY] = kept
        response = flow.response
        if response is not None and response.data.content == kept["emitted"]:
            response.data.content = kept["emitted"]  # one copy is enough


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
