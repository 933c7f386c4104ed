"""Media and signatures as Gemini carries them: base64 in both alphabets, one part for every kind of file."""

import base64

from translators.gemini.wire import Blob, FileData
from translators.parts import Audio, Document, File, FileRef, Image, Inline, PlainText, Seal, Source, Url, Video
from translators.seals import GEMINI_BYPASS, unwrap

VENDOR = "google"

BYPASSES = frozenset({GEMINI_BYPASS, "context_engineering_is_the_way_to_go"})
"""Documented stand-ins for a signature: they seal nothing."""

IMAGES = frozenset({"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"})
"""What Gemini models look at (“Image understanding”, read November 2026)."""

SAME_MIME = {
    "image/jpg": "image/jpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
}

_EXTENSIONS = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
    "gif": "image/gif",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "csv": "text/csv",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
}
_STORED = ("gs://", "https://generativelanguage.googleapis.com/", "files/")

type Media = Image | Document | Audio | Video | File


def standard_base64(text: str) -> str | None:
    """`text` in the standard alphabet with padding; None if it is not base64 in any spelling."""
    if any(character in text for character in "-_\n\r "):
        text = text.translate(_TO_STANDARD)
    bare = text.rstrip("=")
    if len(bare) % 4 == 1 or bare.encode("ascii", "replace").translate(None, _ALPHABET):
        return None
    padded = len(bare) + -len(bare) % 4
    return text if len(text) == padded else bare + "=" * (padded - len(bare))


_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_TO_STANDARD = str.maketrans({"-": "+", "_": "/", "\n": None, "\r": None, " ": None})


def guessed_mime(address: str) -> str:
    """The type an address suggests, or ""."""
    host_and_path = address.split("?", 1)[0].split("#", 1)[0]
    if "youtube.com/" in host_and_path or "youtu.be/" in host_and_path:
        return "video/*"
    return _EXTENSIONS.get(host_and_path.rpartition(".")[2].lower(), "")


def media_part(source: Source, mime: str, at: str, name: str = "") -> Media:
    """The part for a source of a type. Text files are read if they are UTF-8."""
    kind = mime.partition("/")[0]
    if kind == "image":
        return Image(source=source, at=at)
    if kind == "audio":
        return Audio(source=source, at=at)
    if kind == "video":
        return Video(source=source, at=at)
    if mime == "application/pdf":
        return Document(source=source, filename=name, at=at)
    if kind == "text":
        if isinstance(source, Inline):
            try:
                source = PlainText(base64.b64decode(source.data).decode(), mime)
            except ValueError:
                return File(source=source, filename=name, at=at)
        return Document(source=source, filename=name, at=at)
    return File(source=source, filename=name, at=at)


def of_blob(blob: Blob, at: str) -> Media | None:
    """The part of inline data; None if it is not base64."""
    data = standard_base64(blob.data)
    if data is None:
        return None
    mime = SAME_MIME.get(blob.mime_type, blob.mime_type)
    return media_part(Inline(mime, data), mime, at, blob.display_name or "")


def of_file(file: FileData, at: str) -> Media:
    """The part of a file reference: stored at Google, or anywhere on the web."""
    mime = file.mime_type or guessed_mime(file.file_uri)
    if file.file_uri.startswith(_STORED):
        return media_part(FileRef(file.file_uri, VENDOR, file.mime_type or ""), mime, at, file.display_name or "")
    return media_part(Url(file.file_uri, file.mime_type or ""), mime, at, file.display_name or "")


def seals_of(signature: str | None) -> list[Seal]:
    """What a thoughtSignature holds: Google's own seal, or those of an envelope; [] for none and for bypasses.

    Raises ValueError if it is not base64.
    """
    if not signature or signature in BYPASSES:
        return []
    data = standard_base64(signature)
    if data is None:
        raise ValueError("not base64")
    found = unwrap(data)
    return found if found is not None else [Seal("signature", data, VENDOR)]
