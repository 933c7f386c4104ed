"""Reads streams and whole answers.

Source: Gemini API reference, “GenerateContentResponse”, read November 2026. An answer has no end marker: it is whole
if every candidate has said why it ended before the bytes ran out.
"""

import calendar
import re

import msgspec
from msgspec import Raw

from translators.errors import Unreadable
from translators.events import (
    MOST_CANDIDATES,
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
from translators.gemini import wire
from translators.gemini.failure import failure_of
from translators.gemini.grounding import citations_of, late_citations
from translators.gemini.logprobs import read_logprobs
from translators.gemini.media import SAME_MIME, seals_of, standard_base64
from translators.gemini.partial import PartialCall
from translators.gemini.parts import hosted_part
from translators.gemini.spelling import Reading
from translators.gemini.splitter import Splitter
from translators.gemini.stops import MISSING_SIGNATURE, read_block, read_stop, read_usage
from translators.halves import Halves
from translators.model import Failure, Stop, Usage
from translators.names import made_id
from translators.parts import Citation, HostedCall, Seal

decode_chunk = wire.chunk_decoder.decode


class _Candidate:
    """One candidate as far as it has come."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.open = -1  # the block that may go on
        self.kind = ""
        self.sealed = False  # the open block has its seal: what follows is another part
        self.texts: list[str] = []  # of the open text block
        self.before = 0  # UTF-8 bytes of visible text before it
        self.stop: Stop | None = None
        self.said = wire.Candidate()  # the last metadata
        self.partial: PartialCall | None = None
        self.hosted = ""  # id of the last hosted call
        self.placeless = True  # no citation has found a text: those without a place may still go anywhere
        self.spoken: list[tuple[int, str, int]] = []  # closed texts: block, text, UTF-8 bytes before it
        self.cited: set[tuple[int, Citation]] = set()


class StreamReader:
    """Upstream bytes → events, from SSE, a JSON array or one JSON object. One for each answer."""

    def __init__(self) -> None:
        self._splitter = Splitter()
        self._candidates: dict[int, _Candidate] = {}
        self._started = False
        self._over = False
        self._closing = False
        self._blocks = 0
        self._calls = 0
        self._id = ""
        self._counts: wire.UsageMetadata | None = None
        self._usage: Usage | None = None
        self._blocked: Stop | None = None
        self._halves = Halves()

    def feed(self, chunk: bytes) -> list[Event]:
        """Read a chunk. Raises Unreadable for bytes that are no answer of any kind."""
        out: list[Event] = []
        for text in self._splitter.feed(chunk):
            if not self._over:
                self._read(text, out)
        return self._halves.mend(out)

    def finish(self) -> list[Event]:
        """The upstream closed: the end if every candidate had one, else Failed."""
        out: list[Event] = []
        if self._over:
            return out
        self._closing = True
        cut = self._splitter.cut
        for text in self._splitter.finish():
            try:
                self._read(text, out)
            except Unreadable:
                cut = True
        if not self._over:
            self._end(out, cut)
        return self._halves.mend(out)

    def _read(self, text: bytes, out: list[Event]) -> None:
        try:
            chunk: wire.Chunk | None = decode_chunk(text)
        except ValueError:
            chunk = self._read_odd(text, out)
        if chunk is not None:
            self._take(chunk, out)

    def _take(self, chunk: wire.Chunk, out: list[Event]) -> None:
        if chunk.error is not None:
            self._fail(failure_of(chunk.error), out)
            return
        if not self._started:
            self._started = True
            self._id = chunk.response_id or ""
            out.append(Started(self._id, chunk.model_version or "", _seconds(chunk.create_time)))
        if chunk.usage_metadata is not None:
            self._counts = chunk.usage_metadata
            if self._usage is None:  # numbers of the input, which some clients want at the start
                self._count(out)
        if chunk.candidates:
            for position, said in enumerate(chunk.candidates[:MOST_CANDIDATES]):
                index = said.index
                self._candidate(said, position if index is None or not 0 <= index < MOST_CANDIDATES else index, out)
                if self._over:
                    return
        if chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason:
            self._blocked = read_block(chunk.prompt_feedback)

    def _read_odd(self, text: bytes, out: list[Event]) -> wire.Chunk | None:
        """What is no chunk in Google's own spelling. None: nothing is said in it, or it was the end of the answer."""
        try:
            return _decode_odd(text, self._halves)
        except Unreadable as exc:
            if not self._started or self._closing:
                raise
            self._fail(Failure(kind="upstream", message=f"the upstream's answer cannot be read: {exc}"), out)
            return None

    def _count(self, out: list[Event]) -> None:
        """Say the counts. Every chunk has them, and they are cumulative: the first and the last are enough."""
        usage = read_usage(self._counts) if self._counts is not None else None
        if usage is not None and usage != self._usage:
            self._usage = usage
            out.append(UsageSeen(usage))

    def _candidate(self, said: wire.Candidate, index: int, out: list[Event]) -> None:
        state = self._candidates.get(index)
        if state is None:
            state = self._candidates[index] = _Candidate(index)
        # What is said about the parts comes first: it is needed when they are closed.
        if said.grounding_metadata is not None:
            state.said.grounding_metadata = said.grounding_metadata
        if said.citation_metadata is not None:
            state.said.citation_metadata = said.citation_metadata
        if said.finish_reason and said.finish_reason != "FINISH_REASON_UNSPECIFIED":
            if said.finish_reason == MISSING_SIGNATURE:
                message = said.finish_message or "the history lacks a thought signature"
                self._fail(Failure(kind="invalid", message=message, code=MISSING_SIGNATURE), out)
                return
            state.stop = read_stop(said.finish_reason, said.finish_message)
        parts = said.content.parts if said.content is not None else None
        if parts is not None:
            for part in parts if isinstance(parts, list) else (parts,):
                self._part(part, state, out)
        if said.logprobs_result is not None and (logprobs := read_logprobs(said.logprobs_result)) is not None:
            if state.kind != "text" or state.open < 0:
                self._open(state, "text", out)
            out.append(TextDelta(state.open, "", logprobs))

    # parts

    def _part(self, part: wire.Part, state: _Candidate, out: list[Event]) -> None:
        if part.text is not None and part.thought_signature is None:
            self._text(part.text, "thinking" if part.thought else "text", state, out)
        elif part.text is not None:
            self._signed_text(part, state, out)
        elif part.function_call is not None:
            self._call(part.function_call, part.thought_signature, state, out)
        elif part.inline_data is not None:
            self._media(part, state, out)
        elif (hosted := hosted_part(part, state.hosted)) is not None:
            self._close(state, out)
            block = self._next()
            vendor, index = hosted.vendor, state.index
            if isinstance(hosted, HostedCall):
                state.hosted = hosted.id
                out.append(BlockOpened(block, "hosted", hosted.id, hosted.kind, vendor=vendor, candidate=index))
                if hosted.input is not None:
                    out.append(ArgumentsDelta(block, bytes(hosted.input).decode()))
            else:
                opened = BlockOpened(block, "hosted_result", hosted.call, hosted.kind, vendor=vendor, candidate=index)
                out.append(opened)
            out += [Native(block, hosted.native), BlockClosed(block)]
        elif part.thought_signature is not None:
            self._signed_text(part, state, out)

    def _text(self, text: str, kind: str, state: _Candidate, out: list[Event]) -> None:
        if not text:
            return
        if state.kind != kind or state.open < 0 or state.sealed:
            self._open(state, kind, out)
        if kind == "text":
            state.texts.append(text)
            out.append(TextDelta(state.open, text))
        else:
            out.append(ThinkingDelta(state.open, text))

    def _signed_text(self, part: wire.Part, state: _Candidate, out: list[Event]) -> None:
        """Text with a signature ends its block. Without text it is a part of its own, or the end of a thought."""
        kind = "thinking" if part.thought else "text"
        text = part.text or ""
        seals = self._seals(part.thought_signature, state, out, bool(part.thought))
        self._text(text, kind, state, out)
        if not seals:
            return
        goes_on = state.open >= 0 and state.kind == kind and not state.sealed
        if not goes_on or (not text and kind == "text"):
            self._open(state, kind, out)
        out.append(Sealed(state.open, seals[-1]))
        state.sealed = True

    def _seals(self, signature: str | None, state: _Candidate, out: list[Event], thought: bool = False) -> list[Seal]:
        """The seals of the part itself. Another vendor's thinking in an envelope is given as a block before it."""
        try:
            found = seals_of(signature)
        except ValueError:
            return []  # nothing Google would take back
        for seal in found:
            if seal.place == "ahead" and not (thought and seal is found[-1]):
                if state.kind != "thinking" or state.open < 0 or state.sealed:
                    self._open(state, "thinking", out)
                    if seal.text:
                        out.append(ThinkingDelta(state.open, seal.text))
                out.append(Sealed(state.open, msgspec.structs.replace(seal, place="self", text="")))
                state.sealed = True
        own = found[-1:] if thought else [seal for seal in found if seal.place != "ahead"]
        return [msgspec.structs.replace(seal, place="self", text="") for seal in own]

    def _call(self, call: wire.FunctionCall, signature: str | None, state: _Candidate, out: list[Event]) -> None:
        seals = self._seals(signature, state, out)
        if state.partial is None and (call.partial_args is not None or call.will_continue):
            state.partial = PartialCall(call, None)
        if state.partial is None:
            args = wire.given(call.args)
            arguments = bytes(args).decode() if args is not None else "{}"
            self._whole_call(call.id or "", call.name or "", arguments, seals, state, out)
            return
        state.partial.add(call.partial_args or [])
        if seals and state.partial.seal is None:
            state.partial.seal = seals[-1]
        if not call.will_continue:
            self._settle_partial(state, out)

    def _settle_partial(self, state: _Candidate, out: list[Event], complete: bool = True) -> None:
        call, state.partial = state.partial, None
        if call is not None:
            seals = [call.seal] if call.seal is not None else []
            self._whole_call(call.id, call.name, call.arguments(), seals, state, out, complete)

    def _whole_call(
        self,
        identifier: str,
        name: str,
        arguments: str,
        seals: list[Seal],
        state: _Candidate,
        out: list[Event],
        complete: bool = True,
    ) -> None:
        self._close(state, out)
        # The answer's own id goes into a made one: the same call in the next answer must get another.
        identifier = identifier or made_id(self._calls, name, f"{self._id}\0{arguments}")
        self._calls += 1
        block = self._next()
        seal = seals[-1] if seals else None
        out.append(BlockOpened(block, "tool", identifier, name, seal=seal, candidate=state.index))
        out.append(ArgumentsDelta(block, arguments))
        out.append(BlockClosed(block, complete))

    def _media(self, part: wire.Part, state: _Candidate, out: list[Event]) -> None:
        blob = part.inline_data
        if blob is None or part.thought:  # sketches of a thinking image model are no part of the answer
            return
        data = standard_base64(blob.data)
        mime = SAME_MIME.get(blob.mime_type, blob.mime_type)
        seals = self._seals(part.thought_signature, state, out)
        self._close(state, out)
        block = self._next()
        if data is not None and mime.startswith(("image/", "audio/")):
            out.append(BlockOpened(block, "image" if mime.startswith("image/") else "audio", candidate=state.index))
            out.append(MediaDelta(block, mime, data))
            out += [Sealed(block, seal) for seal in seals[-1:]]
        else:
            out.append(BlockOpened(block, "unknown", name="inlineData", vendor="gemini", candidate=state.index))
            out.append(Native(block, Raw(msgspec.json.encode({"inlineData": blob}))))
        out.append(BlockClosed(block))

    # blocks

    def _next(self) -> int:
        self._blocks += 1
        return self._blocks - 1

    def _open(self, state: _Candidate, kind: str, out: list[Event]) -> None:
        self._close(state, out)
        state.open, state.kind = self._next(), kind
        out.append(BlockOpened(state.open, "text" if kind == "text" else "thinking", candidate=state.index))

    def _close(self, state: _Candidate, out: list[Event], last: bool = False) -> None:
        """Close what is open, with the citations known by now that belong to it."""
        if state.open < 0:
            return
        if state.kind == "text" and state.texts:
            text, cited = "".join(state.texts), False
            for citation in citations_of(state.said, text, state.before):
                whole = state.placeless and (last or (state.stop is not None and not citation.quote))
                if citation.start is not None or whole:
                    out.append(Cited(state.open, citation))
                    state.cited.add((state.open, citation))
                    cited = True
            state.placeless = state.placeless and not cited
            state.spoken.append((state.open, text, state.before))
            state.before += len(text.encode("utf-8", "surrogatepass"))
        out.append(BlockClosed(state.open))
        state.open, state.kind, state.sealed, state.texts = -1, "", False, []

    def _cite_late(self, state: _Candidate, out: list[Event]) -> None:
        """Citations that came when their text was closed already."""
        for number, citation in late_citations(state.said, state.spoken, placeless=state.placeless):
            if (number, citation) not in state.cited:
                out.append(Cited(number, citation))

    # the end

    def _fail(self, failure: Failure, out: list[Event]) -> None:
        self._over = True
        if self._started:
            self._count(out)
        out.append(Failed(failure))

    def _end(self, out: list[Event], cut: bool) -> None:
        candidates = sorted(self._candidates.values(), key=lambda state: state.index)
        if self._blocked is not None and not candidates:
            self._over = True
            self._count(out)
            out += [Finished(self._blocked), Ended()]
            return
        if not self._started or not candidates:
            nothing = "the upstream's answer has no candidates" if self._started else "the upstream answered nothing"
            self._fail(Failure(kind="truncated", message=nothing), out)
            return
        if cut or (not self._splitter.whole and any(state.stop is None for state in candidates)):
            self._fail(Failure(kind="truncated", message="the upstream ended its answer early"), out)
            return
        self._over = True
        for state in candidates:
            self._settle_partial(state, out, complete=False)
            self._close(state, out, last=True)
            self._cite_late(state, out)
        self._count(out)
        for state in candidates:
            out.append(Finished(state.stop or Stop(reason="other"), state.index))
        out.append(Ended())


def _decode_odd(text: bytes, halves: Halves) -> wire.Chunk | None:
    """A chunk; None for JSON that is none. Raises Unreadable for what is not JSON."""
    try:
        return decode_chunk(text)
    except msgspec.ValidationError:
        pass
    except (msgspec.DecodeError, ValueError) as exc:
        if text.strip() == b"[DONE]":
            return None
        if (kept := halves.keep(text)) is not None:
            return _decode_odd(kept, halves)
        raise Unreadable(f"an event that is not JSON: {exc}") from None
    if text.lstrip()[:1] != b"{":
        return None
    return Reading(lambda path: None, forgiving=True).read(text, wire.Chunk)


_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?Z")


def _seconds(time: str | None) -> int:
    """RFC 3339 in UTC, as Google writes it → unix seconds; 0 if there is none."""
    found = _TIME.fullmatch(time or "")
    return calendar.timegm(tuple(map(int, found.groups()))) if found else 0
