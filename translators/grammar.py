"""What the checkers of streams share: frames, what was found, and texts that are said twice.

A checker is one class a dialect (`grammar.py` of its folder): it states what may follow what as the strictest of the
vendor's own clients needs it, and reads nothing into what it does not know. It judges bytes, and shares no code with
the writers.
"""

from collections.abc import Callable
from typing import Any
from zlib import crc32

import msgspec

from translators import sse
from translators.dialect import Violation
from translators.errors import Unreadable

MOST = 20
"""So many violations of a stream are told; further ones only counted."""
MOST_JSON = 1024 * 1024
"""Bytes. Arguments of a call beyond this are not collected to see whether they are JSON."""

_BOM = b"\xef\xbb\xbf"


class Findings:
    """Violations as they are found; `frame` is the one that is looked at."""

    def __init__(self, rule: str, frame: int = -1) -> None:
        self.rule = rule
        self.frame = frame
        self.count = 0
        self._found: list[Violation] = []

    def note(self, what: str, path: str = "$", rule: str = "", *, mild: bool = False) -> None:
        """Note a violation, in the frame that is looked at."""
        self.count += 1
        if self.count <= MOST:
            self._found.append(Violation(what, self.frame, path, rule or self.rule, mild))

    def decoded[T](self, decoder: msgspec.json.Decoder[T], data: bytes, at: str = "$") -> T | None:
        """Decode JSON; None, and a violation, if it is none or has another shape."""
        try:
            return decoder.decode(data)
        except msgspec.ValidationError as error:
            what, _, where = str(error).partition(" - at `")
            self.note(what, at + where.rstrip("`").removeprefix("$"))
        except ValueError as error:
            self.note(f"no JSON: {error}", at)
        return None

    def take(self) -> list[Violation]:
        """What was found since the last time."""
        found, self._found = self._found, []
        return found


class _Blocks(sse.Decoder):
    """The decoder's way of cutting a stream, with every block given on as it stands, comments and all."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        super().__init__()
        self._take = take

    def feed(self, chunk: bytes) -> list[sse.Frame]:
        return self.cut(chunk)

    def _read(self, whole: list[bytes]) -> list[sse.Frame]:
        for block in whole:
            self._take(block)
        return []

    @property
    def rest(self) -> bytes:
        """What stands there of a frame whose end has not come."""
        return b"".join(self._pieces)


class EventStream(Findings):
    """Server-sent events, checked frame by frame: the base of a dialect's checker, which brings `_event` and `_end`."""

    BARE = False
    """Nothing but `data: {…}` is understood: no names, no comments."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self._blocks = _Blocks(self._look)
        self._fresh = True
        self._lost = False  # unreadable; nothing more is looked at

    def feed(self, chunk: bytes) -> list[Violation]:
        """Read a chunk; any chunking gives the same. Never raises."""
        if not self._lost:
            try:
                self._blocks.feed(chunk)
            except Unreadable as error:
                self.note(str(error))
                self._lost = True
        return self.take() if self._found else []

    def finish(self) -> list[Violation]:
        """The stream is over: what is missing."""
        if not self._lost:
            rest = self._blocks.rest
            self._blocks.finish()
            if rest.strip() and not self._may_stay_open(rest):
                self.note("the last frame has no blank line after it", rule="SSE")
            self.frame = -1
            self._end()
            self._lost = True
        return self.take()

    def _look(self, block: bytes) -> None:
        if self._fresh:
            self._fresh = False
            if block.startswith(_BOM):
                self.note("a byte order mark", rule="clients lose the first event")
                block = block[3:]
        frame = sse.read_frame(block)
        data = frame.data
        if data and not data.isspace():
            self.frame += 1
        if block.count(b"\n") != (1 if frame.event else 0) or not block.startswith((b"data: ", b"event: ")):
            self._odd(block, frame)
        if data and not data.isspace():
            self._event(frame.event, data)
        elif frame.event or block.startswith(b"data:"):
            self.note("an event without data", rule="openai: JSON error")

    def _odd(self, block: bytes, frame: sse.Frame) -> None:
        """Look at a block that is neither of the two common shapes, line by line."""
        data = 0
        for line in block.split(b"\n"):
            if line.startswith(b":"):
                if self.BARE:
                    self.note("a comment", rule="google-genai for Python fails on it")
            elif line.startswith((b"id:", b"retry:")):
                self.note(f"a line {line[:20]!r}", rule="openai, google-genai: JSON error")
            elif line.startswith(b"data:"):
                data += 1
                if self.BARE and (data > 1 or not line.startswith(b"data: ")):
                    self.note("data not on one line after `data: `", rule="google-genai")
            elif line and not line.startswith(b"event:") and not self._may_stay_open(block):
                self.note(f"a line that is no field: {line[:20]!r}", rule="SSE")

    def _may_stay_open(self, rest: bytes) -> bool:
        return False

    def _event(self, name: bytes, data: bytes) -> None:
        raise NotImplementedError

    def _end(self) -> None:
        raise NotImplementedError


class Said:
    """A text that comes in pieces and is said again whole: only its length and checksum are kept."""

    __slots__ = ("done", "size", "sum")

    def __init__(self) -> None:
        self.sum = self.size = 0
        self.done = False  # said again whole: no piece may follow

    def add(self, text: str) -> None:
        """One more piece."""
        data = text.encode()
        self.sum = crc32(data, self.sum)
        self.size += len(data)

    def equals(self, text: str) -> bool:
        """Is this what the pieces said?"""
        data = text.encode()
        return len(data) == self.size and crc32(data) == self.sum


class Arguments(Said):
    """Arguments of a call in pieces, collected (up to a bound) to see whether they are an object."""

    __slots__ = ("_pieces",)

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[str] | None = []

    def add(self, text: str) -> None:
        """One more piece."""
        super().add(text)
        if self._pieces is not None:
            self._pieces.append(text)
            if self.size > MOST_JSON:
                self._pieces = None

    def wrong(self) -> str:
        """What is wrong with them: "" for an object (or one too long to be looked at), "cut" if the end is missing."""
        if self._pieces is None:
            return ""
        text, self._pieces = "".join(self._pieces), None
        return wrong_arguments(text)


def wrong_arguments(text: str) -> str:
    """The same for arguments at hand."""
    if not text:
        return "cut"
    try:
        found: Any = msgspec.json.decode(text)
    except ValueError as error:
        return "cut" if "truncated" in str(error) else f"no JSON: {error}"
    return "" if isinstance(found, dict) else "no object"
