"""Token counts and stop reasons, in both directions.

Source: OpenAI API reference, “The chat completion object”; the deviations of compatible hosts were seen in recorded
answers of DeepSeek, Kimi, Mistral, Groq, xAI and Google's OpenAI endpoint (November 2026).
"""

from typing import Any

from msgspec import Struct

from translators.model import Stop, StopReason, Usage


class PromptDetails(Struct, gc=False):
    """What the prompt tokens are made of."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None


class CompletionDetails(Struct, gc=False):
    """What the completion tokens are made of."""

    reasoning_tokens: int | None = None
    audio_tokens: int | None = None
    accepted_prediction_tokens: int | None = None
    rejected_prediction_tokens: int | None = None


class UsageWire(Struct, gc=False):
    """The usage object. From `cached_tokens` on: Kimi's, Mistral's and DeepSeek's places for the same number."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None
    cached_tokens: int | None = None
    num_cached_tokens: int | None = None
    prompt_cache_hit_tokens: int | None = None


_NO_PROMPT = PromptDetails()
_NO_COMPLETION = CompletionDetails()


def read_usage(wire: UsageWire, tier: str = "") -> Usage:
    """Token counts of an answer.

    Hosts that leave the cache out of prompt_tokens, or reasoning out of completion_tokens, give themselves away by
    numbers that do not add up; the missing part is added.
    """
    prompt, completion = wire.prompt_tokens_details or _NO_PROMPT, wire.completion_tokens_details or _NO_COMPLETION
    cached = next(
        (
            count
            for count in (
                prompt.cached_tokens,
                wire.cached_tokens,
                wire.num_cached_tokens,
                wire.prompt_cache_hit_tokens,
            )
            if count is not None
        ),
        None,
    )
    given, output, reasoning = wire.prompt_tokens, wire.completion_tokens, completion.reasoning_tokens
    if given is not None and cached is not None and cached > given:
        given += cached
    if given is not None and output is not None:
        if wire.total_tokens is not None and wire.total_tokens > given + output:
            output = wire.total_tokens - given
        elif reasoning is not None and reasoning > output:
            output += reasoning
    return Usage(
        input=given,
        cache_read=cached,
        cache_write=prompt.cache_write_tokens,
        output=output,
        thinking=reasoning,
        audio_input=prompt.audio_tokens,
        audio_output=completion.audio_tokens,
        image_input=prompt.image_tokens,
        accepted_prediction=completion.accepted_prediction_tokens,
        rejected_prediction=completion.rejected_prediction_tokens,
        service_tier=tier,
    )


_TIERS = {"standard": "default"} | {tier: tier for tier in ("auto", "default", "flex", "scale", "priority", "fast")}


def write_tier(usage: Usage | None) -> str:
    """The service tier in OpenAI's words; "" for none, and for one that it has no word for."""
    return _TIERS.get(usage.service_tier.lower(), "") if usage is not None else ""


COUNTS = frozenset(
    {"input", "cache_read", "cache_write", "audio_input", "image_input"}
    | {"output", "thinking", "audio_output", "accepted_prediction", "rejected_prediction"}
)
"""What write_usage has a field for."""


def write_usage(usage: Usage | None) -> dict[str, Any]:
    """The usage object; zeros where the upstream said nothing."""
    usage = usage or Usage()
    given, output = usage.input or 0, usage.output or 0
    prompt: dict[str, int] = {"cached_tokens": usage.cache_read or 0}
    for name, count in (
        ("cache_write_tokens", usage.cache_write),
        ("audio_tokens", usage.audio_input),
        ("image_tokens", usage.image_input),
    ):
        if count is not None:
            prompt[name] = count
    completion: dict[str, int] = {"reasoning_tokens": usage.thinking or 0}
    for name, count in (
        ("audio_tokens", usage.audio_output),
        ("accepted_prediction_tokens", usage.accepted_prediction),
        ("rejected_prediction_tokens", usage.rejected_prediction),
    ):
        if count is not None:
            completion[name] = count
    return {
        "prompt_tokens": given,
        "completion_tokens": output,
        "total_tokens": given + output,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": completion,
    }


REASONS: dict[str, StopReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool",
    "function_call": "tool",
    "content_filter": "filter_out",
    # words of hosts that do not keep to the list
    "tool_use": "tool",
    "end_turn": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "sequence",
    "max_tokens": "length",
    "model_length": "length",
    "safety": "filter_out",
    "recitation": "recitation",
    "refusal": "refusal",
}

FAILURES = {"error": "upstream", "insufficient_system_resource": "overloaded"}
"""finish_reasons that say that generation broke, and the kind of failure they are (OpenRouter; DeepSeek)."""

_WORDS: dict[StopReason, str] = {
    "tool": "tool_calls",
    "length": "length",
    "context": "length",
    "filter_out": "content_filter",
    "filter_prompt": "content_filter",
    "refusal": "content_filter",
    "recitation": "content_filter",
}


def read_stop(word: str | None, refused: bool) -> Stop:
    """Why a choice ended; `refused`: it has a refusal text."""
    native = word or ""
    reason = REASONS.get(native.lower(), "other") if native else "stop"
    if reason == "stop" and refused:
        reason = "refusal"
    return Stop(reason=reason, native=native)


def write_stop(stop: Stop, refused: bool, called: bool = False) -> str:
    """finish_reason; a refusal in words ends with "stop", as OpenAI's own do. A call outranks a "stop"."""
    word = "stop" if stop.reason == "refusal" and refused else _WORDS.get(stop.reason, "stop")
    return "tool_calls" if called and word == "stop" else word
