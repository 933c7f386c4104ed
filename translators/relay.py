"""The same dialect at both ends: bytes pass untouched, watched for their beginning, their end and errors."""

import re

from translators.dialect import Asked, Dialect, StreamReader
from translators.events import COMMITTING, Ended, Event, Failed
from translators.model import Failure
from translators.pump import PumpBase


class Relay(PumpBase):
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


class RelayedArray(PumpBase):
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
