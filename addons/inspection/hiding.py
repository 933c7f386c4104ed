"""Bodies without what people said in them (`redact: content`): shape, lengths and hashes stay.

    {"role": "user", "content": "Dear Bob"}      {"role":"user","content":"[text 8 chars #4f1c9a]"}

Everything that is no known word of a dialect is hidden, so that a new field hides rather than tells. The same text has
the same hash for as long as cliproxy runs. Lost: white space of JSON, and the words for good.
"""

import hashlib
import re
from typing import Any

import msgspec

WORDS = frozenset(
    (
        *("behavior", "blockReason", "call_id", "category", "custom_id", "detail", "display", "effort", "event"),
        *("execution", "finishReason", "finish_reason", "format", "id", "include", "index", "item_id", "message_id"),
        *("mimeType", "mime_type", "media_type", "mode", "model", "modelVersion", "name", "namespace", "object"),
        *("previous_response_id", "probability", "reasoning_effort", "required", "responseId", "responseModalities"),
        *("response_id", "role", "service_tier", "serviceTier", "stop_reason", "status", "system_fingerprint"),
        *("thinkingLevel", "tool_call_id", "tool_choice", "tool_name", "tool_use_id", "truncation", "ttl", "type"),
        "verbosity",
    )
)
"""Members whose values are words of the dialect, names of tools and models, or ids."""

OPAQUE = frozenset({"arguments", "args", "metadata", "labels", "functionResponse", "default", "const", "examples"})
"""Members under which nothing is a word of the dialect; and `input`, where it is an object (a call's arguments)."""

_WORD = re.compile(r"[\w.:/@+-]{1,128}")
_LINE = re.compile(rb"(data|event|id|retry): ?(.*)", re.DOTALL)
_NOTE = "[… ".encode()
_MIME = ("media_type", "mimeType", "mime_type")


_HIDDEN = re.compile(rb"\[(?:text [\d,]+ chars|data [\d,]+ bytes) #[0-9a-f]{6}\]")


def is_hidden(body: bytes) -> bool:
    """Whether this is a body whose words were hidden."""
    return _HIDDEN.search(body) is not None


class Hider:
    """salt: secret, so that nobody can try what a hash stands for."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt

    def body(self, body: bytes) -> bytes:
        """A body of any kind: JSON, server-sent events, or bytes, of which nothing stays but their number."""
        if not body.strip():
            return body
        found = self._json(body)
        if found is not None:
            return found
        lines = body.split(b"\n")
        if not any(_LINE.match(line) for line in lines):
            return self._note("data", len(body), "bytes", body).encode()
        return b"\n".join(self._line(line) for line in lines)

    def text(self, text: str) -> str:
        """What stands for a text."""
        return self._note("text", len(text), "chars", text.encode(errors="surrogatepass")) if text else text

    def _note(self, what: str, size: int, unit: str, content: bytes) -> str:
        digest = hashlib.blake2s(content, key=self._salt, digest_size=3).hexdigest()
        return f"[{what} {size:,} {unit} #{digest}]"

    def _json(self, body: bytes) -> bytes | None:
        """None: it is no JSON, or no object or list."""
        if body.lstrip()[:1] not in (b"{", b"["):
            return None
        try:
            return msgspec.json.encode(self._value(msgspec.json.decode(body), "", opaque=False))
        except (ValueError, RecursionError):
            return None

    def _line(self, line: bytes) -> bytes:
        end = b"\r" if line.endswith(b"\r") else b""
        plain = line.removesuffix(b"\r")
        found = _LINE.fullmatch(plain)
        if not plain or plain.startswith(_NOTE):
            return line
        if plain.startswith(b":"):
            return b":" + end
        if found is None:
            return self._note("data", len(plain), "bytes", plain).encode() + end
        if found[2] == b"[DONE]" or (found[1] != b"data" and _WORD.fullmatch(found[2].decode("latin-1"))):
            return line
        told = self._json(found[2])
        return found[1] + b": " + (told or self._note("data", len(found[2]), "bytes", found[2]).encode()) + end

    def _value(self, value: Any, name: str, *, opaque: bool) -> Any:
        if isinstance(value, dict):
            return self._object(value, opaque=opaque or name in OPAQUE or name == "input")
        if isinstance(value, list):
            return [self._value(member, "" if name == "input" else name, opaque=opaque) for member in value]
        if isinstance(value, str):
            if not opaque and name in WORDS and _WORD.fullmatch(value):
                return value
            return self._arguments(value) if name == "arguments" else self.text(value)
        if opaque and isinstance(value, int | float) and not isinstance(value, bool):
            return self._note("number", len(str(value)), "digits", str(value).encode())
        return value

    def _object(self, value: dict[str, Any], *, opaque: bool) -> dict[str, Any]:
        told = {name: self._value(member, name, opaque=opaque) for name, member in value.items()}
        if "role" in value and isinstance(value.get("name"), str):
            told["name"] = self.text(value["name"])  # a person's, not a tool's
        kind = next((value[name] for name in _MIME if isinstance(value.get(name), str)), "")
        data = value.get("data")
        if kind and isinstance(data, str) and _WORD.fullmatch(kind):
            told["data"] = self._note(kind, len(data) * 3 // 4, "bytes", data.encode())
        return told

    def _arguments(self, text: str) -> str:
        """A call's arguments, which are JSON in a text: their names stay."""
        try:
            found = msgspec.json.decode(text)
        except (ValueError, RecursionError):
            return self.text(text)
        if not isinstance(found, dict):
            return self.text(text)
        return msgspec.json.encode(self._object(found, opaque=True)).decode()
