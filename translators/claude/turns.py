"""Messages and their blocks → turns and parts.

Each function takes a piece of the wire and its path `at`.
"""

from msgspec import Raw
from msgspec.structs import replace

from translators import seals
from translators.claude import wire
from translators.claude.decoding import block_of, plain
from translators.claude.words import MADE_HOSTED, NAME, SERVER_TOOLS, VENDOR, kind_of_result
from translators.errors import Unreadable
from translators.exact import Exact
from translators.losses import Ledger, unread
from translators.parts import (
    Blocks,
    CacheMark,
    Citation,
    Document,
    File,
    FileRef,
    HostedCall,
    HostedResult,
    Image,
    Inline,
    Part,
    PlainText,
    Seal,
    SearchResult,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    Unknown,
    Url,
)
from translators.unseal import misplaced

_exact: Exact[wire.RequestBlock] = Exact(wire.RequestBlock)

EMPTY_TEXT = "empty"
"""`Seal.item` of a seal that stood on an empty text part of its own (Gemini's last part of a streamed turn)."""


def read_turn(message: wire.Message, at: str, ledger: Ledger) -> Turn:
    """Read one message. Roles: user, assistant, and system in the middle of a conversation."""
    match message.role:
        case "user" | "assistant" | "system" as role:
            parts = read_parts(message.content, f"{at}.content", ledger)
            return Turn(role=role, parts=parts, at=at)
        case _:
            raise Unreadable(f"expected `user`, `assistant` or `system`, got `{message.role}`", f"{at}.role")


def read_parts(content: str | list[Raw], at: str, ledger: Ledger) -> list[Part]:
    """Read the content of a message, of `system`, of a tool result or a document.

    Seals that travelled as `redacted_thinking` beside a part of another vendor go back onto that part.
    """
    if isinstance(content, str):
        return [Text(text=content, at=at)]
    reading = _Reading(ledger)
    for index, raw in enumerate(content):
        reading.read(raw, f"{at}[{index}]")
    reading.close()
    return reading.parts


class _Reading:
    """The blocks of one content, in order."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.parts: list[Part] = []
        self.waiting: Seal | None = None  # for the tool call that must follow
        self.waiting_at = ""

    def read(self, raw: Raw, at: str) -> None:
        """Read one block, and report the members nobody reads."""
        block = _exact.read(raw)
        if block is None:
            odd = block_of(raw, at)
            if isinstance(odd, wire.AnyBlock):
                other = _read_other(odd, raw, at, self.ledger)
                other.places = _places(other, at)
                self.parts.append(other)
                return
            block = odd
            for path in unread(plain(raw, at), block, at):
                self.ledger.lose(path, "unknown field")
        match block:
            case wire.RedactedThinkingBlock():
                self.carrier(block.data, at)
            case wire.ToolUseBlock():
                call = _read_call(block, at)
                call.seal, self.waiting = self.waiting, None
                call.places = _places(call, at)
                self.parts.append(call)
            case _:
                part = _read_block(block, at, self.ledger)
                part.places = _places(part, at)
                self.parts.append(part)

    def carrier(self, data: str, at: str) -> None:
        """A redacted block: Anthropic's own, or an envelope with seals of other vendors."""
        found = seals.unwrap(data)
        if found is None:
            seal = Seal("redacted", data, VENDOR)
            self.parts.append(Thinking(seal=seal, redacted=True, at=at))
            return
        for seal in found:
            own = replace(seal, place="self", text="")
            match seal.place:
                case "next":
                    self.waiting, self.waiting_at = own, at
                case "prev" if seal.item == EMPTY_TEXT:
                    self.parts.append(Text(text="", seal=replace(own, item=""), at=at))
                case "prev" if self.parts and isinstance(self.parts[-1], Text | ToolCall):
                    self.parts[-1].seal = own
                case "prev":
                    self.ledger.lose(at, "a seal without the part it belongs to")
                case _:
                    thinking = Thinking(text=seal.text, seal=own, redacted=seal.kind == "redacted", at=at)
                    thinking.item = seal.item
                    self.parts.append(thinking)

    def close(self) -> None:
        if self.waiting is not None:
            self.ledger.lose(self.waiting_at, "a seal without the tool call it belongs to")


def _read_block(block: wire.RequestBlock, at: str, ledger: Ledger) -> Part:
    match block:
        case wire.TextBlock():
            cited = [Citation(vendor=VENDOR, native=raw) for raw in block.citations or ()]
            return Text(text=block.text, citations=cited, at=at, cache=mark_of(block.cache_control))
        case wire.ImageBlock():
            return Image(source=_read_source(block.source), at=at, cache=mark_of(block.cache_control))
        case wire.DocumentBlock():
            return _read_document(block, at, ledger)
        case wire.SearchResultBlock():
            return SearchResult(
                source=block.source,
                title=block.title,
                parts=read_parts(block.content, f"{at}.content", ledger),
                citations=block.citations.enabled if block.citations else None,
                at=at,
                cache=mark_of(block.cache_control),
            )
        case wire.ThinkingBlock():
            return _read_thinking(block, at)
        case wire.ToolResultBlock():
            content = [] if block.content is None else block.content
            return ToolResult(
                call=block.tool_use_id,
                parts=read_parts(content, f"{at}.content", ledger),
                failed=block.is_error,
                at=at,
                cache=mark_of(block.cache_control),
            )
        case wire.ToolReferenceBlock():
            ledger.apply("tool-reference-as-text", at)
            return Text(text=f"tool available: {block.tool_name}", at=at)
        case wire.ContainerUploadBlock():
            return File(source=FileRef(block.file_id, VENDOR), at=at, cache=mark_of(block.cache_control))
        case _:
            raise AssertionError(block)  # the two left are read where their neighbours are known


def _places(part: Part, at: str) -> dict[str, str]:
    """Where the pieces of a block stand that may be lost alone."""
    found = {} if part.cache is None else {"cache": f"{at}.cache_control"}
    if isinstance(part, Text | Document | SearchResult) and part.citations:
        found["citations"] = f"{at}.citations"
    elif isinstance(part, ToolResult) and part.failed is not None:
        found["failed"] = f"{at}.is_error"
    return found


def mark_of(control: wire.CacheControl | None) -> CacheMark | None:
    """The breakpoint a block carries."""
    return None if control is None else CacheMark(control.ttl or "")


def _read_call(block: wire.ToolUseBlock, at: str) -> ToolCall:
    return ToolCall(
        id=block.id,
        name=block.name,
        arguments=bytes(block.input).decode(),
        caller=block.caller or None,
        at=at,
        cache=mark_of(block.cache_control),
    )


def _read_thinking(block: wire.ThinkingBlock, at: str) -> Thinking:
    if not block.signature:
        return Thinking(text=block.thinking, at=at)
    found = seals.unwrap(block.signature)
    if not found:
        vendor = "" if misplaced(block.signature, VENDOR) else VENDOR
        return Thinking(text=block.thinking, seal=Seal("signature", block.signature, vendor), at=at)
    if not found[0].data and not found[0].vendor:  # written by us, for thinking that nobody signed
        return Thinking(text=block.thinking, at=at)
    own = replace(found[0], place="self", text="")
    return Thinking(text=block.thinking, seal=own, item=own.item, at=at)


def _read_document(block: wire.DocumentBlock, at: str, ledger: Ledger) -> Document:
    source: Source
    if isinstance(block.source, wire.ContentSource):
        source = Blocks(read_parts(block.source.content, f"{at}.source.content", ledger))
    else:
        source = _read_source(block.source)
    return Document(
        source=source,
        title=block.title or "",
        context=block.context or "",
        citations=block.citations.enabled if block.citations else None,
        at=at,
        cache=mark_of(block.cache_control),
    )


def _read_source(source: wire.Base64Source | wire.UrlSource | wire.FileSource | wire.TextSource) -> Source:
    match source:
        case wire.Base64Source():
            data = source.data
            if any(blank in data for blank in " \n\r\t"):
                data = "".join(data.split())
            return Inline(source.media_type, data)
        case wire.UrlSource():
            return Url(source.url)
        case wire.FileSource():
            return FileRef(source.file_id, VENDOR)
        case wire.TextSource():
            return PlainText(source.data, source.media_type)


def _read_other(block: wire.AnyBlock, raw: Raw, at: str, ledger: Ledger) -> Part:
    """A block without a struct: a server tool's call or result, or something newer than this version."""
    cache = mark_of(block.cache_control)
    if block.type in ("server_tool_use", "mcp_tool_use"):
        kind = "mcp" if block.type == "mcp_tool_use" else SERVER_TOOLS.get(block.name, block.name)
        vendor = "" if block.id.startswith(MADE_HOSTED) else VENDOR
        return HostedCall(
            id=block.id, kind=kind, name=block.name, vendor=vendor, native=raw, input=block.input or None, at=at,
            cache=cache,
        )  # fmt: skip
    if block.type.endswith("_tool_result"):
        vendor = "" if block.tool_use_id.startswith(MADE_HOSTED) else VENDOR
        kind = kind_of_result(block.type)
        return HostedResult(call=block.tool_use_id, kind=kind, vendor=vendor, native=raw, at=at, cache=cache)
    ledger.lose(at, f"unknown block `{block.type}`")
    return Unknown(dialect=NAME, tag=block.type, raw=raw, at=at, cache=cache)
