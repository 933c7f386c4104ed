"""Token estimates: the right vocabulary, every part counted, nothing slow, no network."""

import base64
import hashlib
import struct
import time

import msgspec
import pytest
import tiktoken.load

from providers.images import count_image, read_size
from providers.tokens import count_text, encoding_name, estimate
from providers.vocabulary import PATTERNS, encoding, load_tokens
from translators.model import FunctionTool, HostedTool, OutputFormat, Request, ToolChoice
from translators.parts import (
    Audio,
    Blocks,
    Document,
    Image,
    Inline,
    Part,
    PlainText,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    Unknown,
    Url,
    Video,
)

# The SHA-256 of the downloads, as tiktoken_ext/openai_public.py states them (tiktoken 0.14).
PUBLISHED = {
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}


def png(width: int, height: int) -> str:
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height) + b"\x08\x02\0\0\0"
    return base64.b64encode(head).decode()


def ask(*parts: Part, **settings: object) -> Request:
    return Request(model="m", turns=[Turn(role="user", parts=list(parts))], **settings)


@pytest.fixture(autouse=True)
def _no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(address: str) -> bytes:
        raise AssertionError(f"tried to download {address}")

    monkeypatch.setattr(tiktoken.load, "read_file", refuse)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_packaged_vocabulary_is_the_published_one(name: str) -> None:
    lines = (b"%s %d\n" % (base64.b64encode(token), rank) for rank, token in enumerate(load_tokens(name)))
    assert hashlib.sha256(b"".join(lines)).hexdigest() == PUBLISHED[name]


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_patterns_are_those_of_tiktoken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import tiktoken_ext.openai_public as public

    monkeypatch.setattr(public, "load_tiktoken_bpe", lambda *_args, **_more: {})
    assert getattr(public, name)()["pat_str"] == PATTERNS[name]


@pytest.mark.parametrize(
    ("text", "o200k", "cl100k"),
    [
        ("hello world", 2, 2),
        ("The quick brown fox jumps over the lazy dog.", 10, 10),
        ("<|endoftext|>", 7, 7),
        ("Grüße aus Köln, 東京都", 8, 11),
        ("", 0, 0),
    ],
)
def test_known_counts(text: str, o200k: int, cl100k: int) -> None:
    assert (count_text(text, "o200k_base"), count_text(text, "cl100k_base")) == (o200k, cl100k)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-5.2-codex", "o200k_base"),
        ("gpt-4.1-mini", "o200k_base"),
        ("openai/gpt-4o", "o200k_base"),
        ("o3", "o200k_base"),
        ("gpt-4-turbo", "cl100k_base"),
        ("gpt-3.5-turbo", "cl100k_base"),
        ("", "cl100k_base"),
        ("claude-opus-5", "o200k_base"),
        ("qwen3-coder", "o200k_base"),
    ],
)
def test_the_encoding_follows_the_models_name(model: str, name: str) -> None:
    assert encoding_name(model) == name


@pytest.mark.parametrize(
    "text", ["a" * 300_000, " " * 300_000, "=-" * 150_000, "漢" * 300_000, "0" * 300_000, "\n" * 300_000]
)
def test_a_long_run_is_not_slow(text: str) -> None:
    """Uncut, the merges of one word cost the square of its length: minutes for these."""
    began = time.process_time()
    assert count_text(text, "o200k_base") > 0
    assert time.process_time() - began < 5


def test_cutting_a_text_hardly_changes_its_count() -> None:
    text = "def f(x):\n    return {'a': [1, 2, 3], \"b\": x}  # und so weiter …\n" * 3000
    whole = len(encoding("o200k_base").encode_ordinary(text))
    assert abs(count_text(text, "o200k_base") - whole) <= len(text) // 65536 + 1


def test_an_empty_request_counts_its_role_only() -> None:
    assert estimate(ask(Text(text="")), "gpt-5") == 1


@pytest.mark.parametrize(
    "part",
    [
        Text(text="several words of text"),
        Thinking(text="several words of thought"),
        Thinking(summaries=["several words", "in two pieces"]),
        ToolCall(id="c", name="look", arguments='{"at":1}'),
        ToolResult(call="c", parts=[Text(text="what was seen")]),
        ToolResult(call="c", raw=msgspec.Raw(b'{"seen":"something"}')),
        Document(source=PlainText(text="a document's text")),
        Document(source=Blocks(parts=[Text(text="a document in blocks")])),
        Document(source=Url(url="http://127.0.0.1/a.pdf")),
        Document(source=Inline(mime="application/pdf", data=base64.b64encode(b"%PDF-1.7 /Type /Page ").decode())),
        Image(source=Inline(mime="image/png", data=png(64, 64))),
        Image(source=Url(url="http://127.0.0.1/a.png")),
        Audio(source=Inline(mime="audio/wav", data="AAAA" * 24_000)),
        Video(source=Url(url="http://127.0.0.1/a.mp4")),
        Unknown(dialect="claude", tag="new", raw=msgspec.Raw(b'{"type":"new","text":"words"}')),
    ],
    ids=lambda part: type(part).__name__,
)
@pytest.mark.parametrize("model", ["gpt-5", "claude-opus-5", "gemini-3-pro"])
def test_every_part_counts(part: Part, model: str) -> None:
    assert estimate(ask(part), model) > estimate(ask(), model)


def test_settings_count() -> None:
    bare = estimate(ask(), "gpt-5")
    schema = msgspec.Raw(b'{"type":"object","properties":{"at":{"type":"integer"}}}')
    for more in (
        {"system": [Text(text="be brief")]},
        {"tools": [FunctionTool(name="look", description="looks", schema=schema)]},
        {"tools": [HostedTool(kind="web_search", vendor="openai", native=msgspec.Raw(b'{"type":"web_search"}'))]},
        {"tool_choice": ToolChoice(mode="required", only=["look"])},
        {"format": OutputFormat(kind="schema", name="answer", schema=schema)},
    ):
        assert estimate(ask(**more), "gpt-5") > bare


def test_pdf_pages_are_counted() -> None:
    def document(pages: int) -> Request:
        body = b"%PDF-1.7\n/Type /Pages\n" + b"<< /Type /Page >>\n" * pages
        return ask(Document(source=Inline(mime="application/pdf", data=base64.b64encode(body).decode())))

    assert estimate(document(3), "claude-opus-5") - estimate(document(1), "claude-opus-5") == 2 * 2300


def test_broken_base64_is_measured_not_refused() -> None:
    broken = Inline(mime="application/pdf", data="?" * 9)
    assert estimate(ask(Document(source=broken), Image(source=broken)), "gpt-5") > 0


JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0" + b"\xff\xc0\0\x11\x08\x01\x2c\x02\x58\x03" + b"\0" * 20


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (base64.b64decode(png(640, 480)), (640, 480)),
        (b"GIF89a" + struct.pack("<HH", 10, 20) + b"\0" * 20, (10, 20)),
        (JPEG, (600, 300)),
        (b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 10 + struct.pack("<HH", 33, 44), (33, 44)),
        (b"RIFF\0\0\0\0WEBPVP8L" + b"\0" * 5 + (99 | 49 << 14).to_bytes(4, "little") + b"\0" * 9, (100, 50)),
        (b"RIFF\0\0\0\0WEBPVP8X" + b"\0" * 8 + b"\xc7\0\0\x63\0\0" + b"\0" * 4, (200, 100)),
        (b"BM not read here" + b"\0" * 20, None),
        (base64.b64decode(png(0, 480)), None),
        (b"\xff\xd8\xff", None),
        (b"", None),
    ],
)
def test_sizes_are_read_from_the_first_bytes(data: bytes, size: tuple[int, int] | None) -> None:
    assert read_size(base64.b64encode(data).decode()) == size


def test_a_picture_that_is_not_base64_has_no_size() -> None:
    assert read_size("?") is None


@pytest.mark.parametrize(
    ("model", "size", "detail", "tokens"),
    [
        # The vendor's own examples.
        ("gpt-4o", (1024, 1024), "high", 765),
        ("gpt-4o", (2048, 4096), "high", 1105),
        ("gpt-4o", (4096, 8192), "low", 85),
        ("gemini-2.5-flash", (384, 384), "", 258),
        # Measured bills (October 2026), less the words around the picture.
        ("gpt-5.5", (1024, 1024), "", 1229),
        ("gpt-5.5", (1920, 1080), "", 2448),
        ("gpt-5.5", (3840, 2160), "", 2931),
        ("gpt-5.5", (4032, 3024), "", 2942),
        ("claude-opus-5-5", (1024, 1024), "", 1369),
        ("claude-opus-5-5", (1920, 1080), "", 2691),
        ("claude-haiku-4-5", (512, 512), "", 361),
        ("claude-haiku-4-5", (4032, 3024), "", 1564),
    ],
)
def test_pictures_cost_what_the_vendor_bills(model: str, size: tuple[int, int], detail: str, tokens: int) -> None:
    assert count_image(size, model, detail) == tokens


@pytest.mark.parametrize(
    "model", ["gpt-5", "gpt-5-mini", "gpt-5.5", "claude-opus-4-6", "claude-opus-5", "gemini-3-pro", "llava"]
)
@pytest.mark.parametrize("size", [(1, 1), (1, 100_000), (100_000, 1), (65535, 65535)])
def test_no_size_is_too_odd(model: str, size: tuple[int, int]) -> None:
    assert 0 < count_image(size, model) < 20_000
