"""Server-sent events: bytes ⇄ frames.

Reading is liberal (WHATWG rules: LF, CRLF, lone CR, comments, repeated data lines, a BOM), writing is strict. Works
on bytes
throughout, so a character that straddles two chunks is never seen half. JSON contains no raw line breaks, which is
why line
ends may be normalised before anything else is looked at.
"""

from collections.abc import Iterator
from typing import NamedTuple

from translators.errors import Unreadable

LARGEST_FRAME = 64 * 1024 * 1024
"""Bytes. Inline images arrive in one data line; more than this is not a frame but an attack or a bug."""


class Frame(NamedTuple):
    """One event as it stood on the wire. `event` is b"" when the stream did not name it."""

    event: bytes
    data: bytes


class Decoder:
    """Chunks in, frames out. One for each stream."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []  # of the frame that is still incomplete
        self._size = 0
        self._held_cr = False  # a CR at the end of a chunk may be half of a CRLF
        self._fresh = True

    def feed(self, chunk: bytes) -> list[Frame]:
        """Give the frames that `chunk` completes. Raises Unreadable for a frame over LARGEST_FRAME."""
        if self._held_cr:
            chunk = b"\r" + chunk
            self._held_cr = False
        if b"\r" in chunk:
            if chunk.endswith(b"\r"):
                self._held_cr = True
                chunk = chunk[:-1]
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if self._pieces:
            return self._continue(chunk)
        *whole, rest = chunk.split(b"\n\n")
        if rest:
            self._pieces.append(rest)
            self._size = len(rest)
        return self._read(whole)

    def _read(self, whole: list[bytes]) -> list[Frame]:
        if self._fresh and whole:
            self._fresh = False
            whole[0] = whole[0].removeprefix(b"\xef\xbb\xbf")
        return _frames(whole)

    def _continue(self, chunk: bytes) -> list[Frame]:
        """The same while a frame is incomplete: only the new bytes are searched, so a long frame costs its length."""
        pieces = self._pieces
        ends = b"\n\n" in chunk or (chunk.startswith(b"\n") and pieces[-1].endswith(b"\n"))
        if chunk:
            pieces.append(chunk)
            self._size += len(chunk)
        if not ends:
            if self._size > LARGEST_FRAME:
                raise Unreadable(f"an event of more than {LARGEST_FRAME} bytes")
            return []
        *whole, rest = b"".join(pieces).split(b"\n\n")
        self._pieces = [rest] if rest else []
        self._size = len(rest)
        return self._read(whole)

    def finish(self) -> list[Frame]:
        """Give what stood after the last blank line: a frame cut short, or one whose sender left the blank line out."""
        rest = b"".join(self._pieces)
        self._pieces, self._size = [], 0
        return self._read([rest])


def _frames(blocks: list[bytes]) -> list[Frame]:
    return [frame for block in blocks if (frame := read_frame(block)).data and not frame.data.isspace()]


def read_frame(block: bytes) -> Frame:
    """Read what stands between blank lines: the two shapes nearly every frame has here, anything else line by line."""
    if block.startswith(b"event: "):
        end = block.find(b"\n")
        if block.startswith(b"data: ", end + 1) and block.find(b"\n", end + 1) < 0:
            return Frame(block[7:end], block[end + 7 :])
    elif block.startswith(b"data: ") and b"\n" not in block:
        return Frame(b"", block[6:])
    return _read_lines(block)


def _read_lines(block: bytes) -> Frame:
    event, data = b"", []
    for line in block.split(b"\n"):
        name, colon, value = line.partition(b":")
        if colon and value.startswith(b" "):
            value = value[1:]
        if name == b"data" and colon:
            data.append(value)
        elif name == b"event":
            event = value
        elif line.startswith((b"{", b"[")):  # a raw JSON line where an event was due: often an error body
            data.append(line)
    return Frame(event, b"\n".join(data))


def frames(body: bytes) -> Iterator[Frame]:
    """Give all frames of a whole body."""
    decoder = Decoder()
    yield from decoder.feed(body)
    yield from decoder.finish()
