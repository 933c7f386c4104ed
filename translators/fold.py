"""Events ⇄ a whole reply, so that streaming and not streaming are one road."""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Raw

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
from translators.model import Candidate, Failure, Reply, Stop, Usage
from translators.parts import (
    Audio,
    HostedCall,
    HostedResult,
    Image,
    Inline,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    Unknown,
)


class Broken(Exception):
    """The reply ended in a failure: there is no whole answer to write."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class _Block:
    """One block being collected."""

    def __init__(self, opened: BlockOpened) -> None:
        self.opened = opened
        self.texts: list[str] = []
        self.parts: dict[int, list[str]] = {}
        self.full = False
        self.cited: list[Cited] = []
        self.logprobs: list[object] = []
        self.seal = opened.seal
        self.native: Raw | None = None
        self.mime = ""
        self.transcript = ""
        self.complete = True


class Fold:
    """Collects the events of one reply. `reply()` may be asked at any time, also of a broken one."""

    def __init__(self) -> None:
        self.started = Started()
        self.usage: Usage | None = None
        self.failure: Failure | None = None
        self.ended = False
        self._blocks: dict[int, _Block] = {}
        self._stops: dict[int, Stop] = {}

    def add(self, events: Iterable[Event]) -> None:
        """Take events in their order."""
        for event in events:
            match event:
                case TextDelta():
                    block = self._blocks[event.block]
                    block.texts.append(event.text)
                    if event.logprobs is not None:
                        block.logprobs += msgspec.json.decode(event.logprobs)
                case ThinkingDelta():
                    block = self._blocks[event.block]
                    block.parts.setdefault(event.part, []).append(event.text)
                    block.full = event.full
                case ArgumentsDelta():
                    self._blocks[event.block].texts.append(event.text)
                case BlockOpened():
                    self._blocks[event.block] = _Block(event)
                case BlockClosed():
                    self._blocks[event.block].complete = event.complete
                case Sealed():
                    self._blocks[event.block].seal = event.seal
                case Cited():
                    self._blocks[event.block].cited.append(event)
                case Native():
                    self._blocks[event.block].native = event.raw
                case MediaDelta():
                    block = self._blocks[event.block]
                    block.texts.append(event.data)
                    block.mime = event.mime or block.mime
                    block.transcript += event.transcript
                case UsageSeen():
                    self.usage = merge_usage(self.usage, event.usage)
                case Finished():
                    self._stops[event.candidate] = event.stop
                case Started():
                    self.started = event
                case Failed():
                    self.failure = event.failure
                case Ended():
                    self.ended = True

    def reply(self) -> Reply:
        """The answer so far, its parts in the order they were opened."""
        parts: dict[int, list[Part]] = {index: [] for index in sorted(self._stops)}
        for block in self._blocks.values():
            parts.setdefault(block.opened.candidate, []).append(_part(block))
        missing = Stop(reason="other", native="")
        return Reply(
            id=self.started.id,
            model=self.started.model,
            created=self.started.created,
            usage=self.usage,
            candidates=[
                Candidate(index=index, parts=found, stop=self._stops.get(index, missing))
                for index, found in sorted(parts.items())
            ],
        )


def fold(events: Iterable[Event]) -> Reply:
    """Make a whole reply of a complete list of events. Raises Broken if it ended in Failed."""
    collected = Fold()
    collected.add(events)
    if collected.failure is not None:
        raise Broken(collected.failure)
    return collected.reply()


def merge_usage(old: Usage | None, new: Usage) -> Usage:
    """Counts are cumulative: per field the last one that was said wins."""
    if old is None:
        return new
    said = {name: value for name in new.__struct_fields__ if (value := getattr(new, name)) is not None and value != ""}
    return msgspec.structs.replace(old, **said)


def _part(block: _Block) -> Part:
    opened = block.opened
    text = "".join(block.texts)
    match opened.kind:
        case "text":
            logprobs = Raw(msgspec.json.encode(block.logprobs)) if block.logprobs else None
            cited = [event.citation for event in block.cited]
            return Text(
                text=text, citations=cited, seal=block.seal, logprobs=logprobs, item=opened.item, phase=opened.phase
            )
        case "refusal":
            return Refusal(text=text, item=opened.item, phase=opened.phase)
        case "thinking":
            pieces = ["".join(piece) for _, piece in sorted(block.parts.items())]
            return Thinking(
                text="\n\n".join(pieces),
                summaries=pieces if len(pieces) > 1 else [],
                seal=block.seal,
                redacted=block.seal is not None and block.seal.kind == "redacted",
                full=block.full,
                item=opened.item,
            )
        case "tool":
            return ToolCall(
                id=opened.id,
                name=opened.name,
                arguments=text,
                form=opened.form,
                namespace=opened.namespace,
                seal=block.seal,
                item=opened.item,
                complete=block.complete,
                caller=opened.caller,
                vendor=opened.vendor,
            )
        case "image":
            return Image(source=Inline(block.mime, text), seal=block.seal)
        case "audio":
            return Audio(source=Inline(block.mime, text), transcript=block.transcript, id=opened.id)
        case "hosted":
            return HostedCall(
                id=opened.id,
                kind=opened.name,
                name=opened.name,
                vendor=opened.vendor,
                native=block.native or Raw(b"{}"),
                input=Raw(text.encode()) if text else None,
            )
        case "hosted_result":
            native = block.native or Raw(b"{}")
            return HostedResult(call=opened.id, kind=opened.name, vendor=opened.vendor, native=native)
        case _:
            raw = block.native or Raw(b"{}")
            return Unknown(dialect=opened.vendor, tag=opened.name, raw=raw)


def unfold(reply: Reply) -> Iterator[Event]:
    """Give the events of a whole reply: what a stream of it would have said."""
    yield Started(reply.id, reply.model, reply.created)
    number = 0
    for candidate in reply.candidates:
        for part in candidate.parts:
            yield from unfold_part(part, number, candidate.index)
            number += 1
    if reply.usage is not None:
        yield UsageSeen(reply.usage)
    for candidate in reply.candidates:
        yield Finished(candidate.stop, candidate.index)
    yield Ended()


def unfold_part(part: Part, block: int, candidate: int = 0) -> Iterator[Event]:
    """Give the events of one part as block number `block`."""
    complete = True
    match part:
        case Text():
            yield BlockOpened(block, "text", item=part.item, candidate=candidate, phase=part.phase)
            if part.text or part.logprobs is not None:
                yield TextDelta(block, part.text, part.logprobs)
            for citation in part.citations:
                yield Cited(block, citation)
            if part.seal is not None:
                yield Sealed(block, part.seal)
        case Refusal():
            yield BlockOpened(block, "refusal", item=part.item, candidate=candidate, phase=part.phase)
            yield TextDelta(block, part.text)
        case Thinking():
            yield BlockOpened(block, "thinking", item=part.item, candidate=candidate)
            for index, piece in enumerate(part.summaries or ([part.text] if part.text else [])):
                yield ThinkingDelta(block, piece, index, part.full)
            if part.seal is not None:
                yield Sealed(block, part.seal)
        case ToolCall():
            yield BlockOpened(
                block,
                "tool",
                part.id,
                part.name,
                part.form,
                part.namespace,
                part.seal,
                part.vendor,
                part.item,
                candidate,
                caller=part.caller,
            )
            if part.arguments:
                yield ArgumentsDelta(block, part.arguments)
            complete = part.complete
        case Image(source=Inline(mime=mime, data=data)):
            yield BlockOpened(block, "image", candidate=candidate)
            yield MediaDelta(block, mime, data)
            if part.seal is not None:
                yield Sealed(block, part.seal)
        case Audio(source=Inline(mime=mime, data=data)):
            yield BlockOpened(block, "audio", part.id, candidate=candidate)
            yield MediaDelta(block, mime, data, part.transcript)
        case HostedCall():
            yield BlockOpened(block, "hosted", part.id, part.kind, vendor=part.vendor, candidate=candidate)
            if part.input is not None:
                yield ArgumentsDelta(block, bytes(part.input).decode())
            yield Native(block, part.native)
        case HostedResult():
            yield BlockOpened(block, "hosted_result", part.call, part.kind, vendor=part.vendor, candidate=candidate)
            yield Native(block, part.native)
        case Unknown():
            yield BlockOpened(block, "unknown", name=part.tag, vendor=part.dialect, candidate=candidate)
            yield Native(block, part.raw)
        case _:
            raise TypeError(f"{type(part).__name__} is no part of an answer")
    yield BlockClosed(block, complete)
