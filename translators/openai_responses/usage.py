"""Token counts, both ways. OpenAI's input includes what came from the cache, its output includes reasoning."""

from typing import Any

import msgspec
from msgspec import Raw

from translators.model import Usage
from translators.openai_responses.answers import Counts, InputDetails, OutputDetails
from translators.openai_responses.wire import given


def read_usage(raw: Raw, tier: str | None) -> Usage | None:
    """Read `usage`; None if there is none, or nothing in it that can be read.

    Some hosts leave the cached tokens out of the input, or reasoning out of the output; where the numbers cannot be
    true otherwise, they are put in.
    """
    try:
        counted = given(raw)
        said = msgspec.json.decode(counted, type=Counts) if counted is not None else None
    except msgspec.ValidationError:
        return None
    if said is None:
        return Usage(service_tier=tier) if tier else None
    into = said.input_tokens_details or InputDetails()
    out = said.output_tokens_details or OutputDetails()
    entered, left = said.input_tokens, said.output_tokens
    if entered is not None and into.cached_tokens is not None and into.cached_tokens > entered:
        entered += into.cached_tokens
    if left is not None and out.reasoning_tokens is not None and out.reasoning_tokens > left:
        left += out.reasoning_tokens
    return Usage(
        input=entered,
        cache_read=into.cached_tokens,
        cache_write=into.cache_write_tokens,
        output=left,
        thinking=out.reasoning_tokens,
        audio_input=into.audio_tokens,
        audio_output=out.audio_tokens,
        image_input=into.image_tokens,
        service_tier=tier or "",
    )


_TIERS = {"standard": "default"} | {tier: tier for tier in ("auto", "default", "flex", "scale", "priority", "fast")}


def write_tier(usage: Usage | None) -> str:
    """The service tier in OpenAI's words; "" for none, and for one that it has no word for."""
    return _TIERS.get(usage.service_tier.lower(), "") if usage is not None else ""


COUNTS = frozenset(
    {"input", "cache_read", "cache_write", "audio_input", "image_input", "output", "thinking", "audio_output"}
)
"""What write_usage has a field for."""


def write_usage(usage: Usage | None) -> dict[str, Any] | None:
    """Write `usage`; None if nobody counted. The details are required by the client libraries."""
    if usage is None or (usage.input is None and usage.output is None):
        return None
    entered, left = usage.input or 0, usage.output or 0
    into = {"cached_tokens": usage.cache_read or 0, "cache_write_tokens": usage.cache_write or 0}
    out = {"reasoning_tokens": usage.thinking or 0}
    for details, name, count in (
        (into, "audio_tokens", usage.audio_input),
        (into, "image_tokens", usage.image_input),
        (out, "audio_tokens", usage.audio_output),
    ):
        if count is not None:
            details[name] = count
    return {
        "input_tokens": entered,
        "input_tokens_details": into,
        "output_tokens": left,
        "output_tokens_details": out,
        "total_tokens": entered + left,
    }
