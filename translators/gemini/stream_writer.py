"""Writes streams: SSE, or one JSON array that grows.

Strictest readers (tried November 2026): the Python client fails on comments, event names, ids and on an event without
JSON; the JavaScript client takes one data line an event, dislikes U+2028 and U+2029, and sees an error only as raw
JSON that is no event; both chat helpers forget a turn of which one chunk has no parts.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from translators.dialect import Asked
from translators.events import ArgumentsDelta, Ended, Event, Failed, Started, TextDelta
from translators.gemini.answer import Answer
from translators.gemini.failure import error_of
from translators.model import Failure

_encode = msgspec.json.encode


def written(value: Any) -> bytes:
    """JSON on one line, without U+2028 and U+2029; half surrogate pairs become U+FFFD."""
    try:
        data = _encode(value)
    except UnicodeEncodeError:
        data = _encode(_mended(value))
    if b"\n" in data or b"\r" in data:  # white space in somebody's arguments; inside texts it is escaped
        data = data.replace(b"\n", b"").replace(b"\r", b"")
    if b"\xe2\x80" in data:
        data = data.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
    return data


def _forget(text: str) -> None:
    """Where no text is open."""


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {_mended(key): _mended(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_mended(member) for member in value]
    return value


class StreamWriter:
    """Events → the client's bytes. One for each stream; the same events give the same bytes however they are cut."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._answer = Answer(asked, whole=False)
        self._array = asked.array
        self._begun = False
        self._over = False
        self._tail = b""
        self._fast = -1  # the text block whose next piece may leave at once, between head and tail
        self._head = b""
        self._tail_of_text = b""
        self._keep: Callable[[str], None] = _forget
        self._start(Started())

    def write(self, events: Sequence[Event]) -> bytes:
        """Write events; b"" if there is nothing to say yet."""
        out: list[bytes] = []
        answer = self._answer
        for event in events:
            if self._over:
                break
            if type(event) is TextDelta and self._flows(event):
                self._text(event.text, out)
                continue
            self._fast = -1
            if type(event) is ArgumentsDelta:
                answer.argue(event)
                continue
            match event:
                case Started():
                    self._start(event)
                case Ended():
                    self._end(out)
                case Failed():
                    self._over = True
                    out.append(self._failed(event.failure))
                case _:
                    for index, part in answer.take(event):
                        self._chunk(index, [part], {}, out)
        return b"".join(out)

    def ping(self) -> bytes:
        """A blank line between events of SSE; old JavaScript clients cannot bear one in front of the first."""
        return b"\n" if self._begun and not self._over and not self._array else b""

    def _start(self, event: Started) -> None:
        tail = _encode({"modelVersion": self._asked.model, "responseId": event.id or self._asked.seed})
        self._tail = b"," + tail[1:]

    def _flows(self, event: TextDelta) -> bool:
        """Whether a piece of text may leave at once, in the frame that stands ready."""
        if not event.text or event.logprobs is not None:
            return False
        return event.block == self._fast or self._quicken(event.block)

    def _quicken(self, number: int) -> bool:
        """The common case is a text that goes on: prepare its frame, if nothing has to come before or with it."""
        if not self._answer.plain(number):
            return False
        block = self._answer.blocks[number]
        index = block.opened.candidate
        self._answer.candidates[index].parts += 1
        head = b'{"candidates":[{"index":%d,"content":{"role":"model","parts":[{"text":' % index
        tail = b"}]}}]" + self._tail
        self._head, self._tail_of_text = (head, tail) if self._array else (b"data: " + head, tail + b"\n\n")
        self._keep = block.texts.append
        self._fast = number
        return True

    def _text(self, text: str, out: list[bytes]) -> None:
        self._keep(text)  # citations are counted in it
        if self._array:
            out.append(b",\n" if self._begun else b"[")
        self._begun = True
        out.append(self._head + (_encode(text) if text.isascii() else written(text)) + self._tail_of_text)

    def _chunk(
        self, index: int, parts: list[Any], beside: dict[str, Any], out: list[bytes], usage: bool = False
    ) -> None:
        candidate = {"index": index, "content": {"role": "model", "parts": parts}, **beside}
        body: dict[str, Any] = {"candidates": [candidate]}
        if usage:
            body["usageMetadata"] = self._answer.usage_metadata()
        self._frame(written(body)[:-1] + self._tail, out)

    def _frame(self, data: bytes, out: list[bytes]) -> None:
        if self._array:
            out += [b",\n" if self._begun else b"[", data]
        else:
            out.append(b"data: " + data + b"\n\n")
        self._begun = True

    def _end(self, out: list[bytes]) -> None:
        self._over = True
        feedback = self._answer.prompt_feedback()
        if feedback is not None:
            body = {"promptFeedback": feedback, "usageMetadata": self._answer.usage_metadata()}
            self._frame(written(body)[:-1] + self._tail, out)
        else:
            for index in self._answer.finished():
                parts, beside = self._answer.ending(index)
                self._chunk(index, parts or [{"text": ""}], beside, out, usage=True)
        if self._array:
            out.append(b"]")

    def _failed(self, failure: Failure) -> bytes:
        error = written(error_of(failure))
        if self._array:
            return (b",\n" if self._begun else b"[") + error + b"]"
        return error


def stream_failure(failure: Failure, asked: Asked) -> bytes:
    """The error alone, for a stream that was passed on and broke: raw JSON, no event; in the array its last element."""
    error = written(error_of(failure))
    return b"," + error + b"]" if asked.array else error
