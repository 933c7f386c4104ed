"""What a request says besides its conversation: sampling, thinking, format and the like, as names and values."""

from collections.abc import Iterator

from msgspec import Raw

from translators.model import Logprobs, OutputFormat, Reasoning, Request, ServerState, ToolChoice

LONGEST = 80


def settings(request: Request) -> Iterator[tuple[str, str]]:
    """The settings that the client stated, as (name, value), in a fixed order; others are left to the vendor."""
    for name, value in _stated(request):
        if value is None or value in ("", [], {}):
            continue
        text = value if isinstance(value, str) else _text(value)
        yield name, text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Raw):
        return bytes(value).decode(errors="replace")
    if isinstance(value, list):
        return " ".join(map(repr, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}={member}" for name, member in value.items())
    return str(value)


def _stated(request: Request) -> Iterator[tuple[str, object]]:
    sampling, identity, cache = request.sampling, request.identity, request.cache
    yield "max output", request.max_output
    yield "thinking", _thinking(request.reasoning)
    yield "temperature", sampling.temperature
    yield "top p", sampling.top_p
    yield "top k", sampling.top_k
    yield "seed", None if sampling.seed is None else str(sampling.seed)
    yield "frequency penalty", sampling.frequency_penalty
    yield "presence penalty", sampling.presence_penalty
    yield "logit bias", sampling.logit_bias
    yield "stops at", request.stops
    yield "answers", request.n
    yield "log probabilities", _logprobs(request.logprobs)
    yield "tool choice", _choice(request.tool_choice)
    yield "parallel calls", request.parallel_tools
    yield "format", _format(request.format)
    yield "verbosity", request.verbosity
    yield "modalities", request.modalities
    for name in ("audio", "image", "speech", "prediction", "safety"):
        yield name, getattr(request, name)
    yield "service tier", request.service_tier
    yield "speed", request.speed
    yield "cache key", cache.key
    yield "cache", " ".join(filter(None, (cache.mode, cache.retention)))
    if cache.automatic is not None:
        yield "cache breakpoint", f"placed by the vendor {cache.automatic.ttl}".rstrip()
    yield "user", identity.user
    yield "user, hashed", identity.safety
    yield "metadata", identity.metadata
    yield "labels", identity.labels
    yield from _state(request.state)


def _thinking(asked: Reasoning | None) -> str:
    if asked is None:
        return ""
    how = {"effort": asked.effort, "budget": f"{asked.budget:,} tokens"}.get(asked.mode, asked.mode)
    adaptive = f"adaptive {asked.effort}".rstrip() if asked.adaptive else how
    return adaptive + (f", shown: {asked.show}" if asked.show else "")


def _choice(choice: ToolChoice | None) -> str:
    if choice is None:
        return ""
    return " ".join([choice.mode, *choice.only, choice.hosted]).rstrip()


def _format(form: OutputFormat | None) -> str:
    if form is None:
        return ""
    return f"{form.kind} {form.name}{' (strict)' if form.strict else ''}".rstrip()


def _logprobs(asked: Logprobs | None) -> str:
    if asked is None:
        return ""
    return "no" if not asked.wanted else "yes" if asked.top is None else f"yes, {asked.top} alternatives"


def _state(state: ServerState) -> Iterator[tuple[str, object]]:
    yield "continues", state.previous_response
    yield "conversation", state.conversation
    yield "container", state.container
    yield "cached content", state.cached_content
    yield "stored", state.store
    yield "in the background", state.background or None
    yield "refers to", state.references
