"""Pieces of choices → events. One state for streams and whole answers: a whole message is one large delta.

Text, refusal and reasoning of a choice follow one another: a piece of another kind closes the block that is open.
Tool calls may be open side by side. A call is opened when its first arguments, another block or the end shows that
its name is complete; until then it is held.
"""

from translators.events import (
    MOST_CANDIDATES,
    BlockClosed,
    BlockOpened,
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    Kind,
    MediaDelta,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageSeen,
)
from translators.halves import join_halves
from translators.logprobs import sound
from translators.model import Failure
from translators.names import made_id
from translators.openai_chat.answer import AnswerChoice, Chunk, Delta, LogprobsWire
from translators.openai_chat.calls import Calls
from translators.openai_chat.failure import read_error
from translators.openai_chat.media import read_url, standard_base64
from translators.openai_chat.messages import detail_seal, google_seal, read_citation, thinking_text
from translators.openai_chat.usage import FAILURES, read_stop, read_usage
from translators.openai_chat.wire import Annotation, Detail, Part, given
from translators.parts import Inline, Seal


class Candidate:
    """One choice while it is being read."""

    def __init__(self, index: int, assembly: "Assembly") -> None:
        self.index = index
        self.block = -1  # the open block that is no tool, or −1
        self.kind: Kind = "text"
        self.length = 0  # code points of visible text so far
        self.text = -1  # the last text block, or −1
        self.begin = 0  # of the visible text, before that
        self.detail: int | None = None  # index of the reasoning detail the open block is made of
        self.sealed = False
        self.refused = False
        self.finish: str | None = None
        self.calls = Calls(index, assembly)
        self._assembly = assembly
        self._plain: list[str] = []  # of the open reasoning block, what came as reasoning_content
        self._held: dict[Kind, str] = {}  # half a character at the end of a piece

    # --- pieces -----------------------------------------------------------------------------------------------------

    def take(self, delta: Delta, logprobs: LogprobsWire | None, out: list[Event]) -> None:
        """Read one delta: reasoning, content with its citations, refusal, calls, media, in this order."""
        thought = delta.extra_content is not None and _is_thought(delta)
        if delta.reasoning_details:
            self._details(delta, out)
        elif delta.reasoning_content or delta.reasoning:
            self._think(delta.reasoning_content or delta.reasoning or "", out)
        content = delta.content
        if content or logprobs is not None:
            if isinstance(content, list):
                for part in content:
                    self._part(part, out)
            elif thought:
                self._think(content or "", out)
            else:
                self._say(content or "", logprobs, out)
        if delta.annotations:
            self._cite(delta.annotations, out)
        if delta.refusal:
            self.refused = True
            if self.kind != "refusal" or self.block < 0:
                self.switch("refusal", out)
            out.append(TextDelta(self.block, self._whole("refusal", delta.refusal)))
        if delta.tool_calls:
            for piece in delta.tool_calls:
                self.calls.take(piece, out)
        if delta.function_call is not None:
            self.calls.take_legacy(delta.function_call, out)
        if delta.audio is not None or delta.images:
            self._media(delta, out)
        if delta.extra_content is not None:
            self._attach(delta, thought, out)

    def _say(self, text: str, logprobs: LogprobsWire | None, out: list[Event]) -> None:
        listed = sound(given(logprobs.content)) if logprobs is not None else None
        if not text and listed is None:
            return
        if self.kind != "text" or self.block < 0:
            self.switch("text", out)
            self.begin, self.text = self.length, self.block
        if self._assembly.torn:
            text = self._whole("text", text)
        self.length += len(text)
        out.append(TextDelta(self.block, text, listed))

    def _think(self, text: str, out: list[Event]) -> None:
        if not text:
            return
        if self.kind != "thinking" or self.block < 0 or self.sealed:
            if self.sealed and self.kind == "thinking":
                text = text.removeprefix("\n\n")  # what joins two blocks in one string belongs to neither
            self.switch("thinking", out)
        if self._assembly.torn:
            text = self._whole("thinking", text)
        self._plain.append(text)
        out.append(ThinkingDelta(self.block, text, full=True))

    def _part(self, part: Part, out: list[Event]) -> None:
        """A part of a content list: only what Mistral and its like send is read."""
        if part.type == "thinking":
            self._think(thinking_text(part.thinking), out)
        elif part.text:
            self._say(part.text, None, out)

    def _details(self, delta: Delta, out: list[Event]) -> None:
        details = delta.reasoning_details or []
        plain = delta.reasoning_content or delta.reasoning
        if plain and not any(detail.text or detail.summary for detail in details):
            self._think(plain, out)
        for detail in details:
            self._detail(detail, out)

    def _detail(self, detail: Detail, out: list[Event]) -> None:
        text, seal = detail.text or detail.summary, detail_seal(detail)
        if not text and seal is None:
            return
        thinking = self.block >= 0 and self.kind == "thinking"
        other = detail.index is not None and self.detail is not None and detail.index != self.detail
        if not thinking or (other and text) or (seal is not None and self.sealed):
            self.switch("thinking", out)
        self.detail = detail.index if detail.index is not None else self.detail
        if text and self._plain:  # a sealed block repeats what reasoning_content has said of it
            text = text.removeprefix("".join(self._plain))
        if text:
            if self._assembly.torn:
                text = self._whole("thinking", text)
            out.append(ThinkingDelta(self.block, text, full=detail.summary is None))
        if seal is not None:
            self.sealed = True
            out.append(Sealed(self.block, seal))

    def _media(self, delta: Delta, out: list[Event]) -> None:
        audio = delta.audio
        if audio is not None and (audio.id or audio.data or audio.transcript):
            if self.kind != "audio" or self.block < 0:
                self.switch("audio", out, audio.id or "")
            if audio.data or audio.transcript:
                data = standard_base64(audio.data or "")
                out.append(MediaDelta(self.block, self._assembly.audio_mime, data, audio.transcript or ""))
        for image in delta.images or []:
            source = read_url(image.image_url.url, "$.images") if image.image_url is not None else None
            if isinstance(source, Inline):
                self.switch("image", out)
                out.append(MediaDelta(self.block, source.mime, source.data))

    def _cite(self, annotations: list[Annotation], out: list[Event]) -> None:
        """Citations belong to the latest text block, which may be over."""
        if self.text >= 0:
            for annotation in annotations:
                citation = read_citation(annotation, self.begin)
                if citation is not None:
                    out.append(Cited(self.text, citation))

    def _attach(self, delta: Delta, thought: bool, out: list[Event]) -> None:
        """Google's signature belongs to the open text block (the signature of a thought to that)."""
        seal: Seal | None = google_seal(delta.extra_content)
        if seal is not None and self.calls.any() and not delta.content:
            self.calls.seal(seal, out)
        elif seal is not None:
            kind: Kind = "thinking" if thought else "text"
            if self.block < 0 or self.kind != kind:
                self.switch(kind, out)
            out.append(Sealed(self.block, seal))

    # --- blocks -----------------------------------------------------------------------------------------------------

    def switch(self, kind: Kind, out: list[Event], identifier: str = "") -> None:
        """Close what must be over before a block of `kind` begins, and open that."""
        self.close(out)
        self.calls.settle(out)
        self.block, self.kind = self._assembly.number(), kind
        self.sealed, self.detail = False, None
        self._plain = []
        out.append(BlockOpened(self.block, kind, identifier, candidate=self.index))

    def close(self, out: list[Event], complete: bool = True) -> None:
        """Close the open block, if any; half a character that is still held can no longer become whole."""
        if self.block < 0:
            return
        if self._held.pop(self.kind, ""):
            lost = ThinkingDelta if self.kind == "thinking" else TextDelta
            out.append(lost(self.block, "\ufffd"))
        out.append(BlockClosed(self.block, complete))
        self.block = -1

    def _whole(self, kind: Kind, text: str) -> str:
        if not self._assembly.torn:
            return text
        text, held = join_halves(self._held.pop(kind, "") + text)
        if held:
            self._held[kind] = held
        return text

    def spoke(self) -> bool:
        """Whether anything was said in this choice."""
        return self.block >= 0 or self.length > 0 or self.refused or self.calls.any()


class Assembly:
    """All choices of one answer."""

    audio_mime = "audio/wav"

    def __init__(self) -> None:
        self.started = False
        self.over = False
        self.torn = False
        self.reply_id = ""
        self._next = 0
        self._tier = ""
        self._candidates: dict[int, Candidate] = {}

    def number(self) -> int:
        """The next block number."""
        self._next += 1
        return self._next - 1

    def call_id(self, ordinal: int, name: str) -> str:
        """An id for a call that came without one: the answer's own id keeps it apart from other turns' calls."""
        return made_id(ordinal, name, self.reply_id)

    def take(self, chunk: Chunk, out: list[Event], whole: bool = False) -> None:
        """Read one chunk. A chunk without id and choices (Azure's prompt filter) starts nothing."""
        choices = chunk.choices
        if chunk.error and (error := given(chunk.error)) is not None:
            self.fail(read_error(error), out)
            return
        if not self.started and (choices or chunk.id):
            self.started = True
            self.reply_id = chunk.id or ""
            out.append(Started(self.reply_id, chunk.model or "", int(chunk.created or 0)))
        if choices:
            for choice in choices:
                self._choice(choice, out, whole)
                if self.over:
                    return
        if chunk.service_tier:
            self._tier = chunk.service_tier
        usage = chunk.usage or (chunk.x_groq.usage if chunk.x_groq is not None else None)
        if usage is not None and self.started:
            out.append(UsageSeen(read_usage(usage, self._tier)))

    def _choice(self, choice: AnswerChoice, out: list[Event], whole: bool) -> None:
        index = index_of(choice)
        candidate = self._candidates.get(index)
        if candidate is None:
            candidate = self._candidates[index] = Candidate(index, self)
        delta = choice.delta
        if delta is None or whole:  # some hosts close a stream with the whole message: news only if nothing was said
            delta = choice.message if whole or not candidate.spoke() else None
            delta = delta or choice.delta
        if delta is not None:
            candidate.take(delta, choice.logprobs, out)
        finish = choice.finish_reason
        if finish:
            error = given(choice.error)
            if error is not None or finish in FAILURES:
                kind = FAILURES.get(finish, "upstream")
                said = Failure(kind=kind, message=f"the upstream ended with finish_reason {finish!r}", code=finish)
                self.fail(read_error(error) if error is not None else said, out)
                return
            candidate.finish = finish

    def close_block(self, index: int, out: list[Event]) -> None:
        """Close the open block of a choice that is no tool: a call begins."""
        self._candidates[index].close(out)

    # --- ends -------------------------------------------------------------------------------------------------------

    def conclude(self, index: int) -> None:
        """A whole answer is whole even if it says no finish_reason."""
        self._candidates[index].finish = ""

    def finished(self) -> bool:
        """Whether a finish_reason was seen in every choice that began."""
        return bool(self._candidates) and all(c.finish is not None for c in self._candidates.values())

    def end(self, out: list[Event]) -> None:
        """The answer is over: close everything and say why it ended, unless what was said shows that it was cut."""
        if self.over:
            return
        if not self.started or not self._candidates:
            self.fail(Failure(kind="truncated", message="the upstream's answer is empty"), out)
            return
        candidates = [self._candidates[index] for index in sorted(self._candidates)]
        cut = next((c for c in candidates if c.finish is None and (c.calls.unfinished() or not c.spoke())), None)
        if cut is not None:
            self.fail(Failure(kind="truncated", message="the upstream ended its answer without finishing it"), out)
            return
        for candidate in candidates:
            candidate.close(out)
            candidate.calls.close(out, cut=read_stop(candidate.finish, candidate.refused).reason == "length")
        if any(candidate.calls.nameless for candidate in candidates):
            self.fail(Failure(kind="upstream", message="the upstream sent a tool call without a name"), out)
            return
        for candidate in candidates:
            out.append(Finished(read_stop(candidate.finish, candidate.refused), candidate.index))
        out.append(Ended())
        self.over = True

    def fail(self, failure: Failure, out: list[Event]) -> None:
        """The answer broke: close what is open as incomplete."""
        if self.over:
            return
        for _, candidate in sorted(self._candidates.items()):
            candidate.close(out, complete=False)
            candidate.calls.abandon(out)
        out.append(Failed(failure))
        self.over = True


def index_of(choice: AnswerChoice) -> int:
    """The index of a choice; one out of range is none."""
    index = choice.index or 0
    return index if 0 <= index < MOST_CANDIDATES else 0


def _is_thought(delta: Delta) -> bool:
    extra = delta.extra_content
    return extra is not None and extra.google is not None and extra.google.thought is True and not delta.tool_calls
