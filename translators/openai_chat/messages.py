"""Messages of a request → turns.

Leading system and developer messages become `Request.system` (the other dialects keep them apart from the turns);
later ones stay turns where they stand. Tool messages become user turns that hold one result. Nothing is merged.
"""

from typing import Literal

from msgspec import Raw, json

from translators import seals
from translators.errors import Unreadable
from translators.losses import Ledger
from translators.names import made_id
from translators.openai_chat.media import AUDIO, image_mime, media_part, read_url, standard_base64
from translators.openai_chat.wire import (
    NAME,
    VENDOR,
    Annotation,
    Call,
    Detail,
    ExtraContent,
    FileInput,
    Function,
    Message,
    Part,
    RawBody,
)
from translators.parts import (
    Audio,
    CacheMark,
    Citation,
    FileRef,
    Image,
    Inline,
    Refusal,
    Seal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    Unknown,
    Url,
    Video,
)
from translators.parts import Part as ModelPart

TEXT_TYPES = frozenset({"text", "input_text", "output_text"})  # the last two: Responses parts sent here by mistake


class MessageReader:
    """Reads the messages of one request; remembers its calls, so that results find them."""

    def __init__(self, body: bytes, ledger: Ledger) -> None:
        self._body = body
        self._ledger = ledger
        self._raw: RawBody | None = None
        self._calls: dict[str, str] = {}  # id → name
        self._legacy: list[tuple[str, str]] = []  # unanswered function_calls: name, id
        self._counted = 0
        self.unknown: list[str] = []

    @property
    def raw(self) -> RawBody:
        """The body with its parts as text; decoded only if something unknown stands in it."""
        if self._raw is None:
            self._raw = json.decode(self._body, type=RawBody)
        return self._raw

    def read(self, messages: list[Message]) -> tuple[list[ModelPart], list[Turn]]:
        """Give the leading system parts, and the turns. Raises Unreadable for a role or shape nobody knows."""
        system: list[ModelPart] = []
        turns: list[Turn] = []
        for index, message in enumerate(messages):
            at = f"$.messages[{index}]"
            turn = self._turn(message, index, at)
            if turn is None:
                self._ledger.lose(at, "a message without content")
            elif turn.role in ("system", "developer") and not turns:
                system += turn.parts
                if turn.name:
                    self._ledger.lose(f"{at}.name", "the speaker of leading system text")
            else:
                turns.append(turn)
        return system, turns

    def _turn(self, message: Message, index: int, at: str) -> Turn | None:
        match message.role:
            case "system" | "developer" as role:
                return Turn(role=role, parts=self._content(message, index, at), name=message.name or "", at=at)
            case "user":
                return Turn(role="user", parts=self._content(message, index, at), name=message.name or "", at=at)
            case "assistant":
                parts = self._assistant(message, index, at)
                return Turn(role="assistant", parts=parts, name=message.name or "", at=at) if parts else None
            case "tool":
                return Turn(role="user", parts=[self._result(message, index, at)], at=at)
            case "function":
                return Turn(role="user", parts=[self._function_result(message, index, at)], at=at)
        raise Unreadable(f"expected system, developer, user, assistant or tool, got {message.role!r}", f"{at}.role")

    # --- content ----------------------------------------------------------------------------------------------------

    def _content(self, message: Message, index: int, at: str) -> list[ModelPart]:
        if not isinstance(message.content, list):
            return [Text(text=message.content or "", at=f"{at}.content")]
        parts = [self._part(part, index, place, f"{at}.content[{place}]") for place, part in enumerate(message.content)]
        return parts or [Text(text="", at=f"{at}.content")]

    def _part(self, part: Part, index: int, place: int, at: str) -> ModelPart:
        read = self._known(part, at)
        if read is None:
            content = self.raw.messages[index].content
            raw = content[place].copy() if isinstance(content, list) else Raw(b"null")
            self._ledger.lose(at, f"unknown content part {part.type!r}", semantic=True)
            self.unknown.append(at)
            return Unknown(dialect=NAME, tag=part.type, raw=raw, at=at)
        if part.cache_control is not None:
            read.cache = CacheMark(part.cache_control.ttl or "")
            read.places = read.places | {"cache": f"{at}.cache_control"}
        elif part.prompt_cache_breakpoint is not None:
            read.cache = CacheMark(part.prompt_cache_breakpoint.ttl or "")
            read.places = read.places | {"cache": f"{at}.prompt_cache_breakpoint"}
        return read

    def _known(self, part: Part, at: str) -> ModelPart | None:
        match part.type:
            case kind if kind in TEXT_TYPES:
                return Text(text=_due(part.text, f"{at}.text"), at=at)
            case "image_url":
                return self._image(part, at)
            case "input_audio":
                audio = _due(part.input_audio, f"{at}.input_audio")
                mime = AUDIO.get(audio.format, f"audio/{audio.format}")
                return Audio(source=Inline(mime, standard_base64(audio.data)), at=at)
            case "file":
                return _file(_due(part.file, f"{at}.file"), at)
            case "refusal":
                return Refusal(text=_due(part.refusal, f"{at}.refusal"), at=at)
            case "video_url":
                url = _due(part.video_url, f"{at}.video_url").url
                return Video(source=read_url(url, f"{at}.video_url.url"), at=at)
            case "thinking":
                return Thinking(text=thinking_text(part.thinking), full=True, at=at)
        return None

    def _image(self, part: Part, at: str) -> Image:
        image = part.image_url
        if image is None:
            raise Unreadable("required, but missing", f"{at}.image_url")
        url, detail = (image, "") if isinstance(image, str) else (image.url, image.detail or "")
        source = read_url(url, f"{at}.image_url.url")
        if isinstance(source, Inline):
            seen = image_mime(source)
            if seen != source.mime:
                self._ledger.apply("image-type", f"{at}.image_url.url", seen)
                source = Inline(seen, source.data)
        return Image(source=source, detail=detail, at=at)

    # --- assistant --------------------------------------------------------------------------------------------------

    def _assistant(self, message: Message, index: int, at: str) -> list[ModelPart]:
        parts: list[ModelPart] = list(_thinking(message, at))
        if message.reasoning and message.reasoning_content:
            self._ledger.lose(f"{at}.reasoning", "reasoning_content says it")
        for place, detail in enumerate(message.reasoning_details or []):
            if detail.format:
                self._ledger.lose(f"{at}.reasoning_details[{place}].format", "only this dialect has a word for it")
        said = message.refusal or message.tool_calls or message.function_call or message.audio
        if isinstance(message.content, list):
            parts += [p for p in self._content(message, index, at) if not (isinstance(p, Text) and not p.text and said)]
        elif message.content or (message.content == "" and not said and not parts):
            parts.append(Text(text=message.content, at=f"{at}.content"))
        _attach(parts, message.annotations, message.extra_content, at)
        _lose_thought(message.extra_content, at, self._ledger)
        if message.refusal:
            parts.append(Refusal(text=message.refusal, at=f"{at}.refusal"))
        if message.audio is not None:
            parts.append(Audio(id=message.audio.id, at=f"{at}.audio"))
        for place, call in enumerate(message.tool_calls or []):
            parts.append(self._call(call, f"{at}.tool_calls[{place}]"))
        if message.function_call is not None and message.function_call.name:
            parts.append(self._legacy_call(message.function_call, f"{at}.function_call"))
        return parts

    def _call(self, call: Call, at: str) -> ToolCall:
        if call.custom is not None and (call.type == "custom" or call.function is None):
            name, arguments, form = _due(call.custom.name, f"{at}.custom.name"), call.custom.input or "", "text"
        else:
            function = _due(call.function, f"{at}.function")
            name, arguments, form = _due(function.name, f"{at}.function.name"), arguments_text(function), "json"
        identifier = call.id or made_id(self._counted, name, arguments)
        self._counted += 1
        self._calls[identifier] = name
        seal = google_seal(call.extra_content)
        _lose_thought(call.extra_content, at, self._ledger)
        places = {} if seal is None else {"seal": f"{at}.extra_content"}
        if form == "text":
            return ToolCall(id=identifier, name=name, arguments=arguments, form="text", seal=seal, at=at, places=places)
        return ToolCall(id=identifier, name=name, arguments=arguments or "{}", seal=seal, at=at, places=places)

    def _legacy_call(self, function: Function, at: str) -> ToolCall:
        name = function.name or ""
        arguments = arguments_text(function) or "{}"
        identifier = made_id(self._counted, name, arguments)
        self._counted += 1
        self._legacy.append((name, identifier))
        return ToolCall(id=identifier, name=name, arguments=arguments, at=at)

    # --- results ----------------------------------------------------------------------------------------------------

    def _result(self, message: Message, index: int, at: str) -> ToolResult:
        identifier = message.tool_call_id
        if not identifier:
            raise Unreadable("required, but missing", f"{at}.tool_call_id")
        name = self._calls.get(identifier, message.name or "")
        return ToolResult(call=identifier, name=name, parts=self._result_parts(message, index, at), at=at)

    def _function_result(self, message: Message, index: int, at: str) -> ToolResult:
        name = message.name or ""
        found = next((pair for pair in self._legacy if pair[0] == name), None)
        if found is not None:
            self._legacy.remove(found)
        identifier = found[1] if found is not None else made_id(self._counted, name, "")
        return ToolResult(call=identifier, name=name, parts=self._result_parts(message, index, at), at=at)

    def _result_parts(self, message: Message, index: int, at: str) -> list[ModelPart]:
        if not message.content:
            return []
        return self._content(message, index, at)


def _due[T](value: T | None, path: str) -> T:
    if value is None:
        raise Unreadable("required, but missing", path)
    return value


def _file(file: FileInput, at: str) -> ModelPart:
    part = _stored_or_sent(file, at)
    if file.filename:
        part.places = {"filename": f"{at}.file.filename"}
    return part


def _stored_or_sent(file: FileInput, at: str) -> ModelPart:
    filename = file.filename or ""
    if file.file_id:
        return media_part(FileRef(file.file_id, VENDOR), filename, at)
    data = _due(file.file_data, f"{at}.file.file_data")
    source: Inline | Url
    if data[:5].lower() == "data:" or data.startswith(("http://", "https://")):
        source = read_url(data, f"{at}.file.file_data")
    else:
        source = Inline("application/pdf", standard_base64(data))  # the API takes bare base64 for PDF
    return media_part(source, filename, at)


def arguments_text(function: Function) -> str:
    """The arguments as text, "" if there are none. An object keeps the digits and the order of its members."""
    arguments = function.arguments
    if isinstance(arguments, str):
        return arguments
    return json.format(json.encode(arguments), indent=-1).decode() if arguments is not None else ""


def thinking_text(raw: Raw) -> str:
    """The text of a `thinking` part (Mistral: a list of text parts; others: a string)."""
    value = json.decode(raw) if raw else ""
    if isinstance(value, list):
        return "".join(item.get("text", "") for item in value if isinstance(item, dict))
    return value if isinstance(value, str) else ""


# --- reasoning and seals --------------------------------------------------------------------------------------------


def _thinking(message: Message, at: str) -> list[Thinking]:
    plain = message.reasoning_content or message.reasoning or ""
    plain_at = f"{at}.reasoning_content" if message.reasoning_content else f"{at}.reasoning"
    if not message.reasoning_details:
        return [Thinking(text=plain, full=True, at=plain_at)] if plain else []
    blocks: list[Thinking] = []
    last: Detail | None = None
    for place, detail in enumerate(message.reasoning_details):
        text, seal = detail.text or detail.summary or "", detail_seal(detail)
        if last is not None and blocks[-1].seal is None and _same_block(last, detail):
            block = blocks[-1]
            if text:
                block.summaries = [*(block.summaries or [block.text]), text]
                block.text = "\n\n".join(block.summaries)
        else:
            full = detail.type == "reasoning.text" and (seal is None or seal.kind == "signature")
            block = Thinking(text=text, full=full, at=f"{at}.reasoning_details[{place}]")
            blocks.append(block)
        block.seal = seal
        if seal is not None and not block.at.endswith(f"[{place}]"):
            block.places = {"seal": f"{at}.reasoning_details[{place}]"}
        block.redacted = seal is not None and seal.kind == "redacted"
        last = detail
    if plain and not any(block.text for block in blocks):
        if len(blocks) == 1:
            blocks[0].text = plain
        else:
            blocks.insert(0, Thinking(text=plain, full=True, at=plain_at))
    return [block for block in blocks if block.text or block.seal is not None]


def _same_block(last: Detail, detail: Detail) -> bool:
    if detail.id is not None and detail.id == last.id:
        return True
    return detail.index is not None and detail.index == last.index


def detail_seal(detail: Detail) -> Seal | None:
    """The seal of a reasoning detail: out of its envelope, else this dialect's own.

    A host's `format` and `id` belong to the seal and must come back with it: they are kept as its model and item.
    """
    data = detail.signature or detail.data
    if not data:
        return None
    enclosed = seals.unwrap(data)
    if enclosed:
        return enclosed[0]
    kind: Literal["signature", "encrypted"] = "signature" if detail.signature else "encrypted"
    return Seal(kind, data, VENDOR, detail.format or "", item=detail.id or "")


def google_seal(extra: ExtraContent | None) -> Seal | None:
    """The thought signature of a call or message (the field is Google's, so a bare value is Google's too)."""
    if extra is None or extra.google is None or not extra.google.thought_signature:
        return None
    value = extra.google.thought_signature
    enclosed = seals.unwrap(value)
    return enclosed[0] if enclosed else Seal("signature", value, "google")


def _lose_thought(extra: ExtraContent | None, at: str, ledger: Ledger) -> None:
    if extra is not None and extra.google is not None and extra.google.thought is not None:
        ledger.lose(f"{at}.extra_content.google.thought", "what is reasoning stands in reasoning_content")


def _attach(parts: list[ModelPart], annotations: list[Annotation] | None, extra: ExtraContent | None, at: str) -> None:
    """Give the last text part the message's citations and seal."""
    text = next((part for part in reversed(parts) if isinstance(part, Text)), None)
    seal = google_seal(extra)
    if text is None or not (annotations or seal):
        return
    text.seal = seal
    text.places = text.places | {"citations": f"{at}.annotations", "seal": f"{at}.extra_content"}
    before = sum(len(part.text) for part in parts if isinstance(part, Text) and part is not text)
    text.citations = [found for a in annotations or [] if (found := read_citation(a, before)) is not None]


def read_citation(annotation: Annotation, before: int) -> Citation | None:
    """A citation of a text that begins `before` code points into the content; None for a kind without an address."""
    cited = annotation.url_citation
    if cited is None or not cited.url:
        return None
    start = None if cited.start_index is None else max(0, cited.start_index - before)
    end = None if cited.end_index is None else max(0, cited.end_index - before)
    return Citation(url=cited.url, title=cited.title or "", start=start, end=end, vendor=VENDOR)
