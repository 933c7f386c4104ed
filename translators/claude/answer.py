"""The pieces of an answer → events, in whatever order an upstream sends them.

A whole answer is read as a stream whose blocks are complete when they open, so there is one road for both.
"""

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from translators.claude import wire
from translators.claude.words import NAME, SERVER_TOOLS, STOPS, VENDOR, kind_of_result
from translators.events import (
    ArgumentsDelta,
    BlockClosed,
    BlockOpened,
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    Native,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageSeen,
)
from translators.model import Failure, Stop, Usage
from translators.names import made_id
from translators.parts import Citation, Seal

_block = msgspec.json.Decoder(wire.AnswerBlock)
_object = msgspec.json.Decoder(dict[str, Raw])
_any = msgspec.json.Decoder(Raw)

_HOSTED = frozenset({"server_tool_use", "mcp_tool_use"})
_TEXT = wire.TextDelta


class _Open:
    """A block that has begun. `number` is ours, `raw` its opening object."""

    __slots__ = ("content", "head", "number", "pieces", "raw", "seal", "waited")

    def __init__(self, number: int, head: wire.AnswerBlock, raw: Raw) -> None:
        self.number = number
        self.head = head
        self.raw = raw
        self.pieces: list[str] = []  # of the arguments of a hosted call; non-empty for a tool once a piece was seen
        self.seal: Seal | None = None
        self.content: list[str] = []  # of a compaction
        self.waited = False  # the wire has closed this call, whose arguments are no JSON


class Answering:
    """One answer being read. What it says is appended to `events`; whoever feeds it takes them away."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.started = False
        self.over = False
        self.stop: Stop | None = None
        self._usage = wire.Usage()
        self._blocks: dict[int, _Open] = {}  # by the wire's index
        self._next = 0
        self._calls = 0

    def begin(self, answer: wire.Answer | None = None) -> None:
        """The message has begun. A second beginning means nothing."""
        if self.started:
            return
        self.started = True
        answer = answer or wire.Answer()
        self.events.append(Started(answer.id or "", answer.model or ""))
        self.count(answer.usage)

    def count(self, usage: wire.Usage | None) -> None:
        """Counts are cumulative: per field the last one said wins, then all are given again."""
        if usage is None:
            return
        said = {name: value for name in usage.__struct_fields__ if (value := getattr(usage, name)) is not None}
        if said:
            self._usage = replace(self._usage, **said)
            self.events.append(UsageSeen(usage_of(self._usage)))

    def open(self, index: int, raw: Raw) -> None:
        """A block begins; what it already holds is said at once, but a call's input (deltas may repeat it)."""
        self.begin()
        try:
            head = _block.decode(raw)
        except msgspec.DecodeError:
            return  # a block without a tag: nothing can be said of it
        if head.id and index in self._blocks and head.id == self._blocks[index].head.id:
            return  # said twice
        for other in [other for other, block in self._blocks.items() if block.waited or other == index]:
            self.close(other, settled=True)
        block = self._blocks[index] = _Open(self._next, head, raw)
        self._next += 1
        number = block.number
        match head.type:
            case "text":
                self.events.append(BlockOpened(number, "text"))
                if head.text:
                    self.events.append(TextDelta(number, head.text))
                for citation in head.citations or ():
                    self._cite(number, citation)
            case "thinking":
                self.events.append(BlockOpened(number, "thinking"))
                if head.thinking:
                    self.events.append(ThinkingDelta(number, head.thinking))
                if head.signature:
                    block.seal = Seal("signature", head.signature, VENDOR)
            case "redacted_thinking":
                self.events.append(BlockOpened(number, "thinking"))
                block.seal = Seal("redacted", head.data or "", VENDOR)
            case "tool_use":
                name = head.name or ""
                call = head.id or made_id(self._calls, name, "")
                caller = head.caller or None
                vendor = VENDOR if caller is not None else ""
                self.events.append(BlockOpened(number, "tool", call, name, vendor=vendor, caller=caller))
                self._calls += 1
            case _:
                self._open_native(number, head)

    def _open_native(self, number: int, head: wire.AnswerBlock) -> None:
        if head.type in _HOSTED:
            name = head.name or ""
            kind = "mcp" if head.type == "mcp_tool_use" else SERVER_TOOLS.get(name, name)
            self.events.append(BlockOpened(number, "hosted", head.id or "", kind, vendor=VENDOR))
        elif head.type.endswith("_tool_result"):
            kind = kind_of_result(head.type)
            self.events.append(BlockOpened(number, "hosted_result", head.tool_use_id or "", kind, vendor=VENDOR))
        else:
            self.events.append(BlockOpened(number, "unknown", name=head.type, vendor=NAME))

    def delta(self, event: wire.BlockDelta) -> None:
        """More of a block; one that was never opened opens by itself."""
        block = self._blocks.get(event.index)
        delta = event.delta
        if block is not None and type(delta) is _TEXT and block.head.type == "text":  # nearly every delta there is
            if delta.text:
                self.events.append(TextDelta(block.number, delta.text))
            return
        if block is None:
            if type(delta) is wire.CompactionDelta:
                return
            self.open(event.index, Raw(b'{"type":"' + _TAGS[type(delta)] + b'"}'))
            block = self._blocks[event.index]
        number, tag = block.number, block.head.type
        match delta:
            case wire.TextDelta(text=text):
                if text and tag == "text":
                    self.events.append(TextDelta(number, text))
            case wire.InputJsonDelta(partial_json=text):
                if text and (tag == "tool_use" or tag in _HOSTED):
                    block.pieces.append(text)
                    self.events.append(ArgumentsDelta(number, text))
            case wire.ThinkingDelta(thinking=text):
                if text and tag == "thinking":
                    self.events.append(ThinkingDelta(number, text))
            case wire.SignatureDelta(signature=text):
                if text and tag == "thinking":
                    block.seal = Seal("signature", text, VENDOR)  # a later one replaces it
            case wire.CitationsDelta(citation=raw):
                if tag == "text":
                    self._cite(number, raw)
            case wire.CompactionDelta(content=content):
                if content:
                    block.content.append(content)

    def _cite(self, number: int, raw: Raw) -> None:
        self.events.append(Cited(number, citation_of(raw)))

    def close(self, index: int, complete: bool = True, settled: bool = False) -> None:
        """A block is over: what was held back for it is said now. A block that was never opened is ignored.

        settled: nothing more is to be learnt of it, so it does not wait.
        """
        block = self._blocks.pop(index, None)
        if block is None:
            return
        if complete and not settled and block.head.type == "tool_use" and self._waits(block):
            self._blocks[index] = block
            return
        number, head = block.number, block.head
        if block.seal is not None:
            self.events.append(Sealed(number, block.seal))
        if head.type == "tool_use":
            if not block.pieces and complete:
                self.events.append(ArgumentsDelta(number, bytes(head.input).decode() or "{}"))
            complete = complete and (not block.pieces or _is_json("".join(block.pieces)))
        elif head.type in _HOSTED:
            given = bytes(head.input).decode() or "{}"
            if not block.pieces and given != "{}":
                self.events.append(ArgumentsDelta(number, given))
            self.events.append(Native(number, _with(block.raw, "input", "".join(block.pieces) or given)))
        elif head.type not in ("text", "thinking", "redacted_thinking"):
            content = "".join(block.content)
            quoted = msgspec.json.encode(content).decode()
            self.events.append(Native(number, _with(block.raw, "content", quoted) if content else block.raw))
        self.events.append(BlockClosed(number, complete))

    def _waits(self, block: _Open) -> bool:
        """Whether a call whose arguments are no JSON must wait for the reason of the end, which tells if it was cut."""
        if block.waited or not block.pieces:
            return False
        try:
            _any.decode("".join(block.pieces).encode())
        except ValueError:
            block.waited = True
        return block.waited

    def note_stop(self, said: wire.Answer | wire.MessageDeltaBody) -> None:
        """Remember why the message ended; it is told at the end, when all counts are in."""
        word = said.stop_reason
        if word is None:
            return
        details = said.stop_details or wire.StopDetails()
        self.stop = Stop(
            reason=STOPS.get(word, "other"),
            sequence=said.stop_sequence,
            category=details.category or "",
            explanation=details.explanation or "",
            native=word,
        )

    def end(self) -> None:
        """The message is over and whole."""
        if self.over:
            return
        self.begin()
        cut = self.stop is not None and self.stop.reason in ("length", "context")
        for index, block in list(self._blocks.items()):
            self.close(index, complete=not (block.waited and cut), settled=True)
        self.over = True
        self.events += [Finished(self.stop or Stop(reason="stop")), Ended()]

    def fail(self, failure: Failure) -> None:
        """The message broke; open blocks are closed as cut."""
        if self.over:
            return
        for index in list(self._blocks):
            self.close(index, complete=False)
        self.over = True
        self.events.append(Failed(failure))

    def take(self) -> list[Event]:
        """Give what was said since the last time."""
        events, self.events = self.events, []
        return events


_TAGS: dict[type, bytes] = {
    wire.TextDelta: b"text",
    wire.InputJsonDelta: b"tool_use",
    wire.ThinkingDelta: b"thinking",
    wire.SignatureDelta: b"thinking",
    wire.CitationsDelta: b"text",
}
"""What a delta without a block before it belongs to."""


def read_message(answer: wire.Answer) -> list[Event]:
    """Read a whole answer."""
    reading = Answering()
    reading.begin(answer)
    for index, raw in enumerate(answer.content or ()):
        reading.open(index, raw)
        reading.close(index)
    reading.note_stop(answer)
    reading.end()
    return reading.take()


class _CitationFields(msgspec.Struct):
    url: str | None = None
    source: str | None = None
    title: str | None = None
    document_title: str | None = None
    cited_text: str | None = None
    file_id: str | None = None


_citation = msgspec.json.Decoder(_CitationFields)


def citation_of(raw: Raw) -> Citation:
    """A citation with what other dialects can show of it; the whole object stays in `native`."""
    try:
        said = _citation.decode(raw)
    except msgspec.DecodeError:
        said = _CitationFields()
    return Citation(
        url=said.url or said.source or "",
        title=said.title or said.document_title or "",
        quote=said.cited_text or "",
        file=said.file_id or "",
        vendor=VENDOR,
        native=raw,
    )


def _is_json(text: str) -> bool:
    """Whether arguments are whole: a call stops on the wire also where the answer was cut inside of them."""
    try:
        msgspec.json.decode(text.encode())
    except ValueError:
        return False
    return True


def _with(raw: Raw, key: str, value: str) -> Raw:
    """The object `raw` with member `key` set to the JSON text `value`; unchanged if that is no JSON."""
    try:
        members = _object.decode(raw)
        members[key] = msgspec.json.decode(value.encode(), type=Raw)
    except msgspec.DecodeError:
        return raw
    return Raw(msgspec.json.encode(members))


def usage_of(said: wire.Usage) -> Usage:
    """Anthropic counts uncached, written and read input apart; the model's `input` is all of it."""
    split = said.cache_creation or wire.CacheCreation()
    five, hour = split.ephemeral_5m_input_tokens, split.ephemeral_1h_input_tokens
    written = said.cache_creation_input_tokens
    if written is None and (five is not None or hour is not None):
        written = (five or 0) + (hour or 0)
    counts = [said.input_tokens, written, said.cache_read_input_tokens]
    server = said.server_tool_use or wire.ServerToolUse()
    return Usage(
        input=sum(count or 0 for count in counts) if any(count is not None for count in counts) else None,
        cache_read=said.cache_read_input_tokens,
        cache_write=written,
        cache_write_5m=five,
        cache_write_1h=hour,
        output=said.output_tokens,
        thinking=said.output_tokens_details.thinking_tokens if said.output_tokens_details else None,
        web_searches=server.web_search_requests,
        web_fetches=server.web_fetch_requests,
        service_tier=said.service_tier or "",
    )
