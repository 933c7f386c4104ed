"""The fake upstream: one server, four dialects, in a thread of its own so that any test can talk through it.

A test says what is played (`always`, `play`), runs a client, and asks `seen` what arrived. A request that the vendor
would refuse is answered 400 in its dialect and kept in `violations`; `check()` fails the test with it.
"""

import asyncio
import contextlib
import json
import re
import socket
import ssl
import threading
import time
import zlib
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import brotli
import h2.exceptions

from tests.upstreams import claude, code_assist, gemini, openai_chat, openai_responses
from tests.upstreams.answers import Answer, Play
from tests.upstreams.dialects import CREDENTIALS, Asked, FakeDialect, Understood
from tests.upstreams.transport import Connection2, Exchange, Gone, serve_http1

DIALECTS = {one.DIALECT.name: one.DIALECT for one in (claude, gemini, openai_chat, openai_responses)} | {
    one.name: one for one in (code_assist.GEMINI_CLI, code_assist.ANTIGRAVITY)
}
PATHS = {
    "/v1/messages": ("claude", "generate"),
    "/v1/messages/count_tokens": ("claude", "count"),
    "/v1/chat/completions": ("openai-chat", "generate"),
    "/v1/responses": ("openai-responses", "generate"),
    "/v1/responses/input_tokens": ("openai-responses", "count"),
}
GEMINI = re.compile(r"/(v1beta|v1|v1/publishers/google)/models/([^:]+):(\w+)")
VERBS = {"generateContent": "generate", "streamGenerateContent": "generate", "countTokens": "count"}
COUNTED = 321
"""What every fake counts for every request."""


@dataclass
class Seen:
    """A request that arrived. at: monotonic seconds. cancelled: the caller went away before the answer was over."""

    asked: Asked
    method: str
    path: str
    raw: bytes
    connection: int
    key: str | None
    at: float
    faults: list[str] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body."""
        return self.asked.body

    @property
    def said(self) -> Understood:
        """What the request said, in words of no dialect."""
        dialect: FakeDialect = DIALECTS[self.asked.dialect]
        return dialect.understand(self.asked.body)


class FakeUpstream:
    """A server on 127.0.0.1. keys: the credentials it knows (None: any). lenient: unknown fields are let through."""

    def __init__(self, keys: set[str] | None = None, tls: ssl.SSLContext | None = None, lenient: bool = False) -> None:
        self.keys = keys
        self.tls = tls
        self.lenient = lenient
        self.seen: list[Seen] = []
        self.violations: list[str] = []
        self.port = 0
        self._standing: dict[str, Play | Callable[[Seen], Play]] = {}
        self._next: dict[str, deque[Play]] = defaultdict(deque)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fake-upstream", daemon=True)
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._connections = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._servers: list[asyncio.Server] = []
        self._dead: list[socket.socket] = []
        self._lock = threading.Lock()

    # --- what a test says and asks

    @property
    def url(self) -> str:
        """The base address, without a path."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def always(self, name: str, play: Play | Answer | Callable[["Seen"], Play]) -> None:
        """What a model (or a key) plays whenever nothing else is queued for it; a function decides by the request."""
        self._standing[name] = Play(play) if isinstance(play, Answer) else play

    def play(self, name: str, *plays: Play | Answer) -> None:
        """What a model or a key plays next, in this order, once each. A key's queue comes before a model's."""
        self._next[name].extend(one if isinstance(one, Play) else Play(one) for one in plays)

    def reset(self) -> None:
        """Forget what was seen and what was still to be played; what always plays stays."""
        with self._lock:
            self.seen, self.violations = [], []
            self._next.clear()

    def asked(self, model: str = "", key: str = "") -> list[Seen]:
        """The requests for a model, or with a key, so far."""
        return [
            one for one in list(self.seen) if (not model or one.asked.model == model) and (not key or one.key == key)
        ]

    def check(self) -> None:
        """Fail with everything a vendor would have refused; forgets it."""
        with self._lock:
            found, self.violations = self.violations, []
        assert not found, "the upstream refused:\n" + "\n".join(found)

    def refusing(self) -> int:
        """A port where every connection is refused: bound, never listening, for as long as the server lives."""
        held = socket.socket()
        held.bind(("127.0.0.1", 0))
        self._dead.append(held)
        return int(held.getsockname()[1])

    def closing(self) -> int:
        """A port that accepts connections and closes them at once."""
        return self._call(self._open_closing())

    # --- life

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        for held in self._dead:
            held.close()

    def _call[T](self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._live())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _live(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self.tls, backlog=256)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._servers.append(server)
        await self._stop.wait()
        for one in self._servers:
            one.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _open_closing(self) -> int:
        async def shut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_server(shut, "127.0.0.1", 0)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        tls = writer.get_extra_info("ssl_object")
        try:
            if tls is not None and tls.selected_alpn_protocol() == "h2":
                await Connection2(reader, writer, self._connections, self._handle).serve()
            else:
                await serve_http1(reader, writer, self._connections, self._handle)
        except (Gone, OSError, h2.exceptions.ProtocolError, asyncio.CancelledError):
            pass  # the end of the connection, whoever made it
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError, ssl.SSLError, asyncio.CancelledError):
                await writer.wait_closed()

    # --- one request

    async def _handle(self, exchange: Exchange) -> None:
        seen = self._recognise(exchange)
        self.seen.append(seen)
        dialect = DIALECTS[seen.asked.dialect]
        try:
            if seen.faults:
                with self._lock:
                    self.violations += [f"{seen.method} {seen.path}: {fault}" for fault in seen.faults]
                await self._fail(exchange, dialect, Play(status=400, message="; ".join(seen.faults)))
            elif self.keys is not None and seen.key not in self.keys:
                await self._fail(exchange, dialect, Play(status=401, message="unknown key"))
            else:
                await self._perform(exchange, seen, dialect, self._choose(seen))
        except OSError:
            seen.cancelled.set()
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            with self._lock:  # a fault of the fake or of its script: the test must not blame the proxy
                self.violations.append(f"the fake broke at {seen.method} {seen.path}: {error!r}")
            raise Gone from error
        finally:
            if exchange.request.cancelled.is_set():
                seen.cancelled.set()
            seen.over.set()

    def _recognise(self, exchange: Exchange) -> Seen:
        """What was asked, and what is wrong with it."""
        got = exchange.request
        url = urlsplit(got.target)
        headers = {name.lower(): value for name, value in got.headers}
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        faults: list[str] = []
        try:
            body = json.loads(got.body)
        except ValueError as error:
            body, faults = {}, [f"body is not JSON: {error}"]
        name, verb, model, stream = "claude", "", str(body.get("model", "")), body.get("stream") is True
        if found := GEMINI.fullmatch(url.path):
            name, verb, model, stream = "gemini", VERBS.get(found[3], ""), found[2], found[3].startswith("stream")
        elif found := code_assist.PATH.fullmatch(url.path):
            name, verb, model, stream = code_assist.door_of(found[1], body)
        elif url.path in PATHS:
            name, verb = PATHS[url.path]
        if not verb or got.method != "POST":
            faults.append("no such route")
        asked = Asked(name, verb, model, stream, headers, query, body, self.lenient, url.path)
        dialect = DIALECTS[name]
        faults = faults or self._manners(asked, dialect) + _checked(dialect, asked)
        return Seen(
            asked, got.method, got.target, got.body, got.connection, dialect.key(headers), time.monotonic(), faults
        )

    def _manners(self, asked: Asked, dialect: FakeDialect) -> list[str]:
        """Headers: one credential, where the dialect wants it; JSON, said so, about this host."""
        found = []
        held = [name for name in CREDENTIALS if name in asked.headers]
        if dialect.key(asked.headers) is None or len(held) != 1:
            found.append(f"credential headers: {held}")
        found += [f"query {name}: a credential" for name in ("key", "auth_token") if name in asked.query]
        if asked.headers.get("content-type", "").partition(";")[0] != "application/json":
            found.append(f"content-type: {asked.headers.get('content-type')!r}")
        if asked.headers.get("host") != f"127.0.0.1:{self.port}":
            found.append(f"host: {asked.headers.get('host')!r}")
        return found

    def _choose(self, seen: Seen) -> Play:
        for name in (seen.key or "", seen.asked.model):
            if self._next[name]:
                return self._next[name].popleft()
        for name in (seen.key or "", seen.asked.model):
            if play := self._standing.get(name):
                return play if isinstance(play, Play) else play(seen)
        return Play(status=404, message=f"no model {seen.asked.model!r} here")

    async def _fail(self, exchange: Exchange, dialect: FakeDialect, play: Play) -> None:
        body = play.raw if play.raw is not None else dialect.failure(play.status, play.message, play.kind)
        headers = {"content-type": play.content_type or "application/json", "request-id": "req_fake"} | play.headers
        if play.retry_after:
            headers["retry-after"] = play.retry_after
        await exchange.start(play.status, headers, "length", len(body))
        await exchange.send(body)
        await exchange.end()

    async def _perform(self, exchange: Exchange, seen: Seen, dialect: FakeDialect, play: Play) -> None:
        if play.hold_at == -1:
            await self._hold(exchange, play)
        if play.cut_at == -1:
            await exchange.abort(play.cut)
            return
        if play.status != 200:
            await self._fail(exchange, dialect, play)
            return
        frames, kind = _score(seen.asked, dialect, play)
        size = sum(map(len, frames)) + 1000 * (play.cut_at is not None)
        headers = {"content-type": play.content_type or kind, "request-id": "req_fake"} | play.headers
        if play.coding:
            headers["content-encoding"] = play.coding
        await exchange.start(200, headers, play.framing, size)
        for at, frame in enumerate(frames):
            if play.hold_at == at:
                await self._hold(exchange, play)
            if play.cut_at == at:
                if play.cut_inside:
                    await exchange.send(frame[: len(frame) // 2])
                await exchange.abort(play.cut)
                return
            step = play.chunk or len(frame)
            for start in range(0, len(frame), step or 1):
                await exchange.send(frame[start : start + step])
        await exchange.end()

    async def _hold(self, exchange: Exchange, play: Play) -> None:
        """Wait for the gate, for the caller to go away, or for good."""
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(exchange.request.cancelled.wait())]
        if play.gate is not None:
            waits.append(asyncio.ensure_future(_through(play.gate.opened)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if exchange.request.cancelled.is_set():
            raise Gone


async def _through(opened: Any) -> None:
    await asyncio.shield(asyncio.wrap_future(opened))


def _checked(dialect: FakeDialect, asked: Asked) -> list[str]:
    """The dialect's own judgement; a request so odd that judging it breaks is refused too."""
    try:
        return dialect.check(asked)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return [f"malformed: {error!r}"]


def _score(asked: Asked, dialect: FakeDialect, play: Play) -> tuple[list[bytes], str]:
    """The body of an answer, in the frames it is written in, and its content type."""
    json_type, stream_type = "application/json", "text/event-stream; charset=utf-8"
    if play.raw is not None:
        frames, kind = [play.raw], json_type
    elif asked.verb == "count":
        frames, kind = [dialect.count(COUNTED)], json_type
    elif asked.stream:
        frames, kind = dialect.frames(play.answer or Answer(), asked), stream_type
    else:
        frames, kind = [dialect.whole(play.answer or Answer(), asked)], json_type
    if play.error_at is not None:
        frames = [*frames[: play.error_at], dialect.in_band(play.message)]
    if play.crlf:
        frames = [re.sub(b"(?<!\r)\n", b"\r\n", frame) for frame in frames]
    return _coded(frames, play.coding), kind


def _coded(frames: list[bytes], coding: str) -> list[bytes]:
    """The frames compressed, each flushed so that it can be read when it arrives."""
    if not coding:
        return frames
    if coding == "gzip":
        squeeze = zlib.compressobj(1, zlib.DEFLATED, 31)
        found = [squeeze.compress(frame) + squeeze.flush(zlib.Z_SYNC_FLUSH) for frame in frames]
        return [*found, squeeze.flush()]
    squeezer = brotli.Compressor(quality=1)
    found = [squeezer.process(frame) + squeezer.flush() for frame in frames]
    return [*found, squeezer.finish()]
