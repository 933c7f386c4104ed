"""A fake provider that costs next to nothing: prebuilt bytes, no parsing but of what decides the answer.

    python -m benchmarks.upstream      prints the port it listens on, serves until it is ended

Speaks Claude (`/v1/messages`) and OpenAI Chat (`/v1/chat/completions`). The text of the request says what is wanted:
`#whole`, `#fast:N` (a stream of N deltas at once) or `#paced:N:MS` (one each MS milliseconds).
"""

import asyncio
import json
import re
from functools import cache

WANTED = re.compile(rb"#(whole|fast|paced)(?::(\d+))?(?::(\d+))?")
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
DELTA = "Twelve words or so, as a model says them between two pauses. "


def frame(payload: dict[str, object], event: str = "") -> bytes:
    """A server-sent event as one HTTP chunk."""
    said = f"event: {event}\n".encode() if event else b""
    data = said + b"data: " + json.dumps(payload, separators=(",", ":")).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


def claude_event(kind: str, **fields: object) -> bytes:
    """An event of Claude's stream, whose name stands in it twice."""
    return frame({"type": kind, **fields}, kind)


@cache
def stream_of(claude: bool, count: int) -> tuple[bytes, ...]:
    """The chunks of a stream with `count` deltas; the last one ends the body."""
    if claude:
        message: dict[str, object] = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m"}
        message |= {"content": [], "stop_reason": None, "stop_sequence": None}
        usage = {"input_tokens": 9, "output_tokens": 1}
        first = claude_event("message_start", message=message | {"usage": usage})
        opened = claude_event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        delta = claude_event("content_block_delta", index=0, delta={"type": "text_delta", "text": DELTA})
        closed = claude_event("content_block_stop", index=0)
        ended = {"stop_reason": "end_turn", "stop_sequence": None}
        last = claude_event("message_delta", delta=ended, usage={"output_tokens": count})
        return (first + opened, *[delta] * count, closed + last + claude_event("message_stop") + b"0\r\n\r\n")
    common = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    first = frame(
        common | {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}
    )
    delta = frame(common | {"choices": [{"index": 0, "delta": {"content": DELTA}, "finish_reason": None}]})
    last = frame(common | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    usage = {"prompt_tokens": 9, "completion_tokens": count, "total_tokens": count + 9}
    last += frame(common | {"choices": [], "usage": usage})
    return (first, *[delta] * count, last + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")


@cache
def whole_of(claude: bool) -> bytes:
    """An answer in one piece, with its head."""
    if claude:
        body: dict[str, object] = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m"}
        body |= {"content": [{"type": "text", "text": DELTA * 5}], "stop_reason": "end_turn", "stop_sequence": None}
        body |= {"usage": {"input_tokens": 9, "output_tokens": 60}}
    else:
        said = {"role": "assistant", "content": DELTA * 5}
        body = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m"}
        body |= {"choices": [{"index": 0, "message": said, "finish_reason": "stop"}]}
        body |= {"usage": {"prompt_tokens": 9, "completion_tokens": 60, "total_tokens": 69}}
    raw = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(raw), raw)


HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n"
)


class Provider(asyncio.Protocol):
    """One connection, one request after the other."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if found and len(body) >= (int(length[1]) if length else 0):
            self.buffer = b""
            self.answer(head, body)

    def answer(self, head: bytes, body: bytes) -> None:
        """Answer one request as its text says."""
        wanted = WANTED.search(body)
        if wanted is None:
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
            return
        claude = b"/messages" in head.partition(b"\r\n")[0]
        if wanted[1] == b"whole":
            self.transport.write(whole_of(claude))
        elif wanted[1] == b"fast":
            self.transport.write(HEAD + b"".join(stream_of(claude, int(wanted[2]))))
        else:
            self.transport.write(HEAD)
            self.pace(stream_of(claude, int(wanted[2])), 0, int(wanted[3]) / 1000)

    def pace(self, chunks: tuple[bytes, ...], number: int, seconds: float) -> None:
        if number < len(chunks) and not self.transport.is_closing():
            self.transport.write(chunks[number])
            asyncio.get_running_loop().call_later(seconds, self.pace, chunks, number + 1, seconds)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
