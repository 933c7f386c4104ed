"""A client that costs next to nothing: keep-alive connections that send one prebuilt request again and again.

    python -m benchmarks.load PORT CONNECTIONS TOTAL MODEL TEXT

Prints a JSON object: seconds, requests, first (median seconds from the request to the first byte of the body), failed.
"""

import asyncio
import json
import re
import statistics
import sys
import time

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def build_request(port: int, model: str, text: str) -> bytes:
    """A Claude request with a body of some 2 kB, small for an agent; streamed unless the text says whole."""
    system = "You are a careful assistant. " * 60
    body = {"model": model, "max_tokens": 4096, "system": system, "messages": [{"role": "user", "content": text}]}
    if "#whole" not in text:
        body["stream"] = True
    raw = json.dumps(body).encode()
    return (
        f"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
        f"anthropic-version: 2023-06-01\r\nx-api-key: sk-bench-client-key\r\ncontent-length: {len(raw)}\r\n\r\n"
    ).encode() + raw


class Run:
    """What all connections share: how much is left to do, and what came of it."""

    def __init__(self, request: bytes, total: int) -> None:
        self.request = request
        self.left = total
        self.open = total
        self.failed = 0
        self.first: list[float] = []
        self.done = asyncio.get_running_loop().create_future()

    def finished(self, *, ok: bool) -> None:
        self.open -= 1
        self.failed += not ok
        if not self.open and not self.done.done():
            self.done.set_result(None)


class Client(asyncio.Protocol):
    """Sends a request, waits for the end of its answer, sends the next."""

    transport: asyncio.Transport

    def __init__(self, run: Run) -> None:
        self.run = run
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.next()

    def next(self) -> None:
        if not self.run.left:
            self.transport.close()
            return
        self.run.left -= 1
        self.busy, self.head, self.size, self.wanted, self.tail = True, b"", 0, 0, b""
        self.sent = time.perf_counter()
        self.transport.write(self.run.request)

    def data_received(self, data: bytes) -> None:
        """A piece of the answer: when the first came, and whether it is whole."""
        if not self.head.endswith(b"\r\n\r\n"):
            head, found, data = (self.head + data).partition(b"\r\n\r\n")
            self.head = head + found
            if not found:
                return
            length = LENGTH.search(head)
            self.wanted = int(length[1]) if length else -1
        if data and not self.size:
            self.run.first.append(time.perf_counter() - self.sent)
        self.size += len(data)
        self.tail = (self.tail + data)[-200:]
        if self.size == self.wanted or (self.wanted < 0 and self.tail.endswith(b"0\r\n\r\n")):
            ended = self.wanted >= 0 or b"message_stop" in self.tail
            self.busy = False
            self.run.finished(ok=self.head.startswith(b"HTTP/1.1 200") and ended)
            self.next()

    def connection_lost(self, _error: Exception | None) -> None:
        if self.busy:
            self.run.finished(ok=False)


async def main(port: int, connections: int, total: int, model: str, text: str) -> None:
    """Ask `total` times over some connections, and print what came of it."""
    loop = asyncio.get_running_loop()
    run = Run(build_request(port, model, text), total)
    began = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: Client(run), "127.0.0.1", port)
    await asyncio.wait_for(run.done, 300)
    seconds = time.perf_counter() - began
    first = statistics.median(run.first) if run.first else 0.0
    print(json.dumps({"seconds": seconds, "requests": total, "first": first, "failed": run.failed}))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]))
