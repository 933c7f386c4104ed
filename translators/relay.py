"""The same dialect at both ends: bytes pass untouched, watched for their beginning, their end and errors."""

import re

import msgspec

from translators import sse
from translators.dialect import Asked, Dialect, StreamReader
from translators.events import COMMITTING, Ended, Event, Failed, Finished, UsageSeen
from translators.fold import merge_usage
from translators.model import Failure
from translators.pump import PumpBase


class _Tag(msgspec.Struct):
    """What a frame says it is."""

    type: str | None = None


_tag = msgspec.json.Decoder(_Tag)


class Relay(PumpBase):
    """The same dialect at both ends: whole frames pass untouched, but for those that its clients could not read."""

    _BLANK = re.compile(rb"\r\n\r\n|\n\n|\r\r")
    _LINE_END, _TO_LINE_END = b"(?:\r\n|\n|\r)", b"[^\r\n]*"

    def __init__(self, dialect: Dialect, asked: Asked) -> None:
        super().__init__()
        self._dialect = dialect
        self._asked = asked
        self._begin = re.compile(dialect.begin_mark)
        self._end = re.compile(dialect.end_mark)
        self._failure = re.compile(dialect.failure_mark)
        self._head = re.compile(dialect.frame_shape.partition(rb".*")[0].replace(rb"\n", self._LINE_END))
        shape = rb"(?:(?:%b)\n{2})+" % dialect.frame_shape
        self._shape = re.compile(shape.replace(rb".*", self._TO_LINE_END).replace(rb"\n", self._LINE_END))
        # Where all line ends are alike one byte marks them. That is several times as fast: lines have megabytes.
        self._shape_lf = re.compile(shape.replace(rb".*", b"[^\n]*"))
        self._shape_crlf = re.compile(shape.replace(rb".*", b"[^\r]*").replace(rb"\n", b"(?:\r\n)"))
        self._held = b""  # not yet committed, or a frame that is not complete
        self._line: list[bytes] = []  # after that, pieces without a line end
        self._bye = False  # nothing more has to be said for a good end
        last = re.search(rb'"type":("\w+")', dialect.farewell)
        self._farewell = last[1] if last is not None else b""  # unescaped quotes: no text of an answer
        self._over = False  # the failure was told by us: nothing may follow

    def feed(self, chunk: bytes) -> bytes:
        """Pass what is complete; look for the marks on the way."""
        if self.failure is not None and not self.committed:
            return b""
        if self.failure is not None and self._over:
            return b""
        if chunk.find(b"\n") < 0 and chunk.find(b"\r") < 0:  # inside a long line: no copy, no second search
            self._line.append(chunk)
            return b""
        before = self._gather()
        whole = before + chunk if before else chunk
        cut = self._last_blank(whole, len(before))
        ready, self._held = whole[:cut], whole[cut:]
        return self._pass(ready) if ready else b""

    def _gather(self) -> bytes:
        """What has come and not been passed."""
        if self._line:
            self._held, self._line = b"".join([self._held, *self._line]), []
        return self._held

    def _pass(self, ready: bytes, closing: bool = False) -> bytes:
        if not self._is_one(ready) and not self._is_shaped(ready):
            ready = self._anew(ready, closing)
        if not self.committed:
            if self._over:
                return b""
            if self._begin.search(ready) is None and not self._ends(ready):
                self._held = ready + self._held
                if self._fails(ready):
                    self._look_closer(ready)
                return b""
            if self._fails(ready) and self._look_closer(ready):
                return b""
            self.committed = True
        if not self._bye and self._ends(ready):
            self.ended = True
            self._bye = not self._farewell or ready.find(self._farewell) >= 0
        if self.failure is None and self._fails(ready):
            self.failure = self._failure_in(ready)
        return ready

    def _is_one(self, ready: bytes) -> bool:
        """The common case: one frame as it should be."""
        head = self._head.match(ready)
        if head is None or not ready.endswith(b"}\n\n") or ready.find(b"\r") >= 0:
            return False
        return ready.find(b"\n", head.end()) == len(ready) - 2

    def _is_shaped(self, frames: bytes) -> bool:
        """Whether all of them are as this dialect's clients take them."""
        if frames.find(b"\r") < 0:
            shape = self._shape_lf
        elif frames.count(b"\r\n") == frames.count(b"\r") == frames.count(b"\n"):
            shape = self._shape_crlf
        else:
            shape = self._shape
        return shape.fullmatch(frames) is not None

    def _anew(self, frames: bytes, closing: bool) -> bytes:
        """The same frames, those anew that the dialect's clients would not take. What is no JSON breaks the answer."""
        said, last = [], 0
        for blank in self._BLANK.finditer(frames):
            block, last = frames[last : blank.end()], blank.end()
            if self._is_shaped(block):
                said.append(block)
                continue
            try:
                said += [self._frame(frame) for frame in sse.frames(block)]
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                if not closing:  # else the upstream was cut inside of a frame
                    self.failure = Failure(kind="upstream", message="the upstream sent an event that is no JSON")
                    self.ended, self._over = False, True
                    said.append(self._failed(self.failure))
                break
        return b"".join(said)

    def _frame(self, frame: sse.Frame) -> bytes:
        dialect = self._dialect
        if frame.data.strip() == b"[DONE]":
            return b"data: [DONE]\n\n" if dialect.done else b""
        try:
            tag = (_tag.decode(frame.data).type or "").encode()
        except msgspec.ValidationError:
            return b""  # JSON, but nothing that any client would know
        line = frame.data.replace(b"\n", b" ")  # between the tokens: inside of strings line breaks are escaped
        if dialect.raw_errors and self._failure.match(line):
            return line
        name = b"event: " + (tag or frame.event) + b"\n" if dialect.named else b""
        return name + b"data: " + line + b"\n\n"

    def _failed(self, failure: Failure) -> bytes:
        if self._dialect.stream_failure is not None:
            return self._dialect.stream_failure(failure, self._asked)
        return self._dialect.stream_writer(self._asked).write([Failed(failure)])

    def _ends(self, ready: bytes) -> bool:
        return _stands(self._end, self._dialect.end_hints, ready)

    def _fails(self, ready: bytes) -> bool:
        return _stands(self._failure, self._dialect.failure_hints, ready)

    def _look_closer(self, ready: bytes) -> bool:
        """A failure before anything else? Then nothing of it may leave."""
        failure = self._failure_in(ready, first=True)
        if failure is not None:
            self.failure, self._held = failure, b""
        return failure is not None

    def _failure_in(self, frames: bytes, *, first: bool = False) -> Failure | None:
        reader = self._dialect.stream_reader()
        if frames.find(b"\r") >= 0:  # the last one might be half of a line end to come
            frames = frames.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        try:
            events = reader.feed(frames + b"\n\n")  # a raw error has no blank line
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
        if whole.endswith(_BLANKS):
            return len(whole)
        last = 0
        newline = whole.rfind(b"\n\n")
        if newline >= 0:
            last = newline + 2
        if whole.find(b"\r") >= 0:
            for found in self._BLANK.finditer(whole, max(0, before - 4)):
                last = max(last, found.end())
        return last

    def finish(self, cause: Failure | None = None) -> bytes:
        """End as the upstream ended; if it broke off, with this dialect's error event after the last whole frame."""
        if cause is None and self._gather() and not self._over and (self.failure is None or self.committed):
            rest, self._held = self._held, b""
            said = self._pass(
                rest.rstrip(b"\r\n") + b"\n\n", closing=True
            )  # some clients drop an event without its blank line
            if not self.committed:
                self._look_closer(rest)
                self.failure = self.failure or Failure(
                    kind="truncated", message="the upstream ended its answer before it said anything"
                )
                return b""
        else:
            said = b""
        if self.failure is not None:
            return said
        if self.ended and self.committed:
            return said if self._bye else said + self._dialect.farewell
        self.failure = cause or Failure(kind="truncated", message="the upstream ended its answer early")
        return said + self._failed(self.failure) if self.committed else said

    def ping(self) -> bytes:
        """Between two frames."""
        return self._dialect.ping


_BLANKS = (b"\n\n", b"\r\n\r\n")


def _stands(mark: re.Pattern[bytes], hints: tuple[bytes, ...], ready: bytes) -> bool:
    """Whether `mark` stands there. Without one of the hints it does not; with one, only in its frame or behind."""
    found = [at for hint in hints if (at := ready.find(hint)) >= 0]
    if not found:
        return False
    first = min(found)
    begin = max(ready.rfind(b"\n\n", 0, first), ready.rfind(b"\n\r\n", 0, first), 0)
    return mark.search(ready, begin) is not None


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
            elif isinstance(event, UsageSeen):
                self.usage = merge_usage(self.usage, event.usage)
            elif type(event) in COMMITTING:
                self.committed = True
                self.ended = self.ended or isinstance(event, Ended)
                if isinstance(event, Finished) and not event.candidate:
                    self.stop = event.stop

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
