"""Data URLs, addresses and file ids ⇄ sources."""

import base64
import binascii
from urllib.parse import unquote_to_bytes

from translators.errors import Unreadable
from translators.openai_responses import wire
from translators.parts import Audio, Document, File, FileRef, Image, Inline, PlainText, Source, Url

VENDOR = "openai"

_ENDINGS = {
    "application/pdf": ".pdf",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/csv": ".csv",
    "text/html": ".html",
    "application/json": ".json",
    "application/msword": ".doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
}
"""Mime types of files OpenAI takes, and the ending of the name it tells them by."""

_MIMES = {ending: mime for mime, ending in _ENDINGS.items()}

_AUDIO = {"wav": "audio/wav", "mp3": "audio/mpeg"}


def read_image(part: wire.ImagePart, at: str) -> Image:
    """Read input_image. Raises Unreadable if it has neither an address nor a file id."""
    if part.image_url:
        source = read_url(part.image_url, at + ".image_url")
    elif part.file_id:
        source = FileRef(part.file_id, VENDOR)
    else:
        raise Unreadable("expected `image_url` or `file_id`", at)
    return Image(source=source, detail=part.detail or "", at=at)


def read_file(part: wire.FilePart, at: str) -> Document | File:
    """Read input_file: PDF, text and what is stored or fetched elsewhere is a Document, other bytes are a File."""
    name = part.filename or ""
    if part.file_data:
        source = _file_source(part.file_data, name, at + ".file_data")
    elif part.file_url:
        source = read_url(part.file_url, at + ".file_url")
    elif part.file_id:
        source = FileRef(part.file_id, VENDOR)
    else:
        raise Unreadable("expected `file_data`, `file_url` or `file_id`", at)
    if isinstance(source, Inline) and source.mime != "application/pdf":
        return File(source=source, filename=name, at=at)
    return Document(source=source, filename=name, at=at)


def read_audio(part: wire.AudioPart, at: str) -> Audio:
    """Read input_audio."""
    kind = part.input_audio.format
    mime = _AUDIO.get(kind, f"audio/{kind}")
    return Audio(source=Inline(mime, _standard(part.input_audio.data, at + ".input_audio.data")), at=at)


def read_url(url: str, at: str) -> Source:
    """A data URL becomes its bytes, anything else stays an address."""
    if url[:5].lower() != "data:":
        return Url(url)
    head, comma, data = url[5:].partition(",")
    if not comma:
        raise Unreadable("a data URL without a comma", at)
    mime, *parameters = head.split(";")
    if "base64" in parameters:
        return Inline(mime or "application/octet-stream", _standard(data, at))
    return Inline(mime or "text/plain", base64.b64encode(unquote_to_bytes(data)).decode())


def _file_source(data: str, name: str, at: str) -> Source:
    if data[:5].lower() == "data:":
        source = read_url(data, at)
    else:  # bare base64: the client left the data URL's head out
        source = Inline(_MIMES.get(name[name.rfind(".") :].lower(), "application/pdf"), _standard(data, at))
    if isinstance(source, Inline) and source.mime == "text/plain":
        try:
            return PlainText(base64.b64decode(source.data).decode())
        except ValueError:  # not base64 or not UTF-8 after all: bytes, then
            return source
    return source


_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def _standard(data: str, at: str) -> str:
    """base64 in the standard alphabet with padding, without line breaks."""
    if "-" in data or "_" in data:
        data = data.replace("-", "+").replace("_", "/")
    if any(blank in data for blank in "\r\n \t"):
        data = "".join(data.split())
    data += "=" * (-len(data) % 4)
    if not data.rstrip("=").encode("ascii", "replace").translate(None, _ALPHABET) and not data.endswith("==="):
        return data
    try:
        binascii.a2b_base64(data, strict_mode=True)
    except binascii.Error as exc:
        raise Unreadable(f"expected base64: {exc}", at) from exc
    return data


def address(source: Source) -> str | None:
    """The data URL or address of a source; None for what has neither."""
    match source:
        case Inline(mime=mime, data=data):
            return f"data:{mime};base64,{data}"
        case Url(url=url):
            return url
        case PlainText(text=text, mime=mime):
            return f"data:{mime};base64,{base64.b64encode(text.encode()).decode()}"
        case _:
            return None


def filename_of(source: Source, name: str) -> str:
    """`name`, with an ending from the mime type if it has none: OpenAI refuses file data without."""
    if "." in name:
        return name
    return f"{name or 'document'}{_ENDINGS.get(getattr(source, 'mime', ''), '')}"
