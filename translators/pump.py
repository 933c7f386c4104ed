"""What takes an upstream's answer to the client, chunk by chunk: the contract, and the pumps that translate.

Pipe        a stream, by way of events
Whole       the client wants one body: nothing leaves before the answer is complete
Untouched   a body that only its vendor understands
Counted     a token count
"""

from typing import Protocol

from translators import counting
from translators.dialect import Asked, Dialect, StreamReader
from translators.errors import UNDECODABLE, TranslationError, Unreadable
from translators.events import COMMITTING, Event, Failed
from translators.fold import Broken, Fold
from translators.model import Failure, Reply, Stop, Usage
from translators.turning import Turning


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

    def answer(self) -> Reply | None:
        """The whole answer in the model, where somebody wants to remember it and it is complete."""
        ...


class PumpBase:
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

    def answer(self) -> Reply | None:
        """Nothing: it is passed on, not read."""
        return None

    def _fail(self, error: Exception) -> Failure:
        if isinstance(error, (Unreadable, *UNDECODABLE)):
            return Failure(kind="upstream", message=f"the upstream's answer cannot be read: {error}")
        if isinstance(error, TranslationError):
            message = f"a mistake in cliproxy's translation: {error}"
        else:
            message = f"a mistake in cliproxy's translation: {type(error).__name__}: {error}"
        return Failure(kind="server", message=message, origin="cliproxy")


class Pipe(PumpBase):
    """Another dialect, a stream at the client's end."""

    def __init__(
        self, client: Dialect, upstream: Dialect, asked: Asked, turning: Turning, fold: Fold | None = None
    ) -> None:
        """fold: what collects the answer for whoever remembers it."""
        super().__init__()
        self._client, self._asked = client, asked
        self._fold = fold
        self._reader: StreamReader = upstream.stream_reader()
        self._writer = client.stream_writer(asked)
        self._turning = turning
        self._held: list[Event] = []

    def feed(self, chunk: bytes) -> bytes:
        """Translate a chunk; b"" while nothing may leave or there is nothing to say."""
        if self.failure is not None or self.ended:
            return b""
        try:
            events = self._reader.feed(chunk)
            if self.committed and self._turning.flows(events):
                if self._fold is not None:
                    self._fold.add(events)
                return self._writer.write(events)
            return self._take(events)
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
        if self._fold is not None:
            self._fold.add(settled)
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
                _lose_counts(turning.usage, self._client, self._asked)
        self.usage, self.stop, self.model = turning.usage, turning.stop, turning.started.model
        return self._writer.write(settled)

    def answer(self) -> Reply | None:
        """What was collected, if it was."""
        return self._fold.reply() if self._fold is not None and self.ended else None

    def ping(self) -> bytes:
        """The writer knows where it is in its grammar."""
        return self._writer.ping()

    def _break(self, failure: Failure) -> bytes:
        self.failure = failure
        if not self.committed:
            return b""
        return self._writer.write([Failed(failure)])


class Whole(PumpBase):
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
        except Broken as broken:
            self.failure = broken.failure
            return b""
        except Exception as error:
            self.failure = self._fail(error)
            return b""

    def answer(self) -> Reply | None:
        """What was collected."""
        return self._fold.reply() if self.ended else None

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
        _lose_counts(self.usage, self._client, self._asked)
        return self._client.write_reply(self._fold.reply(), self._asked)

    def _collect(self, events: list[Event]) -> None:
        settled = self._turning.turn(events)
        self._fold.add(settled)
        self.usage, self.stop = self._turning.usage, self._turning.stop
        self.model = self._turning.started.model
        self.failure = self._fold.failure
        self.ended = self._fold.ended


def _lose_counts(usage: Usage | None, client: Dialect, asked: Asked) -> None:
    """Counts that the client's dialect has no field for (a tier is no count; it is worded where it can be)."""
    if usage is None or client.counts is None:
        return
    for name in usage.__struct_fields__:
        if name not in client.counts and name != "service_tier" and getattr(usage, name):
            asked.ledger.lose(f"usage.{name}", "no field for this count")


class Untouched(PumpBase):
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
