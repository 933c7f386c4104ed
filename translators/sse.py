"""Server-sent events: bytes ⇄ frames.

Reading is liberal (WHATWG rules: LF, CRLF, lone CR, comments, repeated data lines, a BOM), writing is strict. Works
on bytes
throughout, so a character that straddles two chunks is never seen half. JSON contains no raw line breaks, which is
why line
ends may be normalised before anything else is looked at.

Bytes are searched with `find`: `in` first tries whether what it looks for is a number, which costs more than to search.
"""

from collections.abc import Iterator

from msgspec import Struct

from translators.errors import Unreadable

LARGEST_FRAME = 64 * 1024 * 1024
"""Bytes. Inline images arrive in one data line; more than this is not a frame but an attack or a bug."""


_BLANK = (b"\n\n", b"\r\n\r\n")


class Frame(Struct, frozen=True, gc=False):
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
        if not self._pieces and not self._held_cr and chunk.endswith(_BLANK):
            frame = _read_plain(chunk, len(chunk) - (2 if chunk.endswith(b"\n\n") else 4))
            if frame is not None:  # nearly always: one frame, whole
                self._fresh = False
                return [frame]
        return self.cut(chunk)

    def data(self, chunk: bytes) -> list[bytes]:
        """The data alone of the frames that `chunk` completes, where names mean nothing."""
        if chunk.startswith(b"data: ") and not self._pieces and not self._held_cr and chunk.endswith(_BLANK):
            end = len(chunk) - (2 if chunk.endswith(b"\n\n") else 4)
            if chunk.find(b"\n", 6, end) < 0 and chunk.find(b"\r", 6, end) < 0 and chunk[6:7] > b" ":
                self._fresh = False
                return [chunk[6:end]]
        return [frame.data for frame in self.feed(chunk)]

    def cut(self, chunk: bytes) -> list[Frame]:
        """The same by way of `_read`, whatever the chunk is."""
        if self._held_cr or chunk.find(b"\r") >= 0:
            chunk = self._normalise(chunk)
        if self._pieces:
            return self._continue(chunk)
        *whole, rest = chunk.split(b"\n\n")
        if rest:
            self._pieces.append(rest)
            self._size = len(rest)
        return self._read(whole)

    def _normalise(self, chunk: bytes) -> bytes:
        """All line ends as LF; a CR at the very end waits for what follows."""
        if self._held_cr:
            chunk = b"\r" + chunk
        self._held_cr = chunk.endswith(b"\r")
        if self._held_cr:
            chunk = chunk[:-1]
        chunk = chunk.replace(b"\r\n", b"\n")
        return chunk if chunk.find(b"\r") < 0 else chunk.replace(b"\r", b"\n")

    def _read(self, whole: list[bytes]) -> list[Frame]:
        if self._fresh and whole:
            self._fresh = False
            whole[0] = whole[0].removeprefix(b"\xef\xbb\xbf")
        found: list[Frame] = []
        for block in whole:
            frame = read_frame(block)
            if frame.data and not frame.data.isspace():
                found.append(frame)
        return found

    def _continue(self, chunk: bytes) -> list[Frame]:
        """The same while a frame is incomplete: only the new bytes are searched, so a long frame costs its length."""
        pieces = self._pieces
        ends = chunk.find(b"\n\n") >= 0 or (chunk.startswith(b"\n") and pieces[-1].endswith(b"\n"))
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


def read_frame(block: bytes) -> Frame:
    """Read what stands between blank lines."""
    return _read_plain(block, len(block)) or _read_lines(block)


def _read_plain(block: bytes, end: int) -> Frame | None:
    """Read what nearly every frame is here: one data line, perhaps a name before it. `end`: where its blank line
    begins. None: it is something else.
    """
    name, begin = b"", 0
    if block.startswith(b"event: "):
        line = block.find(b"\n")
        name, begin = block[7:line], line + 1
    if not block.startswith(b"data: ", begin) or block.find(b"\n", begin, end) >= 0 or block.find(b"\r", 0, end) >= 0:
        return None
    data = block[begin + 6 : end]
    return Frame(name, data) if data and not data.isspace() else None


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
