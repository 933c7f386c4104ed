"""Codex: OpenAI Responses as the ChatGPT backend serves it to log-ins.

It takes Responses bodies (what it refuses of them is taken out later, see providers/steps.py) and answers with streams
only. So a Responses client's bytes pass both ways, but for three things: events of its own kind (`codex.rate_limits` …)
mean nothing to an API client, the last event may lack the output, and a client that wants a whole answer gets the
response object of that event.

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

_DONE = "response.output_item.done"
_ENDS = ("response.completed", "response.done", "response.incomplete", "response.cancelled")


class _Output:
    """The items of an answer as they were told one by one: the backend may leave them out of the last event."""

    def __init__(self) -> None:
        self._items: list[tuple[int, Raw]] = []

    def add(self, line: _Line) -> None:
        """Take an item that is done; those without an index come last."""
        place = len(self._items) + (1 << 20) if line.output_index is None else line.output_index
        self._items.append((place, line.item))

    def filled(self, response: bytes) -> bytes:
        """A response object with its output; the same bytes if it has one."""
        fields = _object.decode(response)
        output = bytes(fields.get("output", b"[]"))
        if not self._items or (output.startswith(b"[") and _list.decode(output)):
            return response
        fields["output"] = Raw(msgspec.json.encode([item for _, item in sorted(self._items, key=_place)]))
        return msgspec.json.encode(fields)


def _is_marked(data: bytes) -> bool:
    """Whether there may be an event that is more than a piece of text: asked of every one of them."""
    return data.find(b'"codex.') >= 0 or data.find(b'output_item.done"') >= 0 or data.find(b'"response"') >= 0


def _place(item: tuple[int, Raw]) -> int:
    return item[0]


class Passed(Relay):
    """A stream for a Responses client: as it is, without the events that only Codex understands, and with the output
    in its last event, which clients' libraries give as the answer.
    """

    def __init__(self, client: Dialect, asked: Asked) -> None:
        super().__init__(client, asked)
        self._output = _Output()

    def _pass(self, ready: bytes, closing: bool = False) -> bytes:
        if _is_marked(ready):
            ready = b"".join(map(self._seen, _frames(ready)))
        return super()._pass(ready, closing) if ready else b""

    def _seen(self, frame: bytes) -> bytes:
        for found in sse.frames(frame) if _is_marked(frame) else ():
            line = _read(found.data)
            if line.type.startswith("codex."):
                return b""
            if line.type == _DONE and line.item:
                self._output.add(line)
            elif line.type in _ENDS and bytes(line.response).startswith(b"{"):
                response = bytes(line.response)
                filled = self._output.filled(response)
                return frame if filled is response else frame.replace(response, filled)
        return frame


def _frames(ready: bytes) -> list[bytes]:
    """Whole frames, each with the blank line that ends it."""
    if b"\r" in ready:
        ready = ready.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    *whole, rest = ready.split(b"\n\n")
    return [*(frame + b"\n\n" for frame in whole), rest]


def _read(data: bytes) -> _Line:
    try:
        return _line.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Line()


class Folded(Whole):
    """A stream for a Responses client that wants one body: the response object of its last event."""

    def __init__(self, client: Dialect, asked: Asked, turning: Turning) -> None:
        super().__init__(client, DIALECT, asked, turning, streamed=True)
        self._frames = sse.Decoder()
        self._output = _Output()
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
            if _is_marked(frame.data):
                line = _read(frame.data)
                if line.type == _DONE and line.item:
                    self._output.add(line)
                elif line.type in _ENDS:
                    self._response = bytes(line.response)

    def _write(self) -> bytes:
        self._look(self._frames.finish())
        written = super()._write()
        return self._output.filled(self._response) if written and self._response.startswith(b"{") else written


def passing(client: Dialect, asked: Asked, streamed: bool) -> Pump:
    """The pump for a Responses client."""
    turning = Turning({}, RESPONSES.vendor)
    if asked.stream:
        return Passed(client, asked) if streamed else Pipe(client, DIALECT, asked, turning)
    return Folded(client, asked, turning) if streamed else Whole(client, client, asked, turning, streamed=False)


DIALECT = replace(RESPONSES, name=NAME, variant_of=RESPONSES.name, passing=passing)
