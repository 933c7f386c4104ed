"""A Responses stream, written.

Message items hold texts that follow one another; everything else is an item of its own. Items may be open side by side
(parallel calls), each with its output_index in the order of opening. What another vendor sealed travels in reasoning
items (seals.py): before the call it belongs to, after the text it belongs to, or in the thinking itself.

Source: OpenAI API reference, “Streaming events”; what openai-python 3.54 and openai-node 7.57 accept, November 2026.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from translators import losses, seals
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
from translators.openai_responses import hosted
from translators.openai_responses.echo import Envelope, end_of
from translators.openai_responses.emission import (
    Block,
    Call,
    Emission,
    Fixed,
    Message,
    Reasoning,
    TextPart,
    delta_frame,
    on_one_line,
)
from translators.openai_responses.failure import error_in_response
from translators.openai_responses.input import annotation
from translators.openai_responses.items import EMPTY, NAME, VENDOR
from translators.openai_responses.usage import write_tier, write_usage
from translators.parts import Citation


class StreamWriter:
    """Events → the client's bytes. One for each stream; `whole` is the final response object once it was written."""

    def __init__(self, asked: Asked) -> None:
        self.whole = b""
        self._ledger = asked.ledger
        self._envelope = Envelope(asked)
        self._emission = Emission(asked.seed)
        self._begun = False
        self._over = False
        self._blocks: dict[int, Block] = {}
        self._message: Message | None = None
        self._cut: list[Call] = []  # calls whose arguments were cut; said to be done only if the answer has an end
        self._hosted: dict[str, Fixed] = {}  # calls of other vendors that wait for their result
        self._refused = False
        self._usage: Usage | None = None
        self._stop = Stop(reason="other")
        self._verbs: dict[type[Event], Callable[[Any], None]] = {
            Started: self._start,
            BlockOpened: self._open,
            TextDelta: self._text,
            ThinkingDelta: self._think,
            ArgumentsDelta: self._argue,
            MediaDelta: self._media,
            Sealed: self._seal,
            Cited: self._cite,
            Native: self._native,
            BlockClosed: self._close,
            UsageSeen: self._count,
            Finished: self._finish,
            Ended: self._end,
            Failed: lambda event: self._fail(event.failure),
        }

    def write(self, events: Sequence[Event]) -> bytes:
        """Write events; nothing after the end."""
        for event in events:
            if self._over:
                break
            self._verbs[type(event)](event)
        return self._emission.take()

    def ping(self) -> bytes:
        """A comment: every Responses client passes over it."""
        return b": keep-alive\n\n"

    # --- begin and end ---

    def _start(self, event: Started) -> None:
        if not self._begun:
            self._envelope.begin(event.id, event.created)
            self._begin()

    def _begin(self) -> None:
        self._begun = True
        response = Raw(self._envelope.response("in_progress", []))
        self._emission.event("response.created", response=response)
        self._emission.event("response.in_progress", response=response)

    def _count(self, event: UsageSeen) -> None:
        self._usage = merge_usage(self._usage, event.usage)

    def _finish(self, event: Finished) -> None:
        if event.candidate == 0:
            self._stop = event.stop
            if event.stop.explanation:
                self._ledger.lose("candidates[0].stop", losses.EXPLANATION)
        else:
            self._ledger.lose(f"candidates[{event.candidate}]", losses.CANDIDATES, semantic=True)

    def _end(self, _event: Ended) -> None:
        for number in list(self._blocks):
            self._close(BlockClosed(number, complete=False))
        status, reason = end_of(self._stop, refused=self._refused)
        if status == "failed":
            self._fail(Failure(kind="upstream", message=f"the model made an unusable call ({self._stop.native})"))
            return
        for item in self._hosted.values():
            self._emission.done(item, "completed")
        for call in self._cut:
            self._emission.done(call, "incomplete")
        self._end_message("incomplete" if status == "incomplete" else "completed")
        self._last(f"response.{status}", status, reason=reason)

    def _fail(self, failure: Failure) -> None:
        if not self._begun:
            self._begin()
        self._last("response.failed", "failed", error=error_in_response(failure))

    def _last(self, tag: str, status: str, *, reason: str = "", error: dict[str, Any] | None = None) -> None:
        self._over = True
        self.whole = self._envelope.response(
            status,
            self._emission.output(),
            usage=write_usage(self._usage),
            error=error,
            reason=reason,
            tier=write_tier(self._usage),
        )
        self._emission.event(tag, response=Raw(self.whole))

    # --- blocks ---

    def _open(self, event: BlockOpened) -> None:
        if event.candidate:
            return  # Responses has one answer
        block = self._blocks[event.block] = Block(event)
        if event.kind == "tool":
            self._end_message()
            if event.seal is not None:
                self._emission.carry(event.seal, "next")
            custom = event.form == "text"
            ident = self._emission.identify("ctc" if custom else "fc", event.item)
            block.item = Call(ident, event, custom=custom)
            self._emission.add(block.item)
        else:
            block.seal = event.seal

    def _close(self, event: BlockClosed) -> None:
        block = self._blocks.pop(event.block, None)
        if block is None:
            return
        match block.opened.kind:
            case "text" | "refusal":
                self._close_text(block)
            case "thinking":
                self._close_thinking(block, complete=event.complete)
            case "tool":
                self._close_call(block, complete=event.complete)
            case "image":
                self._show_image(block)
            case "hosted" | "hosted_result":
                self._close_hosted(block)
            case "unknown" if block.native is not None and block.opened.vendor == NAME:
                self._add_fixed(block.opened.item, block.native)
            case _:  # audio, and what only another dialect knows
                self._lose(block)

    def _lose(self, block: Block) -> None:
        opened = block.opened
        self._ledger.lose(f"blocks[{opened.block}]", losses.no_place(opened.name or opened.kind), semantic=True)

    def _native(self, event: Native) -> None:
        if (block := self._blocks.get(event.block)) is not None:
            block.native = event.raw

    def _add_fixed(self, ident: str, content: Any) -> None:
        self._end_message()
        self._emission.add(item := Fixed(ident, content))
        self._emission.done(item, "completed")

    # --- messages ---

    def _text(self, event: TextDelta) -> None:
        block = self._blocks.get(event.block)
        if block is None:
            return
        part = block.part
        if part is None:
            if not event.text or block.opened.kind not in ("text", "refusal"):
                return
            part = self._begin_part(block)
        part.texts.append(event.text)
        if event.logprobs is None or part.refusal:
            head, middle, tail = part.frame
        else:
            part.logprobs += msgspec.json.decode(event.logprobs)
            tag = "response.output_text.delta"
            head, middle, tail = delta_frame(
                tag, part.place, b',"logprobs":%b}\n\n' % on_one_line(bytes(event.logprobs))
            )
        self._emission.delta(head, middle, event.text, tail)

    def _begin_part(self, block: Block) -> TextPart:
        opened = block.opened
        if self._message is not None and self._message.given != opened.item:
            self._end_message()
        if self._message is None:
            self._message = Message(self._emission.identify("msg", opened.item), opened.item, opened.phase)
            self._emission.add(self._message)
        refusal = block.opened.kind == "refusal"
        self._refused = self._refused or refusal
        part = block.part = TextPart(self._message, refusal=refusal)
        self._emission.event("response.content_part.added", **part.place, part=part.whole())
        return part

    def _cite(self, event: Cited) -> None:
        block = self._blocks.get(event.block)
        if block is None:
            return
        said = event.citation
        if block.part is None or ((said.native is None or said.vendor != VENDOR) and said.end is None):
            block.later.append(said)  # of the whole text: its end is not known yet
        else:
            self._annotate(event.block, block.part, said)

    def _annotate(self, number: int, part: TextPart, said: Citation) -> None:
        shown = annotation(said)
        if shown is None or part.refusal:
            self._ledger.lose(f"blocks[{number}].citations", losses.CITATIONS)
            return
        index = len(part.annotations)
        part.annotations.append(shown)
        tag = "response.output_text.annotation.added"
        self._emission.event(tag, **part.place, annotation_index=index, annotation=shown)

    def _close_text(self, block: Block) -> None:
        part = block.part
        if part is not None:
            text = "".join(part.texts)
            for said in block.later:
                end = len(text) if said.end is None else said.end
                self._annotate(block.opened.block, part, replace(said, start=said.start or 0, end=end))
            self._emission.part_done(part)
        if block.seal is not None:
            self._end_message()
            self._emission.carry(block.seal if part is not None else replace(block.seal, item=EMPTY), "prev")
        if part is not None and part.message is not self._message:
            self._settle(part.message)

    def _end_message(self, status: str = "completed") -> None:
        """Nothing more goes into the current message; it is done as soon as none of its parts is open."""
        message, self._message = self._message, None
        if message is not None:
            self._settle(message, status)

    def _settle(self, message: Message, status: str = "completed") -> None:
        if message.final is None and not any(part.open for part in message.parts):
            self._emission.done(message, status)

    # --- thinking and seals ---

    def _think(self, event: ThinkingDelta) -> None:
        block = self._blocks.get(event.block)
        if block is None or block.opened.kind != "thinking":
            return
        item = self._reasoning(block)
        if block.piece != (event.full, event.part):
            self._end_piece(block, item)
            block.piece = (event.full, event.part)
            self._emission.add_piece(item, full=event.full)
        item.pieces[-1][1].append(event.text)
        head, middle, tail = item.frame
        self._emission.delta(head, middle, event.text, tail)

    def _reasoning(self, block: Block) -> Reasoning:
        if isinstance(block.item, Reasoning):
            return block.item
        self._end_message()
        block.item = item = Reasoning(self._emission.identify("rs", block.opened.item, any_given=True))
        self._emission.add(item)
        return item

    def _end_piece(self, block: Block, item: Reasoning) -> None:
        if block.piece is not None:
            self._emission.piece_done(item)
            block.piece = None

    def _close_thinking(self, block: Block, *, complete: bool) -> None:
        if block.item is None and block.seal is None:
            return  # it said nothing
        item = self._reasoning(block)
        self._end_piece(block, item)
        if block.seal is not None:
            seal = block.seal
            text = "".join(text for full, texts in item.pieces for text in texts if full)
            # Clients send the reasoning itself back as null, so a foreign seal takes its text along.
            own = seal.vendor == VENDOR and seal.kind == "encrypted"
            item.sealed = seal.data if own else seals.wrap(replace(seal, place="self", text=text))
        self._emission.done(item, "completed" if complete else "incomplete")

    def _seal(self, event: Sealed) -> None:
        block = self._blocks.get(event.block)
        if block is not None:
            block.seal = event.seal

    # --- calls ---

    def _argue(self, event: ArgumentsDelta) -> None:
        block = self._blocks.get(event.block)
        if block is None:
            return
        if not isinstance(item := block.item, Call):
            block.texts.append(event.text)
        elif event.text:
            item.texts.append(event.text)
            head, middle, tail = item.frame
            self._emission.delta(head, middle, event.text, tail)

    def _close_call(self, block: Block, *, complete: bool) -> None:
        item = block.item
        if not isinstance(item, Call):
            return
        if not complete:
            self._cut.append(item)  # a client that sees it done would run half a command
            return
        if not item.texts and not item.custom:
            self._emission.delta(*item.frame[:2], "{}", item.frame[2])
            item.texts.append("{}")
        self._emission.call_done(item)
        if block.seal is not None:
            self._emission.carry(block.seal, "prev")

    # --- media and hosted calls ---

    def _media(self, event: MediaDelta) -> None:
        if (block := self._blocks.get(event.block)) is not None:
            block.texts.append(event.data)
            block.mime = event.mime or block.mime

    def _show_image(self, block: Block) -> None:
        ident = self._emission.identify("ig")
        self._add_fixed(ident, hosted.image_item(ident, block.mime, "".join(block.texts)))

    def _close_hosted(self, block: Block) -> None:
        opened = block.opened
        if opened.vendor == VENDOR:
            if block.native is not None:
                self._add_fixed(opened.item, block.native)
            return
        if opened.kind == "hosted_result":
            item = self._hosted.pop(opened.id, None)
            if item is None:
                self._lose(block)
            else:
                hosted.add_result(item.content, block.native or Raw(b"{}"))
                self._emission.done(item, "completed")
            return
        content = hosted.make_item(
            opened.name, self._emission.seed, len(self._emission.items), "".join(block.texts), block.native
        )
        if content is None or opened.id in self._hosted:
            self._lose(block)
            return
        self._end_message()
        item = Fixed(content["id"], content)
        self._emission.add(item)
        self._hosted[opened.id] = item
