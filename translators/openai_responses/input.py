"""The conversation of a request, written as input items.

What comes first in the client's body comes first here: items are never reordered, and the same turn gives the same
bytes whatever follows it, so that prompt caches hold.
"""

import hashlib
import re
from typing import Any

from msgspec import Raw

from translators import seals
from translators.dialect import Aim
from translators.errors import Unwritable
from translators.losses import Ledger
from translators.model import Request
from translators.names import CallIds, made_id, unpaired
from translators.openai_responses import media, wire
from translators.openai_responses.items import NAME, VENDOR
from translators.openai_responses.tools import Naming
from translators.parts import (
    Audio,
    Blocks,
    Citation,
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
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    Unknown,
    Url,
)
from translators.unsaid import lose_citations

LIFETIMES = ("30m", "12h")
"""Of explicit breakpoints."""

type Item = dict[str, Any] | Raw

NO_RESULT = "Error: no result was provided"

_PLAIN = {"type", "text", "annotations"}
"""Keys of a text that a plain string can say; annotations if there are none."""

_ITEM = re.compile(r"\$\.input\[\d+\]$")


class Input:
    """Writes turns: `items`, and `instructions` where the system text is one plain block."""

    def __init__(self, request: Request, aim: Aim, naming: Naming, ledger: Ledger) -> None:
        self._request = request
        self._own = request.dialect == NAME
        self._aim = aim
        self._naming = naming
        self._ledger = ledger
        self._ids = CallIds("!-~", 64)
        self._made = 0
        self._free: set[str] = set()  # ids of calls with free text
        self.items: list[Item] = []
        self.instructions = ""
        # What the client left out in this dialect may stand at OpenAI; elsewhere nothing stands anywhere.
        open_calls, orphans = ([], []) if self._own else unpaired(request)
        self._unanswered, self._orphans = {id(call) for call in open_calls}, {id(result) for result in orphans}
        self._owed: list[dict[str, Any]] = []  # results for calls that have none
        # Explicit breakpoints are OpenAI's own; another vendor's marks would switch its automatic caching off.
        self._marking = aim.official and request.dialect.startswith("openai-")
        self.marked = False
        self._system(request.system)
        for turn in request.turns:
            if turn.role != "assistant":
                self._settle()
            self._turn(turn)
        self._settle()

    def _system(self, parts: list[Part]) -> None:
        if len(parts) == 1 and isinstance(parts[0], Text) and not (parts[0].cache and self._marking):
            self._mark(parts[0], [])
            self.instructions = parts[0].text
            return
        for part in parts:
            self._turn(Turn(role="developer", parts=[part], at=self._request.at.get("system", "$.system")))

    def _settle(self) -> None:
        """The step is over: say of the calls without a result that there is none."""
        self.items += self._owed
        self._owed = []

    def _turn(self, turn: Turn) -> None:
        if turn.name:
            self._ledger.lose(turn.at + ".name", "Responses has no names of speakers")
        content: list[Any] = []
        for part in turn.parts:
            at = part.at or turn.at
            item = self._item(part, turn, at)
            if item is None:
                written = self._content(part, turn.role, at)
                self._mark(part, written)
                content += written
                continue
            self._mark(part, [])
            self._message(turn, content)
            content = []
            self.items += item
        self._message(turn, content)

    def _mark(self, part: Part, written: list[Any]) -> None:
        """A breakpoint stands on the last piece of input that the part became."""
        if part.cache is None:
            return
        last = written[-1] if written else None
        if self._marking and isinstance(last, dict) and last.get("type", "").startswith("input_"):
            timed = {"ttl": part.cache.ttl} if part.cache.ttl in LIFETIMES else {}
            last["prompt_cache_breakpoint"] = {"mode": "explicit"} | timed
            self.marked = True
            if part.cache.ttl and not timed:
                self._ledger.lose(f"{part.place('cache')}.ttl", "OpenAI has no such life time")
        else:
            self._ledger.lose(part.place("cache"), "OpenAI caches prompts by itself")

    def _message(self, turn: Turn, content: list[Any]) -> None:
        if not content and (turn.role == "assistant" or turn.parts):
            return
        role = turn.role
        if role == "system" and not self._request.dialect.startswith("openai-"):
            role = "developer"  # as the system text in front of the conversation
        message: dict[str, Any] = {"type": "message", "role": role}
        if turn.phase:
            message["phase"] = turn.phase
        only = content[0] if len(content) == 1 and isinstance(content[0], dict) else {}
        own_id = turn.id if self._own and turn.role == "assistant" else ""
        if not content:
            message["content"] = ""
        elif set(only) <= _PLAIN and "text" in only and not only.get("annotations") and not own_id:
            message["content"] = only["text"]
        elif turn.role == "assistant":  # the long form must have an id; the place makes one that stays
            message |= {"id": own_id or f"msg_{len(self.items)}", "status": "completed", "content": content}
        else:
            message["content"] = content
        if self._own and turn.id and not own_id:
            self._ledger.lose(f"{turn.at}.id", "the id of an item")
        self.items.append(message)

    # --- items ---

    def _item(self, part: Part, turn: Turn, at: str) -> list[Item] | None:
        """The items a part becomes; None if it is content of a message."""
        match part:
            case ToolCall():
                return [self._call(part, at)]
            case ToolResult() if id(part) in self._orphans:
                return None
            case ToolResult():
                return [self._result(part, turn, at)]
            case Thinking():
                item = self._thinking(part, at)
                return [item] if item is not None else []
            case HostedCall() | HostedResult():
                if part.vendor == VENDOR and part.vendor == self._aim.vendor:
                    return [part.native]
                self._ledger.lose(at, f"{part.kind} of {part.vendor}", semantic=part.foreign())
                return []
            case Unknown() if part.dialect == NAME and _ITEM.match(part.at):
                return [part.raw]
            case _:
                return None

    def _call(self, call: ToolCall, at: str) -> dict[str, Any]:
        self._lose_seal(call, at)
        call_id = call.id or made_id(self._made, call.name, call.arguments)
        self._made += 1
        text = call.form == "text" and self._aim.official
        if call.form == "text":
            self._free.add(call_id)
        item: dict[str, Any] = {"type": "custom_tool_call" if text else "function_call"}
        if self._own and call.item.startswith(("fc_", "ctc_")):
            item["id"] = call.item
        elif call.item:
            self._ledger.lose(f"{at}.id", "the id of an item")
        item["call_id"] = self._ids.call(call_id)
        if item["call_id"] != call_id:
            self._ledger.apply("call-id", at, item["call_id"])
        item["name"] = self._naming(call.name, call.namespace)
        if call.namespace and self._aim.official:
            item["namespace"] = call.namespace
        if text:
            item["input"] = call.arguments
        elif call.form == "text":
            item["arguments"] = wire.encode({"input": call.arguments}).decode()
        else:
            item["arguments"] = call.arguments or "{}"
        if call.caller is not None:
            if self._own:
                item["caller"] = call.caller
            else:
                self._ledger.lose(at + ".caller", "who called is known to its own vendor only")
        if not call.complete:
            item["status"] = "incomplete"
        if id(call) in self._unanswered:
            self._ledger.lose(at, "a call without a result", semantic=True)
            kind = f"{item['type']}_output"
            self._owed.append({"type": kind, "call_id": item["call_id"], "output": NO_RESULT})
        return item

    def _result(self, result: ToolResult, turn: Turn, at: str) -> dict[str, Any]:
        text = (result.form == "text" or result.call in self._free) and self._aim.official
        item: dict[str, Any] = {"type": "custom_tool_call_output" if text else "function_call_output"}
        if self._own and turn.id:
            item["id"] = turn.id
        item["call_id"] = self._ids.result(result.call)
        output: list[Any] = []
        for part in result.parts:
            written = self._content(part, "user", part.at or at)
            self._mark(part, written)
            output += written
        if not output and result.raw is not None:
            item["output"] = bytes(result.raw).decode()
        elif not output:
            item["output"] = ""
        elif len(output) == 1 and isinstance(output[0], dict) and set(output[0]) == {"type", "text"}:
            item["output"] = output[0]["text"]
        else:
            item["output"] = output
        if result.failed:
            self._ledger.lose(result.place("failed"), "Responses has no flag for a failed call; its text stands")
        return item

    def _thinking(self, part: Thinking, at: str) -> dict[str, Any] | None:
        data = seals.for_upstream(part.seal, self._aim) or None  # "": a mark of the host that made it
        if part.seal is not None and (whose := seals.foreign(part.seal, self._aim)):
            for path in part.paths():
                self._ledger.lose(path, f"thinking of {whose}")
            return None
        # The client's own item is sent without its seal: with stored state OpenAI knows the rest by the id.
        if data is None and self._aim.official and not (self._own and part.item):
            self._ledger.lose(at, "thinking without its encrypted content")
            return None
        pieces = part.summaries or ([part.text] if part.text else [])
        item: dict[str, Any] = {
            "type": "reasoning",
            "id": part.item or (part.seal.item if part.seal else "") or _made_item(data or part.text),
            "summary": [] if part.full else [{"type": "summary_text", "text": piece} for piece in pieces],
        }
        if part.full:
            item["content"] = [{"type": "reasoning_text", "text": piece} for piece in pieces]
        if data is not None:
            item["encrypted_content"] = data
        return item

    def _lose_seal(self, part: Text | ToolCall, at: str) -> None:
        if part.seal is not None:
            self._ledger.lose(part.place("seal") or at, f"a seal of {part.seal.vendor}")

    # --- content of messages and outputs ---

    def _content(self, part: Part, role: str, at: str) -> list[Any]:
        """The content parts a part becomes."""
        out = role == "assistant"
        match part:
            case Text():
                self._lose_seal(part, at)
                if out and not part.text:
                    return []
                if part.citations and not out:
                    self._ledger.lose(part.place("citations"), "citations in what the user says")
                return [self._text(part)] if out else [_said(part.text)]
            case Refusal():
                return [{"type": "refusal", "refusal": part.text}] if out else [_said(part.text)]
            case Unknown() if part.dialect == NAME:
                return [part.raw]
            case Image() if not out:
                return self._image(part, at)
            case Document() | File() if not out:
                return self._document(part, at)
            case SearchResult():
                self._ledger.apply("search-result", at, "text")
                lose_citations(part, self._ledger)
                for inner in part.parts:
                    self._mark(inner, [])
                head = _said("\n".join(line for line in (part.title, part.source) if line))
                return [head, *(found for inner in part.parts for found in self._content(inner, role, inner.at or at))]
            case ToolResult():
                self._ledger.lose(at, "a result without its call; sent as user text", semantic=True)
                inside = [found for inner in part.parts for found in self._content(inner, role, inner.at or at)]
                return [_said(f"[tool result {part.call}]"), *inside]
            case Audio() if part.transcript:
                self._ledger.lose(at, "Responses takes no audio; its transcript stands")
                return [self._text(Text(text=part.transcript))] if out else [_said(part.transcript)]
            case Audio(source=Inline() | Url()) if not out:
                raise Unwritable("sound, which this upstream cannot hear", at)
            case Unknown():
                self._ledger.lose(at, f"{part.tag} of {part.dialect}", semantic=True)
            case _:
                self._ledger.lose(at, f"Responses takes no {type(part).__name__.lower()} here", semantic=True)
        return []

    def _text(self, part: Text) -> dict[str, Any]:
        annotations = [found for citation in part.citations if (found := annotation(citation)) is not None]
        if len(annotations) < len(part.citations):
            self._ledger.lose(part.place("citations"), "citations of another vendor")
        return {"type": "output_text", "text": part.text, "annotations": annotations}

    def _image(self, part: Image, at: str) -> list[Any]:
        image: dict[str, Any] = {"type": "input_image"}
        if isinstance(part.source, FileRef):
            if not self._reachable(part.source, at):
                return []
            image["file_id"] = part.source.id
        else:
            image["image_url"] = media.address(part.source)
        return [image | {"detail": part.detail or "auto"}]

    def _document(self, part: Document | File, at: str) -> list[Any]:
        source = part.source
        title = part.title if isinstance(part, Document) else ""
        context = part.context if isinstance(part, Document) else ""
        head = [_said("\n".join(line for line in (title, context) if line))] if title or context else []
        if isinstance(part, Document):
            lose_citations(part, self._ledger)
        match source:
            case Blocks():
                for inner in source.parts:
                    self._mark(inner, [])
                return head + [found for inner in source.parts for found in self._content(inner, "user", at)]
            case PlainText() if title or not part.filename:
                self._ledger.apply("document-as-text", at)
                return [_said("\n".join(line for line in (title, context, source.text) if line))]
            case FileRef():
                if part.filename:
                    self._ledger.lose(part.place("filename"), "a stored file has its own name")
                found = {"type": "input_file", "file_id": source.id}
                return [*head, found] if self._reachable(source, at) else []
        file: dict[str, Any] = {"type": "input_file"}
        address = media.address(source)
        if address is not None and not address.startswith("data:"):
            file["file_url"] = address
            if part.filename:
                self._ledger.lose(part.place("filename"), "a file by address has its own name")
            return [*head, file]
        file["filename"] = media.filename_of(source, part.filename or title)
        file["file_data"] = address
        return [*([_said(context)] if context else []), file]

    def _reachable(self, source: FileRef, at: str) -> bool:
        if source.vendor == self._aim.vendor:
            return True
        self._ledger.lose(at, f"a file stored at {source.vendor}", semantic=True)
        return False


def _said(text: str) -> dict[str, Any]:
    return {"type": "input_text", "text": text}


def _made_item(of: str) -> str:
    return "rs_" + hashlib.sha256(of.encode()).hexdigest()[:32]


def annotation(citation: Citation) -> Any:
    """An annotation: OpenAI's own as it was, an address as url_citation, anything else not at all."""
    if citation.vendor == VENDOR and citation.native is not None:
        return citation.native
    if not citation.url:
        return None
    return {
        "type": "url_citation",
        "start_index": citation.start or 0,
        "end_index": citation.end or 0,
        "url": citation.url,
        "title": citation.title,
    }
