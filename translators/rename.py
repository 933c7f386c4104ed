"""Answers that pass untouched, but for the model's name: the client is told the one it asked for."""

import re

import msgspec
from msgspec import Raw

from translators.dialect import Dialect
from translators.model import Failure, Reply
from translators.pump import Pump, PumpBase

_MARKS = {"claude": b'"message_start"', "openai-responses": b'"response"'}
"""What is in a line of a stream that names the model; with the others every line may."""

_object = msgspec.json.Decoder(dict[str, Raw])


class Renamed(PumpBase):
    """Another pump, whose bytes name the model as the client did. streamed: what leaves is a stream.

    Lines are changed once they are complete, which those of a stream are when they leave a pump.
    """

    def __init__(self, inner: Pump, dialect: Dialect, model: str, *, streamed: bool) -> None:
        super().__init__()
        self._inner = inner
        self._key = "modelVersion" if dialect.name == "gemini" else "model"
        # A quote that no backslash stands before belongs to no text of the answer.
        self._named = re.compile(rb'(?<!\\)"' + self._key.encode() + rb'"\s*:\s*("(?:[^"\\]|\\.)*")')
        self._mark = _MARKS.get(dialect.name, b"")
        self._name = msgspec.json.encode(model)
        self._streamed = streamed
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """See Pump."""
        said = self._inner.feed(chunk)
        self._as_inner()
        return self._lines(said) if said and self._streamed else said

    def finish(self, cause: Failure | None = None) -> bytes:
        """See Pump."""
        said = self._inner.finish(cause)
        self._as_inner()
        if not self._streamed:
            return self._whole(said)
        ready, rest = self._lines(said), self._held
        self._held = b""
        return ready + self._line(rest)

    def _lines(self, said: bytes) -> bytes:
        *lines, self._held = (self._held + said).split(b"\n")
        return b"".join(self._line(line) + b"\n" for line in lines)

    def _line(self, line: bytes) -> bytes:
        found = self._named.search(line) if self._mark in line else None
        return line[: found.start(1)] + self._name + line[found.end(1) :] if found else line

    def _whole(self, body: bytes) -> bytes:
        try:
            fields = _object.decode(body)
        except msgspec.MsgspecError:
            return body
        if self._key not in fields:
            return body
        return msgspec.json.encode(fields | {self._key: Raw(self._name)})

    def _as_inner(self) -> None:
        inner = self._inner
        self.committed, self.ended, self.failure = inner.committed, inner.ended, inner.failure
        self.usage, self.stop, self.model = inner.usage, inner.stop, inner.model

    def ping(self) -> bytes:
        """See Pump."""
        return b"" if self._held else self._inner.ping()

    def answer(self) -> Reply | None:
        """See Pump."""
        return self._inner.answer()
