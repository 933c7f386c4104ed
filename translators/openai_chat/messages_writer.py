"""Turns → messages of a request.

What stands in another order or shape than this dialect allows is put right deterministically: results directly
after the calls they answer, their images in one user message after the last of them, reasoning only to the host
that made it.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from msgspec import json

from translators import seals
from translators.dialect import Aim
from translators.losses import Ledger
from translators.model import Request
from translators.names import CallIds, Names
from translators.openai_chat.media import AUDIO_FORMATS, data_url, filename_of, plain_text
from translators.openai_chat.says import CALL_ID, CALL_ID_LIMIT
from translators.openai_chat.unsaid import flat, lose_mark
from translators.openai_chat.wire import NAME
from translators.parts import (
    Audio,
    CacheMark,
    Document,
    File,
    FileRef,
    Image,
    Inline,
    Part,
    PlainText,
    Refusal,
    SearchResult,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    Unknown,
    Url,
    Video,
)
from translators.unsaid import lose_citations

LIFETIMES = ("30m", "12h")
"""Of OpenAI's explicit breakpoints."""

NO_RESULT = "Error: no result was provided"

_ATTACHED = {"Image": "image", "Document": "document", "Audio": "audio", "Video": "video", "File": "file"}


class MessageWriter:
    """Writes the messages of one request."""

    def __init__(self, request: Request, aim: Aim, names: Names, ledger: Ledger) -> None:
        self._request = request
        self._aim = aim
        self._names = names
        self._ledger = ledger
        # Explicit breakpoints are OpenAI's own; another vendor's marks would switch its automatic caching off.
        self._marking = aim.official and request.dialect.startswith("openai-")
        self.marked = False
        self._ids = CallIds(CALL_ID, CALL_ID_LIMIT)

    def write(self) -> list[dict[str, Any]]:
        """Give the messages, system text first."""
        request = self._request
        messages: list[dict[str, Any]] = []
        if request.system:
            role = "developer" if self._aim.official else "system"
            messages.append({"role": role, "content": self._content(request.system)})
        place, turns = 0, request.turns
        while place < len(turns):
            end = place + 1
            turn = turns[place]
            if turn.role == "assistant":
                while end < len(turns) and turns[end].role == "assistant" and _one_step(turns[place:end], turns[end]):
                    end += 1
                place = self._step(turns, place, end, messages)
                continue
            while turn.role == "user" and end < len(turns) and turns[end].role == "user":
                end += 1
            self._said(turns[place:end], frozenset(), messages)
            place = end
        return messages

    # --- steps ------------------------------------------------------------------------------------------------------

    def _step(self, turns: list[Turn], place: int, end: int, messages: list[dict[str, Any]]) -> int:
        """Write an assistant message and what the user said to it. Gives the place of the next turn."""
        step = turns[place:end]
        parts = [part for turn in step for part in turn.parts]
        message = self._assistant(parts, next((turn.name for turn in step if turn.name), ""))
        if message is not None:
            messages.append(message)
        calls = [part for part in parts if isinstance(part, ToolCall)]
        after = end
        while after < len(turns) and turns[after].role != "assistant":
            after += 1
        answers = turns[end:after]
        answered = Counter(part.call for turn in answers for part in turn.parts if isinstance(part, ToolResult))
        open_calls: list[ToolCall] = []
        for call in calls:
            if answered[call.id]:
                answered[call.id] -= 1
            else:
                open_calls.append(call)
        self._said(answers, frozenset(call.id for call in calls), messages, open_calls)
        return after

    def _said(
        self,
        turns: Iterable[Turn],
        due: frozenset[str],
        messages: list[dict[str, Any]],
        open_calls: Iterable[ToolCall] = (),
    ) -> None:
        """Write user turns (or one system turn): results first, then the media they held, then the rest."""
        media: list[Part] = []
        rest: list[dict[str, Any]] = []
        for turn in turns:
            said: list[Part] = []
            for part in turn.parts:
                if not isinstance(part, ToolResult):
                    said.append(part)
                elif part.call in due:
                    messages.append(self._result(part, media))
                else:
                    said += self._orphan(part)
            if said or not turn.parts:
                rest.append(self._plain(turn, said))
        for call in open_calls:
            self._ledger.lose(call.at, "a call without a result", semantic=True)
            messages.append({"role": "tool", "tool_call_id": self._ids.result(call.id), "content": NO_RESULT})
        if media:
            messages.append({"role": "user", "content": self._content(media)})
        messages += rest

    def _plain(self, turn: Turn, parts: list[Part]) -> dict[str, Any]:
        role: str = turn.role
        if role == "developer" and not self._aim.official:
            role = "system"
        elif role == "system" and self._aim.official and self._request.dialect != NAME:
            role = "developer"  # OpenAI takes one of the two words in a request, and the text in front has this
        message: dict[str, Any] = {"role": role, "content": self._content(parts)}
        if turn.name:
            message["name"] = turn.name
        return message

    # --- assistant --------------------------------------------------------------------------------------------------

    def _assistant(self, parts: list[Part], name: str) -> dict[str, Any] | None:
        message: dict[str, Any] = {"role": "assistant"}
        content: list[Part] = []
        refusals: list[str] = []
        calls: list[dict[str, Any]] = []
        thinking: list[Thinking] = []
        for part in parts:
            match part:
                case Text():
                    if calls:
                        self._ledger.lose(part.at, "that this text came after a call")
                    content.append(part)
                case Refusal() if self._aim.official:
                    refusals.append(part.text)
                case Refusal():
                    self._ledger.apply("refusal-as-text", part.at)
                    content.append(Text(text=part.text, at=part.at))
                case ToolCall():
                    calls.append(self._call(part))
                case Thinking():
                    if self._keeps(part):
                        thinking.append(part)
                case Audio() if part.id and self._aim.official:
                    message["audio"] = {"id": part.id}
                case Audio() if part.transcript:
                    self._ledger.apply("audio-as-transcript", part.at)
                    content.append(Text(text=part.transcript, at=part.at))
                case Unknown() if part.dialect == NAME:
                    content.append(part)
                case _:
                    reason = f"{type(part).__name__} in an assistant message"
                    self._ledger.lose(part.at, reason, semantic=True)
        silent = calls or refusals or "audio" in message
        if content or not silent:
            if not content and not thinking:
                return None
            message["content"] = self._content(content) if content else ""
        else:
            message["content"] = None
        if refusals:
            message["refusal"] = "".join(refusals)
        if name:
            message["name"] = name
        if thinking:
            self._write_thinking(thinking, message)
        if calls:
            message["tool_calls"] = calls
        return message

    def _call(self, call: ToolCall) -> dict[str, Any]:
        name = self._names.out(call.name, call.namespace)
        written: dict[str, Any] = {"id": self._ids.call(call.id)}
        if written["id"] != call.id:
            self._ledger.apply("call-id", call.at, written["id"])
        if call.form == "text" and self._aim.official:
            written |= {"type": "custom", "custom": {"name": name, "input": call.arguments}}
        else:
            arguments = call.arguments or "{}"
            if call.form == "text":
                arguments = json.encode({"input": call.arguments}).decode()
            written |= {"type": "function", "function": {"name": name, "arguments": arguments}}
        if call.seal is not None:
            data = seals.for_upstream(call.seal, self._aim)
            if data is not None and not self._aim.official:
                written["extra_content"] = {"google": {"thought_signature": data}}
            else:
                self._ledger.lose(call.place("seal"), f"seal of {call.seal.vendor}")
        lose_mark(call, self._ledger)
        if call.caller is not None:
            self._ledger.lose(f"{call.at}.caller", "who called is known to its own vendor only")
        return written

    def _keeps(self, part: Thinking) -> bool:
        """Whether this host may see the reasoning again: never OpenAI, and nobody another vendor's."""
        if self._aim.official:
            for path in part.paths():
                self._ledger.lose(path, "this API takes no reasoning back")
            return False
        if part.seal is not None and part.seal.vendor != self._aim.vendor:
            for path in part.paths():
                self._ledger.lose(path, f"thinking of {part.seal.vendor}")
            return False
        return True

    def _write_thinking(self, thinking: list[Thinking], message: dict[str, Any]) -> None:
        """Unsealed text as reasoning_content; sealed blocks as reasoning_details, with the host's format and id."""
        details: list[dict[str, Any]] = []
        for index, part in enumerate(thinking):
            seal = part.seal
            if seal is None or not seal.data:
                continue
            about = {"id": seal.item} if seal.item else {}
            about |= {"format": seal.model} if seal.model else {}
            if seal.kind == "signature":
                sealed = {"type": "reasoning.text", "text": part.text, "signature": seal.data}
                details.append({**sealed, **about, "index": index})
                continue
            if part.text:
                details.append({"type": "reasoning.summary", "summary": part.text, **about, "index": index})
            details.append({"type": "reasoning.encrypted", "data": seal.data, **about, "index": index})
        texts = [part.text for part in thinking if part.text and not (part.seal and part.seal.data)]
        if texts:
            message["reasoning_content"] = "\n\n".join(texts)
        if details:
            message["reasoning_details"] = details

    # --- results ----------------------------------------------------------------------------------------------------

    def _result(self, result: ToolResult, media: list[Part]) -> dict[str, Any]:
        """A tool message: text only. Media go to `media`, labelled with the call's id."""
        identifier = self._ids.result(result.call)
        lose_mark(result, self._ledger)
        texts: list[str] = []
        attached: list[Part] = []
        for part in flat(result.parts, self._ledger):
            text = plain_text(part)
            if text is not None:
                self._cited(part)
                texts.append(text)
            else:
                attached.append(part)
                texts.append(f"({_ATTACHED.get(type(part).__name__, 'part')} attached below)")
        if not texts and result.raw is not None:
            texts.append(bytes(result.raw).decode())
        if result.failed:
            self._ledger.apply("tool-error", result.at)
            if not (texts and texts[0].lower().startswith("error")):
                texts[:1] = [f"Error: {texts[0]}" if texts else "Error"]
        if attached:
            self._ledger.apply("tool-result-media", result.at)
            media += [Text(text=f"Attached to the result of tool call {identifier}:", at=result.at), *attached]
        content: Any = "\n".join(texts)
        if len(texts) > 1 and self._aim.official:
            content = [{"type": "text", "text": text} for text in texts]
        return {"role": "tool", "tool_call_id": identifier, "content": content}

    def _orphan(self, result: ToolResult) -> list[Part]:
        self._ledger.lose(result.at, "a result without its call; sent as user text", semantic=True)
        return [Text(text=f"[tool result {result.call}]", at=result.at), *result.parts]

    # --- content ----------------------------------------------------------------------------------------------------

    def _content(self, parts: list[Part]) -> str | list[Any]:
        """A string for one text without a mark, else a list of parts."""
        if len(parts) == 1 and type(part := parts[0]) is Text and not (part.cache or part.citations or part.seal):
            return part.text  # nearly every message
        written = [item for part in flat(parts, self._ledger) for item in self._part(part)]
        if not written:
            return ""
        if len(written) == 1 and isinstance(written[0], dict) and set(written[0]) == {"type", "text"}:
            return str(written[0]["text"])
        return written

    def _part(self, part: Part) -> list[Any]:
        written = self._media(part)
        if part.cache is not None and written and isinstance(written[-1], dict):
            self._mark(part.cache, part.place("cache"), written[-1])
        elif part.cache is not None:
            lose_mark(part, self._ledger)
        return written

    def _mark(self, cache: CacheMark, at: str, written: dict[str, Any]) -> None:
        if self._marking:
            timed = {"ttl": cache.ttl} if cache.ttl in LIFETIMES else {}
            written["prompt_cache_breakpoint"] = {"mode": "explicit"} | timed
            self.marked = True
            if cache.ttl and not timed:
                self._ledger.lose(f"{at}.ttl", "OpenAI has no such life time")
        else:
            self._ledger.lose(at, "cache breakpoints of another vendor")

    def _media(self, part: Part) -> list[Any]:
        match part:
            case Text():
                if part.citations:
                    self._ledger.lose(part.place("citations"), "citations")
                if part.seal is not None:
                    self._ledger.lose(part.place("seal"), f"seal of {part.seal.vendor}")
                return [{"type": "text", "text": part.text}]
            case Refusal():
                return [{"type": "refusal", "refusal": part.text}]
            case Image(source=Inline() | Url() as source):
                image: dict[str, Any] = {"url": data_url(source) if isinstance(source, Inline) else source.url}
                if part.detail:
                    image["detail"] = part.detail
                return [{"type": "image_url", "image_url": image}]
            case Document():
                return self._document(part)
            case Audio(source=Inline() as source) if source.mime in AUDIO_FORMATS:
                audio = {"data": source.data, "format": AUDIO_FORMATS[source.mime]}
                return [{"type": "input_audio", "input_audio": audio}]
            case File(source=Inline() | FileRef() as source):
                return self._file(source, part.filename, part.at)
            case Video(source=Inline() | Url() as source) if not self._aim.official:
                url = data_url(source) if isinstance(source, Inline) else source.url
                if part.meta is not None:
                    self._ledger.lose(part.place("meta"), "which part of a video to look at")
                return [{"type": "video_url", "video_url": {"url": url}}]
            case SearchResult():
                self._cited(part)
                for inner in part.parts:
                    lose_mark(inner, self._ledger)
                return [{"type": "text", "text": plain_text(part)}]
            case Unknown() if part.dialect == NAME:
                return [part.raw]
        self._ledger.lose(part.at, f"{type(part).__name__} that this dialect cannot carry", semantic=True)
        return []

    def _cited(self, part: Part) -> None:
        """Say that a document or search result becomes text, and that nothing of it will be cited."""
        if isinstance(part, SearchResult):
            self._ledger.apply("search-result", part.at, "text")
        elif isinstance(part, Document) and isinstance(part.source, PlainText):
            self._ledger.apply("document-as-text", part.at)
        if isinstance(part, SearchResult | Document):
            lose_citations(part, self._ledger)

    def _document(self, part: Document) -> list[Any]:
        self._cited(part)
        text = plain_text(part)
        if text is not None:
            return [{"type": "text", "text": text}]
        if not isinstance(part.source, Inline | FileRef):
            self._ledger.lose(part.at, "a document by address", semantic=True)
            return []
        before = [{"type": "text", "text": part.context}] if part.context else []
        return before + self._file(part.source, part.filename or filename_of(part), part.at)

    def _file(self, source: Inline | FileRef, filename: str, at: str) -> list[Any]:
        if isinstance(source, Inline):
            return [{"type": "file", "file": {"filename": filename or "file", "file_data": data_url(source)}}]
        if source.vendor != self._aim.vendor:
            self._ledger.lose(at, f"a file stored at {source.vendor}", semantic=True)
            return []
        return [{"type": "file", "file": {"file_id": source.id}}]


def _one_step(step: list[Turn], turn: Turn) -> bool:
    """Whether an assistant turn belongs into one message with those before it: calls and reasoning bind, text not."""
    before = [part for said in step for part in said.parts]
    if any(isinstance(part, ToolCall) for part in (*before, *turn.parts)):
        return True
    return all(isinstance(part, Thinking) for part in before)
