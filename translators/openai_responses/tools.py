"""Tools and the choice between them, both ways."""

from collections.abc import Callable
from typing import Any

from msgspec import Raw

from translators.errors import Unreadable
from translators.hosted import declared, lose_settings
from translators.losses import Ledger
from translators.model import FunctionTool, HostedTool, Tool, ToolChoice
from translators.openai_responses import wire
from translators.schemas import to_openai

VENDOR = "openai"

KINDS = {
    "web_search": "web_search",
    "web_search_preview": "web_search",
    "code_interpreter": "code",
    "file_search": "file_search",
    "image_generation": "image_gen",
    "mcp": "mcp",
    "computer": "computer",
    "computer_use_preview": "computer",
    "local_shell": "shell",
    "shell": "shell",
    "apply_patch": "apply_patch",
    "tool_search": "tool_search",
}
"""OpenAI's hosted tools, undated, and what the model calls their kind."""

_TYPES = {"web_search": "web_search", "code": "code_interpreter", "mcp": "mcp"} | {
    kind: kind for kind in ("file_search", "computer", "shell", "apply_patch", "tool_search")
}
_TYPES["image_gen"] = "image_generation"

NO_ARGUMENTS = Raw(b'{"type":"object","properties":{}}')

FREE_TEXT = Raw(b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}')
"""What a free-text tool becomes where there are none; the engine takes the string out of the answer again."""


def kind_of(tag: str) -> str:
    """The kind of a hosted tool; dated versions are what they are without the date."""
    if tag in KINDS:
        return KINDS[tag]
    return next((kind for known, kind in KINDS.items() if tag.startswith(f"{known}_20")), tag)


# --- reading --------------------------------------------------------------------------------------------------------


def read_tool(raw: Raw, at: str, ledger: Ledger, namespace: str = "") -> list[Tool]:
    """Read a declaration; a namespace gives the tools in it. Raises Unreadable for one of the wrong shape."""
    tag = wire.read_tag(raw, at).type
    match tag:
        case None:
            raise Unreadable("expected the type of the tool", f"{at}.type")
        case "function":
            return [_function(wire.read_struct(wire.Function, raw, at, ledger), at, namespace)]
        case "custom":
            return [_custom(wire.read_struct(wire.Custom, raw, at, ledger), at, namespace)]
        case "namespace" if not namespace:
            group = wire.read_struct(wire.Namespace, raw, at, ledger)
            if group.description:
                ledger.lose(f"{at}.description", "a namespace has no description elsewhere")
            return [
                tool
                for index, member in enumerate(group.tools)
                for tool in read_tool(member, f"{at}.tools[{index}]", ledger, group.name)
            ]
        case _:
            return [HostedTool(kind=kind_of(tag), vendor=VENDOR, native=Raw(bytes(raw)), at=at)]


def _function(tool: wire.Function, at: str, namespace: str) -> FunctionTool:
    return FunctionTool(
        name=tool.name,
        description=tool.description,
        schema=wire.given(tool.parameters),
        strict=tool.strict,
        namespace=namespace,
        deferred=bool(tool.defer_loading),
        at=at,
        schema_at=f"{at}.parameters",
    )


def _custom(tool: wire.Custom, at: str, namespace: str) -> FunctionTool:
    return FunctionTool(
        name=tool.name,
        description=tool.description,
        form="text",
        grammar=wire.given(tool.format),
        namespace=namespace,
        deferred=bool(tool.defer_loading),
        at=at,
    )


def read_choice(raw: Raw, at: str) -> ToolChoice:
    """Read `tool_choice`: a word, or an object."""
    if bytes(raw).startswith(b'"'):
        match wire.decode(str, raw, at):
            case "none":
                return ToolChoice(mode="none")
            case "auto":
                return ToolChoice(mode="auto")
            case "required":
                return ToolChoice(mode="required")
            case word:
                raise Unreadable(f"expected none, auto or required, got {word!r}", at)
    choice = wire.decode(wire.Choice, raw, at)
    match choice.type:
        case "function" | "custom":
            if choice.name is None:
                raise Unreadable("expected the name of the tool", f"{at}.name")
            return ToolChoice(mode="required", only=[choice.name])
        case "allowed_tools":
            allowed = choice.tools or []
            names = [tool.name for tool in allowed if tool.type in ("function", "custom") and tool.name]
            hosted = next((kind_of(tool.type) for tool in allowed if tool.type not in ("function", "custom")), "")
            return ToolChoice(mode=choice.mode or "auto", only=names, hosted=hosted)
        case tag:
            return ToolChoice(mode="required", hosted=kind_of(tag))


# --- writing --------------------------------------------------------------------------------------------------------

type Naming = Callable[[str, str], str]


def write_tools(
    tools: list[Tool], naming: Naming, ledger: Ledger, *, namespaces: bool, freeform: bool, own: bool = True
) -> list[dict[str, Any] | Raw]:
    """Write declarations in their order; neighbours of one namespace share it.

    own: the client is OpenAI's too, whose strict schemas are what OpenAI takes.
    """
    written: list[dict[str, Any] | Raw] = []
    group: dict[str, Any] = {}
    for tool in tools:
        if isinstance(tool, HostedTool):
            group = {}
            hosted = write_hosted(tool, ledger)
            if hosted is not None:
                written.append(hosted)
            continue
        if tool.cache is not None:
            ledger.lose(f"{tool.at}.cache_control", "a cache breakpoint on a tool")
        declared = _declare(tool, naming(tool.name, tool.namespace), ledger, freeform=freeform, own=own)
        if not (tool.namespace and namespaces):
            group = {}
            written.append(declared)
        elif group.get("name") == tool.namespace:
            group["tools"].append(declared)
        else:
            group = {"type": "namespace", "name": tool.namespace, "description": tool.namespace, "tools": [declared]}
            written.append(group)
    return written


def _declare(tool: FunctionTool, name: str, ledger: Ledger, *, freeform: bool, own: bool) -> dict[str, Any]:
    described = {"description": tool.description} if tool.description is not None else {}
    deferred = {"defer_loading": True} if tool.deferred else {}
    if tool.form == "text" and freeform:
        grammar = {"format": tool.grammar} if tool.grammar is not None else {}
        return {"type": "custom", "name": name, **described, **grammar, **deferred}
    if tool.form == "text":
        if tool.grammar is not None:
            format_ = bytes(tool.grammar).decode()
            described["description"] = f"{tool.description or ''}\n\nFormat of the input: {format_}".strip()
        return {"type": "function", "name": name, **described, "parameters": FREE_TEXT, "strict": False}
    schema = NO_ARGUMENTS
    if tool.schema is not None:
        strict = bool(tool.strict) and not own
        at = tool.schema_at or tool.at
        schema = to_openai(tool.schema, ledger, at, gemini=tool.gemini_schema, strict=strict)
    # strict defaults to true at OpenAI, and most schemas are not fit for it: false must be said.
    return {
        "type": "function",
        "name": name,
        **described,
        "parameters": schema,
        "strict": bool(tool.strict),
        **deferred,
    }


def write_hosted(tool: HostedTool, ledger: Ledger) -> dict[str, Any] | Raw | None:
    """OpenAI's own declaration as it is; web search and code execution of others by equivalence; else a loss."""
    members = wire.plain(tool.native)
    native: dict[str, Any] = members if isinstance(members, dict) else {}
    if tool.vendor == VENDOR and native.get("type"):
        return tool.native
    path = tool.at or "$.tools"
    match tool.kind:
        case "web_search":
            ledger.apply("hosted-tool", path, "web_search")
            return _web_search(declared(tool), path, ledger)
        case "code":
            ledger.apply("hosted-tool", path, "code_interpreter")
            lose_settings(tool, (), ledger)
            return {"type": "code_interpreter", "container": {"type": "auto"}}
        case _:
            ledger.lose(path, f"{tool.kind} of {tool.vendor} has no equivalent at OpenAI", semantic=True)
            return None


def _web_search(native: dict[str, Any], path: str, ledger: Ledger) -> dict[str, Any]:
    written: dict[str, Any] = {"type": "web_search"}
    for name, value in native.items():
        match name:
            case "allowed_domains" if value:
                written["filters"] = {"allowed_domains": value}
            case "user_location" if isinstance(value, dict):
                place = value.get("approximate")  # Chat Completions has the place one level down
                written["user_location"] = {"type": "approximate", **(place if isinstance(place, dict) else value)}
            case "search_context_size" if value:
                written["search_context_size"] = value
            case _:
                limit = name in ("blocked_domains", "excludeDomains")
                ledger.lose(f"{path}.{name}", "web search at OpenAI has no such setting", semantic=limit)
    return written


def write_choice(choice: ToolChoice, naming: Naming, forms: dict[str, str], path: str, ledger: Ledger) -> Any:
    """Write `tool_choice`. `forms`: upstream name → "function" or "custom"."""
    if choice.hosted and not choice.only:
        tag = _TYPES.get(choice.hosted, choice.hosted)
        if choice.mode == "auto":
            return "auto"
        return {"type": tag}
    if not choice.only:
        if choice.mode == "validated":
            ledger.apply("tool-choice", path, "auto")
        return "auto" if choice.mode == "validated" else choice.mode
    if choice.mode == "none":
        return "none"
    if choice.mode == "validated":
        ledger.apply("tool-choice", path, "auto")
    tools = [{"type": forms.get(name, "function"), "name": name} for name in (naming(name, "") for name in choice.only)]
    if choice.mode == "required" and len(tools) == 1:
        return tools[0]
    return {"type": "allowed_tools", "mode": "required" if choice.mode == "required" else "auto", "tools": tools}
