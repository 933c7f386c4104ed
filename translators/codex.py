"""Codex: OpenAI Responses as the ChatGPT backend serves it to log-ins.

It takes Responses bodies (what it refuses of them is taken out later, see providers/steps.py) and answers with streams
only. So a Responses client's bytes pass both ways, but for two things: events of its own kind (`codex.rate_limits` …)
mean nothing to an API client, and a client that wants a whole answer gets the response object of the last event.

Source: the requests and events of OpenAI's Codex client 0.169 and of CLIProxyAPI v7, read November 2026.
"""

from dataclasses import replace

import msgspec
from msgspec import Raw, Struct

from translators import sse
from translators.dialect import Asked, Dialect
from translators.errors import Unreadable
from translators.openai_responses import DIALECT as RESPONSES
from translators.pump import Pipe, Pump, Whole
from translators.relay import Relay
from translators.turning import Turning

NAME = "codex"


class _Line(Struct):
    """What is looked at in an event."""

    type: str = ""
    output_index: int | None = None
    item: Raw = Raw(b"")
    response: Raw = Raw(b"")


_line = msgspec.json.Decoder(_Line)
_object = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])

_ENDS = ("response.completed", "response.done", "response.incomplete", "response.cancelled")


class Passed(Relay):
    """A stream for a Responses client: as it is, without the events that only Codex understands."""

    def _pass(self, ready: bytes, closing: bool = False) -> bytes:
        if b'"codex.' in ready:
            ready = b"".join(frame for frame in _frames(ready) if not _own(frame))
        return super()._pass(ready, closing) if ready else b""


def _frames(ready: bytes) -> list[bytes]:
    """Whole frames, each with the blank line that ends it."""
    if b"\r" in ready:
        ready = ready.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    *whole, rest = ready.split(b"\n\n")
    return [*(frame + b"\n\n" for frame in whole), rest]


def _own(frame: bytes) -> bool:
    if b'"codex.' not in frame:
        return False
    return any(_read(found.data).type.startswith("codex.") for found in sse.Decoder().feed(frame))


def _read(data: bytes) -> _Line:
    try:
        return _line.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Line()


class Folded(Whole):
    """A stream for a Responses client that wants one body: the response object of its last event.

    The backend may leave that object's `output` empty; then it is made of the items that were told one by one.
    """

    def __init__(self, client: Dialect, asked: Asked, turning: Turning) -> None:
        super().__init__(client, DIALECT, asked, turning, streamed=True)
        self._frames = sse.Decoder()
        self._items: list[tuple[int, Raw]] = []
        self._response = b""

    def feed(self, chunk: bytes) -> bytes:
        """Collect."""
        super().feed(chunk)
        if self.failure is None:
            try:
                self._look(self._frames.feed(chunk))
            except Unreadable as error:
                self.failure = self._fail(error)
        return b""

    def _look(self, frames: list[sse.Frame]) -> None:
        for frame in frames:
            if b'"response.output_item.done"' not in frame.data and b'"response":' not in frame.data:
                continue
            line = _read(frame.data)
            if line.type == "response.output_item.done" and line.item:
                last = line.output_index is None
                self._items.append((len(self._items) + (1 << 20) if last else line.output_index or 0, line.item))
            elif line.type in _ENDS:
                self._response = bytes(line.response)

    def _write(self) -> bytes:
        self._look(self._frames.finish())
        written = super()._write()
        if not written or not self._response.startswith(b"{"):
            return written
        fields = _object.decode(self._response)
        output = fields.get("output", Raw(b"[]"))
        if self._items and (not bytes(output).startswith(b"[") or not _list.decode(output)):
            items = [item for _, item in sorted(self._items, key=lambda one: one[0])]
            fields["output"] = Raw(msgspec.json.encode(items))
            return msgspec.json.encode(fields)
        return self._response


def passing(client: Dialect, asked: Asked, streamed: bool) -> Pump:
    """The pump for a Responses client."""
    turning = Turning({}, RESPONSES.vendor)
    if asked.stream:
        return Passed(client, asked) if streamed else Pipe(client, DIALECT, asked, turning)
    return Folded(client, asked, turning) if streamed else Whole(client, client, asked, turning, streamed=False)


DIALECT = replace(RESPONSES, name=NAME, variant_of=RESPONSES.name, passing=passing)
