"""Body of `POST /v1/messages` (and of its count_tokens) → Request."""

from collections.abc import Callable
from typing import Literal

import msgspec

from translators.claude import wire
from translators.claude.decoding import decode, plain
from translators.claude.trained import as_function
from translators.claude.turns import mark_of, read_parts, read_turn
from translators.claude.words import NAME, VENDOR, kind_of_tool
from translators.errors import Unreadable, Unwritable
from translators.exact import Exact
from translators.losses import Ledger, unread
from translators.model import (
    CacheHints,
    FunctionTool,
    HostedTool,
    Identity,
    OutputFormat,
    Reasoning,
    Request,
    Sampling,
    ServerState,
    Tool,
    ToolChoice,
)

_request = msgspec.json.Decoder(wire.MessagesRequest)
_exact_request: Exact[wire.MessagesRequest] = Exact(wire.MessagesRequest)
_exact_tool: Exact[wire.CustomTool] = Exact(wire.CustomTool)
_any_tool = msgspec.json.Decoder(wire.AnyTool)
_custom_tool = msgspec.json.Decoder(wire.CustomTool)

_UNREAD = ("context_management", "inference_geo", "diagnostics")
"""Fields that nobody reads, but that well-known clients send with every request."""

_PATHS: dict[str, tuple[str, Callable[[wire.MessagesRequest], object]]] = {
    "max_output": ("max_tokens", lambda body: body.max_tokens),
    "stops": ("stop_sequences", lambda body: body.stop_sequences),
    "stream": ("stream", lambda body: body.stream),
    "identity.user": ("metadata.user_id", lambda body: body.metadata),
    "tool_choice": ("tool_choice", lambda body: body.tool_choice),
    "parallel_tools": ("tool_choice.disable_parallel_tool_use", lambda body: body.tool_choice),
    "cache.automatic": ("cache_control", lambda body: body.cache_control),
    "state.container": ("container", lambda body: body.container or None),
    "service_tier": ("service_tier", lambda body: body.service_tier),
    "speed": ("speed", lambda body: body.speed),
    "sampling.temperature": ("temperature", lambda body: body.temperature),
    "sampling.top_p": ("top_p", lambda body: body.top_p),
    "sampling.top_k": ("top_k", lambda body: body.top_k),
}


def read_request(body: bytes, model: str, stream: bool | None, ledger: Ledger) -> Request:
    """Read a Messages request into the model.

    Args:
        body: one JSON object, UTF-8. `max_tokens` may be missing (a count has none).
        model, stream: override the body's where they are given.
        ledger: receives a loss for every field and block that is not read.

    Returns:
        A Request whose turns stand as sent. max_output is in tokens, and a thinking budget counts towards it.

    Raises:
        Unreadable: not JSON, or a known field missing or of the wrong type, with its JSON path.
        Unwritable: `thread` is set. The history would be at the vendor, and whoever ignores the field answers
            without it; the SDK that sends it goes on without threads once it is refused with this code.

    Loses:
        Fields only this vendor has: context_management, inference_geo, diagnostics, task budgets, betas in the body.

    Source: Anthropic API reference, “Messages”, read November 2026.
    """
    exact = _exact_request.read(body)
    sent = exact or decode(_request.decode, body)
    if sent.thread and bytes(sent.thread) != b"null":
        raise Unwritable("threads kept at the vendor are not supported", "$.thread", "thread_unsupported_request")
    if not (model or sent.model):
        raise Unreadable("Object missing required field `model`", "$")
    for name in _UNREAD:
        if getattr(sent, name):
            ledger.lose(f"$.{name}", "unknown field")
    if exact is None:
        for path in unread(plain(body), sent):
            ledger.lose(path, "unknown field")
    tools = [_read_tool(raw, f"$.tools[{i}]", ledger) for i, raw in enumerate(sent.tools or ())]
    tools += [_mcp_server(raw, f"$.mcp_servers[{i}]") for i, raw in enumerate(sent.mcp_servers or ())]
    choice = sent.tool_choice
    parallel = None if choice is None or choice.disable_parallel_tool_use is None else choice.disable_parallel_tool_use
    reasoning, reasoning_at = _read_reasoning(sent, ledger)
    form, form_at = _read_format(sent, ledger)
    at = {name: f"$.{path}" for name, (path, of) in _PATHS.items() if of(sent) is not None}
    at |= {"model": "$.model"} | reasoning_at | form_at
    return Request(
        model=model or sent.model,
        turns=[read_turn(message, f"$.messages[{i}]", ledger) for i, message in enumerate(sent.messages)],
        system=[] if sent.system is None else read_parts(sent.system, "$.system", ledger),
        tools=tools,
        tool_choice=_read_choice(choice, tools),
        parallel_tools=None if parallel is None else not parallel,
        max_output=sent.max_tokens,
        sampling=Sampling(temperature=sent.temperature, top_p=sent.top_p, top_k=sent.top_k),
        stops=sent.stop_sequences or [],
        reasoning=reasoning,
        format=form,
        identity=Identity(user=(sent.metadata.user_id or "") if sent.metadata else ""),
        cache=CacheHints(automatic=mark_of(sent.cache_control)),
        service_tier=sent.service_tier or "",
        speed=sent.speed or "",
        state=ServerState(container=sent.container or None),
        stream=bool(sent.stream) if stream is None else stream,
        dialect=NAME,
        at=at,
    )


def _read_tool(raw: msgspec.Raw, at: str, ledger: Ledger) -> Tool:
    """A tool without type, or of type custom, is the client's; every other one is the vendor's."""
    tool = _exact_tool.read(raw)
    if tool is None or tool.type not in (None, "custom"):
        base = decode(_any_tool.decode, raw, at)
        if base.type not in (None, "custom"):
            kind, name = kind_of_tool(base.type), base.name or ""
            known = as_function(kind, name, base.type, at)
            return HostedTool(kind=kind, vendor=VENDOR, native=raw, name=name, function=known, at=at)
        tool = decode(_custom_tool.decode, raw, at)
        for path in unread(plain(raw, at), tool, at):
            ledger.lose(path, "unknown field")
    return FunctionTool(
        name=tool.name,
        description=tool.description,
        schema=tool.input_schema or None,
        strict=tool.strict,
        deferred=bool(tool.defer_loading),
        cache=mark_of(tool.cache_control),
        at=at,
        schema_at=f"{at}.input_schema",
    )


def _mcp_server(raw: msgspec.Raw, at: str) -> HostedTool:
    base = decode(_any_tool.decode, raw, at)
    return HostedTool(kind="mcp", vendor=VENDOR, native=raw, name=base.name or "", at=at)


def _read_choice(choice: wire.ToolChoice | None, tools: list[Tool]) -> ToolChoice | None:
    if choice is None:
        return None
    modes: dict[str, Literal["none", "auto", "required"]] = {"none": "none", "auto": "auto", "any": "required"}
    if choice.type in modes:
        return ToolChoice(mode=modes[choice.type])
    if choice.type != "tool":
        raise Unreadable(f"expected `auto`, `any`, `tool` or `none`, got `{choice.type}`", "$.tool_choice.type")
    if not choice.name:
        raise Unreadable("expected the name of a tool", "$.tool_choice.name")
    for tool in tools:
        if isinstance(tool, HostedTool) and tool.name == choice.name:
            return ToolChoice(mode="required", hosted=tool.kind)
    return ToolChoice(mode="required", only=[choice.name])


_SHOW = {"omitted": "none", "summarized": "auto"}


def _read_reasoning(sent: wire.MessagesRequest, ledger: Ledger) -> tuple[Reasoning | None, dict[str, str]]:
    """`thinking` says whether and how, `output_config.effort` how hard. Gives the wish and its paths."""
    thinking = sent.thinking
    effort = (sent.output_config.effort if sent.output_config else None) or ""
    if thinking is None:
        if not effort:
            return None, {}
        return Reasoning(mode="effort", effort=effort), {"reasoning": "$.output_config.effort"}
    show = None if thinking.display is None else _SHOW.get(thinking.display, "auto")
    at = {"reasoning": "$.thinking"} | ({"reasoning.show": "$.thinking.display"} if show else {})
    if effort and thinking.type in ("disabled", "enabled"):
        ledger.lose("$.output_config.effort", "other vendors take a budget or an effort, not both")
    match thinking.type:
        case "disabled":
            return Reasoning(mode="off", effort=effort), at
        case "enabled" if thinking.budget_tokens is not None:
            return Reasoning(mode="budget", budget=thinking.budget_tokens, effort=effort, show=show), at
        case "enabled":
            return Reasoning(mode="auto", show=show), at
        case "between_tools":
            ledger.apply("thinking-between-tools", "$.thinking.type", "adaptive")
        case "adaptive" | "auto":
            pass
        case other:
            raise Unreadable(f"expected `enabled`, `adaptive` or `disabled`, got `{other}`", "$.thinking.type")
    if effort:
        at["reasoning"] = "$.output_config.effort"
    return Reasoning(mode="effort" if effort else "auto", effort=effort, adaptive=True, show=show), at


def _read_format(sent: wire.MessagesRequest, ledger: Ledger) -> tuple[OutputFormat | None, dict[str, str]]:
    path = "output_config.format" if sent.output_config and sent.output_config.format else "output_format"
    form = (sent.output_config.format if sent.output_config else None) or sent.output_format
    if form is None:
        return None, {}
    if sent.output_format is not None and form is not sent.output_format:
        ledger.lose("$.output_format", "output_config.format counts")
    if form.type != "json_schema":
        raise Unreadable(f"expected `json_schema`, got `{form.type}`", f"$.{path}.type")
    return OutputFormat(kind="schema", schema=form.schema), {"format": f"$.{path}"}
