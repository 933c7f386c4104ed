"""StreamReader: the bytes of a Chat Completions stream → events.

Source: OpenAI API reference, “Streaming”, read November 2026: `data: {chunk}` frames, closed by `data: [DONE]`.
"""

from translators.errors import Unreadable
from translators.events import Event
from translators.model import Failure
from translators.openai_chat.answer import Chunk, ChunkDecoder, decode_chunk
from translators.openai_chat.assembly import Assembly
from translators.openai_chat.failure import PAGE
from translators.openai_chat.reply import read_reply, read_tree_failure
from translators.sse import Decoder

_HEAD = 300
"""Bytes of the beginning that are kept to say what a body was that is no stream."""


class StreamReader:
    """Chunks of bytes in, events out."""

    def __init__(self) -> None:
        self._frames = Decoder()
        self._chunks = ChunkDecoder()
        self._assembly = Assembly()
        self._head = b""
        self._sniffed = False
        self._whole: list[bytes] | None = None  # a JSON body instead of a stream

    def feed(self, chunk: bytes) -> list[Event]:
        """Read a chunk. Raises Unreadable if the body is HTML, or if its first frame is no JSON."""
        if not self._sniffed:
            chunk = self._sniff(chunk)
        if self._whole is not None:
            self._whole.append(chunk)
            return []
        out: list[Event] = []
        for data in self._frames.data(chunk):
            self._frame(data, out)
        return out

    def _sniff(self, chunk: bytes) -> bytes:
        """Look at the first byte that is no space: `{` or `[` is a whole answer, `<` a page."""
        self._head += chunk
        start = self._head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        if not start:
            return b""
        self._sniffed = True
        chunk, self._head = self._head, self._head[:_HEAD]
        if start in (b"{", b"["):
            self._whole = []
        elif start == b"<":
            raise Unreadable(PAGE)
        return chunk

    def _frame(self, data: bytes, out: list[Event], last: bool = False) -> None:
        assembly = self._assembly
        if assembly.over:
            return
        try:
            chunk = decode_chunk(data)
        except ValueError:
            odd = self._read_odd(data, out, last)
            if odd is None:
                return
            chunk = odd
        if not chunk.choices and not chunk.error and not chunk.id and chunk.usage is None:
            failure = read_tree_failure(data)  # {"status": "449", "msg": …} and the like
            if failure is not None:
                assembly.fail(failure, out)
                return
        assembly.take(chunk, out)

    def _read_odd(self, data: bytes, out: list[Event], last: bool) -> Chunk | None:
        """What is no chunk as it should be: one with something odd in it, or (None) what ends the reply."""
        assembly = self._assembly
        if data.startswith(b"[DONE]"):
            assembly.end(out)
            return None
        try:
            chunk = self._chunks.decode(data)
        except ValueError as error:
            message = f"a frame of the upstream's stream is no JSON: {error}"
            if last:
                message = "the upstream's stream ended in the middle of a frame"
            elif not assembly.started:
                raise Unreadable(message) from None
            assembly.fail(Failure(kind="truncated" if last else "upstream", message=message), out)
            return None
        assembly.torn = self._chunks.torn
        return chunk

    def finish(self) -> list[Event]:
        """The upstream closed: the end if a finish_reason was seen, else Failed(kind="truncated")."""
        if self._whole is not None:
            body, self._whole = b"".join(self._whole), None
            return self._read_whole(body)
        out: list[Event] = []
        assembly = self._assembly
        for frame in self._frames.finish():
            self._frame(frame.data, out, last=True)
        if assembly.over:
            return out
        if assembly.finished():
            assembly.end(out)
        elif not assembly.started:
            said = self._head[:_HEAD].decode("utf-8", "replace").strip()
            message = f"the upstream's answer is no event stream: {said}" if said else "the upstream's answer is empty"
            assembly.fail(Failure(kind="truncated", message=message), out)
        else:
            assembly.fail(Failure(kind="truncated", message="the upstream's stream ended before its answer did"), out)
        return out

    def _read_whole(self, body: bytes) -> list[Event]:
        self._assembly.over = True
        try:
            return read_reply(body)
        except Unreadable:
            pass
        out: list[Event] = []
        self._assembly.over = False
        for line in body.splitlines():  # chunks one a line, without `data:`
            if line.strip():
                try:
                    self._frame(line.strip().removeprefix(b"data:").strip(), out)
                except Unreadable:
                    break
        if self._assembly.finished():
            self._assembly.end(out)
        self._assembly.fail(Failure(kind="truncated", message="the upstream's answer broke off"), out)
        return out
