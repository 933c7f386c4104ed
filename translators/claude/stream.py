"""The stream of this dialect, read: bytes → events.

Grammar (vendor's page “Streaming messages”, read November 2026):

    stream = message_start { block | ping } message_delta message_stop
           | any prefix of it, then error
    block  = content_block_start { content_block_delta | ping } content_block_stop
"""

import json
import re

import msgspec

from translators.claude import wire
from translators.claude.answer import Answering, read_message
from translators.claude.failure import read_failure
from translators.errors import Unreadable
from translators.events import Event
from translators.halves import Halves
from translators.model import Failure
from translators.sse import Decoder, Frame

_decode = msgspec.json.Decoder(wire.StreamEvent).decode
_whole = msgspec.json.Decoder(wire.Answer)

_FIELDS = (b"event:", b"data:", b"id:", b"retry:", b":")
_BLANK = re.compile(rb"[\xef\xbb\xbf\s]*")


class StreamReader:
    """Reads one stream, however its bytes are cut. A whole JSON answer where a stream was due is read as well."""

    def __init__(self) -> None:
        self._frames = Decoder()
        self._answer = Answering()
        self._head = b""  # until it is clear what this is
        self._whole: list[bytes] | None = None  # the pieces of a body that is JSON instead of a stream
        self._known = False
        self._halves = Halves()

    def feed(self, chunk: bytes) -> list[Event]:
        """Read a chunk. Raises Unreadable for bytes that are neither a stream nor JSON."""
        if not self._known:
            chunk = self._look(chunk)
        if self._whole is not None:
            if chunk:
                self._whole.append(chunk)
            return []
        for frame in self._frames.feed(chunk):
            self._read(frame)
        return self._halves.mend(self._answer.take())

    def _look(self, chunk: bytes) -> bytes:
        """Tell by the first bytes what the upstream sends; b"" while that is not clear."""
        self._head += chunk
        start = _BLANK.match(self._head)
        begin = self._head[start.end() if start else 0 :]
        if not begin or any(field.startswith(begin) and field != begin for field in _FIELDS):
            return b""
        if begin.startswith((b"{", b"[")):
            self._whole = []
        elif not begin.startswith(_FIELDS):
            said = "it is a page; is the base URL right?" if begin[:1] == b"<" else f"it begins with {begin[:40]!r}"
            raise Unreadable(f"no event stream: {said}")
        self._known = True
        head, self._head = self._head, b""
        return head

    def finish(self) -> list[Event]:
        """The upstream closed: the end if it was due, else Failed(kind="truncated")."""
        if self._whole is not None:
            body, self._whole = b"".join(self._whole), None
            return self._finish_whole(body)
        for frame in self._frames.finish():
            self._read(frame, last=True)
        if self._answer.stop is not None:
            self._answer.end()
        self._answer.fail(Failure(kind="truncated", message="the upstream closed the stream before its end"))
        return self._halves.mend(self._answer.take())

    def _finish_whole(self, body: bytes) -> list[Event]:
        try:
            events = read_whole(body)
        except Unreadable:
            pass  # perhaps one object a line
        else:
            self._answer.over = True
            return events
        for line in body.splitlines():
            if line.strip():
                self._read(Frame(b"", line.strip()), last=True)
        return self.finish()

    def _read(self, frame: Frame, last: bool = False) -> None:
        if self._answer.over:
            return
        try:
            event = _decode(frame.data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._read_odd(frame, last)
            return
        if type(event) is wire.BlockDelta:  # nearly every event there is
            self._answer.delta(event)
        else:
            self._take(event, frame)

    def _take(self, event: wire.StreamEvent, frame: Frame) -> None:
        answer = self._answer
        match event:
            case wire.BlockDelta():
                answer.delta(event)
            case wire.BlockStart(index=index, content_block=raw):
                answer.open(index, raw)
            case wire.BlockStop(index=index):
                answer.close(index)
            case wire.MessageStart(message=message):
                answer.begin(message)
            case wire.MessageDelta(delta=delta, usage=usage):
                answer.begin()
                answer.note_stop(delta)
                answer.count(usage)
            case wire.MessageStop():
                answer.end()
            case wire.ErrorEvent():
                answer.fail(read_failure(200, {}, frame.data))
            case wire.Ping():
                pass

    def _read_odd(self, frame: Frame, last: bool) -> None:
        """A frame that is no event we know: newer events and deltas are passed over, an error is told."""
        try:
            sent = json.loads(self._halves.keep(frame.data) or frame.data)
        except (ValueError, RecursionError):
            self._read_garbage(frame, last)
            return
        if not isinstance(sent, dict):
            return
        if "error" in sent or (frame.event == b"error" and "type" not in sent):
            self._answer.fail(read_failure(200, {}, frame.data))
            return
        sent.setdefault("type", frame.event.decode("latin-1"))
        try:
            event = _decode(msgspec.json.encode(sent))
        except msgspec.ValidationError:
            return
        self._take(event, frame)

    def _read_garbage(self, frame: Frame, last: bool) -> None:
        if frame.data.strip() == b"[DONE]":
            return
        if last:
            return  # the upstream was cut inside a frame: finish tells
        if not self._answer.started:
            raise Unreadable(f"an event that is no JSON: {frame.data[:40]!r}")
        self._answer.fail(Failure(kind="upstream", message="the upstream sent an event that is no JSON"))


def read_whole(body: bytes) -> list[Event]:
    """Read a whole answer that is one JSON object; an error object gives Failed. Raises Unreadable."""
    halves = Halves()
    try:
        try:
            answer = _whole.decode(body)
        except msgspec.DecodeError:
            answer = _whole.decode(halves.keep(body) or body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        if body.lstrip().startswith(b"["):
            answer = wire.Answer(type="error")
        elif isinstance(exc, msgspec.ValidationError):
            raise Unreadable(f"no message: {exc}") from None
        else:
            raise Unreadable(f"not JSON: {exc}") from None
    if answer.type == "message" or (answer.type != "error" and answer.content is not None):
        return halves.mend(read_message(answer))
    failing = Answering()
    failing.fail(read_failure(200, {}, body))
    return failing.take()
