"""Tools and the choice among them, written."""

from typing import Any

import msgspec
from msgspec import Raw

from translators.claude import schema, wire
from translators.claude.parts import write_mark
from translators.claude.words import VENDOR
from translators.dialect import Aim
from translators.hosted import lose_settings
from translators.losses import Ledger
from translators.model import FunctionTool, HostedTool, Request, ToolChoice
from translators.names import Names

_STAND_INS = {
    "web_search": ("web_search_20250305", "web_search"),
    "web_fetch": ("web_fetch_20250910", "web_fetch"),
    "code": ("code_execution_20250825", "code_execution"),
}
"""Other vendors' hosted tools with an equivalent here: the oldest type that every model takes, and its name."""

_KEPT = ("filters", "excludeDomains", "user_location")
"""What `_search_options` takes over."""

type Written = wire.CustomTool | Raw | dict[str, Any]


class Tools(msgspec.Struct):
    """What `write_tools` gives. hosted: kind → name of the vendor's tools that are offered; marks: id of a breakpoint →
    where it stood.
    """

    tools: list[Written] = []
    servers: list[Raw] = []
    hosted: dict[str, str] = {}
    marks: dict[int, str] = {}


def write_tools(request: Request, aim: Aim, ledger: Ledger, names: Names) -> Tools:
    """Write the tools in their order.

    A choice limited to several names leaves the other functions out (rule `tools-filtered`). Deferred tools are sent
    in full where no search of the vendor's could find them.
    """
    found = Tools()
    only = request.tool_choice.only if request.tool_choice is not None else []
    several = (
        set(only) if len(only) > 1 or (only and request.tool_choice and request.tool_choice.mode == "auto") else ()
    )
    seen: set[tuple[str, str]] = set()
    searching = any(isinstance(tool, HostedTool) and tool.kind == "tool_search" for tool in request.tools)
    for tool in request.tools:
        if isinstance(tool, HostedTool):
            _hosted(tool, aim, ledger, found)
        elif several and tool.name not in several:
            ledger.apply("tools-filtered", tool.at)
        elif (tool.name, tool.namespace) in seen:
            ledger.lose(tool.at, "a second tool of the same name")
        else:
            seen.add((tool.name, tool.namespace))
            written = _function(tool, searching, ledger, names)
            found.tools.append(written)
            if written.cache_control is not None:
                found.marks[id(written.cache_control)] = f"{tool.at}.cache_control"
    return found


def _function(tool: FunctionTool, searching: bool, ledger: Ledger, names: Names) -> wire.CustomTool:
    at = tool.schema_at or tool.at
    description = tool.description
    if tool.deferred and not searching:
        ledger.apply("tool-in-full", f"{tool.at}.defer_loading")
    if tool.form == "text":
        ledger.apply("freeform-as-json", tool.at)
        input_schema = schema.FREE_TEXT
        description = _with_grammar(description, tool.grammar)
    else:
        input_schema = schema.for_tool(tool.schema, tool.gemini_schema, ledger, at)
        if tool.strict:
            input_schema = schema.enforced(input_schema, False, ledger, at)
    name = names.out(tool.name, tool.namespace)
    if name != tool.name:
        ledger.apply("tool-name", tool.at, name)
    return wire.CustomTool(
        name=name,
        description=description,
        input_schema=input_schema,
        strict=True if tool.strict and tool.form == "json" else None,
        defer_loading=True if tool.deferred and searching else None,
        cache_control=write_mark(tool.cache),
    )


def _with_grammar(description: str | None, grammar: Raw | None) -> str | None:
    """A free-text tool's description with the grammar its input must follow."""
    try:
        said = msgspec.json.decode(grammar, type=dict[str, Any]) if grammar is not None else {}
    except msgspec.DecodeError:
        said = {}
    definition = said.get("definition")
    if said.keys() - {"type", "syntax", "definition"} and grammar is not None:
        definition = bytes(grammar).decode()  # something newer: word for word
    if not isinstance(definition, str):
        return description
    return "\n\n".join(filter(None, [description, f"`input` must follow this grammar:\n{definition}"]))


def _hosted(tool: HostedTool, aim: Aim, ledger: Ledger, found: Tools) -> None:
    if tool.vendor == aim.vendor:
        if tool.kind == "mcp":
            found.servers.append(tool.native)
            return
        found.tools.append(_without_empty_domains(tool.native))
        found.hosted[tool.kind] = tool.name
        return
    if aim.vendor != VENDOR or tool.kind not in _STAND_INS or tool.kind in found.hosted:
        ledger.lose(tool.at, f"{tool.kind} tool of {tool.vendor}", semantic=True)
        return
    type_, name = _STAND_INS[tool.kind]
    ledger.apply("hosted-tool", tool.at, type_)
    written: dict[str, Any] = {"type": type_, "name": name}
    lose_settings(tool, _KEPT if tool.kind == "web_search" else (), ledger)
    if tool.kind == "web_search":
        written |= _search_options(tool, ledger)
    found.tools.append(written)
    found.hosted[tool.kind] = name


def _without_empty_domains(native: Raw) -> Raw:
    """The vendor refuses empty domain lists, which some clients send."""
    if b"_domains" not in bytes(native):
        return native
    members = msgspec.json.decode(native, type=dict[str, Raw])
    kept = {
        key: value
        for key, value in members.items()
        if not (key in ("allowed_domains", "blocked_domains") and not msgspec.json.decode(value))
    }
    return native if len(kept) == len(members) else Raw(msgspec.json.encode(kept))


_KNOWN_FILTERS = frozenset({"allowed_domains"})
_KNOWN_PLACE = ("type", "city", "region", "country", "timezone")


def _search_options(tool: HostedTool, ledger: Ledger) -> dict[str, Any]:
    """Domains and place of OpenAI's and Google's web search."""
    try:
        said = msgspec.json.decode(tool.native, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}
    search = said.get("googleSearch")
    filters = said.get("filters")
    allowed = filters.get("allowed_domains") if isinstance(filters, dict) else None
    blocked = search.get("excludeDomains") if isinstance(search, dict) else None
    place = said.get("user_location")
    found: dict[str, Any] = {}
    if allowed:
        found["allowed_domains"] = allowed
    elif blocked:
        found["blocked_domains"] = blocked
    if isinstance(place, dict) and place.get("type") == "approximate":
        found["user_location"] = {key: place[key] for key in _KNOWN_PLACE if place.get(key)}
    for name, members, known in (("filters", filters, _KNOWN_FILTERS), ("user_location", place, _KNOWN_PLACE)):
        for key in members if isinstance(members, dict) else ():
            if key not in known:
                ledger.lose(f"{tool.at}.{name}.{key}", "not known to Anthropic's web search")
    return found


def write_choice(
    choice: ToolChoice | None, parallel: bool | None, offered: Tools, names: Names, ledger: Ledger, at: str
) -> wire.ToolChoice | None:
    """The choice, with the parallel switch inside it. Without tools there is none to make."""
    if not offered.tools:
        return None
    single = parallel is False or None
    if choice is None:
        return wire.ToolChoice(type="auto", disable_parallel_tool_use=True) if single else None
    if choice.mode == "none":
        return wire.ToolChoice(type="none")
    if choice.hosted and choice.mode == "required":
        name = offered.hosted.get(choice.hosted)
        if name:
            return wire.ToolChoice(type="tool", name=name, disable_parallel_tool_use=single)
        ledger.lose(at, f"forced {choice.hosted} tool", semantic=True)
        return wire.ToolChoice(type="auto", disable_parallel_tool_use=single)
    if choice.mode == "validated":
        ledger.apply("tool-choice", at, "auto")
    if choice.mode != "required":
        return wire.ToolChoice(type="auto", disable_parallel_tool_use=single)
    if len(choice.only) == 1:
        return wire.ToolChoice(type="tool", name=names.out(choice.only[0]), disable_parallel_tool_use=single)
    return wire.ToolChoice(type="any", disable_parallel_tool_use=single)
