"""HTTP as the fake upstream needs it: whole requests in, answers out piece by piece, and ways to break them.

HTTP/1.1 is read with h11 and written by hand (an answer that must be malformed cannot be written by a library that
refuses to); HTTP/2 is h2. Both give the server the same `Exchange`.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h11


@dataclass
class Received:
    """A request as it stood on the wire. connection numbers the connections of the server from 1."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    connection: int
    body: bytes = b""
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)


class Exchange(Protocol):
    """One answer under way."""

    request: Received

    async def start(self, status: int, headers: dict[str, str], framing: str, length: int) -> None:
        """Send the head. framing: "chunked", "length" (then `length` counts) or "eof"."""

    async def send(self, data: bytes) -> None:
        """Send a piece of the body."""

    async def end(self) -> None:
        """End the answer properly."""

    async def abort(self, how: Literal["reset", "eof"]) -> None:
        """Break the answer off where it is."""


type Handler = Callable[[Exchange], Awaitable[None]]


class Gone(Exception):
    """The connection is over, by our own doing."""


class Http1:
    """One HTTP/1.1 exchange. A request is read whole; while it is answered, the socket is watched for its end."""

    def __init__(self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.request = request
        self.reader = reader
        self.writer = writer
        self.framing = "chunked"

    async def start(self, status: int, headers: dict[str, str], framing: str, length: int) -> None:
        """See Exchange."""
        self.framing = framing
        lines = [f"HTTP/1.1 {status} Fake", *(f"{name}: {value}" for name, value in headers.items())]
        if framing == "chunked":
            lines.append("transfer-encoding: chunked")
        elif framing == "length":
            lines.append(f"content-length: {length}")
        else:
            lines.append("connection: close")
        await self._write("\r\n".join([*lines, "", ""]).encode())

    async def send(self, data: bytes) -> None:
        """See Exchange."""
        await self._write(b"%x\r\n%b\r\n" % (len(data), data) if self.framing == "chunked" else data)

    async def end(self) -> None:
        """See Exchange."""
        if self.framing == "chunked":
            await self._write(b"0\r\n\r\n")
        elif self.framing == "eof":
            raise Gone

    async def abort(self, how: Literal["reset", "eof"]) -> None:
        """See Exchange."""
        if how == "reset":
            linger = struct.pack("ii", 1, 0)  # closing then sends RST
            self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.writer.transport.abort()
        raise Gone

    async def _write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()


async def serve_http1(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, handle: Handler) -> None:
    """Answer the requests of one HTTP/1.1 connection, one after another."""
    rest = b""
    while True:
        found = await _read_request(reader, rest, number)
        if found is None:
            return
        request, rest = found
        watch = asyncio.create_task(_watch(reader, request))
        try:
            await handle(Http1(request, reader, writer))
        finally:
            watch.cancel()
            early = await asyncio.gather(watch, return_exceptions=True)
        if isinstance(early[0], bytes):
            if not early[0]:
                return
            rest += early[0]


async def _watch(reader: asyncio.StreamReader, request: Received) -> bytes:
    """Note when the client goes away; bytes of a next request are handed on."""
    try:
        data = await reader.read(65536)
    except OSError:
        data = b""
    if not data:
        request.cancelled.set()
    return data


async def _read_request(reader: asyncio.StreamReader, rest: bytes, number: int) -> tuple[Received, bytes] | None:
    wire = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    if rest:
        wire.receive_data(rest)
    request: Received | None = None
    body = bytearray()
    while True:
        event = wire.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(65536)
            if not data:
                return None
            wire.receive_data(data)
        elif isinstance(event, h11.Request):
            headers = [(name.decode(), value.decode("latin-1")) for name, value in event.headers]
            request = Received(event.method.decode(), event.target.decode(), headers, number)
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            request.body = bytes(body)
            return request, wire.trailing_data[0]
        else:
            return None


class Http2:
    """One stream of an HTTP/2 connection."""

    def __init__(self, request: Received, connection: "Connection2", stream: int) -> None:
        self.request = request
        self.connection = connection
        self.stream = stream

    async def start(self, status: int, headers: dict[str, str], framing: str, length: int) -> None:
        """See Exchange; framing means nothing here."""
        self.connection.wire.send_headers(self.stream, [(":status", str(status)), *headers.items()])
        await self.connection.flush()

    async def send(self, data: bytes) -> None:
        """See Exchange."""
        while data:
            room = await self.connection.room(self.stream, self.request)
            self.connection.wire.send_data(self.stream, data[:room])
            data = data[room:]
            await self.connection.flush()

    async def end(self) -> None:
        """See Exchange."""
        self.connection.wire.end_stream(self.stream)
        await self.connection.flush()

    async def abort(self, how: Literal["reset", "eof"]) -> None:
        """RST_STREAM, or the end of the whole connection."""
        if how == "eof":
            self.connection.writer.close()
            raise Gone
        self.connection.wire.reset_stream(self.stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
        await self.connection.flush()


class Connection2:
    """An HTTP/2 connection: every stream is answered by a task of its own."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, handle: Handler
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.number = number
        self.handle = handle
        self.wire = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="latin-1"))
        self.requests: dict[int, Received] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.moved = asyncio.Event()

    async def serve(self) -> None:
        """Read until the client is gone."""
        self.wire.initiate_connection()
        try:
            await self.flush()
            while data := await self.reader.read(65536):
                for event in self.wire.receive_data(data):
                    self.receive(event)
                await self.flush()
        finally:
            for request in self.requests.values():
                request.cancelled.set()
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)

    def receive(self, event: h2.events.Event) -> None:
        """Take one event in."""
        match event:
            case h2.events.RequestReceived(stream_id=stream, headers=headers):
                pairs = [(str(name), str(value)) for name, value in headers or []]
                pseudo = dict(pair for pair in pairs if pair[0].startswith(":"))
                plain = [("host", pseudo[":authority"]), *(pair for pair in pairs if not pair[0].startswith(":"))]
                self.requests[stream] = Received(pseudo[":method"], pseudo[":path"], plain, self.number)
            case h2.events.DataReceived(stream_id=stream, data=data, flow_controlled_length=length):
                self.requests[stream].body += data or b""
                self.wire.acknowledge_received_data(length or 0, stream)
            case h2.events.StreamEnded(stream_id=stream):
                task = asyncio.create_task(self.answer(Http2(self.requests[stream], self, stream)))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
            case h2.events.StreamReset(stream_id=stream) if stream in self.requests:
                self.requests[stream].cancelled.set()
        self.moved.set()

    async def answer(self, exchange: Http2) -> None:
        """Answer one stream; a stream the client has reset needs no answer."""
        try:
            await self.handle(exchange)
        except (Gone, OSError, h2.exceptions.ProtocolError):
            exchange.request.cancelled.set()

    async def room(self, stream: int, request: Received) -> int:
        """Wait until the stream's window is open; gives how many bytes may be sent."""
        while (room := min(self.wire.local_flow_control_window(stream), self.wire.max_outbound_frame_size)) <= 0:
            self.moved.clear()
            await self.moved.wait()
            if request.cancelled.is_set():
                raise Gone
        return room

    async def flush(self) -> None:
        """Write what h2 has ready."""
        self.writer.write(self.wire.data_to_send())
        await self.writer.drain()
