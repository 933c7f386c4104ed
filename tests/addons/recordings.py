"""Flows as they are after an exchange, made without a network: the addons' own steps, an upstream's words given."""

import io
from typing import Any

from mitmproxy.http import HTTPFlow
from mitmproxy.io import FlowReader, FlowWriter

from addons.prepare import prepare
from addons.record import Record
from credentials.pool import Lease
from tests.addons.scene import LAB, scene

CHAT = b"".join(
    b"data: " + data + b"\n\n"
    for data in (
        b'{"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-x","choices":[{"index":0,'
        b'"delta":{"role":"assistant","content":"Hel"},"finish_reason":null}]}',
        b'{"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-x","choices":[{"index":0,'
        b'"delta":{"content":"lo <b>"},"finish_reason":null}]}',
        b'{"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-x","choices":[{"index":0,'
        b'"delta":{},"finish_reason":"stop"}]}',
        b"[DONE]",
    )
)
RESPONSES = b"".join(
    b"event: " + name + b"\ndata: " + data + b"\n\n"
    for name, data in (
        (
            b"response.created",
            b'{"type":"response.created","sequence_number":0,"response":{"id":"r","object":"response","created_at":1,'
            b'"status":"in_progress","model":"gpt-5","output":[]}}',
        ),
        (
            b"response.output_text.delta",
            b'{"type":"response.output_text.delta","sequence_number":1,"item_id":"m","output_index":0,'
            b'"content_index":0,"delta":"Hello"}',
        ),
        (
            b"response.completed",
            b'{"type":"response.completed","sequence_number":2,"response":{"id":"r","object":"response","created_at":1,'
            b'"status":"completed","model":"gpt-5","output":[{"type":"message","id":"m","role":"assistant",'
            b'"status":"completed","content":[{"type":"output_text","text":"Hello","annotations":[]}]}],'
            b'"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}}}',
        ),
    )
)
ASK = {
    "model": "x",
    "max_tokens": 9,
    "stream": True,
    "top_k": 3,
    "metadata": {"user_id": "u-1"},
    "messages": [{"role": "user", "content": "Hi"}],
}


def recording(
    body: Any = ASK,
    reply: bytes = CHAT,
    *,
    path: str = "/v1/messages",
    status: int = 200,
    kind: str = "text/event-stream",
    config: str = LAB,
    headers: dict[str, str] | None = None,
    model: str = "x",
) -> HTTPFlow:
    """The flow of a request that one credential answered with `reply`, as it comes back from a file."""
    with scene(config) as here:
        exchange = here.open(path, body, headers)
        pool = exchange.runtime.pool
        lease = pool.lease(pool.resolve(model, 0.0), set(), 0.0)
        assert isinstance(lease, Lease)
        prepare(exchange, lease, here.memory)
        wire, attempt, flow = exchange.wire, exchange.attempt, exchange.flow
        assert wire is not None
        attempt.status, attempt.answer_headers = status, [("content-type", kind)]
        attempt.raw.add(reply)
        if status >= 400:
            attempt.failure = exchange.refusal = wire.read_failure(status, {}, reply)
            flow.response = here.terms.refusal(exchange, attempt.failure)
        else:
            pump = exchange.pump = wire.make_pump("event-stream" in kind)
            said = pump.feed(reply) + pump.finish()
            exchange.emitted.add(said)
            stream = exchange.asked.stream
            flow.response = here.terms.stream_head(exchange) if stream else here.terms.whole_head(exchange, said)
            flow.response.content = said
        Record(here.exchanges).response(flow)
        return saved(flow)


def saved(flow: HTTPFlow) -> HTTPFlow:
    """The flow after it was written to a file and read again."""
    file = io.BytesIO()
    FlowWriter(file).add(flow)
    file.seek(0)
    (read,) = FlowReader(file).stream()
    assert isinstance(read, HTTPFlow)
    return read
