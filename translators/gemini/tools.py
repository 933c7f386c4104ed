"""Tools and the choice among them, both ways."""

from typing import Any

import msgspec
from msgspec import Raw

from translators import hosted, schemas
from translators.dialect import Aim
from translators.gemini import wire
from translators.gemini.media import VENDOR
from translators.losses import Ledger
from translators.model import FunctionTool, HostedTool, Request, Tool, ToolChoice
from translators.names import Names, Rule

KINDS = {
    "googleSearch": "web_search",
    "googleSearchRetrieval": "web_search",
    "enterpriseWebSearch": "web_search",
    "codeExecution": "code",
    "urlContext": "web_fetch",
    "fileSearch": "file_search",
    "computerUse": "computer",
    "googleMaps": "maps",
    "mcpServers": "mcp",
}
"""Google's hosted tools by their field."""

HOSTED = {"web_search": "googleSearch", "code": "codeExecution", "web_fetch": "urlContext"}
"""What stands in for another vendor's hosted tool."""

MODES = {"none": "NONE", "auto": "AUTO", "required": "ANY", "validated": "VALIDATED"}
_MODES_BACK = {word: mode for mode, word in MODES.items()}

# Letters, digits and _.:- up to 128, the first a letter or _. The text goes into a negated class; the alternative
# behind it makes an illegal first character illegal too.
NAMES = Rule(allowed=r"a-zA-Z0-9_.:\-]|^[^a-zA-Z_", limit=128)


# --- reading ---


def read_tools(listed: list[wire.Tool], at: str) -> list[Tool]:
    """Read the tools, each declaration as a tool of its own."""
    found: list[Tool] = []
    for index, tool in enumerate(listed):
        path = f"{at}[{index}]"
        for number, declared in enumerate(tool.function_declarations or []):
            found.append(_read_function(declared, f"{path}.functionDeclarations[{number}]"))
        named = zip(tool.__struct_encode_fields__, tool.__struct_fields__, strict=True)
        for name, attribute in named:
            value = getattr(tool, attribute)
            if name in KINDS and value is not None:
                found.append(_hosted(name, KINDS[name], value, path))
        for name, value in tool.others.items():
            found.append(_hosted(name, name, value, path))
    return found


def _hosted(name: str, kind: str, value: Raw, at: str) -> HostedTool:
    native = Raw(msgspec.json.encode({name: value}))
    return HostedTool(kind=kind, vendor=VENDOR, native=native, name=name, at=f"{at}.{name}")


def _read_function(declared: wire.FunctionDeclaration, at: str) -> FunctionTool:
    field = "parameters" if declared.parameters_json_schema is None else "parametersJsonSchema"
    return FunctionTool(
        name=declared.name,
        description=declared.description,
        schema=declared.parameters_json_schema if declared.parameters_json_schema is not None else declared.parameters,
        gemini_schema=declared.parameters_json_schema is None and declared.parameters is not None,
        at=at,
        schema_at=f"{at}.{field}",
    )


def read_choice(config: wire.FunctionCallingConfig | None) -> ToolChoice | None:
    """Read functionCallingConfig; an unspecified mode is no choice."""
    if config is None:
        return None
    mode = _MODES_BACK.get((config.mode or "").upper())
    if mode is None and not config.allowed_function_names:
        return None
    return ToolChoice(mode=mode or "auto", only=config.allowed_function_names or [])  # type: ignore[arg-type]


# --- writing ---


class ToolsWriter:
    """Writes the tools of one request."""

    def __init__(self, request: Request, aim: Aim, ledger: Ledger) -> None:
        self.request = request
        self.aim = aim
        self.ledger = ledger
        self.names = Names(request, NAMES)
        self.hosted: list[Any] = []
        self.functions: list[dict[str, Any]] = []
        for tool in request.tools:
            if isinstance(tool, FunctionTool):
                self.functions.append(self._function(tool))
        for tool in request.tools:
            if isinstance(tool, HostedTool):
                self._hosted(tool)

    def tools(self) -> list[Any]:
        """The value of `tools`: all declarations in one tool, then the hosted ones."""
        declared = [{"functionDeclarations": self.functions}] if self.functions else []
        return [*declared, *self.hosted]

    def config(self) -> dict[str, Any] | None:
        """The value of `toolConfig`."""
        found: dict[str, Any] = {}
        choice = self.request.tool_choice
        path = self.request.at.get("tool_choice", "$.tool_choice")
        if choice is not None and choice.hosted:
            self.ledger.lose(path, "a hosted tool cannot be forced", semantic=True)
        elif choice is not None and not self.functions:
            self.ledger.lose(path, "a choice without function tools")
        elif choice is not None:
            mode = choice.mode
            if mode == "auto" and choice.only:
                mode = "validated"  # AUTO takes no names
                self.ledger.apply("tool-choice-validated", path)
            calling: dict[str, Any] = {"mode": MODES[mode]}
            if choice.only and mode != "none":
                calling["allowedFunctionNames"] = [self.names.out(name) for name in choice.only]
            found["functionCallingConfig"] = calling
        if self.hosted and self.functions and self.aim.traits.signatures:
            found["includeServerSideToolInvocations"] = True
            self.ledger.apply("hosted-with-functions", "$.tools")
        if self.request.parallel_tools is False:
            self.ledger.lose(self.request.at.get("parallel_tools", "$"), "calls cannot be limited to one at a time")
        return found or None

    def _function(self, tool: FunctionTool) -> dict[str, Any]:
        name = self.names.out(tool.name, tool.namespace)
        if name != tool.name:
            self.ledger.apply("tool-name", tool.at, name)
        found: dict[str, Any] = {"name": name}
        if tool.description is not None:
            found["description"] = tool.description
        if tool.form == "text":
            found |= self._parameters(_freeform(tool), False, tool.at)
            self.ledger.apply("freeform-as-json", tool.at)
        elif tool.schema is not None:
            found |= self._parameters(tool.schema, tool.gemini_schema, tool.schema_at or tool.at)
        for lost, reason in (
            (tool.strict, "arguments are not checked strictly"),
            (tool.deferred, "tools cannot be loaded later"),
            (tool.cache is not None, "cache breakpoints are not known"),
        ):
            if lost:
                self.ledger.lose(tool.at, reason)
        return found

    def _parameters(self, schema: Raw, gemini: bool, at: str) -> dict[str, Any]:
        if gemini:
            return {"parameters": schema}
        modern = self.aim.traits.json_schema
        written = schemas.to_gemini(schema, self.ledger, at, modern)
        return {"parametersJsonSchema" if modern else "parameters": written} if bytes(written) else {}

    def _hosted(self, tool: HostedTool) -> None:
        known, signatures = self.aim.traits.known, self.aim.traits.signatures
        if self.functions and known and not signatures:
            self.ledger.lose(tool.at, "this model takes hosted tools or functions, not both", semantic=True)
        elif tool.vendor == self.aim.vendor:
            self.hosted.append(tool.native)
        elif tool.kind in HOSTED:
            self.ledger.apply("hosted-tool", tool.at, HOSTED[tool.kind])
            entry: dict[str, Any] = {HOSTED[tool.kind]: self._options(tool)}
            if entry not in self.hosted:
                self.hosted.append(entry)
        else:
            self.ledger.lose(tool.at, f"{tool.kind}: a tool of {tool.vendor} without an equivalent", semantic=True)

    def _options(self, tool: HostedTool) -> dict[str, Any]:
        """What Google's tool can be told of what was asked of another vendor's."""
        found: dict[str, Any] = {}
        if tool.kind == "web_search" and (blocked := hosted.declared(tool).get("blocked_domains")):
            found["excludeDomains"] = blocked
        hosted.lose_settings(tool, ("blocked_domains",) if found else (), self.ledger)
        return found


def _freeform(tool: FunctionTool) -> Raw:
    """The JSON Schema that stands for a free-text tool; its grammar is told in words."""
    told = "the input, as free text"
    if tool.grammar is not None:
        told += f", in this format: {bytes(tool.grammar).decode()}"
    schema = {
        "type": "object",
        "properties": {"input": {"type": "string", "description": told}},
        "required": ["input"],
    }
    return Raw(msgspec.json.encode(schema))
