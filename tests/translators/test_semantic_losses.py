"""Which losses change the answer: those `strict: true` refuses. All others pass in strict mode, too."""

from typing import Any

import msgspec
import pytest

from translators import exchange
from translators.dialect import Aim, Levels, Traits
from translators.errors import TranslationError
from translators.losses import Ledger
from translators.registry import DIALECTS

CLAUDE, CHAT, RESPONSES, GEMINI = "claude", "openai-chat", "openai-responses", "gemini"
HI = {"role": "user", "content": "hi"}
TEXT = {"type": "text", "text": "hear"}
PDF_URL = {"type": "document", "source": {"type": "url", "url": "https://a.test/a.pdf"}}
AUDIO = {"type": "input_audio", "input_audio": {"data": "UklGRgAA", "format": "wav"}}
TOOL = {"type": "function", "function": {"name": "wx", "parameters": {"type": "object", "properties": {}}}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "r", "schema": {"type": "object", "properties": {}}}}
STORED = {"type": "image", "source": {"type": "file", "file_id": "file_1"}}


def claude(*content: Any, **more: Any) -> dict[str, Any]:
    said = {"role": "user", "content": list(content)} if content else HI
    return {"model": "m", "max_tokens": 9, "messages": [said]} | more


def chat(*content: Any, **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": list(content)} if content else HI]} | more


def responses(*content: Any, **more: Any) -> dict[str, Any]:
    return {"model": "m", "input": [{"role": "user", "content": list(content)}] if content else "hi"} | more


def gemini(*parts: Any, **more: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": list(parts) or [{"text": "hi"}]}]} | more


def config(**settings: Any) -> dict[str, Any]:
    return gemini(generationConfig=settings)


SEMANTIC: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "image": (CLAUDE, CHAT, claude(STORED), "$.messages[0].content[0]"),
    "image of a type": (
        CHAT,
        CLAUDE,
        chat({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,SUkqAA=="}}, TEXT),
        "$.messages[0].content[0]",
    ),
    "document": (CLAUDE, CHAT, claude(PDF_URL), "$.messages[0].content[0]"),
    "video": (
        GEMINI,
        CHAT,
        gemini({"fileData": {"fileUri": "https://youtu.be/x"}}),
        "$.contents[0].parts[0]",
    ),
    "stored file": (
        RESPONSES,
        GEMINI,
        responses({"type": "input_file", "file_id": "file-1"}, {"type": "input_text", "text": "x"}),
        "$.input[0].content[0]",
    ),
    "unknown part": (CHAT, GEMINI, chat({"type": "hologram"}, TEXT), "$.messages[0].content[0]"),
    "unknown block": (CLAUDE, RESPONSES, claude({"type": "hologram"}), "$.messages[0].content[0]"),
    "forced tool beside thinking": (
        CHAT,
        CLAUDE,
        chat(tools=[TOOL], tool_choice="required", reasoning={"max_tokens": 2048}),
        "$.tool_choice",
    ),
    "forced hosted tool": (
        RESPONSES,
        CHAT,
        responses(tools=[{"type": "web_search"}, TOOL["function"] | {"type": "function"}])
        | {"tool_choice": {"type": "web_search"}},
        "$.tool_choice",
    ),
    "hosted tool": (
        RESPONSES,
        CHAT,
        responses(tools=[{"type": "file_search", "vector_store_ids": ["v"]}]),
        "$.tools[0]",
    ),
    "domains of a search": (
        CLAUDE,
        GEMINI,
        claude(tools=[{"type": "web_search_20250305", "name": "web_search", "allowed_domains": ["a.test"]}]),
        "$.tools[0].allowed_domains",
    ),
    "JSON without a schema": (CHAT, CLAUDE, chat(response_format={"type": "json_object"}), "$.response_format"),
    "format beside tools": (CHAT, GEMINI, chat(tools=[TOOL], response_format=FORMAT), "$.response_format"),
    "modalities": (GEMINI, CLAUDE, config(responseModalities=["IMAGE"]), "$.generationConfig.responseModalities"),
    "container": (CLAUDE, GEMINI, claude(container={"id": "c"}), "$.container"),
    "prefill": (
        CHAT,
        CLAUDE,
        {"model": "m", "messages": [HI, {"role": "assistant", "content": "{"}]},
        "$.messages[1]",
    ),
    "first word": (
        CHAT,
        CLAUDE,
        {"model": "m", "messages": [{"role": "assistant", "content": "a"}, HI]},
        "$.messages[0]",
    ),
    "call without a result": (
        CHAT,
        GEMINI,
        {
            "model": "m",
            "messages": [
                HI,
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "wx", "arguments": "{}"}}],
                },
                HI,
            ],
        },
        "$.messages[1].tool_calls[0]",
    ),
    "result without a call": (
        CLAUDE,
        CHAT,
        claude({"type": "tool_result", "tool_use_id": "gone", "content": "x"}),
        "$.messages[0].content[0]",
    ),
    "hosted call in history": (
        RESPONSES,
        GEMINI,
        {"model": "m", "input": [{"role": "user", "content": "q"}, {"type": "file_search_call", "id": "fs_1"}]},
        "$.input[1]",
    ),
    "text after the completion": (
        "openai-completions",
        CLAUDE,
        {"model": "m", "prompt": "a", "suffix": "z"},
        "$.suffix",
    ),
    "best of": ("openai-completions", GEMINI, {"model": "m", "prompt": "a", "best_of": 3}, "$.best_of"),
}
"""What is lost: client, upstream, body, and the path of the loss."""

HARMLESS: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "seed": (CHAT, CLAUDE, chat(seed=1), "$.seed"),
    "penalty": (CHAT, RESPONSES, chat(frequency_penalty=0.5), "$.frequency_penalty"),
    "bias": (CHAT, GEMINI, chat(logit_bias={"1": 2}), "$.logit_bias"),
    "log probabilities": (CHAT, CLAUDE, chat(logprobs=True), "$.logprobs"),
    "end user": (CLAUDE, GEMINI, claude(metadata={"user_id": "u"}), "$.metadata.user_id"),
    "metadata": (RESPONSES, CLAUDE, responses(metadata={"a": "b"}), "$.metadata"),
    "verbosity": (CHAT, CLAUDE, chat(verbosity="low"), "$.verbosity"),
    "tier": (RESPONSES, CLAUDE, responses(service_tier="scale"), "$.service_tier"),
    "cache key": (CHAT, GEMINI, chat(prompt_cache_key="k"), "$.prompt_cache_key"),
    "breakpoint": (
        CLAUDE,
        GEMINI,
        claude({"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}),
        "$.messages[0].content[0].cache_control",
    ),
    "top_k": (CLAUDE, CHAT, claude(top_k=4), "$.top_k"),
    "unknown field": (CHAT, CLAUDE, chat(x_unknown=1), "$.x_unknown"),
    "labels": (GEMINI, CHAT, gemini(labels={"a": "b"}), "$.labels"),
    "name of a speaker": (
        CHAT,
        CLAUDE,
        {"model": "m", "messages": [HI | {"name": "Ann"}]},
        "$.messages[0].name",
    ),
    "display": (CLAUDE, CHAT, claude(thinking={"type": "adaptive", "display": "omitted"}), "$.thinking.display"),
}

STATE: dict[str, tuple[str, dict[str, Any]]] = {
    "previous response": (RESPONSES, responses(previous_response_id="resp_1")),
    "conversation": (RESPONSES, responses(conversation="conv_1")),
    "background": (RESPONSES, responses(background=True)),
    "item": (RESPONSES, {"model": "m", "input": [HI, {"type": "item_reference", "id": "msg_1"}]}),
    "thread": (CLAUDE, claude(thread={"id": "t"})),
}
"""State at a vendor, which is refused in every mode: the answer would be one to another question."""

UNHEARD: dict[str, tuple[str, str, dict[str, Any]]] = {
    "sound": (CHAT, CLAUDE, chat(AUDIO, TEXT)),
    "sound at Responses": (CHAT, RESPONSES, chat(AUDIO)),
    "several answers": (CHAT, CLAUDE, chat(n=2)),
    "several answers at Responses": (GEMINI, RESPONSES, config(candidateCount=2)),
}
"""What is refused in every mode, too: an answer would be taken for one to all of it."""


def losses(client: str, upstream: str, body: dict[str, Any]) -> dict[str, bool]:
    """What is lost on the way to a model that takes no beginning of its answer, nor tools beside a format."""
    sent = msgspec.json.encode(body)
    ledger = Ledger()
    request = DIALECTS[client].read_request(sent, "m", False, ledger)
    traits = Traits(known=True, prefill=False, thinking=Levels(minimum=1024, maximum=32000, zero=True))
    aim = Aim(model="up", provider="p", vendor=DIALECTS[upstream].vendor, stream=False, traits=traits)
    exchange.write(request, sent, DIALECTS[client], DIALECTS[upstream], aim, ledger)
    found: dict[str, bool] = {}
    for loss in ledger.losses:
        found[loss.path] = found.get(loss.path, False) or loss.semantic
    return found


@pytest.mark.parametrize("what", sorted(SEMANTIC))
def test_what_changes_the_answer_is_refused_in_strict_mode(what: str) -> None:
    client, upstream, body, path = SEMANTIC[what]
    assert losses(client, upstream, body).get(path) is True, losses(client, upstream, body)


@pytest.mark.parametrize("what", sorted(HARMLESS))
def test_what_does_not_passes(what: str) -> None:
    client, upstream, body, path = HARMLESS[what]
    found = losses(client, upstream, body)
    assert path in found
    assert not any(found.values())


@pytest.mark.parametrize("what", sorted(STATE))
def test_state_at_a_vendor_is_refused_always(what: str) -> None:
    client, body = STATE[what]
    for upstream in (CHAT, GEMINI, RESPONSES, CLAUDE):
        if upstream != client:
            with pytest.raises(TranslationError) as refused:
                losses(client, upstream, body)
            assert refused.value.path.startswith("$.")


@pytest.mark.parametrize("what", sorted(UNHEARD))
def test_what_cannot_be_answered_is_refused_always(what: str) -> None:
    with pytest.raises(TranslationError) as refused:
        losses(*UNHEARD[what])
    assert refused.value.path.startswith("$.")
