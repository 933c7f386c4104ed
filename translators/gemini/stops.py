"""Why an answer ended, and what it cost, in Google's words and in the model's.

Source: Gemini API reference, “FinishReason”, “BlockReason”, “UsageMetadata”, read November 2026.
"""

from typing import Any

from translators.gemini import wire
from translators.model import Stop, StopReason, Usage

_REASONS: dict[str, StopReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "filter_out",
    "BLOCKLIST": "filter_out",
    "PROHIBITED_CONTENT": "filter_out",
    "SPII": "filter_out",
    "MODEL_ARMOR": "filter_out",
    "IMAGE_SAFETY": "filter_out",
    "IMAGE_PROHIBITED_CONTENT": "filter_out",
    "RECITATION": "recitation",
    "IMAGE_RECITATION": "recitation",
    "MALFORMED_FUNCTION_CALL": "bad_call",
    "UNEXPECTED_TOOL_CALL": "bad_call",
    "TOO_MANY_TOOL_CALLS": "bad_call",
    "MALFORMED_RESPONSE": "bad_call",
    "CONTINUATION": "pause",
}
"""Everything else is `other`; there is no word for a tool call, calls end with STOP."""

_WORDS: dict[StopReason, str] = {
    "stop": "STOP",
    "sequence": "STOP",
    "tool": "STOP",
    "compaction": "STOP",
    "length": "MAX_TOKENS",
    "context": "MAX_TOKENS",
    "filter_out": "SAFETY",
    "filter_prompt": "PROHIBITED_CONTENT",
    "refusal": "SAFETY",
    "recitation": "RECITATION",
    "bad_call": "MALFORMED_FUNCTION_CALL",
    "pause": "OTHER",
    "cancelled": "OTHER",
    "other": "OTHER",
}

_OTHER = frozenset({"LANGUAGE", "OTHER", "NO_IMAGE", "IMAGE_OTHER", "ESCALATION", "PUP_LIMITED_DISABLED"})

MISSING_SIGNATURE = "MISSING_THOUGHT_SIGNATURE"

_BLOCKS = frozenset({"SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "MODEL_ARMOR", "JAILBREAK"})


def read_stop(word: str, message: str | None) -> Stop:
    """Read a finishReason."""
    return Stop(reason=_REASONS.get(word, "other"), explanation=message or "", native=word)


def read_block(feedback: wire.PromptFeedback) -> Stop:
    """Read the reason a prompt was refused."""
    word = feedback.block_reason or ""
    return Stop(reason="filter_prompt", explanation=feedback.block_reason_message or "", native=word)


def write_stop(stop: Stop) -> str:
    """Google's own word if the stop came with one that means the same, else the nearest."""
    if _REASONS.get(stop.native) == stop.reason and stop.reason != "pause":
        return stop.native  # CONTINUATION without its token would make the client ask again for nothing
    if stop.reason == "other" and stop.native in _OTHER:
        return stop.native
    return _WORDS[stop.reason]


def write_block(stop: Stop) -> str:
    """The blockReason of a refused prompt."""
    return stop.native if stop.native in _BLOCKS else "OTHER"


def read_usage(said: wire.UsageMetadata) -> Usage | None:
    """Read counts: Google counts thoughts and tool prompts apart. None if nothing is said yet."""
    if said.prompt_token_count is None and said.total_token_count is None:
        return None
    given = (said.prompt_token_count or 0) + (said.tool_use_prompt_token_count or 0)
    if said.candidates_token_count is None and said.total_token_count is not None:
        output = max(0, said.total_token_count - given, said.thoughts_token_count or 0)
    else:
        output = (said.candidates_token_count or 0) + (said.thoughts_token_count or 0)
    return Usage(
        input=given,
        cache_read=said.cached_content_token_count,
        output=output,
        thinking=said.thoughts_token_count,
        tool_input=said.tool_use_prompt_token_count,
        audio_input=_modality(said.prompt_tokens_details, "AUDIO"),
        image_input=_modality(said.prompt_tokens_details, "IMAGE"),
        audio_output=_modality(said.candidates_tokens_details, "AUDIO"),
        service_tier=said.service_tier or "",
    )


def _modality(details: list[wire.ModalityTokens] | None, modality: str) -> int | None:
    return next((entry.token_count for entry in details or [] if entry.modality == modality), None)


COUNTS = frozenset(
    {"input", "cache_read", "tool_input", "audio_input", "image_input", "output", "thinking", "audio_output"}
)
"""What write_usage has a field for."""

_TIERS = {"default": "standard"} | {tier: tier for tier in ("standard", "flex", "priority")}
"""Service tiers of answers in Google's words."""


def write_usage(usage: Usage) -> dict[str, Any]:
    """Write counts; zeros of the optional ones are left out. What nobody said counts as 0."""
    given, output = usage.input or 0, usage.output or 0
    tool, thoughts = usage.tool_input or 0, usage.thinking or 0
    found: dict[str, Any] = {
        "promptTokenCount": max(0, given - tool),
        "candidatesTokenCount": max(0, output - thoughts),
        "totalTokenCount": given + output,
    }
    for name, count in (
        ("cachedContentTokenCount", usage.cache_read),
        ("thoughtsTokenCount", thoughts),
        ("toolUsePromptTokenCount", tool),
    ):
        if count:
            found[name] = count
    for name, counts in (
        ("promptTokensDetails", {"AUDIO": usage.audio_input, "IMAGE": usage.image_input}),
        ("candidatesTokensDetails", {"AUDIO": usage.audio_output}),
    ):
        if listed := [{"modality": modality, "tokenCount": count} for modality, count in counts.items() if count]:
            found[name] = listed
    if tier := _TIERS.get(usage.service_tier.lower()):
        found["serviceTier"] = tier
    return found
