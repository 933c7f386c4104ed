"""A Responses request as the client sent it: the settings here, the conversation in items.py."""

from msgspec import Raw

from translators.errors import Unreadable
from translators.exact import Exact
from translators.losses import Ledger, unread
from translators.model import CacheHints, Identity, Logprobs, OutputFormat, Reasoning, Request, Sampling, ServerState
from translators.openai_responses import tools, wire
from translators.openai_responses.items import NAME, Items
from translators.parts import Text

LOGPROBS = "message.output_text.logprobs"
ENCRYPTED = "reasoning.encrypted_content"

_AT = {
    "system": "instructions",
    "max_output": "max_output_tokens",
    "reasoning": "reasoning",
    "tools": "tools",
    "tool_choice": "tool_choice",
    "parallel_tools": "parallel_tool_calls",
    "sampling.temperature": "temperature",
    "sampling.top_p": "top_p",
    "state.previous_response": "previous_response_id",
    "state.conversation": "conversation",
    "state.store": "store",
    "state.background": "background",
    "service_tier": "service_tier",
    "identity.safety": "safety_identifier",
    "identity.user": "user",
    "identity.metadata": "metadata",
    "cache.key": "prompt_cache_key",
    "cache.retention": "prompt_cache_retention",
    "logprobs": "top_logprobs",
    "logprobs.top": "top_logprobs",
}
"""Canonical name → the field it stands in."""

_OPENAI_ONLY = {
    "$.prompt": True,
    "$.truncation": False,
    "$.context_management": False,
    "$.max_tool_calls": False,
    "$.moderation": False,
    "$.stream_options": False,
    "$.client_metadata": False,
}
"""Fields only OpenAI can do something with; True: without it the answer is another one."""

# --- reading --------------------------------------------------------------------------------------------------------


_exact: Exact[wire.Body] = Exact(wire.Body)


def read_request(body: bytes, model: str, stream: bool | None, ledger: Ledger) -> Request:
    """Read a Responses request.

    Args:
        body: one JSON object, UTF-8.
        model: used only if the body names none.
        stream: likewise.
        ledger: receives a loss for every field nothing is made of.

    Returns:
        A Request with one turn for each input item. Tools of additional_tools items stand behind those of `tools`.
        State kept at OpenAI (previous_response_id, conversation, background) is in `state`; item references and
        compaction items are Unknown parts, which only this dialect can write again.

    Raises:
        Unreadable: not JSON, or a known field of the wrong type, with its path.

    Loses:
        include other than log probabilities, truncation, context_management, stream_options, reasoning.context.

    Source:
        OpenAI API reference, “Create a model response”, read November 2026.
    """
    exact = _exact.read(body)
    said = exact or wire.decode(wire.Body, body)
    if exact is None:
        _lose_unknown(body, said, ledger)
    if bytes(said.tool_choice).startswith(b"{"):
        named = wire.decode(wire.Choice, said.tool_choice, "$.tool_choice")
        for path in unread(wire.plain(said.tool_choice), named, "$.tool_choice"):
            ledger.lose(path, "unknown field")
    name = said.model or model
    if not name:
        raise Unreadable("expected the name of a model", "$.model")
    items = _read_input(said, ledger)
    declared = [
        tool for index, raw in enumerate(said.tools or []) for tool in tools.read_tool(raw, f"$.tools[{index}]", ledger)
    ]
    choice = wire.given(said.tool_choice)
    return Request(
        model=name,
        system=[Text(text=said.instructions, at="$.instructions")] if said.instructions else [],
        turns=items.turns,
        tools=declared + items.tools,
        tool_choice=tools.read_choice(choice, "$.tool_choice") if choice is not None else None,
        parallel_tools=said.parallel_tool_calls,
        max_output=said.max_output_tokens,
        sampling=Sampling(temperature=said.temperature, top_p=said.top_p),
        logprobs=_read_logprobs(said, ledger),
        reasoning=_read_reasoning(said.reasoning, ledger),
        format=_read_format(said.text),
        verbosity=(said.text.verbosity or "") if said.text else "",
        identity=Identity(user=said.user or "", safety=said.safety_identifier or "", metadata=said.metadata),
        cache=_read_cache(said, ledger),
        service_tier=said.service_tier or "",
        state=ServerState(
            previous_response=said.previous_response_id or "",
            conversation=wire.given(said.conversation),
            store=said.store,
            background=bool(said.background),
            references=list(items.references),
        ),
        stream=bool(stream) if said.stream is None else said.stream,
        dialect=NAME,
        at=_places(said, items),
    )


def _places(said: wire.Body, items: Items) -> dict[str, str]:
    at = {name: f"$.{field}" for name, field in _AT.items() if getattr(said, field) not in (None, wire.ABSENT)}
    if items.references:
        at["state.references"] = next(iter(items.references.values()))
    if said.text is not None:
        if said.text.format:
            at |= {"format": "$.text.format"}
            at |= {f"format.{name}": f"$.text.format.{name}" for name in ("name", "description", "strict", "schema")}
        at |= {"verbosity": "$.text.verbosity"} if said.text.verbosity else {}
    if said.prompt_cache_options is not None and said.prompt_cache_options.mode:
        at["cache.mode"] = "$.prompt_cache_options.mode"
    if said.prompt_cache_options is not None and said.prompt_cache_options.ttl and not said.prompt_cache_retention:
        at["cache.retention"] = "$.prompt_cache_options.ttl"
    if said.reasoning is not None and said.reasoning.effort:
        at["reasoning"] = "$.reasoning.effort"
    if said.reasoning is not None:
        shown = "summary" if said.reasoning.summary else "generate_summary"
        at |= {"reasoning.show": f"$.reasoning.{shown}"} if getattr(said.reasoning, shown) else {}
    if LOGPROBS in (said.include or []):
        at["logprobs"] = f"$.include[{(said.include or []).index(LOGPROBS)}]"
    return at


def _lose_unknown(body: bytes, said: wire.Body, ledger: Ledger) -> None:
    tree = wire.members(body)
    known = said.__struct_fields__
    for name, value in tree.items():
        path = f"$.{name}"
        if bytes(value) == b"null":
            continue
        if name not in known:
            ours = path in _OPENAI_ONLY
            reason = "only OpenAI can do this" if ours else "unknown field"
            ledger.lose(path, reason, semantic=_OPENAI_ONLY.get(path, False))
        elif name in ("reasoning", "text", "prompt_cache_options"):
            stated = {member: inner for member, inner in wire.plain(value).items() if inner is not None}
            for inner_path in unread(stated, getattr(said, name), path):
                ledger.lose(inner_path, "unknown field")


def _read_input(said: wire.Body, ledger: Ledger) -> Items:
    items = Items(ledger)
    if isinstance(said.input, str):
        items.read(Raw(wire.encode({"role": "user", "content": said.input})), "$.input")
        items.turns[-1].parts[0].at = "$.input"
    elif said.input is not None:
        for index, raw in enumerate(said.input):
            items.read(raw, f"$.input[{index}]")
    elif not (said.previous_response_id or wire.given(said.conversation) or said.instructions):
        raise Unreadable("expected a string or an array of items", "$.input")
    return items


def _read_cache(said: wire.Body, ledger: Ledger) -> CacheHints:
    options = said.prompt_cache_options or wire.CacheOptions()
    retention = said.prompt_cache_retention or options.ttl or ""
    if said.prompt_cache_retention and options.ttl:
        ledger.lose("$.prompt_cache_options.ttl", "prompt_cache_retention counts")
    return CacheHints(key=said.prompt_cache_key or "", retention=retention, mode=options.mode or "")


def _read_logprobs(said: wire.Body, ledger: Ledger) -> Logprobs | None:
    wanted = False
    for index, name in enumerate(said.include or []):
        if name == LOGPROBS:
            wanted = True
        elif name != ENCRYPTED:  # that one is always asked for
            ledger.lose(f"$.include[{index}]", "only OpenAI can do this")
    if not wanted and said.top_logprobs is None:
        return None
    return Logprobs(wanted=wanted or bool(said.top_logprobs), top=said.top_logprobs)


def _read_reasoning(said: wire.ReasoningWish | None, ledger: Ledger) -> Reasoning | None:
    if said is None:
        return None
    show = said.summary or said.generate_summary
    if said.summary and said.generate_summary:
        ledger.lose("$.reasoning.generate_summary", "summary counts")
    if said.effort == "none":
        return Reasoning(mode="off", show=show)
    if said.effort:
        return Reasoning(mode="effort", effort=said.effort, show=show)
    return Reasoning(mode="auto", show=show) if show else None


def _read_format(said: wire.TextWish | None) -> OutputFormat | None:
    if said is None or said.format is None:
        return None
    match said.format.type:
        case "text":
            return OutputFormat(kind="text")
        case "json_object":
            return OutputFormat(kind="json")
        case "json_schema":
            schema = wire.given(said.format.schema)
            if schema is None:
                raise Unreadable("expected a JSON Schema", "$.text.format.schema")
            return OutputFormat(
                kind="schema",
                name=said.format.name or "",
                schema=schema,
                strict=said.format.strict,
                description=said.format.description or "",
            )
        case other:
            raise Unreadable(f"expected text, json_object or json_schema, got {other!r}", "$.text.format.type")
