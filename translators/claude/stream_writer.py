"""The stream of this dialect, written: events → bytes. The grammar is that of stream.py, strictly."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from translators import losses
from translators.claude import blocks
from translators.claude.failure import error_object
from translators.dialect import Asked
from translators.events import (
    ArgumentsDelta,
    BlockClosed,
    BlockOpened,
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    MediaDelta,
    Native,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageSeen,
)
from translators.fold import merge_usage
from translators.model import Failure, Stop, Usage
from translators.parts import Seal

_encode = msgspec.json.Encoder().encode

_BLOCK_EVENTS = (TextDelta, ThinkingDelta, ArgumentsDelta, MediaDelta, Sealed, Cited, Native, BlockOpened, BlockClosed)
type _Delta = TextDelta | ThinkingDelta | ArgumentsDelta
_SPLITTABLE = frozenset({"text", "refusal", "thinking"})
_DELTA_END = b"}}\n\n"


def frame(name: str, data: dict[str, Any]) -> bytes:
    """One server-sent event. Clients skip events without a name.

    Line breaks can only come from other people's JSON that is passed on as it stood: a data line must not hold any.
    """
    line = _encode(data)
    if b"\n" in line or b"\r" in line:
        line = msgspec.json.format(line, indent=-1)
    return b"event: %s\ndata: %s\n\n" % (name.encode(), line)


def write_stream_failure(failure: Failure, asked: Asked) -> bytes:
    """The error event alone, for a stream that was passed on untouched and broke."""
    return frame("error", error_object(failure))


class _Block:
    """A block of the model on its way out. `index` is the wire's while it stands open there, else −1."""

    __slots__ = ("index", "mime", "native", "opened", "part", "pieces", "queue", "said", "seal", "wordy")

    def __init__(self, opened: BlockOpened) -> None:
        self.opened = opened
        self.wordy = opened.kind in _SPLITTABLE
        self.index = -1
        self.part = -1  # of thinking: the summary part that was written last
        self.said = False
        self.seal: Seal | None = None
        self.native: Raw | None = None
        self.mime = ""
        self.pieces: list[str] = []  # text so far (for quotes), or a transcript
        self.queue: list[Event] = []  # while another block stands open


class StreamWriter:
    """Writes one stream. One block stands open at a time.

    A text or thinking block makes room for the next and goes on in a new block later; a call keeps its place until
    it is closed, and whatever comes meanwhile waits. Only the first candidate is written.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._cites = blocks.wants_citations(asked)
        self._started: Started | None = None  # known, and not yet written
        self._usage: Usage | None = None
        self._stop: Stop | None = None
        self._over = False
        self._blocks: dict[int, _Block] = {}
        self._current: _Block | None = None
        self._waiting: list[_Block] = []
        self._next = 0
        self._out: list[bytes] = []
        self._begun = False
        self._fast: type[_Delta] | None = None  # the kind of delta the open block takes as it comes
        self._fast_block = -1
        self._fast_part = 0  # of thinking
        self._prefix = b""

    def write(self, events: Sequence[Event]) -> bytes:
        """Write events; b"" if there is nothing to say yet."""
        out = self._out
        for event in events:
            if (
                type(event) is self._fast
                and event.block == self._fast_block
                and (type(event) is not ThinkingDelta or event.part == self._fast_part)
            ):
                if event.text:
                    out.append(self._prefix + _encode(event.text) + _DELTA_END)
            elif not self._over:
                self._take(event)
        if self._started is not None:
            self._begin()
        written = b"".join(out)
        out.clear()
        return written

    def ping(self) -> bytes:
        """The vendor's keep-alive. Before message_start no event may stand, but a comment may."""
        return b'event: ping\ndata: {"type":"ping"}\n\n' if self._begun and not self._over else b": keep-alive\n\n"

    # --- the message ------------------------------------------------------------------------------------------------

    def _take(self, event: Event) -> None:
        match event:
            case Started():
                self._started = event
            case UsageSeen(usage=usage):
                self._usage = merge_usage(self._usage, usage)
            case Finished(stop=stop, candidate=0):
                self._stop = stop
            case Finished(candidate=other):
                self._asked.ledger.lose(f"candidates[{other}]", losses.CANDIDATES, semantic=True)
            case Ended():
                self._end()
            case Failed(failure=failure):
                self._fail(failure)
            case BlockOpened(candidate=0):
                block = self._blocks[event.block] = _Block(event)
                self._route(block, event)
            case _ if isinstance(event, _BLOCK_EVENTS) and event.block in self._blocks:
                self._route(self._blocks[event.block], event)

    def _begin(self) -> None:
        """Write message_start, with the counts if they came with the beginning (old clients read input only here)."""
        if self._started is None:
            return
        message = blocks.envelope(self._started.id, self._started.model, self._asked)
        message["usage"] = blocks.usage_words(self._usage)
        self._started, self._begun = None, True
        self._out.append(frame("message_start", {"type": "message_start", "message": message}))

    def _write(self, name: str, **members: Any) -> None:
        self._begin()
        self._out.append(frame(name, {"type": name, **members}))

    def _end(self) -> None:
        for block in list(self._blocks.values()):
            self._route(block, BlockClosed(block.opened.block))
        words = blocks.stop_words(self._stop or Stop(reason="other"))
        self._write("message_delta", delta=words, usage=blocks.usage_words(self._usage))
        self._write("message_stop")
        self._over, self._fast = True, None

    def _fail(self, failure: Failure) -> None:
        self._begin()
        if self._current is not None:
            self._write("content_block_stop", index=self._current.index)
        self._out.append(write_stream_failure(failure, self._asked))
        self._over, self._fast = True, None

    # --- whose turn it is -------------------------------------------------------------------------------------------

    def _route(self, block: _Block, event: Event) -> None:
        """Say an event of a block now, or keep it until the call that stands open is over."""
        current = self._current
        if block.queue:
            block.queue.append(event)
        elif current is not None and current is not block and not current.wordy:
            block.queue.append(event)
            self._waiting.append(block)
        else:
            self._say(block, event)
            if type(event) is BlockClosed:
                self._drain()

    def _drain(self) -> None:
        """Let the waiting blocks speak, in the order in which they began to wait."""
        while self._waiting and (self._current is None or self._current.wordy):
            block = self._waiting.pop(0)
            queue, block.queue = block.queue, []
            for event in queue:
                self._say(block, event)

    def _enter(self, block: _Block, **content: Any) -> None:
        """Open a block on the wire, if it is not the open one already."""
        if block is self._current:
            return
        self._leave()
        self._current, block.index = block, self._next
        self._next += 1
        block.said = True
        self._write("content_block_start", index=block.index, content_block=content)

    def _speed(self, block: _Block, kind: type[_Delta], tag: str, member: str, part: int = 0) -> None:
        """From here on deltas of this kind for this block need no thought."""
        start = f'{{"type":"content_block_delta","index":{block.index},"delta":{{"type":"{tag}","{member}":'
        self._prefix = b"event: content_block_delta\ndata: " + start.encode()
        self._fast, self._fast_block, self._fast_part = kind, block.opened.block, part

    def _leave(self) -> None:
        """Close the open block on the wire."""
        block, self._current, self._fast = self._current, None, None
        if block is None:
            return
        if block.opened.kind == "thinking":
            self._delta(block.index, type="signature_delta", signature=blocks.signature(block.seal))
            block.seal = None
        self._write("content_block_stop", index=block.index)

    def _delta(self, index: int, **delta: Any) -> None:
        self._write("content_block_delta", index=index, delta=delta)

    # --- blocks -----------------------------------------------------------------------------------------------------

    def _say(self, block: _Block, event: Event) -> None:
        match event:
            case TextDelta(text=text, logprobs=logprobs) if text and block.opened.kind in ("text", "refusal"):
                if logprobs is not None and not block.said:
                    self._asked.ledger.lose(f"blocks[{event.block}].logprobs", losses.LOGPROBS)
                self._enter(block, type="text", text="")
                self._delta(block.index, type="text_delta", text=text)
                if self._cites:
                    block.pieces.append(text)
                else:
                    self._speed(block, TextDelta, "text_delta", "text")
            case ThinkingDelta(text=text, part=part) if text and block.opened.kind == "thinking":
                gap = "\n\n" if block.part not in (-1, part) else ""
                self._enter(block, type="thinking", thinking="", signature="")
                self._delta(block.index, type="thinking_delta", thinking=gap + text)
                block.part = part
                self._speed(block, ThinkingDelta, "thinking_delta", "thinking", part)
            case ArgumentsDelta(text=text) if text and block.opened.kind == "tool":
                self._arguments(block, text)
            case BlockOpened():
                self._open(block)
            case BlockClosed(complete=complete):
                self._close(block, complete)
            case Sealed(seal=seal):
                block.seal = seal
            case Cited(citation=citation) if block.opened.kind == "text":
                words = blocks.citation_words(citation, "".join(block.pieces), self._cites)
                if words is None:
                    self._asked.ledger.lose(f"blocks[{event.block}].citations", losses.CITATIONS)
                else:
                    self._enter(block, type="text", text="")
                    self._delta(block.index, type="citations_delta", citation=words)
            case Native(raw=raw):
                block.native = raw
            case MediaDelta(mime=mime, transcript=transcript):
                block.mime = mime or block.mime
                block.pieces.append(transcript)

    def _open(self, block: _Block) -> None:
        """Only a call opens at once; words wait for the first word, so that no empty block stands in an answer."""
        opened = block.opened
        if opened.kind != "tool":
            block.seal = opened.seal
            return
        if opened.seal is not None:
            self._whole(blocks.carrier(opened.seal, "next"))
        caller = blocks.caller(opened.caller, opened.vendor)
        self._enter(block, type="tool_use", id=blocks.tool_id(opened.id), name=opened.name, input={}, **caller)

    def _arguments(self, block: _Block, text: str) -> None:
        """A piece of arguments; free text goes into one JSON string, piece by piece."""
        if block.opened.form == "text":
            text = ("" if block.pieces else '{"input":"') + _encode(text).decode()[1:-1]
        else:
            self._speed(block, ArgumentsDelta, "input_json_delta", "partial_json")
        block.pieces.append("")
        self._delta(block.index, type="input_json_delta", partial_json=text)

    def _close(self, block: _Block, complete: bool) -> None:
        opened, kind = block.opened, block.opened.kind
        if self._blocks.pop(opened.block, None) is None:
            return
        if kind == "tool":
            self._close_call(block, complete)
        elif block.wordy:
            if block is self._current:
                self._leave()
            if block.seal is not None and kind == "thinking":
                self._whole(blocks.sealed_block(block.seal))
            elif block.seal is not None:
                self._whole(blocks.carrier(block.seal, "prev", alone=not block.said))
        elif kind in ("image", "audio"):
            self._lose(opened.block, kind)
            self._whole({"type": "text", "text": "".join(block.pieces) or blocks.note(kind, block.mime)})
        else:
            native = block.native or Raw(b"{}")
            shown = blocks.native_blocks(kind, opened.name, opened.id, opened.vendor, native)
            if not shown:
                self._lose(opened.block, opened.name or kind)
            for each in shown:
                self._whole(each)

    def _lose(self, number: int, what: str) -> None:
        self._asked.ledger.lose(f"blocks[{number}]", losses.no_place(what), semantic=True)

    def _close_call(self, block: _Block, complete: bool) -> None:
        if block.opened.form == "text":
            if not block.pieces:
                self._arguments(block, "")
            self._delta(block.index, type="input_json_delta", partial_json='"}')
        elif not block.pieces and complete:
            self._arguments(block, "{}")
        self._leave()
        if block.seal is not None:
            self._whole(blocks.carrier(block.seal, "prev"))

    def _whole(self, block: blocks.Block) -> None:
        """A block that is complete at once. What the grammar gives as a delta is given as one."""
        self._leave()
        index, self._next = self._next, self._next + 1
        head, delta = blocks.opening(block)
        self._write("content_block_start", index=index, content_block=head)
        if delta:
            self._delta(index, **delta)
        self._write("content_block_stop", index=index)
