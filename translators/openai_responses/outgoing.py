"""A Responses request as an upstream gets it: the settings here, the conversation in input.py."""

import re
from typing import Any

from translators import thinking
from translators.dialect import Aim, Outgoing
from translators.errors import Unwritable
from translators.hosted import with_functions
from translators.losses import Ledger
from translators.model import FunctionTool, Request
from translators.names import Names, Rule
from translators.openai_responses import tools, wire
from translators.openai_responses.input import Input
from translators.openai_responses.request import ENCRYPTED, LOGPROBS
from translators.schemas import from_gemini, wrap_value

LEAST_OUTPUT = 16
"""Tokens; OpenAI refuses a smaller max_output_tokens."""


def write_request(request: Request, aim: Aim, ledger: Ledger) -> Outgoing:
    """Write a request for an upstream that speaks Responses.

    The official API is told `store: false` unless the client asked for state, and asked for encrypted reasoning, so
    that the conversation can go on without anything being kept there. Other hosts get neither namespaces nor
    free-text tools, which few of them know. Stop sequences are left to be applied to the answer.

    Raises:
        Unwritable: several answers are wanted.

    Loses:
        seed, penalties, logit_bias, top_k, audio, video, prediction, safety settings, labels,
        cache breakpoints, thinking that another vendor sealed.
    """
    if request.n is not None and request.n > 1:
        raise Unwritable("this upstream gives one answer to a request", request.at.get("n", "$.n"))
    request = with_functions(request, aim.vendor, ledger)
    longest = aim.tool_name or (128 if aim.official else 64)
    names = Names(request, Rule("a-zA-Z0-9_-", longest, aim.official, aim.official))
    naming = _naming(names, aim)
    places = {(tool.name, tool.namespace): tool.at for tool in request.tools if isinstance(tool, FunctionTool)}
    for legal, told in names.back.items():
        if naming(told.name, told.namespace) == legal != told.name:
            ledger.apply("tool-name", places.get((told.name, told.namespace), "$.tools"), legal)
    conversation = Input(request, aim, naming, ledger)
    written: dict[str, Any] = {"model": aim.model}
    if conversation.instructions:
        written["instructions"] = conversation.instructions
    written["input"] = conversation.items
    _write_tools(written, request, naming, ledger, official=aim.official)
    _write_limits(written, request, aim, ledger)
    _write_reasoning(written, request, aim, ledger)
    _write_text(written, request, aim, ledger)
    _write_identity(written, request, aim, ledger)
    _write_cache(written, request, marked=conversation.marked)
    _write_state(written, request, aim, ledger)
    if aim.stream:
        written["stream"] = True
    _lose_rest(request, ledger)
    if request.stops:
        ledger.apply("stop-cut", request.at.get("stops", "$.stops"))
    wrapped = request.format is not None and request.format.kind == "enum" and "text" in written
    return Outgoing(wire.encode(written), tools=names.back, stops=tuple(request.stops), wrapped=wrapped)


_LEGAL = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def _naming(names: Names, aim: Aim) -> tools.Naming:
    """Names of tools upstream. Where namespaces are known, a legal name in one cannot collide with another's."""

    def naming(name: str, namespace: str) -> str:
        if namespace and aim.official and _LEGAL.fullmatch(name):
            return name
        return names.out(name, namespace)

    return naming


def _write_tools(
    written: dict[str, Any], request: Request, naming: tools.Naming, ledger: Ledger, *, official: bool
) -> None:
    own = request.dialect.startswith("openai-")
    declared = tools.write_tools(request.tools, naming, ledger, namespaces=official, freeform=official, own=own)
    if not declared:
        if request.tool_choice is not None and request.tool_choice.mode != "none":
            ledger.lose(request.at.get("tool_choice", "$.tool_choice"), "there are no tools to choose from")
        return
    written["tools"] = declared
    if request.tool_choice is not None:
        path = request.at.get("tool_choice", "$.tool_choice")
        forms = {
            naming(tool.name, tool.namespace): "custom" if tool.form == "text" and official else "function"
            for tool in request.tools
            if isinstance(tool, FunctionTool)
        }
        written["tool_choice"] = tools.write_choice(request.tool_choice, naming, forms, path, ledger)
    if request.parallel_tools is not None:
        written["parallel_tool_calls"] = request.parallel_tools


def _write_limits(written: dict[str, Any], request: Request, aim: Aim, ledger: Ledger) -> None:
    if request.max_output is not None:
        written["max_output_tokens"] = max(request.max_output, LEAST_OUTPUT)
        if request.max_output == 0:
            path = request.at.get("max_output", "$.max_output")
            ledger.lose(path, "an answer without output cannot be asked for", semantic=True)
        elif request.max_output < LEAST_OUTPUT:
            ledger.apply("max-output", request.at.get("max_output", "$"), str(LEAST_OUTPUT))
    for name in ("temperature", "top_p"):
        value = getattr(request.sampling, name)
        if value is None:
            continue
        if aim.traits.known and not aim.traits.sampling:
            ledger.lose(request.at.get(f"sampling.{name}", f"$.{name}"), "the model takes no sampling settings")
        else:
            written[name] = value
    if request.logprobs is not None and request.logprobs.wanted:
        written["include"] = [LOGPROBS]
        if request.logprobs.top is not None:
            written["top_logprobs"] = request.logprobs.top
    elif request.logprobs is not None and request.logprobs.top is not None:
        ledger.lose(request.at.get("logprobs.top", "$.logprobs"), "no log probabilities are wanted")


def _write_reasoning(written: dict[str, Any], request: Request, aim: Aim, ledger: Ledger) -> None:
    wanted = request.reasoning
    path = request.at.get("reasoning", "$.reasoning")
    shown_at = request.at.get("reasoning.show", "")
    settled = thinking.settle(wanted, aim.traits, ledger, path, shown_at)
    if wanted is None or settled is None:
        return
    said: dict[str, Any] = {}
    match settled.mode:
        case "off":
            said["effort"] = "none"
        case "effort":
            said["effort"] = settled.effort
        case "budget":
            said["effort"] = thinking.effort_of(settled.budget)
            ledger.apply("thinking", path, said["effort"])
        case "auto":
            if settled.effort:
                said["effort"] = settled.effort
    if settled.mode != "off":
        # A client that counts thinking in tokens, or leaves it to the model, sees it unless it says otherwise.
        show = wanted.show or ("auto" if wanted.mode == "budget" or wanted.adaptive else "none")
        if show != "none":
            said["summary"] = show
        if wanted.show is not None and shown_at:
            ledger.apply("thinking-shown", shown_at, "$.reasoning.summary" if show != "none" else "not at all")
    elif wanted.show is not None and shown_at:
        ledger.lose(shown_at, "there is no thinking to show")
    if said:
        written["reasoning"] = said


def _write_text(written: dict[str, Any], request: Request, aim: Aim, ledger: Ledger) -> None:
    said: dict[str, Any] = {}
    wanted = request.format
    path = request.at.get("format", "$.format")
    match wanted.kind if wanted else None:
        case "text":
            said["format"] = {"type": "text"}
        case "json":
            said["format"] = {"type": "json_object"}
        case "schema" if wanted is not None and wanted.schema is not None:
            said["format"] = {
                "type": "json_schema",
                "name": wanted.name or "response",
                "schema": from_gemini(wanted.schema, path) if wanted.gemini_schema else wanted.schema,
            }
            if wanted.description:
                said["format"]["description"] = wanted.description
            # As with tools: strict is the default, and not every schema is fit for it.
            said["format"]["strict"] = bool(wanted.strict)
        case "enum" if wanted is not None and wanted.schema is not None:
            ledger.apply("enum-wrapped", path)
            schema = wrap_value(wanted.schema, wanted.gemini_schema, path)
            said["format"] = {"type": "json_schema", "name": "response", "schema": schema, "strict": True}
        case "enum":
            ledger.lose(path, "an enumeration without its values", semantic=True)
        case _:
            pass
    if request.verbosity:
        said["verbosity"] = request.verbosity
    if said:
        written["text"] = said


IDENTIFIER = 64
"""Characters of safety_identifier and user."""

_TIERS = {"standard_only": "default", "standard": "default"} | {
    tier: tier for tier in ("auto", "default", "flex", "scale", "priority", "fast", "ultrafast")
}


def _write_identity(written: dict[str, Any], request: Request, aim: Aim, ledger: Ledger) -> None:
    identity = request.identity
    user, safety, name = identity.user, identity.safety, "identity.safety"
    if aim.official and not request.dialect.startswith("openai-") and not safety:
        user, safety, name = "", user, "identity.user"  # `user` is deprecated; whose id it is stays the same
    for field, value, place in (("safety_identifier", safety, name), ("user", user, "identity.user")):
        if len(value) > IDENTIFIER and aim.official:
            ledger.lose(request.at.get(place, f"$.{field}"), f"longer than {IDENTIFIER} characters")
        elif value:
            written[field] = value
    if identity.metadata:
        written["metadata"] = identity.metadata
    if request.service_tier:
        tier = _TIERS.get(request.service_tier.lower())
        if tier is None:
            ledger.lose(request.at.get("service_tier", "$.service_tier"), "OpenAI has no such tier")
        else:
            written["service_tier"] = tier


def _write_cache(written: dict[str, Any], request: Request, *, marked: bool) -> None:
    cache = request.cache
    if cache.key:
        written["prompt_cache_key"] = cache.key
    options: dict[str, Any] = {}
    if mode := cache.mode or ("explicit" if marked else ""):
        options["mode"] = mode
    if cache.retention.replace("-", "_") in ("24h", "in_memory"):
        written["prompt_cache_retention"] = cache.retention.replace("-", "_")
    elif cache.retention:
        options["ttl"] = cache.retention
    if options:
        written["prompt_cache_options"] = options


def _write_state(written: dict[str, Any], request: Request, aim: Aim, ledger: Ledger) -> None:
    state = request.state
    kept = bool(state.previous_response or state.conversation is not None or state.background)
    if state.previous_response:
        written["previous_response_id"] = state.previous_response
    if state.conversation is not None:
        written["conversation"] = state.conversation
    if state.background:
        written["background"] = True
    if state.store is not None:
        written["store"] = state.store
    elif aim.official and not kept:
        written["store"] = False
    if aim.official:
        written["include"] = [*written.get("include", []), ENCRYPTED]
    if state.container is not None:
        ledger.lose(request.at.get("state.container", "$.container"), "a container of another vendor", semantic=True)
    if state.cached_content:
        path = request.at.get("state.cached_content", "$.cachedContent")
        ledger.lose(path, "cached content of another vendor", semantic=True)


def _lose_rest(request: Request, ledger: Ledger) -> None:
    """What Responses has no words for at all."""

    def lose(name: str, reason: str, *, semantic: bool = False) -> None:
        ledger.lose(request.at.get(name, f"$.{name}"), reason, semantic=semantic)

    for name in ("top_k", "frequency_penalty", "presence_penalty", "seed", "logit_bias"):
        if getattr(request.sampling, name) is not None:
            lose(f"sampling.{name}", f"Responses has no {name}")
    if any(kind.lower() != "text" for kind in request.modalities):
        lose("modalities", "Responses answers in text", semantic=True)
    for name in ("audio", "image", "speech"):
        if getattr(request, name) is not None:
            lose(name, f"Responses has no {name} settings", semantic=name != "image")
    for name in ("prediction", "safety"):
        if getattr(request, name) is not None:
            lose(name, f"Responses has no {name}")
    if request.identity.labels:
        lose("identity.labels", "Responses has no labels")
    if request.cache.automatic is not None:
        lose("cache.automatic", "OpenAI caches prompts by itself")
    if request.speed and request.speed != "standard":
        lose("speed", "OpenAI sells speed as a service tier")
