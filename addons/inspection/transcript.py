"""A request as a conversation to be read: settings, instructions, tools, and turns with what is in them.

`transcript` gives it as values (for pages and exports), `lines` as text. Nothing is left out of the values; in the
text long stretches are cut in the middle, and say by how much.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from msgspec import Raw

from addons.inspection.anatomy import decoded_size
from addons.inspection.folded import folded
from addons.inspection.settings_line import settings
from providers.images import read_size
from translators.model import FunctionTool, Request, Tool
from translators.parts import (
    Audio,
    Blocks,
    Document,
    File,
    FileRef,
    HostedCall,
    HostedResult,
    Image,
    Inline,
    Part,
    PlainText,
    Refusal,
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
    Video,
)


class Piece(NamedTuple):
    """Something said. kind: text, refusal, thinking, call, result, media, search, hosted, unknown, tool. head: one line
    that tells what it is, "" for plain text. text: what it says, in full; of calls pretty JSON. path: in the client's
    body. cache: a cache breakpoint stands behind it, with its time to live ("" if none is stated); None: none does.
    inside: what it is made of.
    """

    kind: str
    head: str
    text: str
    path: str
    cache: str | None = None
    inside: "tuple[Piece, ...]" = ()


class Passage(NamedTuple):
    """The tools, the instructions, or one turn. number: of the turn from 1, 0 for the others."""

    title: str
    path: str
    number: int
    pieces: tuple[Piece, ...]


class Transcript(NamedTuple):
    """A whole request. settings: what else it says, as (name, value)."""

    model: str
    settings: tuple[tuple[str, str], ...]
    passages: tuple[Passage, ...]


def transcript(request: Request, *, answer: bool = False) -> Transcript:
    """What a request says, in the order in which models read it: tools, instructions, turns. answer: the turns are an
    answer, whose calls nobody can have answered yet.
    """
    pairs = _Pairs(request.turns, "" if answer else " (no result)")
    passages: list[Passage] = []
    if request.tools:
        tools = tuple(_tool(tool) for tool in request.tools)
        passages.append(Passage(f"tools ({len(tools)})", "", 0, tools))
    if request.format is not None and request.format.schema is not None:
        head = f"{request.format.name} {request.format.description}".strip()
        schema = Piece("schema", head, _pretty(request.format.schema), request.at.get("format", ""))
        passages.append(Passage("output schema", "", 0, (schema,)))
    if request.system:
        pieces = tuple(_piece(part, pairs) for part in request.system)
        passages.append(Passage("system", "", 0, pieces))
    for number, turn in enumerate(request.turns, 1):
        title = f"{turn.role} {turn.name}".rstrip()
        pieces = tuple(_piece(part, pairs) for part in turn.parts)
        passages.append(Passage(title, turn.at, number, pieces))
    return Transcript(request.model, tuple(settings(request)), tuple(passages))


class _Pairs:
    """Which turn holds the call, and which the result, of an id."""

    def __init__(self, turns: list[Turn], alone: str) -> None:
        self.alone = alone  # what is said of a call without a result
        self.calls: dict[str, tuple[int, str]] = {}
        self.results: dict[str, int] = {}
        for number, turn in enumerate(turns, 1):
            for part in turn.parts:
                if isinstance(part, ToolCall):
                    self.calls.setdefault(part.id, (number, part.name))
                elif isinstance(part, ToolResult):
                    self.results.setdefault(part.call, number)


# --- pieces ---------------------------------------------------------------------------------------------------------


def _tool(tool: Tool) -> Piece:
    if isinstance(tool, FunctionTool):
        ttl = tool.cache.ttl if tool.cache is not None else None
        return Piece("tool", folded(tool), tool.description or "", tool.at, ttl)
    named = f" {tool.name}" if tool.name and tool.name != tool.kind else ""
    native = bytes(tool.native).decode(errors="replace")
    return Piece("tool", f"{tool.kind}{named} [defined by {tool.vendor}]", native, tool.at)


def _piece(part: Part, pairs: _Pairs) -> Piece:
    ttl = part.cache.ttl if part.cache is not None else None
    match part:
        case Text():
            return Piece("text", _sealed("", part.seal), part.text, part.at, ttl, _citations(part))
        case Refusal():
            return Piece("refusal", "refusal", part.text, part.at, ttl)
        case Thinking():
            return Piece("thinking", _thinking(part), part.text or "\n".join(part.summaries), part.at, ttl)
        case ToolCall():
            text = _pretty(part.arguments) if part.form == "json" else part.arguments
            return Piece("call", _call(part, pairs), text, part.at, ttl)
        case ToolResult():
            inside = tuple(_piece(inner, pairs) for inner in part.parts)
            text = _pretty(part.raw) if part.raw is not None and not inside else ""
            return Piece("result", _result(part, pairs), text, part.at, ttl, inside)
        case SearchResult():
            inside = tuple(_piece(inner, pairs) for inner in part.parts)
            return Piece("search", f"search result: {part.title} · {part.source}", "", part.at, ttl, inside)
        case HostedCall():
            head = f"{part.kind} {part.name} [run by {part.vendor}] {part.id}".rstrip()
            return Piece("hosted", head, _pretty(part.native if part.input is None else part.input), part.at, ttl)
        case HostedResult():
            return Piece(
                "hosted", f"result of {part.kind} [by {part.vendor}] {part.call}", _pretty(part.native), part.at, ttl
            )
        case Unknown():
            return Piece("unknown", f"{part.tag}: not known to this version", _pretty(part.raw), part.at, ttl)
        case Image() | Document() | Audio() | Video() | File():
            return _media(part, pairs, ttl)


def _citations(part: Text) -> tuple[Piece, ...]:
    return tuple(
        Piece("cited", f"cites {' · '.join(filter(None, (one.title, one.url, one.file)))}", one.quote, part.at)
        for one in part.citations
    )


def _sealed(head: str, seal: Seal | None) -> str:
    if seal is None:
        return head
    whose = f"sealed by {seal.vendor or 'an unknown vendor'}, {len(seal.data):,} characters"
    return f"{head}, {whose}" if head else whose


def _thinking(part: Thinking) -> str:
    if part.redacted:
        return _sealed("thinking, not shown by its vendor", part.seal)
    head = f"thinking, {len(part.text or ''.join(part.summaries)):,} characters"
    return _sealed(head, part.seal) if part.seal is not None else f"{head}, not sealed"


def _call(part: ToolCall, pairs: _Pairs) -> str:
    name = f"{part.namespace}.{part.name}" if part.namespace else part.name
    there = pairs.results.get(part.id)
    answered = f" (answered in turn {there})" if there is not None else pairs.alone
    ident = f" {part.id}" if part.id else ""
    cut = " [arguments cut: a client cannot run it]" if part.form == "json" and _breaks_off(part.arguments) else ""
    return _sealed(f"call {name}{ident}{cut}{answered}", part.seal)


def _breaks_off(arguments: str) -> bool:
    """Whether this is the beginning of a JSON object, and no more."""
    try:
        msgspec.json.decode(arguments, type=msgspec.Raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return arguments.lstrip().startswith("{")
    return False


def _result(part: ToolResult, pairs: _Pairs) -> str:
    number, name = pairs.calls.get(part.call, (0, ""))
    asked = f"called in turn {number}" if number else "no such call"
    failed = ", failed" if part.failed else ""
    ident = f" {part.call}" if part.call else ""
    return f"result of {part.name or name or 'a tool'}{ident} ({asked}{failed})"


def _media(part: Image | Document | Audio | Video | File, pairs: _Pairs, ttl: str | None) -> Piece:
    """A picture, file, sound or film: what it is and how large. Text documents are shown."""
    kind = type(part).__name__.lower()
    names = [getattr(part, name, "") for name in ("title", "filename")]
    called = "".join(f' "{name}"' for name in names if name)
    detail = f", detail {part.detail}" if isinstance(part, Image) and part.detail else ""
    text = ""
    inside: tuple[Piece, ...] = ()
    match part.source:
        case PlainText(text=text):
            pass
        case Blocks(parts=parts):
            inside = tuple(_piece(inner, pairs) for inner in parts)
    if isinstance(part, Audio):
        text = part.transcript
    if isinstance(part, Document) and part.context:
        inside = (Piece("text", "context", part.context, part.at), *inside)
    if isinstance(part, Video) and part.meta is not None:
        text = bytes(part.meta).decode(errors="replace")
    stored = f" {part.id}" if isinstance(part, Audio) and part.id else ""
    seal = part.seal if isinstance(part, Image) else None
    head = _sealed(f"{kind}{called}{stored}{_source(part.source)}{detail}", seal)
    return Piece("media", head, text, part.at, ttl, inside)


def _source(source: Source | None) -> str:
    match source:
        case Inline(mime=mime, data=data):
            pixels = read_size(data) if not mime or mime.startswith("image/") else None
            return f" {mime or 'of no stated type'}, {decoded_size(data):,} bytes" + (
                f", {pixels[0]:,} × {pixels[1]:,}" if pixels else ""
            )
        case Url(url=url):
            return f" at {url if len(url) <= LONGEST_URL else url[:LONGEST_URL] + '…'}"
        case FileRef(id=ident, vendor=vendor):
            return f" {ident}, stored at {vendor}"
        case PlainText(mime=mime):
            return f" {mime}"
    return ""


LONGEST_URL = 120


def _pretty(json: str | Raw) -> str:
    """JSON with line breaks; what is no JSON as it is."""
    text = json if isinstance(json, str) else bytes(json).decode(errors="replace")
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return msgspec.json.format(text, indent=2)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return text


# --- text -----------------------------------------------------------------------------------------------------------

WIDTH = 100
FULL = 400_000
"""Characters of a transcript that are shown; of a longer one the beginning and the end, and between them the first
words of each thing said, for as many turns as `BRIEF`."""
LONGEST = 24_000
"""Characters that are shown of one text."""
BRIEF = 500


def lines(said: Transcript, full: int = FULL) -> Iterator[str]:
    """A transcript as lines of text. full: characters beyond which turns in the middle are shortened."""
    first, last = _middle([_length(passage) for passage in said.passages], full)
    for place, passage in enumerate(said.passages):
        if first + BRIEF <= place < last:
            if place == first + BRIEF:
                yield f"\n[… turns {passage.number:,} to {said.passages[last - 1].number:,} are not shown …]"
            continue
        number = f"{passage.number} " if passage.number else ""
        yield ""
        yield _rule(f"{number}{passage.title}", passage.path)
        for piece in passage.pieces:
            yield from _brief(piece, "") if piece.kind == "tool" or first <= place < last else _told(piece, "")


def _length(passage: Passage) -> int:
    """Characters of a passage, as far as they are shown: tools take a line each."""
    if passage.pieces and passage.pieces[0].kind == "tool":
        return 200 * len(passage.pieces)
    return sum(_piece_length(piece) for piece in passage.pieces)


def _piece_length(piece: Piece) -> int:
    return len(piece.head) + min(len(piece.text), LONGEST) + sum(map(_piece_length, piece.inside))


def _middle(lengths: list[int], full: int) -> tuple[int, int]:
    """The stretch that is shortened, as places in `lengths`: what neither half of `full` has room for."""
    if sum(lengths) <= full:
        return len(lengths), len(lengths)
    first, last, head, tail = 0, len(lengths), 0, 0
    while first < last and head + lengths[first] <= full // 2:
        head += lengths[first]
        first += 1
    while last > first and tail + lengths[last - 1] <= full // 2:
        tail += lengths[last - 1]
        last -= 1
    return first, last


def _rule(title: str, path: str) -> str:
    return f"── {title} ".ljust(WIDTH - len(path) - 1, "─") + (f" {path}" if path else "─")


_MARKS = {
    "call": "→ ",
    "result": "← ",
    "thinking": "~ ",
    "media": "▣ ",
    "hosted": "⇢ ",
    "unknown": "? ",
    "refusal": "✗ ",
}


def _told(piece: Piece, indent: str) -> Iterator[str]:
    below = indent + "  " if piece.head else indent
    if piece.head:
        yield f"{indent}{_MARKS.get(piece.kind, '')}{piece.head}"
    for line in _cut(piece.text, LONGEST).splitlines():
        yield f"{below}{line}"
    for inner in piece.inside:
        yield from _told(inner, below)
    yield from _mark(piece, indent)


def _brief(piece: Piece, indent: str) -> Iterator[str]:
    """A piece on one line; what is inside of it is told in its first words."""
    text = piece.text or next((inner.text or inner.head for inner in piece.inside), "")
    said = text[:LONGEST].lstrip().partition("\n")[0]
    short = said if len(said) <= WORDS else said[: WORDS - 1].rstrip() + "…"
    head = f"{_MARKS.get(piece.kind, '')}{piece.head}"
    yield f"{indent}{head} — {short}" if head and short else f"{indent}{head or short}"
    yield from _mark(piece, indent)


WORDS = 110
"""Characters of a text on one line."""


def _mark(piece: Piece, indent: str) -> Iterator[str]:
    if piece.cache is not None:
        yield f"{indent}⚑ cache breakpoint{f', {piece.cache}' if piece.cache else ''}"


def _cut(text: str, most: int) -> str:
    """A text without its middle, where it is longer than `most` characters."""
    if len(text) <= most:
        return text
    tail = most // 4
    head = most - tail
    return f"{text[:head]}\n[… {len(text) - most:,} characters not shown …]\n{text[-tail:]}"
