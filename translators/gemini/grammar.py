"""What a Gemini client needs of an answer, checked in the bytes it gets: events, or one JSON array.

Source: Gemini API reference, “Generating content”, read November 2026; google-genai for Python 3.4 (fails on names,
comments and ids; its chat forgets a turn of which one chunk has no part) and for JavaScript 3.1 (one data line an
event, an error only as raw JSON, a part without content drops the turn).
"""

import binascii
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from translators.dialect import Violation
from translators.errors import Unreadable
from translators.gemini.splitter import Objects
from translators.grammar import EventStream, Findings

_RULE = "Gemini: GenerateContentResponse"
_PARTS = "google-genai chats forget a turn with a chunk that has no parts"
_ERROR = "google-genai: an error is raw JSON that starts with `error` and has a code"
_MARKS = frozenset({"thought", "thoughtSignature", "partMetadata", "videoMetadata", "mediaResolution"})
"""Members that say something about a part and are none themselves."""


class _Call(Struct):
    name: str | None = None
    args: dict[str, Any] | None = None
    id: str | None = None
    partialArgs: Raw | UnsetType = UNSET
    willContinue: bool | None = None


class _Content(Struct):
    role: str | None = None
    parts: list[dict[str, Raw]] | None = None


class _Candidate(Struct):
    content: _Content | None = None
    index: int = 0
    finishReason: str | None = None


class _Counts(Struct):
    promptTokenCount: int | None = None
    candidatesTokenCount: int | None = None
    totalTokenCount: int | None = None
    thoughtsTokenCount: int | None = None
    cachedContentTokenCount: int | None = None


class _Feedback(Struct):
    blockReason: str | None = None


class _Error(Struct):
    code: int
    message: str
    status: str = ""


class _Chunk(Struct):
    candidates: list[_Candidate] | None = None
    promptFeedback: _Feedback | None = None
    usageMetadata: _Counts | None = None
    modelVersion: str | None = None
    responseId: str | None = None
    error: _Error | UnsetType = UNSET


_chunk = msgspec.json.Decoder(_Chunk)
_EMPTY = Raw(b'""')
_text = msgspec.json.Decoder(str)
_call = msgspec.json.Decoder(_Call)


class _Array(Objects):
    """The splitter, with what stands between the objects checked too."""

    def __init__(self, findings: Findings) -> None:
        super().__init__()
        self._findings = findings
        self._between = b""  # since the last object
        self._from = 0  # where in the buffer that goes on
        self._number = 0

    def _bracket(self, byte: int, at: int, found: list[bytes]) -> None:
        outside = self._depth == 0
        if outside:
            self._between += bytes(self._buffer[self._from : at])
            self._from = at
        if outside and byte == 0x7B:
            self._findings.frame, self._number = self._number, self._number + 1
            between = self._between[:-1].split()
            if between != ([b","] if self._findings.frame else [b"["]):
                self._findings.note(f"{b' '.join(between)[:20]!r} in front of an object of the array")
        super()._bracket(byte, at, found)
        if self._depth == 0 and not outside:
            self._from, self._between = at, b""

    def _forget(self) -> None:
        if self._depth == 0:
            self._between += bytes(self._buffer[self._from : self._scanned])
            self._from = 0
        super()._forget()

    def close(self) -> None:
        """The stream is over."""
        if self._depth or self._in_string or (self._between + bytes(self._buffer)).split() != [b"]"]:
            self._findings.note("the array does not end with its bracket")


class Grammar(EventStream):
    """One for each stream; its first byte says in which form it comes."""

    BARE = True

    def __init__(self) -> None:
        super().__init__(_RULE)
        self._array: _Array | None = None
        self._read = 0  # objects of it
        self._head: tuple[str | None, str | None] | None = None
        self._finished: dict[int, bool] = {}  # candidate → has it ended?
        self._partial: set[int] = set()
        self._blocked = self._failed = False

    def feed(self, chunk: bytes) -> list[Violation]:
        """Read a chunk; any chunking gives the same. Never raises."""
        if self._array is None and self._fresh and chunk and chunk[:1] == b"[" and not self._blocks.rest:
            self._array, self._fresh = _Array(self), False
        if self._array is None:
            return super().feed(chunk)
        try:
            objects = self._array.feed(chunk) if not self._lost else []
        except Unreadable as error:
            self.note(str(error))
            self._lost, objects = True, []
        for data in objects:
            self.frame, self._read = self._read, self._read + 1
            self._event(b"", data)
        return self.take() if self._found else []

    def _may_stay_open(self, rest: bytes) -> bool:
        return rest.startswith(b"{")

    def _event(self, name: bytes, data: bytes) -> None:
        if name:
            self.note(f"an event's name {name!r}", rule="google-genai for Python fails on it")
        if self._failed:
            self.note("a chunk after the error")
        if self._array is None and (b"\xe2\x80\xa8" in data or b"\xe2\x80\xa9" in data):
            self.note("U+2028 or U+2029 unescaped", rule="old google-genai for JavaScript", mild=True)
        chunk = self.decoded(_chunk, data)
        if chunk is None:
            return
        if chunk.error is not UNSET:
            self._failed = True
            if not data.lstrip(b"{ \n\r\t").startswith(b'"error"'):
                self.note("`error` does not stand first", "$.error", _ERROR)
            return
        head = (chunk.modelVersion, chunk.responseId)
        if head != self._head:
            if self._head is not None or None in head:
                self.note("modelVersion and responseId stand in every chunk, and stay", mild=True)
            self._head = head
        if chunk.promptFeedback is not None and chunk.promptFeedback.blockReason:
            self._blocked = True
        elif not chunk.candidates:
            self.note("a chunk without candidates", "$.candidates", _PARTS, mild=True)
        for place, candidate in enumerate(chunk.candidates or ()):
            self._candidate(candidate, f"$.candidates[{place}]")

    def _candidate(self, candidate: _Candidate, path: str) -> None:
        over = self._finished.setdefault(candidate.index, False)
        content = candidate.content
        parts = (content.parts if content is not None else None) or []
        if not parts:
            self.note("no parts", f"{path}.content.parts", _PARTS, mild=True)
        elif content is not None and content.role != "model":
            self.note(f"role {content.role!r}", f"{path}.content.role")
        if over and (parts or candidate.finishReason):
            self.note("more of a candidate that has finished", path)
        for number, part in enumerate(parts):
            at = f"{path}.content.parts[{number}]"
            _check_part(self, part, at)
            if not over and candidate.finishReason is None and part.get("text") == _EMPTY and len(part) == 1:
                self.note("an empty text before the end", f"{at}.text", "google-genai for JavaScript", mild=True)
        if candidate.finishReason is not None:
            self._finished[candidate.index] = True

    def _odd(self, block: bytes, frame: Any) -> None:
        if block.startswith(b"{"):  # an error as it must come: raw
            if not block.lstrip(b"{ \n\r\t").startswith(b'"error"'):
                self.note("a raw object that is no error", rule=_ERROR)
            return
        super()._odd(block, frame)

    def _end(self) -> None:
        if self._array is not None:
            self._array.close()
        if self._failed:
            return
        if not self._finished and not self._blocked:
            self.note("the stream says nothing")
        for index, over in sorted(self._finished.items()):
            if not over:
                self.note(f"candidate {index} has no finishReason at the end")


def _check_part(findings: Findings, part: dict[str, Raw], path: str) -> None:
    if "text" in part:
        if findings.decoded(_text, part["text"], f"{path}.text") is None or len(part) == 1:
            return
    elif not part.keys() - _MARKS:
        findings.note("a part that holds nothing", path, _PARTS, mild=bool(part))
    if "functionCall" in part:
        call = findings.decoded(_call, part["functionCall"], f"{path}.functionCall")
        if call is not None and not call.name and call.partialArgs is UNSET and call.willContinue is None:
            findings.note("a call without name", f"{path}.functionCall.name", mild=call.args is None)
    if "thoughtSignature" in part:
        try:
            binascii.a2b_base64(_text.decode(part["thoughtSignature"]), strict_mode=True)
        except ValueError:
            findings.note("no base64", f"{path}.thoughtSignature", "google-genai for Python")


def check_reply(body: bytes) -> list[Violation]:
    """Check a whole answer."""
    findings = Findings(_RULE)
    reply = findings.decoded(_chunk, body)
    if reply is None:
        return findings.take()
    if not reply.candidates and not (reply.promptFeedback and reply.promptFeedback.blockReason):
        findings.note("neither candidates nor a blockReason", "$.candidates")
    for place, candidate in enumerate(reply.candidates or ()):
        path = f"$.candidates[{place}]"
        parts = (candidate.content.parts if candidate.content is not None else None) or []
        if not parts:
            findings.note("no parts", f"{path}.content.parts", _PARTS, mild=True)
        for number, part in enumerate(parts):
            _check_part(findings, part, f"{path}.content.parts[{number}]")
            if part.get("text") == _EMPTY and len(parts) > 1:
                rule = "google-genai for JavaScript drops the turn"
                findings.note("an empty text among others", f"{path}.content.parts[{number}]", rule, mild=True)
        if candidate.finishReason is None:
            findings.note("no finishReason", f"{path}.finishReason")
    return findings.take()
