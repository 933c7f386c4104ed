"""Request → body of `POST /v1/messages`, with the beta headers the body needs."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw

from translators import schemas
from translators.claude import schema, wire
from translators.claude.messages import Conversation, write_conversation
from translators.claude.settings import settle_conflicts, settle_open_turn, write_sampling, write_thinking
from translators.claude.tools import Tools, write_choice, write_tools
from translators.claude.words import NAME, NAME_CHARACTERS, NAME_LIMIT, VENDOR
from translators.dialect import Aim, Outgoing
from translators.errors import Unwritable
from translators.hosted import with_functions
from translators.losses import Ledger
from translators.model import OutputFormat, Request
from translators.names import Names, Rule
from translators.unsaid import lose_bookkeeping

MARKS = 4
"""Breakpoints the vendor takes in one request; an automatic one uses a place too."""

JSON_INSTRUCTION = "Answer with a single JSON object and nothing else."

_TIERS = {"auto": "auto", "standard_only": "standard_only", "default": "standard_only", "standard": "standard_only"}


def write_request(request: Request, aim: Aim, ledger: Ledger) -> Outgoing:
    """Write a request for an upstream of this dialect.

    The same request gives the same bytes. max_tokens is mandatory here: the client's, else the model's limit.

    Raises:
        Unwritable: the request stands on state at another vendor, wants several answers, or nothing is left to answer.

    Loses:
        Penalties, seed, logit bias, logprobs, audio and image output, metadata, cache keys, other
        vendors' seals, files and hosted items; see the ledger.

    Source: Anthropic API reference, “Messages”, read November 2026.
    """
    _refuse(request)
    _lose_unsaid(request, ledger)
    lose_bookkeeping(request, ledger)
    request = with_functions(request, aim.vendor, ledger)  # a compatible host of another vendor
    names = Names(request, Rule(NAME_CHARACTERS, NAME_LIMIT))
    offered = write_tools(request, aim, ledger, names)
    said = write_conversation(request, aim, ledger, names)
    path = request.at.get("tool_choice", "")
    choice = write_choice(request.tool_choice, request.parallel_tools, offered, names, ledger, path)
    if request.tool_choice is not None and choice is None:
        ledger.lose(path, "a tool choice without tools")
    effort = write_thinking(request, aim, ledger)
    effort, choice = settle_conflicts(effort, choice, said.prefill, request, aim, ledger)
    effort = settle_open_turn(effort, said.messages, request, aim, ledger)
    config = _config(request.format, effort.effort, said, ledger, request.at.get("format", ""))
    _lose_of_format(request, ledger)
    body: dict[str, Any] = {"model": aim.model, "max_tokens": effort.max_tokens, "messages": said.messages}
    optional: dict[str, Any] = {
        "system": said.system,
        "stop_sequences": [stop for stop in request.stops if stop.strip()],
        "stream": aim.stream,
        "metadata": _metadata(request),
        "tools": offered.tools,
        "tool_choice": choice,
        "thinking": effort.thinking,
        "output_config": config,
        "cache_control": _automatic(request, aim, offered, said, ledger),
        "container": _container(request, aim, ledger),
        "service_tier": _tier(request, ledger),
        "speed": request.speed if request.speed in ("standard", "fast") else None,
        "mcp_servers": offered.servers,
    }
    body |= {name: value for name, value in optional.items() if value}
    body |= write_sampling(request, effort, aim, ledger)
    _limit_marks(offered, said, "cache_control" in body, ledger)
    betas = ",".join(_betas(body, offered, said))
    headers = {"anthropic-beta": betas} if betas else {}
    wrapped = request.format is not None and request.format.kind == "enum" and request.format.schema is not None
    return Outgoing(msgspec.json.encode(body), headers, names.back, _blank_stops(request, ledger), wrapped)


# --- what cannot be said --------------------------------------------------------------------------------------------


def _refuse(request: Request) -> None:
    """History that stands at another vendor cannot be sent, and without it the answer would be to another question.

    Of several answers that were asked for, one would be something else.
    """
    state = request.state
    for name, value in (
        ("previous_response", state.previous_response),
        ("conversation", state.conversation),
        ("cached_content", state.cached_content),
        ("background", state.background),
        ("references", state.references),
    ):
        if value:
            path = request.at.get(f"state.{name}", "")
            told = "server-side state of another vendor is not available here; send the whole conversation"
            raise Unwritable(told, path, "unsupported_state")
    if request.n is not None and request.n > 1:
        raise Unwritable("this upstream gives one answer to a request", request.at.get("n", "$.n"))


def _lose_unsaid(request: Request, ledger: Ledger) -> None:
    sampling, identity = request.sampling, request.identity
    for name, value, semantic in (
        ("sampling.frequency_penalty", sampling.frequency_penalty is not None, False),
        ("sampling.presence_penalty", sampling.presence_penalty is not None, False),
        ("sampling.seed", sampling.seed is not None, False),
        ("sampling.logit_bias", sampling.logit_bias is not None, False),
        ("logprobs.top", _top_apart(request), False),
        ("logprobs", request.logprobs is not None and request.logprobs.wanted, False),
        ("verbosity", bool(request.verbosity), False),
        ("modalities", any(each.lower() != "text" for each in request.modalities), True),
        ("audio", request.audio is not None, False),
        ("image", request.image is not None, False),
        ("speech", request.speech is not None, False),
        ("prediction", request.prediction is not None, False),
        ("safety", request.safety is not None, False),
        ("identity.safety", identity.safety not in ("", identity.user) and bool(identity.user), False),
        ("identity.metadata", bool(identity.metadata), False),
        ("identity.labels", bool(identity.labels), False),
        ("cache.key", bool(request.cache.key), False),
        ("cache.retention", bool(request.cache.retention), False),
        ("state.store", bool(request.state.store), False),
    ):
        if value:
            ledger.lose(request.at.get(name, ""), f"{name} has no place in Anthropic's API", semantic=semantic)


def _top_apart(request: Request) -> bool:
    """Whether how many log probabilities are wanted was said in a field of its own."""
    return request.logprobs is not None and request.logprobs.top is not None and "logprobs.top" in request.at


# --- single fields --------------------------------------------------------------------------------------------------


def _blank_stops(request: Request, ledger: Ledger) -> tuple[str, ...]:
    """What the vendor refuses; the answer is cut at them here."""
    blank = tuple(stop for stop in request.stops if stop and not stop.strip())
    if blank:
        ledger.apply("stop-cut", request.at.get("stops", ""))
    return blank


def _metadata(request: Request) -> wire.Metadata | None:
    user = request.identity.user or request.identity.safety
    return wire.Metadata(user_id=user) if user else None


def _container(request: Request, aim: Aim, ledger: Ledger) -> Raw | None:
    """A container lives at the vendor whose client named it."""
    container = request.state.container
    if container is None or (request.dialect == NAME and aim.vendor == VENDOR):
        return container
    ledger.lose(request.at.get("state.container", ""), "container of another vendor", semantic=True)
    return None


def _tier(request: Request, ledger: Ledger) -> str | None:
    if not request.service_tier:
        return None
    said = _TIERS.get(request.service_tier)
    if said is None:
        ledger.lose(request.at.get("service_tier", ""), f"service tier {request.service_tier}")
    return said


def _config(
    form: OutputFormat | None, effort: str | None, said: Conversation, ledger: Ledger, at: str
) -> wire.OutputConfig | None:
    """effort and format. JSON without a schema can only be asked for in words; an enumeration is wrapped."""
    written: wire.JsonFormat | None = None
    if form is not None and form.kind == "enum" and form.schema is not None:
        ledger.apply("enum-wrapped", at)
        body = schemas.wrap_value(form.schema, form.gemini_schema, at)
        written = wire.JsonFormat(type="json_schema", schema=body)
    elif form is not None and form.kind == "schema":
        body = form.schema if form.schema is not None else schema.EMPTY
        written = wire.JsonFormat(type="json_schema", schema=schema.enforced(body, form.gemini_schema, ledger, at))
    elif form is not None and form.kind == "json":
        ledger.apply("json-instruction", at)
        ledger.lose(at, "json output can only be asked for in words", semantic=True)
        said.system.append(wire.TextBlock(text=JSON_INSTRUCTION))
    elif form is not None and form.kind == "enum":
        ledger.lose(at, "an enumeration without its values", semantic=True)
    return wire.OutputConfig(effort=effort, format=written) if effort or written else None


def _lose_of_format(request: Request, ledger: Ledger) -> None:
    """A format is its schema here, and always strict."""
    for name in ("name", "description"):
        if request.format is not None and getattr(request.format, name):
            ledger.lose(request.at.get(f"format.{name}", ""), f"an output format has no {name}")
    if request.format is not None and request.format.kind == "schema" and request.format.strict is False:
        ledger.apply("format-strict", request.at.get("format.strict", ""), "true")


# --- prompt cache ---------------------------------------------------------------------------------------------------


def _marked(offered: Tools, said: Conversation) -> Iterator[Any]:
    """What carries a breakpoint, in the order of the prompt: tools, system, messages."""
    everything: list[Any] = [*offered.tools, *said.system]
    for message in said.messages:
        for block in message.content:
            if isinstance(block, wire.ToolResultBlock) and isinstance(block.content, list):
                everything += block.content
            everything.append(block)
    return (each for each in everything if getattr(each, "cache_control", None) is not None)


def _automatic(
    request: Request, aim: Aim, offered: Tools, said: Conversation, ledger: Ledger
) -> wire.CacheControl | None:
    """The client's own wish; for clients whose dialect has no breakpoints the vendor places one itself."""
    wish = request.cache.automatic
    if wish is not None:
        return wire.CacheControl(ttl=wish.ttl or None)
    if (
        request.cache.mode == "explicit"
        or request.dialect == NAME
        or not aim.official
        or aim.vendor != VENDOR
        or any(_marked(offered, said))
    ):
        return None
    ledger.apply("cache-automatic", "$")
    return wire.CacheControl()


def _limit_marks(offered: Tools, said: Conversation, automatic: bool, ledger: Ledger) -> None:
    """Keep the last four; an hour may not follow five minutes."""
    marked = list(_marked(offered, said))
    surplus = len(marked) - (MARKS - automatic)
    places = said.marks | offered.marks
    for block in marked[: max(0, surplus)]:
        control, block.cache_control = block.cache_control, None
        ledger.apply("cache-marks", places.get(id(control), "$"), f"the last {MARKS - automatic}")
    short = False
    for block in marked[max(0, surplus) :]:
        if block.cache_control.ttl != "1h":
            short = True
        elif short:
            ledger.apply("cache-ttl", places.get(id(block.cache_control), "$"), "5m")
            block.cache_control = wire.CacheControl()


# --- betas ----------------------------------------------------------------------------------------------------------


def _betas(body: dict[str, Any], offered: Tools, said: Conversation) -> Iterator[str]:
    """Names of the betas without which the vendor refuses a field of this body (providers' list, November 2026)."""
    thinking, config = body.get("thinking"), body.get("output_config")
    functions = [tool for tool in offered.tools if isinstance(tool, wire.CustomTool)]
    if thinking is not None and thinking.type == "enabled" and offered.tools:
        yield "interleaved-thinking-2025-05-14"
    marks = [each.cache_control for each in _marked(offered, said)]
    if any(mark.ttl == "1h" for mark in [*marks, *filter(None, [body.get("cache_control")])]):
        yield "extended-cache-ttl-2025-04-11"
    if (config is not None and config.format is not None) or any(tool.strict for tool in functions):
        yield "structured-outputs-2025-12-15"
    if config is not None and config.effort is not None:
        yield "effort-2025-11-24"
    if any(tool.defer_loading for tool in functions) or "tool_search" in offered.hosted:
        yield "advanced-tool-use-2025-11-20"
    if body.get("speed") == "fast":
        yield "fast-mode-2026-02-01"
    if any(message.role == "system" for message in said.messages):
        yield "mid-conversation-system-2026-04-07"
    if offered.servers:
        yield "mcp-client-2025-11-20" if "mcp_toolset" in offered.hosted else "mcp-client-2025-04-04"
