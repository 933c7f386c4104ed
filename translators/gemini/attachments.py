"""Writes media, documents and search results as parts."""

import base64
from typing import Any

from translators.dialect import Aim
from translators.gemini.media import IMAGES, SAME_MIME, guessed_mime
from translators.losses import Ledger
from translators.parts import (
    Audio,
    Blocks,
    Document,
    File,
    FileRef,
    Image,
    Inline,
    Part,
    PlainText,
    SearchResult,
    Source,
    Text,
    Url,
    Video,
)
from translators.unsaid import lose_citations

type Written = dict[str, Any]

_RESOLUTIONS = {"low": "LOW", "high": "HIGH", "original": "ULTRA_HIGH"}


class Attachments:
    """Writes what people attach to a message. What Gemini cannot take is lost, and reported as changing the answer."""

    def __init__(self, aim: Aim, ledger: Ledger) -> None:
        self.aim = aim
        self.ledger = ledger

    def write(self, part: Part) -> list[Written]:
        """The parts that say `part`; none if it is lost."""
        if isinstance(part, Document | File) and part.filename:
            self.ledger.lose(part.place("filename"), "the name of a file")
        match part:
            case Image():
                return self._image(part)
            case Document():
                return self._document(part)
            case Audio():
                if part.source is None:
                    self.ledger.lose(part.at, "audio that is stored at another vendor", semantic=True)
                    return []
                return self._file(part.source, part.at, "audio/wav")
            case Video():
                written = self._file(part.source, part.at, "video/mp4")
                if written and part.meta is not None:
                    written[0]["videoMetadata"] = part.meta
                return written
            case File():
                return self._file(part.source, part.at, "application/octet-stream")
            case SearchResult():
                self.ledger.apply("search-result", part.at, "text")
                self._unsaid(part, part.parts)
                body = "\n".join(inner.text for inner in part.parts if isinstance(inner, Text))
                return [{"text": f"{part.title}\n{part.source}\n\n{body}"}]
            case _:
                self.ledger.lose(part.at, f"{type(part).__name__} has no place here", semantic=True)
                return []

    def _image(self, part: Image) -> list[Written]:
        mime = part.source.mime if isinstance(part.source, Inline) else ""
        mime = SAME_MIME.get(mime, mime)
        if mime and mime not in IMAGES:
            self.ledger.lose(part.at, f"Gemini takes no {mime}", semantic=True)
            return []
        written = self._file(part.source, part.at, "image/jpeg")
        if written and part.detail in _RESOLUTIONS:
            if self.aim.traits.signatures:  # a resolution for one part came with Gemini 3
                written[0]["mediaResolution"] = {"level": f"MEDIA_RESOLUTION_{_RESOLUTIONS[part.detail]}"}
            else:
                self.ledger.lose(part.at, "this model takes no resolution for one image")
        return written

    def _document(self, part: Document) -> list[Written]:
        head = "\n".join(line for line in (part.title, part.context) if line)
        self._unsaid(part, part.source.parts if isinstance(part.source, Blocks) else [])
        match part.source:
            case PlainText(text=text, mime=mime):
                if head:
                    self.ledger.apply("document-as-text", part.at)
                    return [{"text": f"{head}\n\n{text}"}]
                data = base64.b64encode(text.encode()).decode()
                return [{"inlineData": {"mimeType": mime, "data": data}}]
            case Blocks(parts=parts):
                inner = [written for child in parts for written in self._child(child)]
                return [{"text": head}, *inner] if head else inner
            case source:
                written = self._file(source, part.at, "application/pdf")
                return [{"text": head}, *written] if head and written else written

    def _unsaid(self, part: Document | SearchResult, inner: list[Part]) -> None:
        """Whether to cite, and breakpoints inside."""
        lose_citations(part, self.ledger)
        for child in inner:
            if child.cache is not None:
                self.ledger.lose(child.place("cache"), "cache breakpoints are not known")

    def _child(self, part: Part) -> list[Written]:
        return [{"text": part.text}] if isinstance(part, Text) else self.write(part)

    def _file(self, source: Source, at: str, default: str) -> list[Written]:
        match source:
            case Inline(mime=mime, data=data):
                return [{"inlineData": {"mimeType": SAME_MIME.get(mime, mime) or default, "data": data}}]
            case Url(url=url, mime=mime):
                guessed = mime or guessed_mime(url) or default
                file = {"fileUri": url} if guessed.endswith("*") else {"mimeType": guessed, "fileUri": url}
                return [{"fileData": file}]
            case FileRef(id=identifier, vendor=vendor, mime=mime) if vendor == self.aim.vendor:
                return [{"fileData": {"mimeType": mime, "fileUri": identifier} if mime else {"fileUri": identifier}}]
            case FileRef(vendor=vendor):
                self.ledger.lose(at, f"a file stored at {vendor}", semantic=True)
                return []
            case PlainText(text=text):
                return [{"text": text}]
            case Blocks(parts=parts):
                return [written for child in parts for written in self._child(child)]
