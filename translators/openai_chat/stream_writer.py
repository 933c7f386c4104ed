"""StreamWriter: events → the chunks a Chat Completions client reads.

What the official helpers ask for (seen with openai-python 3.54 and in the source of openai-node): the role once, id
and name of a call once, indexes from 0 without gaps, a finish_reason in every choice, usage in the last chunk only.

Source: OpenAI API reference, “Streaming”, read November 2026; extensions as OpenRouter and Google write them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from translators import losses
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
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageSeen,
)
from translators.fold import merge_usage
from translators.model import Failure, Usage
from translators.openai_chat import says
from translators.openai_chat.failure import error_object
from translators.openai_chat.says import (
    BAD_CALL,
    call_id,
    is_legacy,
    reply_id,
    write_annotation,
    write_detail,
    write_google,
)
from translators.openai_chat.usage import write_stop, write_tier, write_usage
from translators.parts import Citation, Seal

_encode = msgspec.json.Encoder().encode

_HEADS = {
    "text": b'{"content":',
    "refusal": b'{"refusal":',
    "thinking": b'{"reasoning_content":',
}


class _Choice:
    """A candidate as the client sees it. `head` is a chunk up to its delta."""

    def __init__(self, index: int, head: bytes) -> None:
        self.index = index
        self.head = head
        self.calls = self.details = self.annotations = self.images = 0
        self.length = 0  # code points of content so far
        self.reasoned = self.refused = self.spoke = self.finished = self.function = False
        self.seal: Seal | None = None
        self.audio = -1  # the block that is its one audio


class _Block:
    """An open block: `head` and `tail` stand around the text of a delta."""

    def __init__(self, opened: BlockOpened, choice: _Choice, head: bytes, tail: bytes) -> None:
        self.kind = opened.kind
        self.id = opened.id
        self.name = opened.name
        self.choice = choice
        self.head, self.tail = head, tail
        self.index = 0
        self.begin = choice.length
        self.said = False
        self.custom = opened.form == "text"
        self.part = -1
        self.pieces: list[str] = []
        self.mime = ""
        self.seal: Seal | None = None
        self.cited: list[Citation] = []


class StreamWriter:
    """One for each stream."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._legacy = is_legacy(asked)
        self._counting = asked.request is not None and asked.request.stream_usage
        self._start = b""
        self._end = b',"finish_reason":null}],"usage":null}\n\n' if self._counting else b',"finish_reason":null}]}\n\n'
        self._tail = b"}" + self._end
        self._choices: list[_Choice] = []
        self._blocks: dict[int, _Block] = {}
        self._spoken: dict[int, tuple[_Block, int]] = {}  # closed texts and their lengths: citations may come late
        self._usage: Usage | None = None
        self._over = False
        self._rest: dict[type[Event], Callable[[Any, list[bytes]], None]] = {
            Started: self._started,
            BlockOpened: self._opened,
            MediaDelta: self._media,
            Sealed: self._sealed,
            Cited: self._cited,
            BlockClosed: self._closed,
            UsageSeen: self._counted,
            Finished: self._finished,
            Ended: self._ended,
            Failed: self._failed,
        }

    def write(self, events: Sequence[Event]) -> bytes:
        """Write events. Hosted calls, their results and unknown blocks have no words here and say nothing."""
        out: list[bytes] = []
        for event in events:
            if type(event) is TextDelta:
                self._text(event, out)
            elif type(event) is ArgumentsDelta:
                self._arguments(event, out)
            elif type(event) is ThinkingDelta:
                self._thinking(event, out)
            elif not self._over and (writer := self._rest.get(type(event))) is not None:
                writer(event, out)
        return b"".join(out)

    def ping(self) -> bytes:
        """A comment: the official clients pass over it."""
        return b": keep-alive\n\n"

    # --- deltas -----------------------------------------------------------------------------------------------------

    def _text(self, event: TextDelta, out: list[bytes]) -> None:
        block = self._blocks.get(event.block)
        if block is None or block.kind not in ("text", "refusal"):
            return
        choice = block.choice
        if block.kind == "text":
            choice.length += len(event.text)
        elif event.text:
            choice.refused = True
        if event.logprobs is None:
            if event.text:
                choice.spoke = True
                out.append(block.head + _encode(event.text) + block.tail)
            return
        choice.spoke = True
        listed = b'},"logprobs":{"content":' + bytes(event.logprobs) + b',"refusal":null}'
        out.append(block.head + _encode(event.text) + listed + self._end)

    def _thinking(self, event: ThinkingDelta, out: list[bytes]) -> None:
        block = self._blocks.get(event.block)
        if block is None or block.kind != "thinking" or not event.text:
            return
        choice, text = block.choice, event.text
        if event.part != block.part:
            if block.pieces:
                block.pieces.append("\n\n")
                text = "\n\n" + text
            elif choice.reasoned:
                text = "\n\n" + text
            block.part = event.part
        choice.reasoned = choice.spoke = True
        block.pieces.append(event.text)
        out.append(block.head + _encode(text) + block.tail)

    def _arguments(self, event: ArgumentsDelta, out: list[bytes]) -> None:
        block = self._blocks.get(event.block)
        if block is None or block.kind != "tool" or not event.text:
            return
        block.said = True
        out.append(block.head + _encode(event.text) + block.tail)

    # --- the rest ---------------------------------------------------------------------------------------------------

    def _started(self, event: Started, out: list[bytes]) -> None:
        asked = self._asked
        about = {
            "id": reply_id(event.id, asked),
            "object": "chat.completion.chunk",
            "created": event.created or asked.now,
            "model": asked.model or event.model,
        }
        self._start = b"data: " + _encode(about)[:-1] + b',"choices":['
        self._choice(0, out)

    def _choice(self, index: int, out: list[bytes]) -> _Choice:
        """The choice `index`; the helpers want every choice to begin, with its role, in order of index."""
        while len(self._choices) <= index:
            choice = _Choice(len(self._choices), self._start + b'{"index":%d,"delta":' % len(self._choices))
            self._choices.append(choice)
            self._delta(choice, {"role": "assistant", "content": ""}, out)
        return self._choices[index]

    def _delta(self, choice: _Choice, delta: dict[str, Any], out: list[bytes]) -> None:
        out.append(choice.head + _encode(delta) + self._end)

    def _opened(self, event: BlockOpened, out: list[bytes]) -> None:
        choice = self._choice(event.candidate, out)
        head = _HEADS.get(event.kind)
        block = _Block(event, choice, choice.head + head if head else b"", self._tail)
        if event.kind == "tool":
            self._open_call(event, block, out)
        elif event.kind == "image":
            block.index = choice.images
            choice.images += 1
        elif event.kind == "audio" and choice.audio < 0:
            choice.audio = event.block
        elif event.kind == "audio":
            block.kind, block.name = "unknown", says.SECOND_AUDIO
        self._blocks[event.block] = block
        if event.seal is not None and event.kind != "tool":
            self._sealed(Sealed(event.block, event.seal), out)

    def _open_call(self, event: BlockOpened, block: _Block, out: list[bytes]) -> None:
        choice = block.choice
        choice.spoke = True
        block.seal = event.seal
        if self._legacy and not block.custom:
            if choice.function:
                # A choice has one function_call; the reader of such requests asks for one.
                block.kind, block.name = "unknown", says.SECOND_CALL
                return
            choice.function = True
            block.head = choice.head + b'{"function_call":{"arguments":'
            block.tail = b"}}" + self._end
            self._delta(choice, {"function_call": {"name": event.name, "arguments": ""}}, out)
            return
        block.index = choice.calls
        choice.calls += 1
        member, text = ("custom", "input") if block.custom else ("function", "arguments")
        piece: dict[str, Any] = {"index": block.index, "id": call_id(event.id), "type": member}
        piece[member] = {"name": event.name, text: ""}
        if event.seal is not None:
            piece["extra_content"] = write_google(event.seal)
        self._delta(choice, {"tool_calls": [piece]}, out)
        block.head = choice.head + b'{"tool_calls":[{"index":%d,"%s":{"%s":' % (
            block.index,
            member.encode(),
            text.encode(),
        )
        block.tail = b"}}]}" + self._end

    def _media(self, event: MediaDelta, out: list[bytes]) -> None:
        block = self._blocks.get(event.block)
        if block is None:
            return
        block.choice.spoke = True
        if block.kind == "image":
            block.mime = event.mime or block.mime
            block.pieces.append(event.data)
        elif block.kind == "audio":
            audio = {"id": block.id} if not block.said else {}
            audio |= {"data": event.data} if event.data else {}
            audio |= {"transcript": event.transcript} if event.transcript else {}
            block.said = True
            self._delta(block.choice, {"audio": audio}, out)

    def _sealed(self, event: Sealed, out: list[bytes]) -> None:
        block = self._blocks.get(event.block)
        if block is None:
            return
        if block.kind == "thinking":
            block.seal = event.seal
        elif block.kind == "text":
            block.choice.seal = event.seal
        elif block.kind == "tool" and block.seal is None and not self._legacy:
            block.seal = event.seal
            # The official helper wants the member of its kind in every piece, empty or not.
            empty = {"custom": {"input": ""}} if block.custom else {"function": {"arguments": ""}}
            piece = {"index": block.index, **empty, "extra_content": write_google(event.seal)}
            self._delta(block.choice, {"tool_calls": [piece]}, out)

    def _cited(self, event: Cited, out: list[bytes]) -> None:
        block = self._blocks.get(event.block)
        spoken, length = self._spoken.get(event.block, (None, 0))
        if (block or spoken) is not None and not event.citation.url:
            self._asked.ledger.lose(f"blocks[{event.block}].citations", losses.CITATIONS)
        elif block is not None and block.kind == "text":
            block.cited.append(event.citation)
        elif spoken is not None:  # it comes late
            self._annotate(spoken, [event.citation], length, out)

    def _closed(self, event: BlockClosed, out: list[bytes]) -> None:
        block = self._blocks.pop(event.block, None)
        if block is None:
            return
        choice = block.choice
        if block.kind in says.UNSAID:
            self._asked.ledger.lose(f"blocks[{event.block}]", losses.no_place(block.name or block.kind), semantic=True)
        elif block.kind == "tool" and not block.said and not block.custom:
            out.append(block.head + b'"{}"' + block.tail)
        elif block.kind == "thinking" and block.seal is not None:
            detail = write_detail("".join(block.pieces), block.seal, choice.details)
            choice.details += 1
            self._delta(choice, {"reasoning_details": [detail]}, out)
        elif block.kind == "image" and block.pieces:
            url = f"data:{block.mime};base64,{''.join(block.pieces)}"
            image = {"index": block.index, "type": "image_url", "image_url": {"url": url}}
            self._delta(choice, {"images": [image]}, out)
        elif block.kind == "text":
            length = choice.length - block.begin
            self._spoken[event.block] = (block, length)
            if block.cited:
                self._annotate(block, block.cited, length, out)

    def _annotate(self, block: _Block, cited: list[Citation], length: int, out: list[bytes]) -> None:
        choice = block.choice
        listed = [
            {"index": choice.annotations + place, **write_annotation(citation, block.begin, length)}
            for place, citation in enumerate(cited)
        ]
        choice.annotations += len(listed)
        self._delta(choice, {"annotations": listed}, out)

    # --- ends -------------------------------------------------------------------------------------------------------

    def _counted(self, event: UsageSeen, out: list[bytes]) -> None:
        self._usage = merge_usage(self._usage, event.usage)

    def _finished(self, event: Finished, out: list[bytes]) -> None:
        choice, stop = self._choice(event.candidate, out), event.stop
        if stop.reason == "bad_call" and not choice.spoke:
            self._fail(BAD_CALL, out)
            return
        if choice.seal is not None:
            self._delta(choice, {"extra_content": write_google(choice.seal)}, out)
        if stop.reason == "refusal" and not choice.refused and not choice.length and stop.explanation:
            self._delta(choice, {"refusal": stop.explanation}, out)
        elif stop.explanation:
            self._asked.ledger.lose(f"candidates[{event.candidate}].stop", losses.EXPLANATION)
        word = write_stop(stop, choice.refused, called=choice.function or choice.calls > 0)
        if choice.function and word == "tool_calls":
            word = "function_call"
        self._finish(choice, word, out)

    def _finish(self, choice: _Choice, word: str, out: list[bytes]) -> None:
        choice.finished = True
        out.append(choice.head + b"{}" + self._end.replace(b"null", _encode(word), 1))

    def _ended(self, event: Ended, out: list[bytes]) -> None:
        for choice in self._choices:
            if not choice.finished:  # begun only because a later one did
                self._finish(choice, "stop", out)
        if self._counting:
            counts = b'],"usage":' + _encode(write_usage(self._usage))
            if tier := write_tier(self._usage):
                counts += b',"service_tier":' + _encode(tier)
            out.append(self._start + counts + b"}\n\n")
        out.append(b"data: [DONE]\n\n")
        self._stop()

    def _failed(self, event: Failed, out: list[bytes]) -> None:
        self._fail(event.failure, out)

    def _fail(self, failure: Failure, out: list[bytes]) -> None:
        """An error line and nothing after it: no finish_reason, so that nobody takes the rest for an answer."""
        out.append(b"data: " + _encode(error_object(failure)) + b"\n\n")
        self._stop()

    def _stop(self) -> None:
        self._over = True
        self._blocks.clear()
