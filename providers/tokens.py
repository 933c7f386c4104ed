"""An estimate of a request's tokens, for upstreams that offer no count of their own. Pure: no network, no clock.

Text is counted with the vendor's encoding for OpenAI's models and with o200k_base for everybody else's, whose own
vocabularies are not public: there the count is a fair guess (Claude's newer models count about a third to a half more).
What a vendor adds around each message is not counted.

Source: the counting rules of CLIProxyAPI (encoding by model name, the fields counted), read November 2026.
"""

import re
from binascii import Error, a2b_base64
from collections.abc import Iterator
from functools import lru_cache

from providers.images import UNKNOWN, count_image, read_size
from providers.vocabulary import encoding
from translators.model import FunctionTool, Request, Tool
from translators.parts import (
    Audio,
    Blocks,
    Document,
    File,
    HostedCall,
    HostedResult,
    Image,
    Inline,
    Part,
    PlainText,
    Refusal,
    SearchResult,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Unknown,
    Video,
)

# Google's rates for sound and moving pictures; other vendors do not publish any. Tokens a second.
AUDIO_RATE = 32
VIDEO_RATE = 263

# Seconds are not read from the containers: bytes a second of usual speech and screen recordings stand for them.
_AUDIO_BYTES = {"audio/wav": 32_000, "audio/x-wav": 32_000, "audio/pcm": 48_000, "audio/l16": 48_000}
_AUDIO_BYTES_COMPRESSED = 16_000
_VIDEO_BYTES = 125_000

# A page of a PDF, by the start of the model's name: most vendors count it as a picture and as text. Measured table
# JOHNISKING/pdf-token-cost, October 2026. The bytes of a usual page help where the pages cannot be counted.
_PDF_PAGE_TOKENS = {"claude": 2_300, "gemini": 560, "": 1_500}
_PDF_PAGE_BYTES = 50_000
_PDF_PAGE = re.compile(rb"/Type\s*/Page\b(?!s)")

# For what is not in the body (an address, a stored file).
ELSEWHERE_TOKENS = 1_500

# The merges of one word cost the square of its length; a text cut here counts at most one token too many a cut.
_LONGEST_RUN = 400
_PIECE = 64 * 1024
_LONG_RUN = re.compile(rf"\S{{{_LONGEST_RUN},}}|\s{{{_LONGEST_RUN},}}")


def encoding_name(model: str) -> str:
    """The encoding of a model, by the start of its name (a provider's prefix such as “openai/” does not count)."""
    name = model.rpartition("/")[2].lower()
    if not name:
        return "cl100k_base"
    if name.startswith(("gpt-4o", "gpt-4.1", "gpt-4.5")):
        return "o200k_base"
    return "cl100k_base" if name.startswith(("gpt-4", "gpt-3.5")) else "o200k_base"


def estimate(request: Request, model: str) -> int:
    """Tokens of the whole prompt: instructions, turns, calls and results, tools, output schema, pictures and files.

    Takes some milliseconds for each 100 kB, and once about 0.3 s to load a vocabulary: call it in a thread.
    """
    name = encoding_name(model)
    total = sum(count_text(text, name) for text in _settings(request))
    for tool in request.tools:
        total += sum(count_text(text, name) for text in _tool_texts(tool))
    total += sum(_count_part(part, name, model) for part in request.system)
    for turn in request.turns:
        total += count_text(turn.role, name) + count_text(turn.name, name)
        total += sum(_count_part(part, name, model) for part in turn.parts)
    return total


def count_text(text: str, name: str) -> int:
    """Tokens of a text in the encoding `name` (“o200k_base”, “cl100k_base”)."""
    if len(text) <= 64:
        return _count_short(text, name) if text else 0
    count = encoding(name).encode_ordinary
    return sum(len(count(piece)) for piece in _pieces(text))


@lru_cache(maxsize=1024)
def _count_short(text: str, name: str) -> int:
    return len(encoding(name).encode_ordinary(text))


def _pieces(text: str) -> Iterator[str]:
    """The text in pieces that no input can make slow: long runs are cut, and long texts so as to let others run."""
    start = 0
    for run in _LONG_RUN.finditer(text):
        yield from _cut(text, start, run.start(), _PIECE)
        yield from _cut(text, run.start(), run.end(), _LONGEST_RUN)
        start = run.end()
    yield from _cut(text, start, len(text), _PIECE)


def _cut(text: str, start: int, end: int, length: int) -> Iterator[str]:
    for at in range(start, end, length):
        yield text[at : min(at + length, end)]


def _settings(request: Request) -> Iterator[str]:
    choice = request.tool_choice
    if choice is not None:
        yield choice.mode
        yield from choice.only
    shape = request.format
    if shape is not None and shape.schema is not None:
        yield shape.name
        yield shape.description or ""
        yield _text_of(shape.schema)


def _tool_texts(tool: Tool) -> Iterator[str]:
    yield tool.name
    if isinstance(tool, FunctionTool):
        yield tool.description or ""
        for raw in (tool.schema, tool.grammar):
            if raw is not None:
                yield _text_of(raw)
    else:
        yield _text_of(tool.native)


def _text_of(raw: bytes | memoryview) -> str:
    return bytes(raw).decode("utf-8", "replace")


def _count_part(part: Part, name: str, model: str) -> int:
    """One part with all that is in it."""
    total = count_media(part, model) + sum(count_text(text, name) for text in _part_texts(part))
    match part:
        case Document(source=PlainText(text=text)) | File(source=PlainText(text=text)):
            total += count_text(text, name)
        case Document(source=Blocks(parts=parts)) | File(source=Blocks(parts=parts)):
            total += sum(_count_part(inner, name, model) for inner in parts)
        case SearchResult(parts=parts) | ToolResult(parts=parts):
            total += sum(_count_part(inner, name, model) for inner in parts)
    return total


def count_media(part: Part, model: str) -> int:
    """Tokens of a picture, sound, film or file, by what its head tells; its texts and other parts count 0."""
    match part:
        case Image(source=source, detail=detail):
            return _count_image(source, model, detail)
        case Document(source=source) | File(source=source):
            return _count_source(source, model)
        case Audio(source=Inline() as source):
            rate = _AUDIO_BYTES.get(source.mime, _AUDIO_BYTES_COMPRESSED)
            return max(1, _size(source) * AUDIO_RATE // rate)
        case Video(source=source):
            size = _size(source) if isinstance(source, Inline) else 10 * _VIDEO_BYTES
            return max(1, size * VIDEO_RATE // _VIDEO_BYTES)
    return 0


def _part_texts(part: Part) -> Iterator[str]:
    match part:
        case Text(text=text) | Refusal(text=text):
            yield text
        case Thinking(text=text, summaries=summaries):
            yield text or "\n".join(summaries)
        case ToolCall(name=name, arguments=arguments):
            yield name
            yield arguments
        case ToolResult(name=name, raw=raw, parts=parts):
            yield name
            if raw is not None and not parts:
                yield _text_of(raw)
        case Document(title=title, context=context):
            yield title
            yield context
        case SearchResult(source=source, title=title):
            yield source
            yield title
        case Audio(transcript=transcript):
            yield transcript
        case HostedCall(name=name, native=native):
            yield name
            yield _text_of(native)
        case HostedResult(native=native):
            yield _text_of(native)
        case Unknown(raw=raw):
            yield _text_of(raw)


def _size(source: Inline) -> int:
    """Bytes of inline data."""
    return len(source.data) * 3 // 4


def _count_image(source: Source, model: str, detail: str) -> int:
    size = read_size(source.data) if isinstance(source, Inline) else None
    return count_image(size or UNKNOWN, model, detail)


def _count_source(source: Source, model: str) -> int:
    """A document or file that is not text: its pictures, or a guess by its size."""
    match source:
        case PlainText() | Blocks():
            return 0
        case Inline(mime=mime) if mime.startswith("image/"):
            return _count_image(source, model, "")
        case Inline(mime="application/pdf", data=data):
            return _count_pages(data) * next(
                cost for start, cost in _PDF_PAGE_TOKENS.items() if model.startswith(start)
            )
        case Inline():
            return max(1, _size(source) // 4)
    return ELSEWHERE_TOKENS


def _count_pages(data: str) -> int:
    """Pages of a PDF in base64: its page objects if they stand uncompressed, else by size."""
    try:
        found = len(_PDF_PAGE.findall(a2b_base64(data)))
    except Error:
        found = 0
    return found or max(1, len(data) * 3 // 4 // _PDF_PAGE_BYTES)
