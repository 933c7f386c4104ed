"""Data URLs, base64 and audio formats: the shape media has in this dialect."""

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from translators.errors import Unreadable
from translators.parts import (
    Audio,
    Document,
    File,
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

_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),(.*)", re.DOTALL)

MAGIC = (("/9j/", "image/jpeg"), ("iVBORw0KGgo", "image/png"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp"))
"""First base64 characters of the image types the vendors accept."""

AUDIO = {"wav": "audio/wav", "mp3": "audio/mpeg"}
"""input_audio.format ⇄ mime type."""
AUDIO_FORMATS = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}

_STANDARD = str.maketrans("-_", "+/", " \r\n\t")


def standard_base64(data: str) -> str:
    """The standard alphabet with padding and without line breaks, whatever the client used."""
    if data.isascii() and not len(data) % 4 and "-" not in data and "_" not in data and "\n" not in data:
        return data
    data = data.translate(_STANDARD).rstrip("=")
    return data + "=" * (-len(data) % 4)


def read_url(url: str, path: str) -> Inline | Url:
    """A data URL as bytes, any other address as it is. Raises Unreadable for a broken data URL."""
    if url[:5].lower() != "data:":
        return Url(url)
    found = _DATA_URL.fullmatch(url)
    if found is None:
        raise Unreadable("expected data:<type>;base64,<data>", path)
    mime, parameters, data = found.groups()
    if ";base64" in parameters.lower():
        return Inline(mime.lower(), standard_base64(data))
    return Inline(mime.lower() or "text/plain", base64.b64encode(unquote_to_bytes(data)).decode())


def image_mime(source: Inline) -> str:
    """The type the bytes themselves show, else the one that was said."""
    return next((mime for head, mime in MAGIC if source.data.startswith(head)), source.mime)


def media_part(source: Source, filename: str, at: str) -> Document | Image | Audio | Video | File:
    """A file of an unstated kind as the part its mime type asks for."""
    mime = getattr(source, "mime", "")
    family = mime.partition("/")[0]
    if mime == "application/pdf" or family == "text" or (not mime and filename.lower().endswith(".pdf")):
        return Document(source=source, filename=filename, at=at)
    if family == "image":
        return Image(source=source, at=at)
    if family == "audio":
        return Audio(source=source, at=at)
    if family == "video":
        return Video(source=source, at=at)
    return File(source=source, filename=filename, at=at)


def data_url(source: Inline) -> str:
    """The data URL of inline bytes."""
    return f"data:{source.mime};base64,{source.data}"


def decoded_text(source: Inline) -> str | None:
    """The text of inline bytes, None if they are not UTF-8."""
    try:
        return base64.b64decode(source.data).decode()
    except (binascii.Error, ValueError):
        return None


def plain_text(part: Part) -> str | None:
    """A part as text in a fixed layout, None if it is no text."""
    match part:
        case Text() | Refusal():
            return part.text
        case Document(source=PlainText() as source):
            return "\n".join(line for line in (part.title or part.filename, part.context, source.text) if line)
        case SearchResult():
            body = "\n".join(text for inner in part.parts if (text := plain_text(inner)) is not None)
            return "\n".join(line for line in (part.title, part.source, body) if line)
        case Unknown():
            return bytes(part.raw).decode()
    return None


def filename_of(part: Document) -> str:
    """A name for a document, with the ending OpenAI tells its type by."""
    ending = ".pdf" if getattr(part.source, "mime", "") in ("application/pdf", "") else ".txt"
    name = part.title or "document"
    return name if name.endswith(ending) else name + ending
