"""The items of a request's input, read into turns.

Each item is a turn of its own, as sent; writers of dialects that want fewer, larger turns merge them. A reasoning item
may be a carrier of cliproxy's: its encrypted_content is then an envelope (seals.py), and says what it belongs to.
"""

from typing import Any, Literal

from msgspec import Raw
from msgspec.structs import replace

from translators import seals
from translators.errors import Unreadable
from translators.losses import Ledger
from translators.model import FunctionTool, HostedTool
from translators.openai_responses import media, tools, wire
from translators.parts import (
    CacheMark,
    Citation,
    HostedCall,
    HostedResult,
    Part,
    Refusal,
    Seal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    Unknown,
)

NAME = "openai-responses"
VENDOR = "openai"

EMPTY = "empty"
"""In an envelope's `i`: the seal belongs to a text part without text, which no client would send back itself."""

MADE = "_cliproxy_"
"""In the id of a hosted call that was made of another vendor's: it must never go upstream."""

CALLS = {
    "web_search_call": "web_search",
    "file_search_call": "file_search",
    "code_interpreter_call": "code",
    "image_generation_call": "image_gen",
    "computer_call": "computer",
    "local_shell_call": "shell",
    "shell_call": "shell",
    "apply_patch_call": "apply_patch",
    "mcp_list_tools": "mcp",
    "mcp_call": "mcp",
    "mcp_approval_request": "mcp",
    "tool_search_call": "tool_search",
}
OUTPUTS = {
    "computer_call_output": "computer",
    "local_shell_call_output": "shell",
    "shell_call_output": "shell",
    "apply_patch_call_output": "apply_patch",
    "mcp_approval_response": "mcp",
    "tool_search_output": "tool_search",
}
STATE = frozenset(
    {
        "item_reference",
        "compaction",
        "compaction_trigger",
        "context_compaction",
        "configuration_update",
        "program",
        "program_output",
        "agent_message",
    }
)
"""Items that mean something to OpenAI alone; kept as they are for it."""

_MESSAGES = frozenset({"message", None})


class Items:
    """Reads input items one after the other: `turns` and `tools` (of additional_tools items) grow."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._ahead: list[Seal] = []  # for the tool call that comes next
        self.turns: list[Turn] = []
        self.references: dict[str, str] = {}  # items at OpenAI, only referred to: id → path
        self.tools: list[FunctionTool | HostedTool] = []

    def read(self, raw: Raw, at: str) -> None:
        """Read one item. Raises Unreadable for a known item of the wrong shape."""
        tag = wire.read_tag(raw, at)
        match tag.type:
            case kind if kind in _MESSAGES and (kind or tag.role):
                self._message(raw, at)
            case "function_call":
                self._call(wire.read_struct(wire.FunctionCall, raw, at, self._ledger), at)
            case "custom_tool_call":
                self._call(wire.read_struct(wire.CustomCall, raw, at, self._ledger), at)
            case "function_call_output" | "custom_tool_call_output":
                self._output(raw, at, "text" if tag.type.startswith("custom") else "json")
            case "reasoning":
                self._reasoning(wire.read_struct(wire.ReasoningItem, raw, at, self._ledger), at)
            case "additional_tools":
                item = wire.read_struct(wire.AdditionalTools, raw, at, self._ledger)
                if item.id:
                    self._ledger.lose(f"{at}.id", "the id of an item")
                for index, tool in enumerate(item.tools):
                    self.tools += tools.read_tool(tool, f"{at}.tools[{index}]", self._ledger)
                self._ledger.apply("additional-tools", at, "$.tools")
            case None:
                raise Unreadable("expected an item with `type`, or a message with `role`", at)
            case _:
                self._other(tag.type, raw, at)

    def _lose_status(self, item: wire.Message | wire.CallOutput, at: str) -> None:
        if item.status and item.status != "completed":
            self._ledger.lose(f"{at}.status", "the status of an item")

    def _add(self, role: Literal["user", "assistant"], part: Part, turn_id: str | None = None) -> None:
        self.turns.append(Turn(role=role, parts=[part], id=turn_id or "", at=part.at))

    def _message(self, raw: Raw, at: str) -> None:
        item = wire.read_struct(wire.Message, raw, at, self._ledger)
        self._lose_status(item, at)
        if isinstance(item.content, str):
            parts: list[Part] = [Text(text=item.content, at=at + ".content")]
        else:
            parts = [
                read_part(part, f"{at}.content[{index}]", self._ledger) for index, part in enumerate(item.content or [])
            ]
        self.turns.append(Turn(role=item.role, parts=parts, id=item.id or "", phase=item.phase or "", at=at))

    def _call(self, item: wire.FunctionCall | wire.CustomCall, at: str) -> None:
        custom = isinstance(item, wire.CustomCall)
        call = ToolCall(
            id=item.call_id,
            name=item.name,
            arguments=item.input if isinstance(item, wire.CustomCall) else item.arguments,
            form="text" if custom else "json",
            namespace=item.namespace or "",
            seal=self._ahead.pop(0) if self._ahead else None,
            caller=wire.given(item.caller),
            item=item.id or "",
            complete=item.status != "incomplete",
            at=at,
        )
        self._ahead.clear()
        self._add("assistant", call)

    def _output(self, raw: Raw, at: str, form: Literal["json", "text"]) -> None:
        item = wire.read_struct(wire.CallOutput, raw, at, self._ledger)
        self._lose_status(item, at)
        for name, given in (("name", item.name), ("caller", wire.given(item.caller))):
            if given:
                self._ledger.lose(f"{at}.{name}", "an output is told by the id of its call")
        if isinstance(item.output, str):
            parts: list[Part] = [Text(text=item.output, at=at + ".output")] if item.output else []
        else:
            parts = [read_part(part, f"{at}.output[{index}]", self._ledger) for index, part in enumerate(item.output)]
        self._add("user", ToolResult(call=item.call_id, parts=parts, name=item.name or "", form=form, at=at), item.id)

    def _reasoning(self, item: wire.ReasoningItem, at: str) -> None:
        summaries = [piece.text for piece in item.summary or []]
        full = [piece.text for piece in item.content or []]
        if summaries and full:
            self._ledger.lose(at + ".content", "the summary stands for it")
        thinking = Thinking(
            text="\n\n".join(summaries or full),
            summaries=summaries if len(summaries) > 1 else [],
            full=bool(full) and not summaries,
            item=item.id or "",
            at=at,
        )
        sealed = item.encrypted_content
        if not sealed:
            self._add("assistant", thinking)
            return
        ours = seals.unwrap(sealed)
        if ours is None:
            thinking.seal = Seal("encrypted", sealed, VENDOR, item=item.id or "")
            self._add("assistant", thinking)
            return
        for seal in ours:
            self._carried(seal, thinking, at)

    def _carried(self, seal: Seal, thinking: Thinking, at: str) -> None:
        """Give a seal of another vendor back to what it sealed."""
        bare = replace(seal, place="self", text="", item="" if seal.item == EMPTY else seal.item)
        match seal.place:
            case "next":
                self._ahead.append(bare)
            case "prev" if seal.item == EMPTY:
                self._add("assistant", Text(text="", seal=bare, at=at))
            case "prev":
                self._seal_last(bare, at)
            case _:
                thinking.text = thinking.text or seal.text
                thinking.full = thinking.full or bool(seal.text)
                thinking.seal = bare
                thinking.redacted = seal.kind == "redacted"
                if seal.vendor != VENDOR:
                    thinking.item = seal.item
                self._add("assistant", thinking)

    def _seal_last(self, seal: Seal, at: str) -> None:
        for turn in reversed(self.turns):
            if turn.role != "assistant":
                break
            for part in reversed(turn.parts):
                if isinstance(part, Text | ToolCall) and part.seal is None:
                    part.seal = seal
                    return
        self._ledger.lose(at, f"a seal of {seal.vendor} whose part is gone")

    def _other(self, tag: str, raw: Raw, at: str) -> None:
        members: dict[str, Any] = wire.plain(raw)
        call = members.get("call_id") or members.get("id") or ""
        native = Raw(bytes(raw))
        if tag in CALLS:
            kind = CALLS[tag]
            vendor = "cliproxy" if MADE in str(members.get("id")) else VENDOR
            name = str(members.get("name") or kind)
            self._add("assistant", HostedCall(id=str(call), kind=kind, name=name, vendor=vendor, native=native, at=at))
            return
        if tag in OUTPUTS:
            self._add("user", HostedResult(call=str(call), kind=OUTPUTS[tag], vendor=VENDOR, native=native, at=at))
            return
        if tag == "item_reference":
            self.references[str(call)] = at
        elif tag not in STATE:
            self._ledger.lose(f"{at}.type", f"unknown item {tag!r}")
        self._add("assistant", Unknown(dialect=NAME, tag=tag, raw=native, at=at))


def read_part(raw: Raw, at: str, ledger: Ledger) -> Part:
    """Read a content part of a message or of a tool's output. An unknown one becomes Unknown, and a loss."""
    tag = wire.read_tag(raw, at).type
    match tag:
        case "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text":
            part = wire.read_struct(wire.TextPart, raw, at, ledger)
            citations = [read_citation(item) for item in part.annotations or []]
            logprobs = wire.given(part.logprobs)
            if logprobs is not None and not wire.plain(logprobs):
                logprobs = None
            said = Text(text=part.text, citations=citations, logprobs=logprobs, at=at)
            _mark(said, part.prompt_cache_breakpoint, ledger)
            return said
        case "refusal":
            return Refusal(text=wire.read_struct(wire.RefusalPart, raw, at, ledger).refusal, at=at)
        case "input_image":
            image = wire.read_struct(wire.ImagePart, raw, at, ledger)
            read = media.read_image(image, at)
            _mark(read, image.prompt_cache_breakpoint, ledger)
            return read
        case "input_file":
            file = wire.read_struct(wire.FilePart, raw, at, ledger)
            document = media.read_file(file, at)
            document.places = {"filename": f"{at}.filename"} if file.filename else {}
            _mark(document, file.prompt_cache_breakpoint, ledger)
            return document
        case "input_audio":
            return media.read_audio(wire.read_struct(wire.AudioPart, raw, at, ledger), at)
        case _:
            ledger.lose(f"{at}.type", f"unknown part {tag!r}")
            return Unknown(dialect=NAME, tag=tag or "", raw=Raw(bytes(raw)), at=at)


def _mark(part: Part, raw: Raw, ledger: Ledger) -> None:
    """Put the breakpoint on a part."""
    stated = wire.given(raw)
    if stated is None:
        return
    said = wire.plain(stated)
    members = said if isinstance(said, dict) else {}
    at = f"{part.at}.prompt_cache_breakpoint"
    part.cache = CacheMark(str(members.get("ttl") or ""))
    part.places = part.places | {"cache": at}
    for name in members.keys() - {"mode", "ttl"}:
        ledger.lose(f"{at}.{name}", "unknown field")


def read_citation(raw: Raw) -> Citation:
    """Read an annotation, of whatever kind; what it says beyond address, title and place stays in `native`."""
    try:
        said = wire.decode(wire.Annotation, raw)
    except Unreadable:  # a known member of an unexpected type: kept for its own vendor
        said = wire.Annotation()
    return Citation(
        url=said.url or "",
        title=said.title or said.filename or "",
        start=said.start_index,
        end=said.end_index,
        file=said.file_id or "",
        vendor=VENDOR,
        native=Raw(bytes(raw)),
    )
