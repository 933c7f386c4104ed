"""Whole answers, both ways."""

from typing import Any

import msgspec
from msgspec import Raw

from translators import losses
from translators.claude import blocks
from translators.claude.stream import StreamReader, read_whole
from translators.dialect import Asked
from translators.errors import Unreadable
from translators.events import Event
from translators.losses import Ledger
from translators.model import Reply, Stop
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


def read_reply(body: bytes) -> list[Event]:
    """Read a whole answer as events; a stream where none was asked for is read too.

    An error with status 200 gives Failed. Raises Unreadable for what is neither.
    """
    if body.lstrip()[:1] in (b"{", b"["):
        return read_whole(body)
    if not body.strip():
        raise Unreadable("an empty body")
    reader = StreamReader()
    return reader.feed(body) + reader.finish()


def write_reply(reply: Reply, asked: Asked) -> bytes:
    """Write a whole answer. Only the first candidate has a place in this dialect.

    Loses logprobs; what no block can hold is named in a text (images, audio).
    """
    first = next((each for each in reply.candidates if each.index == 0), None)
    wanted = blocks.wants_citations(asked)
    content: list[blocks.Block] = []
    for number, part in enumerate(first.parts if first else ()):
        content += (shown := _blocks_of(part, wanted))
        _lose(part, shown, f"blocks[{number}]", asked.ledger)
    for other in reply.candidates:
        if other is not first:
            asked.ledger.lose(f"candidates[{other.index}]", losses.CANDIDATES, semantic=True)
    words = blocks.stop_words(first.stop if first else Stop(reason="other"))
    body: dict[str, Any] = blocks.envelope(reply.id, reply.model, asked) | {"content": content} | words
    body["usage"] = blocks.usage_words(reply.usage)
    return msgspec.json.encode(body)


def _blocks_of(part: Part, wanted: bool) -> list[blocks.Block]:
    """The blocks of one part, in the order a stream would give them."""
    match part:
        case Text():
            return _text(part, wanted)
        case Refusal(text=text):
            return [{"type": "text", "text": text}] if text else []
        case Thinking(text=text, seal=seal):
            if text:
                return [{"type": "thinking", "thinking": text, "signature": blocks.signature(seal)}]
            return [blocks.sealed_block(seal)] if seal is not None else []
        case ToolCall():
            return _call(part)
        case Image(source=Inline(mime=mime)):
            return [{"type": "text", "text": blocks.note("image", mime)}]
        case Audio(transcript=transcript, source=source):
            mime = source.mime if isinstance(source, Inline) else ""
            return [{"type": "text", "text": transcript or blocks.note("audio", mime)}]
        case HostedCall():
            return blocks.native_blocks("hosted", part.kind, part.id, part.vendor, part.native)
        case HostedResult():
            return blocks.native_blocks("hosted_result", part.kind, part.call, part.vendor, part.native)
        case Unknown():
            return blocks.native_blocks("unknown", part.tag, "", part.dialect, part.raw)
        case _:
            return []


def _lose(part: Part, shown: list[blocks.Block], at: str, ledger: Ledger) -> None:
    """What is not in the blocks of a part, in the words of the stream."""
    match part:
        case Text(citations=citations, logprobs=logprobs):
            if logprobs is not None:
                ledger.lose(f"{at}.logprobs", losses.LOGPROBS)
            for _ in citations[sum(len(block.get("citations", ())) for block in shown) :]:
                ledger.lose(f"{at}.citations", losses.CITATIONS)
        case Image() | Audio():
            ledger.lose(at, losses.no_place("image" if isinstance(part, Image) else "audio"), semantic=True)
        case ToolCall() if not shown:
            ledger.lose(at, losses.CUT_CALL, semantic=True)
        case HostedCall(kind=kind) | HostedResult(kind=kind) | Unknown(tag=kind) if not shown:
            ledger.lose(at, losses.no_place(kind), semantic=True)
        case _:
            pass


def _text(part: Text, wanted: bool) -> list[blocks.Block]:
    cited = [words for each in part.citations if (words := blocks.citation_words(each, part.text, wanted)) is not None]
    found: list[blocks.Block] = []
    if part.text or cited:
        found.append({"type": "text", "text": part.text} | ({"citations": cited} if cited else {}))
    if part.seal is not None:
        found.append(blocks.carrier(part.seal, "prev", alone=not found))
    return found


def _call(part: ToolCall) -> list[blocks.Block]:
    if not part.complete and not blocks.is_json(part.arguments):
        return []  # half a call must not be run
    found: list[blocks.Block] = [] if part.seal is None else [blocks.carrier(part.seal, "next")]
    arguments = Raw(blocks.object_text(part.arguments, part.form).encode())
    found.append({"type": "tool_use", "id": blocks.tool_id(part.id), "name": part.name, "input": arguments})
    found[-1] |= blocks.caller(part.caller, part.vendor)
    return found
