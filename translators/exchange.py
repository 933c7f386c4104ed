"""One request and its reply, between a client's dialect and an upstream's.

`read` and `write` take the request across; a *pump* takes the answer back, chunk by chunk:

    Pipe      another dialect, or another form (stream or whole): bytes → events → bytes
    Relay     the same dialect and a stream: bytes pass, watched for their beginning, their end and errors
    Whole     the client wants one body: nothing leaves before the answer is complete

Until a pump is `committed` nothing it returned may be shown to the client, because the answer can still turn out to
be an error
that another credential would not have given.
"""

import re
from typing import Protocol

import msgspec
from msgspec.structs import replace

from translators import counting, edit
from translators.dialect import Aim, Asked, Dialect, Outgoing, StreamReader
from translators.errors import TranslationError, Unreadable
from translators.events import (
    COMMITTING,
    ArgumentsDelta,
    BlockClosed,
    BlockOpened,
    Ended,
    Event,
    Failed,
    Finished,
    Order,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageSeen,
)
from translators.fold import Fold, merge_usage
from translators.losses import Ledger
from translators.model import Failure, Reasoning, Request, Seal, Stop, Usage, Vendor
from translators.names import ToolName


def write(
    request: Request | None,
    body: bytes,
    client: Dialect,
    upstream: Dialect,
    aim: Aim,
    ledger: Ledger,
    override: Reasoning | None = None,
) -> Outgoing:
    """Make the upstream's request of the client's.

    The same dialect: `body` with the model's name changed, and `override` (a thinking suffix) put in. Otherwise
    `request` in the
    upstream's words. Raises Unreadable or Unwritable.
    """
    if client is upstream:
        changed = edit.set_reasoning(body, override, client, aim, ledger) if override else body
        if client.model_in_body:
            changed = edit.set_model(changed, aim.model)
        return Outgoing(changed)
    if request is None:
        raise Unreadable("the request was not read")
    if override is not None:
        request = replace(request, reasoning=override)
    return upstream.write_request(request, aim, ledger)


class Pump(Protocol):
    """Takes an upstream's answer to the client.

    committed: what was returned so far may leave. failure: the answer broke (with committed False: try
    elsewhere). ended: the
    upstream said all it had to say. events: how many the upstream sent (0 where nobody counts).
    """

    committed: bool
    ended: bool
    failure: Failure | None
    usage: Usage | None
    stop: Stop | None
    model: str

    def feed(self, chunk: bytes) -> bytes:
        """Take upstream bytes, give the client's. Never raises: a broken answer is a `failure`."""
        ...

    def finish(self, cause: Failure | None = None) -> bytes:
        """The upstream is done, or broke off for `cause`. Gives what is left to say, an error event included."""
        ...

    def ping(self) -> bytes:
        """What keeps the client awake in the middle of this answer, or b""."""
        ...


def pump(
    client: Dialect, upstream: Dialect, asked: Asked, tools: dict[str, ToolName], *, streamed: bool, vendor: Vendor = ""
) -> Pump:
    """The pump for an answer. `streamed`: the upstream answers with a stream (its content type says so).

    vendor: whose seals these are, where the upstream is not the dialect's own vendor.
    """
    if client is upstream and streamed and asked.stream and not tools:
        return RelayedArray(client, asked) if asked.array else Relay(client, asked)
    if not asked.stream:
        return Whole(client, upstream, asked, Turning(tools, upstream.vendor, vendor), streamed=streamed)
    return Pipe(client, upstream, asked, Turning(tools, upstream.vendor, vendor))


class Turning:
    """What every answer goes through between reader and writer: order, the end of the turn, tool names.

    The truth about the end (users' reports name it the first cause of dead agents): a tool call seen outranks a
    `stop`; a cut by length
    outranks a tool call; a `tool` without a call is a stop.
    """

    def __init__(self, tools: dict[str, ToolName], native: Vendor = "", vendor: Vendor = "") -> None:
        """native: whose seals a reader of this dialect takes them for; vendor: whose they are, "" the same."""
        self.order = Order()
        self.started = Started()
        self.usage: Usage | None = None
        self.stop: Stop | None = None
        self.over = False
        self._tools = tools
        self._native, self._vendor = native, vendor or native
        self._called: set[int] = set()
        self._unwrapping: dict[int, _Unwrap] = {}

    def turn(self, events: list[Event]) -> list[Event]:
        """Check and settle events. Raises OutOfOrder for a reader's mistake."""
        opened = self.order.open
        settled: list[Event] = []
        for event in events:
            if self.over:
                break
            kind = type(event)
            if kind in _TEXTS and event.block in opened:  # type: ignore[attr-defined]
                if self._unwrapping and event.block in self._unwrapping:  # type: ignore[attr-defined]
                    event = self._unwrap(event)  # type: ignore[arg-type]
                settled.append(event)
                continue
            self.order.check(event)
            settled += self._settle(event)
        return settled

    def _settle(self, event: Event) -> list[Event]:
        match event:
            case BlockOpened(kind="tool"):
                return [self._open_call(event)]
            case BlockClosed() if event.block in self._unwrapping:
                rest = self._unwrapping.pop(event.block).rest()
                return [ArgumentsDelta(event.block, rest), event] if rest else [event]
            case UsageSeen():
                self.usage = merge_usage(self.usage, event.usage)
            case Sealed() if self._vendor != self._native:
                return [Sealed(event.block, self._claim(event.seal))]
            case Finished(stop=Stop(reason="bad_call")) if not self.order.next_block:
                said = event.stop.native or "bad_call"
                failure = Failure(kind="upstream", message=f"the model made no usable answer ({said})", code="bad_call")
                self.over = True
                return [Failed(failure)]
            case Finished():
                stop = _end_of_turn(event.stop, called=event.candidate in self._called)
                if event.candidate == 0 or self.stop is None:
                    self.stop = stop
                return [Finished(stop, event.candidate)]
            case Started():
                self.started = event
            case Ended() | Failed():
                self.over = True
            case _:
                pass
        return [event]

    def _open_call(self, event: BlockOpened) -> BlockOpened:
        """The call under the client's name for the tool."""
        self._called.add(event.candidate)
        if event.seal is not None:
            event = replace(event, seal=self._claim(event.seal))
        known = self._tools.get(event.name)
        if known is None:
            return event
        if known.form == "text" and event.form == "json":
            self._unwrapping[event.block] = _Unwrap()
        return replace(event, name=known.name, form=known.form, namespace=known.namespace)

    def _claim(self, seal: Seal) -> Seal:
        return replace(seal, vendor=self._vendor) if seal.vendor == self._native else seal

    def _unwrap(self, event: ArgumentsDelta) -> ArgumentsDelta:
        return ArgumentsDelta(event.block, self._unwrapping[event.block].feed(event.text))


_TEXTS = frozenset({TextDelta, ThinkingDelta, ArgumentsDelta})


def _end_of_turn(stop: Stop, *, called: bool) -> Stop:
    if called and stop.reason in ("stop", "other", "sequence"):
        return replace(stop, reason="tool")
    if not called and stop.reason == "tool":
        return replace(stop, reason="stop")
    return stop


class _Unwrap:
    """The text inside `{"input": "…"}`, as it arrives: a free-text tool that ran upstream as a JSON function.

    Arguments of any other shape are given as they are, at the end.
    """

    _HEAD = re.compile(r'\s*\{\s*"input"\s*:\s*"')

    def __init__(self) -> None:
        self._text = ""
        self._at: int | None = None  # where the string goes on; None: its beginning has not been seen
        self._closed = False

    def feed(self, text: str) -> str:
        self._text += text
        if self._at is None:
            head = self._HEAD.match(self._text)
            if head is None:
                return ""
            self._at = head.end()
        if self._closed:
            return ""
        end = self._at
        while end < len(self._text):
            if self._text[end] == '"':
                self._closed = True
                break
            step = 1
            if self._text[end] == "\\":
                step = 6 if self._text[end + 1 : end + 2] == "u" else 2
                if step == 6 and self._text[end + 2 : end + 3] in "dD":  # perhaps half of a surrogate pair
                    step = 12 if self._text[end + 3 : end + 4] in "89abAB" else 6
            if end + step > len(self._text):
                break
            end += step
        piece, self._at = self._text[self._at : end], end
        try:
            return str(msgspec.json.decode(f'"{piece}"'.encode())) if piece else ""
        except msgspec.MsgspecError:
            return piece

    def rest(self) -> str:
        return self._text if self._at is None else ""


class _PumpBase:
    """What the pumps share: their state, and turning trouble into a Failure."""

    def __init__(self) -> None:
        self.committed = False
        self.ended = False
        self.failure: Failure | None = None
        self.usage: Usage | None = None
        self.stop: Stop | None = None
        self.model = ""

    def ping(self) -> bytes:
        """Nothing: whoever waits for a whole body is kept awake by blanks before it, or not at all."""
        return b""

    def _fail(self, error: Exception) -> Failure:
        if isinstance(error, Unreadable):
            return Failure(kind="upstream", message=f"the upstream's answer cannot be read: {error}")
        if isinstance(error, TranslationError):
            message = f"a mistake in cliproxy's translation: {error}"
        else:
            message = f"a mistake in cliproxy's translation: {type(error).__name__}: {error}"
        return Failure(kind="server", message=message, origin="cliproxy")


class Pipe(_PumpBase):
    """Another dialect, a stream at the client's end."""

    def __init__(self, client: Dialect, upstream: Dialect, asked: Asked, turning: Turning) -> None:
        super().__init__()
        self._reader: StreamReader = upstream.stream_reader()
        self._writer = client.stream_writer(asked)
        self._turning = turning
        self._held: list[Event] = []

    def feed(self, chunk: bytes) -> bytes:
        """Translate a chunk; b"" while nothing may leave or there is nothing to say."""
        if self.failure is not None or self.ended:
            return b""
        try:
            return self._take(self._reader.feed(chunk))
        except Exception as error:
            return self._break(self._fail(error))

    def finish(self, cause: Failure | None = None) -> bytes:
        """End the answer: normally if the upstream's was complete, else with `cause` or “cut short”."""
        if self.failure is not None or self.ended:
            return b""
        try:
            said = self._take(self._reader.finish()) if cause is None else b""
        except Exception as error:
            return self._break(self._fail(error))
        if not self.ended and self.failure is None:
            said += self._break(cause or Failure(kind="truncated", message="the upstream ended its answer early"))
        return said

    def _take(self, events: list[Event]) -> bytes:
        if not events:
            return b""
        turning = self._turning
        settled = turning.turn(events)
        if not self.committed:
            self._held += settled
            last = self._held[-1] if self._held else None
            if isinstance(last, Failed) and not any(type(event) in COMMITTING for event in self._held):
                self.failure = last.failure
                return b""
            if not any(type(event) in COMMITTING for event in settled):
                return b""
            self.committed = True
            settled, self._held = self._held, []
        if turning.over:
            if isinstance(settled[-1], Failed):
                self.failure = settled[-1].failure
            else:
                self.ended = True
        self.usage, self.stop, self.model = turning.usage, turning.stop, turning.started.model
        return self._writer.write(settled)

    def ping(self) -> bytes:
        """The writer knows where it is in its grammar."""
        return self._writer.ping()

    def _break(self, failure: Failure) -> bytes:
        self.failure = failure
        if not self.committed:
            return b""
        return self._writer.write([Failed(failure)])


class Relay(_PumpBase):
    """The same dialect at both ends: whole frames pass untouched."""

    _BLANK = re.compile(rb"\r\n\r\n|\n\n|\r\r")

    def __init__(self, dialect: Dialect, asked: Asked) -> None:
        super().__init__()
        self._dialect = dialect
        self._asked = asked
        self._begin = re.compile(dialect.begin_mark)
        self._end = re.compile(dialect.end_mark)
        self._failure = re.compile(dialect.failure_mark)
        self._held = b""  # not yet committed, or a frame that is not complete

    def feed(self, chunk: bytes) -> bytes:
        """Pass what is complete; look for the marks on the way."""
        if self.failure is not None and not self.committed:
            return b""
        whole = self._held + chunk if self._held else chunk
        cut = self._last_blank(whole, len(self._held))
        ready, self._held = whole[:cut], whole[cut:]
        return self._pass(ready) if ready else b""

    def _pass(self, ready: bytes) -> bytes:
        if not self.committed:
            if self._begin.search(ready) is None and not self._ends(ready):
                self._held = ready + self._held
                if self._fails(ready):
                    self._look_closer(ready)
                return b""
            if self._fails(ready) and self._look_closer(ready):
                return b""
            self.committed = True
        if not self.ended and self._ends(ready):
            self.ended = True
        if self.failure is None and self._fails(ready):
            self.failure = self._failure_in(ready)
        return ready

    def _ends(self, ready: bytes) -> bool:
        hints = self._dialect.end_hints
        return any(hint in ready for hint in hints) and self._end.search(ready) is not None

    def _fails(self, ready: bytes) -> bool:
        hints = self._dialect.failure_hints
        return any(hint in ready for hint in hints) and self._failure.search(ready) is not None

    def _look_closer(self, ready: bytes) -> bool:
        """A failure before anything else? Then nothing of it may leave."""
        failure = self._failure_in(ready, first=True)
        if failure is not None:
            self.failure, self._held = failure, b""
        return failure is not None

    def _failure_in(self, frames: bytes, *, first: bool = False) -> Failure | None:
        reader = self._dialect.stream_reader()
        try:
            events = reader.feed(frames)
        except Exception:  # not readable as a stream of its own: then it is no error event either
            return None
        for event in events:
            if isinstance(event, Failed):
                return event.failure
            if first and type(event) in COMMITTING:
                return None
        return None

    def _last_blank(self, whole: bytes, before: int) -> int:
        """Where the last complete frame ends; only bytes that are new are searched."""
        last = 0
        newline = whole.rfind(b"\n\n")
        if newline >= 0:
            last = newline + 2
        if b"\r" in whole:
            for found in self._BLANK.finditer(whole, max(0, before - 4)):
                last = max(last, found.end())
        return last

    def finish(self, cause: Failure | None = None) -> bytes:
        """End as the upstream ended; if it broke off, with this dialect's error event after the last whole frame."""
        if cause is None and self.failure is None and self._held:
            rest, self._held = self._held, b""
            said = self._pass(rest)
            if not self.committed:
                self._look_closer(rest)
                self.failure = self.failure or Failure(
                    kind="truncated", message="the upstream ended its answer before it said anything"
                )
                return b""
        else:
            said = b""
        if self.failure is not None or (self.ended and self.committed):
            return said
        self.failure = cause or Failure(kind="truncated", message="the upstream ended its answer early")
        if not self.committed:
            return said
        if self._dialect.stream_failure is not None:
            return said + self._dialect.stream_failure(self.failure, self._asked)
        return said + self._dialect.stream_writer(self._asked).write([Failed(self.failure)])

    def ping(self) -> bytes:
        """Between two frames."""
        return self._dialect.ping


class RelayedArray(_PumpBase):
    """The same for a stream that is one JSON array: nothing marks where its objects end, so a reader goes along."""

    def __init__(self, dialect: Dialect, asked: Asked) -> None:
        super().__init__()
        self._dialect = dialect
        self._asked = asked
        self._reader: StreamReader = dialect.stream_reader()
        self._held: list[bytes] = []  # not yet committed

    def feed(self, chunk: bytes) -> bytes:
        """Pass a chunk as soon as the answer has begun."""
        if self.failure is not None:
            return b""
        try:
            self._watch(self._reader.feed(chunk))
        except Exception as error:
            self.failure = self._fail(error)
        if self.failure is not None and not self.committed:
            return b""
        self._held.append(chunk)
        if not self.committed:
            return b""
        said, self._held = b"".join(self._held), []
        if self.failure is not None and said.rstrip().endswith(b"}"):
            said += b"]"  # nobody waits for the upstream's own
        return said

    def _watch(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Failed):
                self.failure = event.failure
            elif type(event) in COMMITTING:
                self.committed = True
                self.ended = self.ended or isinstance(event, Ended)

    def finish(self, cause: Failure | None = None) -> bytes:
        """End as the upstream ended, or with an error as the last element."""
        if self.failure is not None:
            return b""
        try:
            self._watch(self._reader.finish() if cause is None else [Failed(cause)])
        except Exception as error:
            self.failure = self._fail(error)
        if not self.committed:
            self.failure = self.failure or Failure(kind="truncated", message="the upstream ended its answer early")
            return b""
        said = b"".join(self._held)
        if self.failure is not None and self._dialect.stream_failure is not None:
            said += self._dialect.stream_failure(self.failure, self._asked)
        return said

    def ping(self) -> bytes:
        """Nothing: the last chunk may have ended inside a string."""
        return b""


class Whole(_PumpBase):
    """The client wants one body: everything is collected, and leaves when it is complete."""

    def __init__(self, client: Dialect, upstream: Dialect, asked: Asked, turning: Turning, *, streamed: bool) -> None:
        super().__init__()
        self._client = client
        self._upstream = upstream
        self._asked = asked
        self._reader = upstream.stream_reader() if streamed else None
        self._turning = turning
        self._fold = Fold()
        self._body: list[bytes] = []

    def feed(self, chunk: bytes) -> bytes:
        """Collect."""
        if self._reader is None:
            self._body.append(chunk)
        elif self.failure is None:
            try:
                self._collect(self._reader.feed(chunk))
            except Exception as error:
                self.failure = self._fail(error)
        return b""

    def finish(self, cause: Failure | None = None) -> bytes:
        """Write the whole answer, or nothing and a `failure`."""
        if cause is not None and not self.ended:
            self.failure = self.failure or cause
        if self.failure is not None:
            return b""
        try:
            return self._write()
        except Exception as error:
            self.failure = self._fail(error)
            return b""

    def _write(self) -> bytes:
        body = b"".join(self._body)
        if self._reader is not None:
            self._collect(self._reader.finish())
        else:
            self._collect(self._upstream.read_reply(body))
        if self.failure is not None:
            return b""
        if not self.ended:
            self.failure = Failure(kind="truncated", message="the upstream ended its answer early")
            return b""
        self.committed = True
        if self._reader is None and self._client is self._upstream:
            return body  # the same dialect, the same form: byte for byte
        return self._client.write_reply(self._fold.reply(), self._asked)

    def _collect(self, events: list[Event]) -> None:
        settled = self._turning.turn(events)
        self._fold.add(settled)
        self.usage, self.stop = self._turning.usage, self._turning.stop
        self.model = self._turning.started.model
        self.failure = self._fold.failure
        self.ended = self._fold.ended


class Untouched(_PumpBase):
    """An answer that passes as it is (Responses compaction: only its vendor knows what is in it)."""

    def __init__(self) -> None:
        super().__init__()
        self._body: list[bytes] = []

    def feed(self, chunk: bytes) -> bytes:
        """Collect."""
        self._body.append(chunk)
        return b""

    def finish(self, cause: Failure | None = None) -> bytes:
        """Give the body, if it is whole."""
        if cause is not None:
            self.failure = cause
            return b""
        self.committed = self.ended = True
        return self._said(b"".join(self._body))

    def _said(self, body: bytes) -> bytes:
        return body


class Counted(Untouched):
    """A token count, from the upstream's words into the client's."""

    def __init__(self, client: str) -> None:
        super().__init__()
        self._client = client

    def _said(self, body: bytes) -> bytes:
        try:
            return counting.write_count_reply(self._client, counting.read_count(body))
        except Unreadable as error:
            self.committed = self.ended = False
            self.failure = self._fail(error)
            return b""
