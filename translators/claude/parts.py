"""Leaf parts → blocks: text and media, wherever they may stand. What has no block goes to the ledger."""

import base64
import binascii

from msgspec import Raw

from translators.claude import wire
from translators.claude.words import IMAGE_MIMES, NAME
from translators.dialect import Aim
from translators.errors import Unwritable
from translators.losses import Ledger
from translators.parts import (
    Audio,
    Blocks,
    CacheMark,
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
    SearchResult,
    Source,
    Text,
    Unknown,
    Url,
    Video,
)

type Block = wire.RequestBlock | Raw
type ImageSource = wire.Base64Source | wire.UrlSource | wire.FileSource

_MAGIC = ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


def write_mark(cache: CacheMark | None) -> wire.CacheControl | None:
    """A breakpoint. Other vendors' lifetimes mean the default one here."""
    return None if cache is None else wire.CacheControl(ttl=cache.ttl if cache.ttl in ("5m", "1h") else None)


class Leaves:
    """Writes the parts that hold no tool traffic, for one upstream."""

    def __init__(self, aim: Aim, ledger: Ledger) -> None:
        self.aim = aim
        self.ledger = ledger
        self.marks: dict[int, str] = {}  # id of a breakpoint → where it stood

    def mark(self, part: Part) -> wire.CacheControl | None:
        """The breakpoint of a part."""
        written = write_mark(part.cache)
        if written is not None:
            self.marks[id(written)] = part.place("cache")
            if part.cache is not None and part.cache.ttl not in ("", written.ttl):
                self.ledger.apply("cache-ttl", f"{part.place('cache')}.ttl", "5m")
        return written

    def write(self, part: Part) -> list[Block]:
        """The blocks of a part of a user's turn, a tool result, or a document."""
        match part:
            case Text():
                return self.text(part)
            case Refusal(text=text):
                self.ledger.apply("refusal-as-text", part.at)
                return self.text(Text(text=text, at=part.at, cache=part.cache, places=part.places))
            case Image():
                return self.image(part)
            case Document():
                return self.document(part)
            case SearchResult():
                return [self.search_result(part)]
            case File():
                return self.file(part)
            case Audio() if part.transcript:
                self.ledger.apply("audio-as-transcript", part.at)
                return self.text(Text(text=part.transcript, at=part.at, cache=part.cache, places=part.places))
            case Audio(source=Inline() | Url()):
                raise Unwritable("sound, which this upstream cannot hear", part.at)
            case Audio() | Video():
                self.ledger.lose(part.at, type(part).__name__.lower(), semantic=True)
            case HostedCall() | HostedResult():
                if part.vendor == self.aim.vendor:
                    return [part.native]
                self.ledger.lose(part.at, f"{part.kind} of {part.vendor or 'another vendor'}", semantic=part.foreign())
            case Unknown():
                if part.dialect == NAME and self.aim.official:
                    return [part.raw]
                self.ledger.lose(part.at, f"`{part.tag}` of {part.dialect}", semantic=True)
            case _:
                self.ledger.lose(part.at, f"{type(part).__name__} cannot stand here", semantic=True)
        return []

    def text(self, part: Text) -> list[Block]:
        """A text block; the vendor refuses blank ones."""
        if part.seal is not None:
            self.ledger.lose(part.place("seal"), f"seal of {part.seal.vendor}")
        if not part.text.strip():
            self.ledger.lose(part.at, "empty text")
            return []
        native = [each.native for each in part.citations if each.native is not None and each.vendor == self.aim.vendor]
        if len(native) != len(part.citations):
            self.ledger.lose(part.place("citations"), "citations of another vendor")
        return [wire.TextBlock(text=part.text, citations=native or None, cache_control=self.mark(part))]

    def image(self, part: Image) -> list[Block]:
        """JPEG, PNG, GIF and WebP; a wrong media type is set right by the first bytes, or the vendor refuses it."""
        if part.detail not in ("", "auto"):
            self.ledger.lose(part.at, "detail of an image")
        source = part.source
        if isinstance(source, Inline):
            seen = _sniff(source.data)
            if seen and seen != source.mime:
                self.ledger.apply("media-type", part.at, seen)
                source = Inline(seen, source.data)
            if source.mime not in IMAGE_MIMES:
                self.ledger.lose(part.at, f"image of type {source.mime}", semantic=True)
                return []
        written = self._source(source)
        if written is None:
            self.ledger.lose(part.at, "image this upstream cannot reach", semantic=True)
            return []
        return [wire.ImageBlock(source=written, cache_control=self.mark(part))]

    def _source(self, source: Source) -> ImageSource | None:
        match source:
            case Inline(mime=mime, data=data):
                return wire.Base64Source(media_type=mime, data=data)
            case Url(url=url) if url.startswith(("https://", "http://")):
                return wire.UrlSource(url=url)
            case FileRef(id=identifier, vendor=vendor) if vendor == self.aim.vendor:
                return wire.FileSource(file_id=identifier)
            case _:
                return None

    def document(self, part: Document) -> list[Block]:
        """PDF, plain text, or a document made of text and images."""
        source: ImageSource | wire.TextSource | wire.ContentSource | None
        match part.source:
            case PlainText(text=text):
                source = wire.TextSource(media_type="text/plain", data=text)
            case Blocks(parts=parts):
                inner = [block for each in parts for block in self.write(each)]
                source = wire.ContentSource(content=inner)  # type: ignore[arg-type]  # encodes like Raw
            case Inline(mime=mime, data=data) if mime.startswith("text/"):
                source = _plain(data)
            case Inline(mime=mime) if mime != "application/pdf":
                source = None
            case other:
                source = self._source(other)
        if source is None:
            self.ledger.lose(part.at, "document this upstream cannot read", semantic=True)
            return []
        return [
            wire.DocumentBlock(
                source=source,
                title=part.title or part.filename or None,
                context=part.context or None,
                citations=None if part.citations is None else wire.CitationsConfig(enabled=part.citations),
                cache_control=self.mark(part),
            )
        ]

    def search_result(self, part: SearchResult) -> Block:
        """A search hit given as citable content."""
        return wire.SearchResultBlock(
            source=part.source,
            title=part.title,
            content=[block for each in part.parts for block in self.write(each)],  # type: ignore[misc]  # as above
            citations=None if part.citations is None else wire.CitationsConfig(enabled=part.citations),
            cache_control=self.mark(part),
        )

    def file(self, part: File) -> list[Block]:
        """A stored file goes into the container; a readable inline one is a document or an image."""
        source = part.source
        if isinstance(source, FileRef) and source.vendor == self.aim.vendor:
            return [wire.ContainerUploadBlock(file_id=source.id, cache_control=self.mark(part))]
        if isinstance(source, Inline) and source.mime in IMAGE_MIMES:
            return self.image(Image(source=source, at=part.at, cache=part.cache, places=part.places))
        if isinstance(source, FileRef):
            self.ledger.lose(part.at, f"file stored at {source.vendor}", semantic=True)
            return []
        return self.document(
            Document(source=source, filename=part.filename, at=part.at, cache=part.cache, places=part.places)
        )


def _sniff(data: str) -> str:
    """The media type the first bytes tell, or ""."""
    try:
        head = base64.b64decode(data[:24])
    except (binascii.Error, ValueError):
        return ""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((mime for magic, mime in _MAGIC if head.startswith(magic)), "")


def _plain(data: str) -> wire.TextSource | None:
    try:
        return wire.TextSource(media_type="text/plain", data=base64.b64decode(data).decode())
    except (binascii.Error, ValueError):
        return None
