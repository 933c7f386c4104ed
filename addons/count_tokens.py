"""Token counts that no upstream gives: an estimate, marked as one.

The vocabulary is packaged (providers/tokens.py), nothing is fetched; the counting runs in a thread, so that no stream
waits for it.
"""

import asyncio

from mitmproxy.http import Response

from addons.exchanges import Exchange
from addons.route import read_request
from providers.tokens import estimate
from translators.counting import write_count_reply

MARK = "x-cliproxy-token-count"


async def estimated_reply(exchange: Exchange) -> Response:
    """Count here. Raises TranslationError for a request that cannot be read."""
    request = read_request(exchange)
    tokens = await asyncio.to_thread(estimate, request, exchange.asked.model)
    body = write_count_reply(exchange.client.name, tokens)
    return Response.make(200, body, {"content-type": "application/json", MARK: "estimate"})
