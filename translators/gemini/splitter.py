"""Cuts an answer into JSON objects: SSE frames, a JSON array as it grows, or one object.

Without `alt=sse` Google streams one JSON array; hosts and errors answer with a plain object. What it is shows in the
first byte.
"""

import re

from translators.errors import Unreadable
from translators.sse import LARGEST_FRAME, Decoder

_OUTSIDE = re.compile(rb'["{}\[\]]')
_INSIDE = re.compile(rb'[\\"]')


_FIELDS = (b"data", b"event", b"id", b"retry", b":")


class Objects:
    """Finds the objects of a JSON array, or objects standing one after the other. Knows strings and escapes."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._depth = 0  # of braces and brackets, inside the array
        self._start = -1
        self._in_string = False
        self.array = False
        self.closed = False  # the array's end was seen

    def feed(self, chunk: bytes) -> list[bytes]:
        """The objects that `chunk` completes. Raises Unreadable for one over LARGEST_FRAME."""
        self._buffer += chunk
        found: list[bytes] = []
        buffer, at = self._buffer, self._scanned
        while True:
            match = (_INSIDE if self._in_string else _OUTSIDE).search(buffer, at)
            if match is None:
                at = len(buffer)
                break
            byte = buffer[match.start()]
            at = match.end()
            if self._in_string:
                if byte == 0x22:
                    self._in_string = False
                elif at == len(buffer):  # a backslash whose partner has not come
                    at -= 1
                    break
                else:
                    at += 1
            elif byte == 0x22:
                self._in_string = True
            else:
                self._bracket(byte, at, found)
        self._scanned = at
        self._forget()
        return found

    def _bracket(self, byte: int, at: int, found: list[bytes]) -> None:
        if byte in b"{[":
            if byte == 0x5B and self._depth == 0 and not self.array:
                self.array = True
                return
            if self._depth == 0:
                self._start = at - 1
            self._depth += 1
        elif self._depth == 0:
            self.closed = True
        else:
            self._depth -= 1
            if self._depth == 0 and self._start >= 0:
                found.append(bytes(self._buffer[self._start : at]))
                self._start = -1

    def _forget(self) -> None:
        """Let go of what was given out."""
        keep = self._start if self._start >= 0 else self._scanned
        del self._buffer[:keep]
        self._scanned -= keep
        if self._start >= 0:
            self._start = 0
        if len(self._buffer) > LARGEST_FRAME:
            raise Unreadable(f"an event of more than {LARGEST_FRAME} bytes")

    @property
    def rest(self) -> bytes:
        """What stands there of an object that is not complete."""
        return bytes(self._buffer)


class Splitter:
    """Any of the three forms, chosen by the first byte that is not white space."""

    def __init__(self) -> None:
        self.sse: Decoder | None = None
        self.json: Objects | None = None
        self._head = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The JSON texts that `chunk` completes. Raises Unreadable for what is no answer at all."""
        if self.sse is not None:
            return self.sse.data(chunk)
        if self.json is not None:
            return self.json.feed(chunk)
        self._head += chunk
        text = self._head.removeprefix(b"\xef\xbb\xbf").lstrip()
        if not text or b"\xef\xbb\xbf".startswith(self._head):
            return []
        if text[:1] in b"{[":
            self._head = b""
            self.json = Objects()
            return self.json.feed(text)
        if text.startswith(_FIELDS):
            head, self._head = self._head, b""
            self.sse = Decoder()
            return self.sse.data(head)
        if any(name.startswith(text) for name in _FIELDS):
            return []
        raise self._foreign(text)

    def _foreign(self, text: bytes) -> Unreadable:
        what = "HTML" if text[:1] == b"<" else "neither JSON nor events"
        return Unreadable(f"{what} where an answer was due; is the base URL right?")

    def finish(self) -> list[bytes]:
        """What is left of a stream that ended without its last blank line."""
        return [frame.data for frame in self.sse.finish()] if self.sse is not None else []

    @property
    def whole(self) -> bool:
        """The answer is one object, not a stream."""
        return self.json is not None and not self.json.array

    @property
    def cut(self) -> bool:
        """The answer ended inside of an object."""
        return self.json is not None and bool(self.json.rest.strip())
