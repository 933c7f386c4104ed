"""read_request: a Chat Completions body → the model.

Source: OpenAI API reference, “Create chat completion”, read November 2026.
"""

from typing import Any, Literal

from msgspec import DecodeError, Raw, json

from translators.errors import Unreadable
from translators.exact import Exact
from translators.losses import Ledger, unread
from translators.model import (
    CacheHints,
    FunctionTool,
    HostedTool,
    Identity,
    Logprobs,
    OutputFormat,
    Reasoning,
    Request,
    Sampling,
    ServerState,
    Tool,
    ToolChoice,
)
from translators.openai_chat.messages import MessageReader
from translators.openai_chat.wire import (
    NAME,
    VENDOR,
    Approximate,
    Body,
    Choice,
    FunctionDef,
    SearchOptions,
    ToolDef,
    decode_body,
    given,
    plain,
)
from translators.parts import CacheMark

AT = {
    "max_output": ("max_completion_tokens", "max_tokens"),
    "sampling.temperature": ("temperature",),
    "sampling.top_p": ("top_p",),
    "sampling.top_k": ("top_k",),
    "sampling.frequency_penalty": ("frequency_penalty",),
    "sampling.presence_penalty": ("presence_penalty",),
    "sampling.seed": ("seed",),
    "sampling.logit_bias": ("logit_bias",),
    "n": ("n",),
    "stops": ("stop",),
    "logprobs": ("logprobs", "top_logprobs"),
    "logprobs.top": ("top_logprobs",),
    "tools": ("tools", "functions"),
    "tool_choice": ("tool_choice", "function_call"),
    "parallel_tools": ("parallel_tool_calls",),
    "format": ("response_format",),
    "reasoning": ("reasoning_effort", "reasoning", "thinking"),
    "verbosity": ("verbosity",),
    "modalities": ("modalities",),
    "audio": ("audio",),
    "prediction": ("prediction",),
    "service_tier": ("service_tier",),
    "state.store": ("store",),
    "identity.metadata": ("metadata",),
    "identity.user": ("user",),
    "identity.safety": ("safety_identifier",),
    "cache.key": ("prompt_cache_key",),
    "cache.retention": ("prompt_cache_retention", "prompt_cache_options"),
    "safety": ("moderation",),
    "stream_usage": ("stream_options",),
}
"""Where each setting of the model may stand on the wire; the first that is there counts."""

FORMAT = ("name", "description", "strict", "schema")
"""Members of a response format's schema."""


_exact: Exact[Body] = Exact(Body)


def read_request(body: bytes, model: str, stream: bool | None, ledger: Ledger) -> Request:
    """Read a Chat Completions request into the model.

    Args:
        body: one JSON object, UTF-8. `model` and `stream` stand in it; the arguments win if the path gave them.
        ledger: receives every field nobody reads, and every part of an unknown type.

    Returns:
        A Request. Leading system and developer messages are its `system`; `functions` and `function_call` are
        read as tools and calls (`at["tools"]` then says "$.functions").

    Raises:
        Unreadable: not JSON, a known field of the wrong type, a required one missing (with its JSON path), or a
            Responses body.
    """
    exact = _exact.read(body)
    read = exact or decode_body(body)
    if not read.messages:
        raise Unreadable("expected at least one message", "$.messages")
    messages = MessageReader(body, ledger)
    system, turns = messages.read(read.messages)
    request = Request(
        model=model or read.model,
        system=system,
        turns=turns,
        tools=_tools(read, messages),
        tool_choice=_tool_choice(read),
        parallel_tools=False if read.functions and not read.tools else read.parallel_tool_calls,
        stream=bool(read.stream) if stream is None else stream,
        stream_usage=bool(read.stream_options and read.stream_options.include_usage),
        dialect=NAME,
        at={name: f"$.{wire}" for name, wires in AT.items() if (wire := _first(read, wires))},
    )
    _settings(read, request, ledger)
    _overruled(read, request, ledger)
    if exact is None:
        _report_unread(body, read, messages.unknown, ledger)
    return request


def _first(read: Body, wires: tuple[str, ...]) -> str:
    for wire in wires:
        value = getattr(read, wire)
        if (given(value) if isinstance(value, Raw) else value) is not None:
            return wire
    return ""


def _settings(read: Body, request: Request, ledger: Ledger) -> None:
    if read.n is not None and read.n < 1:
        raise Unreadable("expected at least 1", "$.n")
    request.n = read.n
    request.max_output = read.max_tokens if read.max_completion_tokens is None else read.max_completion_tokens
    if read.max_tokens is not None and read.max_completion_tokens not in (None, read.max_tokens):
        ledger.lose("$.max_tokens", "max_completion_tokens counts")
    request.sampling = Sampling(
        temperature=read.temperature,
        top_p=read.top_p,
        top_k=read.top_k,
        frequency_penalty=read.frequency_penalty,
        presence_penalty=read.presence_penalty,
        seed=read.seed,
        logit_bias=given(read.logit_bias),
    )
    request.stops = [read.stop] if isinstance(read.stop, str) else list(read.stop or [])
    if read.logprobs is not None or read.top_logprobs is not None:
        request.logprobs = Logprobs(wanted=read.logprobs is not False, top=read.top_logprobs)
    request.reasoning = _reasoning(read, ledger)
    request.format = _format(read)
    request.verbosity = read.verbosity or ""
    request.modalities = read.modalities or []
    request.audio, request.prediction = given(read.audio), given(read.prediction)
    request.safety = given(read.moderation)
    request.service_tier = read.service_tier or ""
    request.state = ServerState(store=read.store)
    request.identity = Identity(user=read.user or "", safety=read.safety_identifier or "", metadata=read.metadata)
    options = read.prompt_cache_options
    retention = read.prompt_cache_retention or (options.ttl if options else None) or ""
    mode = (options.mode if options else None) or ""
    request.cache = CacheHints(key=read.prompt_cache_key or "", retention=retention, mode=mode)
    if read.stream_options is not None and read.stream_options.include_obfuscation:
        ledger.lose("$.stream_options.include_obfuscation", "padding against traffic analysis is not made here")


def _overruled(read: Body, request: Request, ledger: Ledger) -> None:
    """Say which of two settings for one thing does not count, and where the rest of a setting stands."""
    if read.response_format is not None and read.response_format.json_schema is not None:
        request.at |= {f"format.{name}": f"$.response_format.json_schema.{name}" for name in FORMAT}
    if read.tool_choice is not None and read.function_call is not None:
        ledger.lose("$.function_call", "tool_choice counts")
    options = read.reasoning
    if read.reasoning_effort and options is not None:
        for name in ("effort", "max_tokens", "enabled"):
            if getattr(options, name) is not None:
                ledger.lose(f"$.reasoning.{name}", "reasoning_effort counts")
    elif options is not None and options.effort and options.max_tokens is not None:
        ledger.lose("$.reasoning.max_tokens", "the effort counts")
    if read.thinking is not None and (read.reasoning_effort or options is not None):
        ledger.lose("$.thinking", f"{request.at['reasoning'].removeprefix('$.')} counts")
    if options is not None and options.exclude is not None:
        request.at["reasoning.show"] = "$.reasoning.exclude"
    cache = read.prompt_cache_options
    if cache is not None and cache.mode:
        request.at["cache.mode"] = "$.prompt_cache_options.mode"
    if cache is not None and cache.ttl:
        if read.prompt_cache_retention is None:
            request.at["cache.retention"] = "$.prompt_cache_options.ttl"
        else:
            ledger.lose("$.prompt_cache_options.ttl", "prompt_cache_retention counts")


# --- tools ----------------------------------------------------------------------------------------------------------


def _tools(read: Body, messages: MessageReader) -> list[Tool]:
    tools: list[Tool] = []
    for index, tool in enumerate(read.tools or []):
        tools.append(_tool(tool, index, f"$.tools[{index}]", messages))
    for index, function in enumerate(read.functions or []):
        tools.append(_function(function, f"$.functions[{index}]"))
    if read.web_search_options is not None:
        tools.append(_web_search(read.web_search_options))
    return tools


def _tool(tool: ToolDef, index: int, at: str, messages: MessageReader) -> Tool:
    kind = tool.type or "function"
    if kind == "custom":
        if tool.custom is None:
            raise Unreadable("required, but missing", f"{at}.custom")
        custom = tool.custom
        grammar = _flat_grammar(given(custom.format))
        return FunctionTool(name=custom.name, description=custom.description, form="text", grammar=grammar, at=at)
    if kind != "function":
        native = (messages.raw.tools or [])[index].copy()
        messages.unknown.append(at)
        vendor, _, kind = kind.rpartition(":")  # `openrouter:web_search`: hosts put their name in front
        return HostedTool(kind=kind, vendor=vendor or VENDOR, native=native, name=tool.name or "", at=at)
    function = tool.function
    if function is None:
        if not tool.name:
            raise Unreadable("required, but missing", f"{at}.function")
        function = FunctionDef(tool.name, tool.description, tool.parameters, tool.strict)
    read = _function(function, at)
    read.schema_at = f"{at}.function.parameters" if tool.function is not None else f"{at}.parameters"
    if tool.cache_control is not None:
        read.cache = CacheMark(tool.cache_control.ttl or "")
    return read


def _flat_grammar(format_: Raw | None) -> Raw | None:
    """The format of a free-text tool as Responses writes it: the members of a grammar beside its type."""
    try:
        said = {} if format_ is None else json.decode(format_, type=dict[str, Raw])
        inner = json.decode(said.pop("grammar", b"{}"), type=dict[str, Raw])
    except DecodeError:
        return format_
    return format_ if not inner or said.keys() & inner.keys() else Raw(json.encode(said | inner))


def _function(function: FunctionDef, at: str) -> FunctionTool:
    schema = given(function.parameters)
    return FunctionTool(
        name=function.name, description=function.description, schema=schema, strict=function.strict, at=at,
        schema_at=f"{at}.parameters",
    )  # fmt: skip


def _web_search(read: SearchOptions) -> HostedTool:
    """web_search_options as the tool declaration OpenAI writes elsewhere (there the location is flat)."""
    native: dict[str, Any] = {"type": "web_search"}
    if read.search_context_size is not None:
        native["search_context_size"] = read.search_context_size
    if read.user_location is not None:
        place = read.user_location.approximate or Approximate()
        said = {name: value for name in place.__struct_fields__ if (value := getattr(place, name)) is not None}
        native["user_location"] = {"type": "approximate", **said}
    return HostedTool(
        kind="web_search",
        vendor=VENDOR,
        native=Raw(json.encode(native)),
        name="web_search",
        at="$.web_search_options",
    )


_MODES: dict[str, Literal["none", "auto", "required"]] = {
    "none": "none",
    "auto": "auto",
    "required": "required",
    "any": "required",
}


def _tool_choice(read: Body) -> ToolChoice | None:
    choice = read.tool_choice
    if choice is None and read.function_call is not None:
        legacy = read.function_call
        if not isinstance(legacy, str):
            return ToolChoice(mode="required", only=[legacy.name])
        return ToolChoice(mode=_mode(legacy, "$.function_call"))
    if choice is None:
        return None
    if isinstance(choice, str):
        return ToolChoice(mode=_mode(choice, "$.tool_choice"))
    return _choice(choice)


def _choice(choice: Choice) -> ToolChoice:
    named = choice.function or choice.custom
    if choice.allowed_tools is not None:
        allowed = choice.allowed_tools
        members = [(tool.function or tool.custom, tool.name) for tool in allowed.tools]
        names = [member.name if member is not None else name or "" for member, name in members]
        return ToolChoice(mode=_mode(allowed.mode, "$.tool_choice.allowed_tools.mode"), only=names)
    if named is not None:
        return ToolChoice(mode="required", only=[named.name])
    return ToolChoice(mode=_mode(choice.type or "", "$.tool_choice.type"))


def _mode(word: str, path: str) -> Literal["none", "auto", "required"]:
    mode = _MODES.get(word)
    if mode is None:
        raise Unreadable(f"expected none, auto, required or a function, got {word!r}", path)
    return mode


# --- reasoning and format -------------------------------------------------------------------------------------------


def _reasoning(read: Body, ledger: Ledger) -> Reasoning | None:
    options, thinking = read.reasoning, read.thinking
    show = "none" if options is not None and options.exclude else None
    effort = read.reasoning_effort or (options.effort if options is not None else None)
    if effort:
        if effort in ("none", "auto"):
            return Reasoning(mode="off" if effort == "none" else "auto", show=show)
        return Reasoning(mode="effort", effort=effort, show=show)
    if options is not None:
        if options.max_tokens:
            return Reasoning(mode="budget", budget=options.max_tokens, show=show)
        return Reasoning(mode="off" if options.enabled is False or options.max_tokens == 0 else "auto", show=show)
    if thinking is not None:
        if thinking.budget_tokens and thinking.type != "disabled":
            return Reasoning(mode="budget", budget=thinking.budget_tokens)
        if thinking.type not in ("enabled", "disabled", "auto", "adaptive", None):
            ledger.lose("$.thinking.type", f"unknown value {thinking.type!r}")
            return None
        return Reasoning(mode="off" if thinking.type == "disabled" else "auto")
    return None


def _format(read: Body) -> OutputFormat | None:
    wanted = read.response_format
    if wanted is None:
        return None
    match wanted.type:
        case "text":
            return OutputFormat(kind="text")
        case "json_object":
            return OutputFormat(kind="json")
        case "json_schema":
            schema = wanted.json_schema
            if schema is None:
                raise Unreadable("required, but missing", "$.response_format.json_schema")
            return OutputFormat(
                kind="schema",
                name=schema.name or "",
                schema=given(schema.schema),
                strict=schema.strict,
                description=schema.description or "",
            )
    raise Unreadable(f"expected text, json_object or json_schema, got {wanted.type!r}", "$.response_format.type")


def _report_unread(body: bytes, read: Body, unknown: list[str], ledger: Ledger) -> None:
    """Report the fields no struct has; the inside of an unknown part is reported with the part."""
    for path in unread(plain(body), read):
        if not any(path.startswith(f"{at}.") for at in unknown):
            ledger.lose(path, "unknown field")
