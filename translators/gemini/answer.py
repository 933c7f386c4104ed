"""Events → parts of an answer, for streams and for whole answers alike.

What official clients demand shapes this (google-genai for Python 3.4 and JavaScript 3.1, tried November 2026): a call
stands whole in one part; an empty text part may stand only where a stream ends; thoughts are shown only to those who
asked. A seal of another vendor travels in the thoughtSignature of the next call or visible text, because clients
must echo that one and may drop thoughts.
"""

from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from translators import losses
from translators.dialect import Asked
from translators.events import (
    ArgumentsDelta,
    BlockClosed,
    BlockOpened,
    Cited,
    Event,
    Finished,
    MediaDelta,
    Native,
    Sealed,
    TextDelta,
    ThinkingDelta,
    UsageSeen,
)
from translators.fold import merge_usage
from translators.gemini.grounding import grounding_of
from translators.gemini.media import VENDOR
from translators.gemini.stops import write_block, write_stop, write_usage
from translators.gemini.turns import args_of
from translators.model import Stop, Usage
from translators.parts import Citation, Seal
from translators.seals import wrap_base64

type Written = dict[str, Any]


class _Block:
    """An open block, and of a text what citations need."""

    def __init__(self, opened: BlockOpened) -> None:
        self.opened = opened
        self.texts: list[str] = []
        self.seal = opened.seal
        self.part = 0  # summary part of the last thought
        self.mime = ""
        self.transcribed = False
        self.native: Raw | None = None
        self.cited: list[Citation] = []
        self.over = False
        self.place = 0  # the part it has become
        self.waiting: list[Event] = []  # what came while an earlier block was open


class _Candidate:
    """What one candidate has said so far."""

    def __init__(self) -> None:
        self.waiting: list[Seal] = []  # of other vendors, for the next part that is sure to be echoed
        self.held: Seal | None = None  # Google's, of an empty text or of one whose text has left already
        self.queue: list[_Block] = []  # in their order; what is said of the first may leave, the rest waits
        self.parts = 0
        self.cited: list[tuple[int, str, list[Citation]]] = []
        self.queries: list[str] = []
        self.logprobs: list[dict[str, Any]] = []
        self.stop: Stop | None = None


class Answer:
    """Assembles the parts. whole: each part once, complete; else texts leave as they come."""

    def __init__(self, asked: Asked, whole: bool) -> None:
        reasoning = asked.request.reasoning if asked.request is not None else None
        self.shows_thoughts = reasoning is not None and reasoning.show not in (None, "none")
        self.whole = whole
        self.ledger = asked.ledger
        self.usage: Usage | None = None
        self.blocks: dict[int, _Block] = {}
        self.candidates: dict[int, _Candidate] = {}

    def plain(self, block: int) -> bool:
        """Whether a text of this block may leave as it is, with nothing before it or on it."""
        found = self.blocks.get(block)
        if found is None or found.opened.kind != "text":
            return False
        state = self.candidates[found.opened.candidate]
        return state.queue[0] is found and state.held is None and not state.waiting

    def take(self, event: Event) -> list[tuple[int, Written | Raw]]:
        """Take an event; give the parts it completes, each with its candidate."""
        match event:
            case BlockOpened():
                block = self.blocks[event.block] = _Block(event)
                self.candidates.setdefault(event.candidate, _Candidate()).queue.append(block)
            case UsageSeen():
                self.usage = merge_usage(self.usage, event.usage)
            case Finished():
                self.candidates.setdefault(event.candidate, _Candidate()).stop = event.stop
            case ArgumentsDelta():
                self.argue(event)
            case TextDelta() | ThinkingDelta() | MediaDelta() | Sealed() | Cited() | Native() | BlockClosed():
                block = self.blocks[event.block]
                state = self.candidates[block.opened.candidate]
                queue = state.queue
                if block.over:  # a citation that comes late
                    if isinstance(event, Cited):
                        state.cited.append((block.place, "".join(block.texts), [event.citation]))
                    return []
                block.waiting.append(event)
                return self._advance(queue) if queue[0] is block else []
            case _:
                pass
        return []

    def argue(self, event: ArgumentsDelta) -> None:
        """More of a call. It leaves whole, so its turn does not matter yet."""
        self.blocks[event.block].texts.append(event.text)

    def _advance(self, queue: list[_Block]) -> list[tuple[int, Written | Raw]]:
        """Say what is waiting, block after block, up to one that is still open. So streams keep the order of blocks."""
        found: list[tuple[int, Written | Raw]] = []
        while queue:
            block = queue[0]
            waiting, block.waiting = block.waiting, []
            for event in waiting:
                found += self._say(block, event)
            if not waiting or not isinstance(waiting[-1], BlockClosed):
                break
            queue.pop(0)
        return found

    def _say(self, block: _Block, event: Event) -> list[tuple[int, Written | Raw]]:
        match event:
            case TextDelta() | ThinkingDelta():
                return self._said(block, event)
            case BlockClosed():
                return self._closed(block, event)
            case Sealed():
                block.seal = event.seal
            case Cited():
                block.cited.append(event.citation)
            case Native():
                block.native = event.raw
            case MediaDelta():
                block.texts.append(event.data)
                block.mime = event.mime or block.mime
                block.transcribed = block.transcribed or bool(event.transcript)
            case _:
                pass
        return []

    def ending(self, index: int) -> tuple[list[Written], Written]:
        """What a candidate's last chunk holds: signatures that found no part, and the members beside `content`."""
        state = self.candidates[index]
        seals = [*state.waiting, *([state.held] if state.held is not None else [])]
        state.waiting, state.held = [], None
        beside: Written = {"finishReason": write_stop(state.stop)} if state.stop is not None else {}
        if state.stop is not None and state.stop.explanation:
            beside["finishMessage"] = state.stop.explanation
        grounding = grounding_of(state.cited, state.queries)
        if grounding is not None:
            beside["groundingMetadata"] = grounding
        if state.logprobs:
            beside["logprobsResult"] = _logprobs(state.logprobs)
        return ([{"text": "", "thoughtSignature": _signature(seals)}] if seals else []), beside

    def finished(self) -> list[int]:
        """The candidates that have ended, in order."""
        return [index for index, state in sorted(self.candidates.items()) if state.stop is not None]

    def prompt_feedback(self) -> Written | None:
        """The promptFeedback, if the prompt was refused and nothing was said."""
        if len(self.candidates) != 1:
            return None
        (state,) = self.candidates.values()
        if state.stop is None or state.stop.reason != "filter_prompt" or state.parts:
            return None
        message = {"blockReasonMessage": state.stop.explanation} if state.stop.explanation else {}
        return {"blockReason": write_block(state.stop), **message}

    def _said(self, block: _Block, event: TextDelta | ThinkingDelta) -> list[tuple[int, Written | Raw]]:
        state = self.candidates[block.opened.candidate]
        text = event.text
        if isinstance(event, ThinkingDelta):
            if event.part != block.part and block.texts:
                text = f"\n\n{text}"
            block.part = event.part
        elif event.logprobs is not None:
            state.logprobs += msgspec.json.decode(event.logprobs)
        block.texts.append(text)
        if self.whole or not text:
            return []
        if block.opened.kind == "thinking":
            if not self.shows_thoughts:
                return []
            return self._out(block, {"text": text, "thought": True}, carries=False)
        return self._out(block, {"text": text}, carries=True)

    def _out(self, block: _Block, part: Written | Raw, *, carries: bool) -> list[tuple[int, Written | Raw]]:
        """A part on its way out: what was held goes first, what was waiting on it if it `carries`."""
        index = block.opened.candidate
        state = self.candidates[index]
        found: list[tuple[int, Written | Raw]] = []
        if state.held is not None:
            found.append((index, {"text": "", "thoughtSignature": state.held.data}))
            state.held = None
        if carries and state.waiting and isinstance(part, dict):
            own = [Seal("signature", part["thoughtSignature"], VENDOR)] if "thoughtSignature" in part else []
            part["thoughtSignature"] = _signature([*state.waiting, *own])
            state.waiting = []
        state.parts += 1
        found.append((index, part))
        return found

    def _closed(self, block: _Block, event: BlockClosed) -> list[tuple[int, Written | Raw]]:
        block.over = True
        match block.opened.kind:
            case "text" | "refusal":
                return self._text_over(block)
            case "thinking":
                return self._thought_over(block)
            case "tool":
                return self._call_over(block, event.complete)
            case "hosted" | "hosted_result" | "unknown":
                return self._hosted_over(block)
            case "image" | "audio":
                if block.transcribed:
                    self.ledger.lose(f"blocks[{block.opened.block}].transcript", "no field beside the audio itself")
                if not any(block.texts):
                    return []
                part: Written = {"inlineData": {"mimeType": block.mime, "data": "".join(block.texts)}}
                if block.seal is not None and block.seal.vendor == VENDOR:
                    part["thoughtSignature"] = block.seal.data
                return self._out(block, part, carries=False)

    def _text_over(self, block: _Block) -> list[tuple[int, Written | Raw]]:
        state = self.candidates[block.opened.candidate]
        text, seal = "".join(block.texts), block.seal
        native = seal is not None and seal.vendor == VENDOR
        found: list[tuple[int, Written | Raw]] = []
        if self.whole and (text or native):
            part: Written = {"text": text}
            if native and seal is not None:
                part["thoughtSignature"] = seal.data
            found = self._out(block, part, carries=True)
        elif native:
            if state.held is not None:
                found.append((block.opened.candidate, {"text": "", "thoughtSignature": state.held.data}))
            state.held = seal
        if seal is not None and not native:
            state.waiting.append(seal)
        block.place = max(0, state.parts - 1)
        if block.cited and text:
            state.cited.append((block.place, text, block.cited))
        return found

    def _thought_over(self, block: _Block) -> list[tuple[int, Written | Raw]]:
        state = self.candidates[block.opened.candidate]
        text, seal = "".join(block.texts), block.seal
        native = seal is not None and seal.vendor == VENDOR and self.shows_thoughts
        if seal is not None and not native:
            item = seal.item or block.opened.item
            state.waiting.append(replace(seal, place="ahead", text=text, item=item))
        part: Written = {"text": text if self.whole else "", "thought": True}
        if native and seal is not None:
            part["thoughtSignature"] = seal.data
        if self.shows_thoughts and (native or (self.whole and text)):
            return self._out(block, part, carries=False)
        return []

    def _call_over(self, block: _Block, complete: bool) -> list[tuple[int, Written | Raw]]:
        opened, seal = block.opened, block.seal
        args, rule = args_of("".join(block.texts), opened.form)
        if rule == "arguments-not-json" and not complete:
            self.ledger.lose(f"blocks[{opened.block}]", losses.CUT_CALL, semantic=True)
            return []  # cut short: half a call must not be run
        part: Written = {"functionCall": {"id": opened.id, "name": opened.name, "args": args}}
        if seal is not None and seal.vendor == VENDOR:
            part["thoughtSignature"] = seal.data
        elif seal is not None:
            self.candidates[opened.candidate].waiting.append(replace(seal, place="self"))
        return self._out(block, part, carries=True)

    def _hosted_over(self, block: _Block) -> list[tuple[int, Written | Raw]]:
        opened = block.opened
        native = opened.vendor == (VENDOR if opened.kind != "unknown" else "gemini")
        if native and block.native is not None and bytes(block.native) != b"{}":  # a part must hold something
            return self._out(block, block.native, carries=False)
        if opened.kind == "hosted" and opened.name == "web_search":
            queries = _queries("".join(block.texts))
            self.candidates[opened.candidate].queries += queries
            if queries:
                return []
        self.ledger.lose(f"blocks[{opened.block}]", losses.no_place(opened.name or opened.kind), semantic=True)
        return []

    def usage_metadata(self) -> Written:
        """The counts; zeros where the upstream said none."""
        return write_usage(self.usage or Usage())


def _signature(seals: list[Seal]) -> str:
    """thoughtSignature of seals: Google's own as it is, all else in an envelope."""
    if len(seals) == 1 and seals[0].vendor == VENDOR and seals[0].place == "self":
        return seals[0].data
    return wrap_base64(*seals)


class _Search(msgspec.Struct):
    query: str = ""
    queries: list[str] = []


_search = msgspec.json.Decoder(_Search)


def _queries(text: str) -> list[str]:
    """What a hosted search looked for."""
    try:
        found = _search.decode(text.encode())
    except (msgspec.DecodeError, ValueError):
        return []
    return found.queries or ([found.query] if found.query else [])


def _logprobs(tokens: list[dict[str, Any]]) -> Written:
    chosen = [_token(token) for token in tokens]
    tops = [{"candidates": [_token(other) for other in token.get("top_logprobs") or []]} for token in tokens]
    return {"chosenCandidates": chosen, "topCandidates": tops}


def _token(token: dict[str, Any]) -> Written:
    return {"token": token.get("token", ""), "logProbability": token.get("logprob", 0.0)}
