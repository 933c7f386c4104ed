"""Reads `contents` into turns."""

from typing import Literal

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from translators.gemini import wire
from translators.gemini.media import of_blob, of_file, seals_of
from translators.gemini.parts import hosted_part
from translators.losses import Ledger
from translators.names import made_id
from translators.parts import (
    Document,
    File,
    Image,
    Part,
    Seal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    Unknown,
    Video,
)

_members = msgspec.json.Decoder(dict[str, Raw])
_text = msgspec.json.Decoder(str)

_DETAILS = {"LOW": "low", "MEDIUM": "auto", "HIGH": "high", "ULTRA_HIGH": "original"}


def detail_of(level: str | None) -> str:
    """Image.detail for a MEDIA_RESOLUTION_… word."""
    return _DETAILS.get((level or "").removeprefix("MEDIA_RESOLUTION_"), "")


class ContentsReader:
    """Reads the contents of one request, in their order.

    Contents of one role in a row are one turn of talk as far as calls and thoughts go (the official chat helper sends
    one content for each chunk it received), but stay turns of their own.
    """

    def __init__(self, ledger: Ledger, resolution: str = "") -> None:
        self.ledger = ledger
        self.resolution = resolution
        self.turns: list[Turn] = []
        self.waiting: list[ToolCall] = []  # calls of the last model contents without an answer so far
        self.calls = 0
        self.hosted = ""  # id of the last hosted call

    def read(self, contents: list[wire.Content], at: str) -> list[Turn]:
        """Read all; `at` is the path of the list."""
        for index, content in enumerate(contents):
            self.add(content, f"{at}[{index}]")
        return self.said()

    def said(self) -> list[Turn]:
        """The turns with anything in them."""
        return [turn for turn in self.turns if turn.parts]

    def add(self, content: wire.Content, at: str) -> None:
        """Read one more."""
        role: Literal["assistant", "user"] = "assistant" if content.role == "model" else "user"
        if role == "assistant" and self.turns and self.turns[-1].role == "user":
            self.waiting = []
        turn = Turn(role=role, parts=[], at=at)
        self.turns.append(turn)
        if isinstance(content.parts, wire.Part):
            self._part(content.parts, turn, f"{at}.parts")
            return
        for number, part in enumerate(content.parts or []):
            self._part(part, turn, f"{at}.parts[{number}]")

    def _part(self, part: wire.Part, turn: Turn, at: str) -> None:
        try:
            seals = seals_of(part.thought_signature)
        except ValueError as exc:
            self.ledger.lose(f"{at}.thoughtSignature", str(exc))
            seals = []
        own: Seal | None = None
        for seal in seals:
            if seal.place == "ahead" and not (part.thought and seal is seals[-1]):
                self._ahead(seal, turn, at)
            else:
                own = replace(seal, place="self", text="")
        for name in part.others:
            self.ledger.lose(f"{at}.{name}", "unknown field")
        said = self._read(part, own, turn, at)
        if said is not None:
            turn.parts.append(said)

    def _read(self, part: wire.Part, own: Seal | None, turn: Turn, at: str) -> Part | None:
        if part.function_call is not None:
            return self._call(part.function_call, own, at)
        if part.function_response is not None:
            return self._result(part.function_response, at)
        if part.inline_data is not None or part.file_data is not None:
            return self._media(part, own, at)
        if part.text is not None:
            return self._said(part, own, turn, at)
        hosted = hosted_part(part, self.hosted)
        if hosted is not None:
            self.hosted = hosted.call if hasattr(hosted, "call") else hosted.id
            hosted.at = at
            return hosted
        if part.others:
            tag, raw = next(iter(part.others.items()))
            return Unknown(dialect="gemini", tag=tag, raw=Raw(msgspec.json.encode({tag: raw})), at=at)
        return Text(text="", seal=own, at=at) if own is not None else None

    def _said(self, part: wire.Part, own: Seal | None, turn: Turn, at: str) -> Part | None:
        text = part.text or ""
        if part.thought:
            if own is not None and not text:  # the signature of thoughts that came in earlier pieces
                text = "".join(self._unsealed_thoughts(turn))
            return Thinking(text=text, seal=own, at=at) if text or own else None
        if not text and own is None and turn.role == "assistant":
            self.ledger.apply("empty-text", at)
            return None
        return Text(text=text, seal=own, at=at)

    def _ahead(self, seal: Seal, turn: Turn, at: str) -> None:
        """Put a whole piece of another vendor's thinking in front; its copies for display go."""
        self._unsealed_thoughts(turn)
        plain = replace(seal, place="self", text="")
        redacted = seal.kind == "redacted" or (seal.kind == "encrypted" and not seal.text)
        turn.parts.append(Thinking(text=seal.text, seal=plain, redacted=redacted, item=seal.item, at=at))

    def _unsealed_thoughts(self, turn: Turn) -> list[str]:
        """Take the thoughts without a seal off the end of this run of model turns; give their texts."""
        found: list[str] = []
        for earlier in reversed(self.turns):
            if earlier.role != turn.role:
                break
            while earlier.parts and isinstance(last := earlier.parts[-1], Thinking) and last.seal is None:
                found.append(last.text)
                earlier.parts.pop()
            if earlier.parts:
                break
        return found[::-1]

    def _call(self, call: wire.FunctionCall, seal: Seal | None, at: str) -> ToolCall:
        args = wire.given(call.args)
        arguments = bytes(args).decode() if args is not None else "{}"
        name = call.name or ""
        made = call.id or made_id(self.calls, name, arguments)
        self.calls += 1
        found = ToolCall(id=made, name=name, arguments=arguments, seal=seal, at=at)
        self.waiting.append(found)
        return found

    def _result(self, answer: wire.FunctionResponse, at: str) -> ToolResult:
        call = self._answered(answer)
        if call is not None:
            self.waiting = [other for other in self.waiting if other is not call]
        identifier = call.id if call is not None else answer.id or made_id(self.calls, answer.name or "", "result")
        response = wire.given(answer.response)
        parts, failed = said_by(response, at)
        for index, media in enumerate(answer.parts or []):
            part = wire.Part(inline_data=media.inline_data, file_data=media.file_data)
            found = self._media(part, None, f"{at}.functionResponse.parts[{index}]")
            if found is not None:
                parts.append(found)
        name = answer.name or (call.name if call is not None else "")
        places = {"failed": f"{at}.functionResponse.response"}
        return ToolResult(call=identifier, parts=parts, name=name, failed=failed, raw=response, at=at, places=places)

    def _answered(self, answer: wire.FunctionResponse) -> ToolCall | None:
        """The call a response belongs to: by id, else the first open one of its name, else the first open one."""
        by_id = [call for call in self.waiting if call.id == answer.id]
        by_name = [call for call in self.waiting if call.name == answer.name]
        if answer.id and not by_id:
            return None
        return next(iter(by_id or by_name or self.waiting), None)

    def _media(self, part: wire.Part, own: Seal | None, at: str) -> Part | None:
        found: Image | Document | File | Part | None
        if part.inline_data is not None:
            found = of_blob(part.inline_data, at)
            if found is None:
                self.ledger.lose(f"{at}.inlineData.data", "not base64", semantic=True)
                return None
        elif part.file_data is not None:
            found = of_file(part.file_data, at)
        else:
            return None
        meta = wire.given(part.video_metadata)
        if isinstance(found, Video):
            found.meta = meta
            found.places = {"meta": f"{at}.videoMetadata"}
        elif meta is not None:
            self.ledger.lose(f"{at}.videoMetadata", "not on a video")
        self._name(part, found, at)
        if isinstance(found, Image):
            found.detail = self._resolution(wire.given(part.media_resolution), at) or self.resolution
            found.seal = own
        return found

    def _resolution(self, raw: Raw | None, at: str) -> str:
        """A part's own resolution: the word, or an object with `level`."""
        if raw is None:
            return ""
        try:
            value = msgspec.json.decode(raw)
        except msgspec.DecodeError:
            return ""
        level = value
        if isinstance(value, dict):
            level = value.get("level")
            for name in value.keys() - {"level"}:
                self.ledger.lose(f"{at}.mediaResolution.{name}", "a resolution is a level elsewhere")
        return detail_of(level) if isinstance(level, str) else ""

    def _name(self, part: wire.Part, found: Part, at: str) -> None:
        """Only documents and files have names elsewhere."""
        field, data = ("inlineData", part.inline_data) if part.inline_data is not None else ("fileData", part.file_data)
        if data is None or not data.display_name:
            return
        path = f"{at}.{field}.displayName"
        if isinstance(found, Document | File):
            found.places = {"filename": path}
        else:
            self.ledger.lose(path, "the name of a picture or a recording")


def said_by(response: Raw | None, at: str) -> tuple[list[Part], bool | None]:
    """The parts of a response object, and whether it says that the call failed.

    Google's convention is `{"output": …}` or `{"error": …}`, its Python helper sends `{"result": …}`. An object with
    one such key and a text is that text; any other is its JSON.
    """
    if response is None:
        return [], None
    text = msgspec.json.format(bytes(response), indent=-1).decode()
    failed = None
    try:
        members = _members.decode(response)
    except msgspec.DecodeError:
        return [Text(text=text, at=f"{at}.functionResponse.response")], None
    if len(members) == 1:
        key, value = next(iter(members.items()))
        if key in ("output", "result", "error"):
            failed = True if key == "error" else None
            try:
                text = _text.decode(value)
            except msgspec.DecodeError:
                text = msgspec.json.format(bytes(value), indent=-1).decode() if failed else text
    return [Text(text=text, at=f"{at}.functionResponse.response")] if text else [], failed
