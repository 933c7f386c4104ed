"""What is written towards an upstream is what the upstream's official library would send, whatever the client said.

And no setting is lost in silence: each field of the clients' libraries changes what is sent, or stands in the ledger.
"""

import json
from typing import Any

import pytest
from openai.types.completion_create_params import CompletionCreateParamsStreaming

from tests.translators.sdk_types import faults_of
from tests.upstreams import claude, gaps, gemini, openai_chat, openai_responses
from tests.upstreams.shapes import faults, fields_of
from translators.dialect import Aim, Outgoing
from translators.errors import TranslationError
from translators.losses import Ledger
from translators.registry import DIALECTS

UPSTREAMS = ("claude", "openai-chat", "openai-responses", "gemini")
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}

BASE: dict[str, dict[str, Any]] = {
    "claude": {
        "model": "m",
        "max_tokens": 9000,
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"name": "f", "description": "d", "input_schema": SCHEMA}],
    },
    "openai-chat": {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}],
    },
    "openai-responses": {
        "model": "m",
        "input": "Hi",
        "tools": [{"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True}],
    },
    "gemini": {
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "tools": [{"functionDeclarations": [{"name": "f", "description": "d", "parametersJsonSchema": SCHEMA}]}],
    },
    "openai-completions": {"model": "m", "prompt": "Hi"},
}

FIELDS: dict[str, dict[str, Any]] = {
    "claude": {
        "billing_policy": {"type": "billing_policy", "bill_to": "self"},
        "cache_control": {"type": "ephemeral", "ttl": "1h"},
        "compaction": {"type": "summarize"},
        "container": "container_1",
        "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
        "diagnostics": {"previous_message_id": "msg_1"},
        "fallback_credit_token": "t",
        "fallbacks": "default",
        "inference_geo": "us",
        "mcp_servers": [{"type": "url", "name": "s", "url": "https://example.com"}],
        "metadata": {"user_id": "u1"},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
        "service_tier": "standard_only",
        "speed": "fast",
        "stop_sequences": ["END", "\n\n"],
        "system": [{"type": "text", "text": "S", "cache_control": {"type": "ephemeral"}}],
        "thinking": {"type": "enabled", "budget_tokens": 2000, "display": "summarized"},
        "thread": {"type": "create"},
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "user_profile_id": "up",
        "workspace_id": "w",
        "temperature": 0.5,
        "top_p": 0.4,
        "top_k": 3,
    },
    "openai-chat": {
        "audio": {"format": "wav", "voice": "alloy"},
        "frequency_penalty": 0.5,
        "function_call": {"name": "g"},
        "functions": [{"name": "g", "parameters": SCHEMA}],
        "logit_bias": {"50256": -100},
        "logprobs": True,
        "max_completion_tokens": 10,
        "max_tokens": 20,
        "metadata": {"k": "v"},
        "modalities": ["text", "audio"],
        "moderation": {"model": "omni-moderation-latest"},
        "n": 2,
        "parallel_tool_calls": False,
        "prediction": {"type": "content", "content": "Hello"},
        "presence_penalty": -0.5,
        "prompt_cache_key": "key",
        "prompt_cache_options": {"mode": "implicit", "ttl": "30m"},
        "prompt_cache_retention": "24h",
        "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}},
        "safety_identifier": "s1",
        "seed": 0,
        "service_tier": "flex",
        "stop": ["END"],
        "store": True,
        "stream_options": {"include_obfuscation": True},
        "temperature": 0,
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"name": "f"}]}},
        "top_logprobs": 2,
        "top_p": 0.4,
        "user": "u1",
        "verbosity": "low",
        "web_search_options": {
            "search_context_size": "low",
            "user_location": {"type": "approximate", "approximate": {}},
        },
    },
    "openai-responses": {
        "access_programs": {},
        "background": True,
        "background_options": {},
        "context_management": [{"type": "compaction", "compact_threshold": 1000}],
        "conversation": "conv_1",
        "image": {},
        "include": ["message.output_text.logprobs", "code_interpreter_call.outputs"],
        "instructions": "S",
        "max_output_tokens": 5,
        "max_tool_calls": 3,
        "metadata": {"k": "v"},
        "moderation": {"model": "omni-moderation-latest"},
        "parallel_tool_calls": False,
        "previous_response_id": "resp_1",
        "prompt": {"id": "pmpt_1"},
        "prompt_cache_key": "key",
        "prompt_cache_options": {"mode": "implicit", "ttl": "30m"},
        "prompt_cache_retention": "24h",
        "reasoning": {"effort": "low", "summary": "detailed"},
        "safety_identifier": "s1",
        "service_tier": "flex",
        "store": True,
        "stream_options": {"include_obfuscation": True},
        "temperature": 0,
        "text": {
            "format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True},
            "verbosity": "low",
        },
        "tool_choice": {"type": "function", "name": "f"},
        "top_logprobs": 2,
        "top_p": 0.4,
        "truncation": "auto",
        "user": "u1",
    },
    "gemini": {
        "systemInstruction": {"role": "user", "parts": [{"text": "S"}]},
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "cachedContent": "cachedContents/c1",
        "labels": {"k": "v"},
        "serviceTier": "flex",
        "store": True,
        "continuationToken": "t",
    },
    "openai-completions": {
        "best_of": 3,
        "echo": True,
        "frequency_penalty": 0.5,
        "logit_bias": {"50256": -100},
        "logprobs": 2,
        "max_tokens": 5,
        "n": 2,
        "presence_penalty": 0.5,
        "seed": 0,
        "stop": "END",
        "stream_options": {"include_usage": True},
        "suffix": "after",
        "temperature": 0,
        "top_p": 0.4,
        "user": "u1",
    },
}
"""A value for each field of the clients' own libraries; the conversation, the tools and `stream` are in BASE."""

CONFIG: dict[str, Any] = {
    "audioTimestamp": True,
    "candidateCount": 2,
    "enableAffectiveDialog": True,
    "enableEnhancedCivicAnswers": True,
    "frequencyPenalty": 0.5,
    "imageConfig": {"aspectRatio": "1:1"},
    "logprobs": 2,
    "maxOutputTokens": 5,
    "mediaResolution": "MEDIA_RESOLUTION_LOW",
    "presencePenalty": 0.5,
    "responseJsonSchema": SCHEMA,
    "responseLogprobs": True,
    "responseMimeType": "application/json",
    "responseModalities": ["TEXT", "IMAGE"],
    "responseSchema": {"type": "STRING", "enum": ["a", "b"]},
    "seed": 0,
    "speechConfig": {"languageCode": "de-DE"},
    "stopSequences": ["END"],
    "temperature": 0,
    "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "LOW"},
    "topK": 3,
    "topP": 0.4,
}
"""The same for members of Gemini's generationConfig."""

NOTHING_TO_SAY = {
    "stream_options": "whether the stream carries usage is between cliproxy and its client",
    "echo": "the prompt is put before the answer here",
    "mediaResolution": "belongs to the media of the conversation, and there are none",
}
"""Fields that need not reach the upstream."""

SINGLE = [(client, name, value) for client, fields in FIELDS.items() for name, value in fields.items()] + [
    ("gemini", f"generationConfig.{name}", value) for name, value in CONFIG.items()
]


PAIRS = [(client, upstream) for client in FIELDS for upstream in UPSTREAMS if client != upstream]


def judged(upstream: str, outgoing: Outgoing, *, official: bool) -> list[str]:
    """The faults; OpenAI itself gets nothing that is common among compatible hosts only."""
    if official and upstream == "openai-chat":
        return faults(json.loads(outgoing.body), openai_chat.CompletionCreateParamsStreaming)
    return faults_of(upstream, outgoing)


def said(client: str, name: str, value: Any) -> dict[str, Any]:
    """The least request of a client, and one field."""
    outer, _, inner = name.partition(".")
    return BASE[client] | {outer: {inner: value} if inner else value}


def written(client: str, upstream: str, body: dict[str, Any], *, official: bool = True) -> tuple[Outgoing | None, Any]:
    """What goes upstream (None: refused in words), and the ledger."""
    here, there, ledger = DIALECTS[client], DIALECTS[upstream], Ledger()
    place = ("", None) if here.model_in_body else ("m", True)
    try:
        request = here.read_request(json.dumps(body).encode(), *place, ledger)
        aim = Aim("m", "lab", there.vendor, stream=True, official=official)
        outgoing = there.write_request(request, aim, ledger)
        nowhere = [one for one in (*ledger.losses, *ledger.applied) if not one.path.startswith("$")]
        assert not nowhere, f"{client} → {upstream}: {nowhere}"
        return outgoing, (ledger.losses, ledger.applied)
    except TranslationError as error:
        return None, str(error)


@pytest.mark.parametrize("official", [True, False], ids=["official", "compatible"])
@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_a_field_is_sent_in_the_upstreams_words_or_listed(client, upstream, official):
    plain = written(client, upstream, BASE[client], official=official)
    for name, value in (one[1:] for one in SINGLE if one[0] == client):
        outgoing, ledger = written(client, upstream, said(client, name, value), official=official)
        assert outgoing is None or judged(upstream, outgoing, official=official) == [], name
        if name.rpartition(".")[2] not in NOTHING_TO_SAY:
            assert (outgoing, ledger) != plain, f"{name} changes nothing, and nobody says so"


@pytest.mark.parametrize("official", [True, False], ids=["official", "compatible"])
@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_everything_at_once(client, upstream, official):
    """All fields that are not refused by themselves, in one request."""
    body = dict(BASE[client])
    for name, value in FIELDS[client].items():
        if written(client, upstream, said(client, name, value), official=official)[0] is not None:
            body[name] = value
    if client == "gemini":
        body["generationConfig"] = {
            name: value
            for name, value in CONFIG.items()
            if written(client, upstream, said(client, f"generationConfig.{name}", value))[0] is not None
        }
    outgoing, told = written(client, upstream, body, official=official)
    assert outgoing is not None, told
    assert judged(upstream, outgoing, official=official) == []


def test_no_field_of_a_library_is_forgotten():
    """A new field of a new library version must be given a value here, and a place or a loss in the translators."""
    known = {
        "claude": set(fields_of(claude.MessageCreateParamsStreaming)) | set(fields_of(claude.BetaCreate)) - {"betas"},
        "openai-chat": set(fields_of(openai_chat.CompletionCreateParamsStreaming)),
        "openai-responses": set(fields_of(openai_responses.ResponseCreateParamsStreaming)),
        "openai-completions": set(fields_of(CompletionCreateParamsStreaming)),
        "gemini": {field.alias or name for name, field in gemini.Body.model_fields.items()} - {"generationConfig"},
    }
    for client, names in known.items():
        assert names - {"stream"} - set(BASE[client]) - set(FIELDS[client]) == set(), client
    config = {field.alias or name for name, field in gemini.GenerationConfig.model_fields.items()}
    vertex = {
        "modelSelectionConfig",
        "routingConfig",
        "translationConfig",
        "audioTranscriptionConfig",
        "responseFormat",
    }
    assert config - vertex - set(CONFIG) == set()


def test_what_is_tried_here_is_what_clients_can_say():
    for client, name, value in SINGLE:
        body = json.dumps(said(client, name, value)).encode()
        if client == "openai-completions":
            assert faults(json.loads(body) | {"stream": True}, CompletionCreateParamsStreaming) == [], name
        elif name != "tool_choice" or client != "openai-chat":
            assert faults_of(client, Outgoing(body, {"anthropic-beta": "x"})) == [], name


@pytest.mark.parametrize(
    ("upstream", "body"),
    [
        ("gemini", {"contents": [{"parts": [{"inline_data": {"mimeType": "image/png", "data": "AA=="}}]}]}),
        ("gemini", {"contents": [], "generationConfig": {"thinkingConfig": {"foo": 1}}}),
        ("gemini", {"contents": [], "serviceTier": "scale"}),
        ("claude", BASE["claude"] | {"metadata": {"user": "u"}}),
        ("claude", BASE["claude"] | {"mcp_servers": []}),  # a beta's field, and no beta is named
        ("openai-chat", BASE["openai-chat"] | {"top_k": 1}),
        (
            "openai-responses",
            BASE["openai-responses"] | {"text": {"format": {"type": "json_schema", "json_schema": {}}}},
        ),
    ],
)
def test_what_no_library_would_send_is_found(upstream, body):
    assert faults_of(upstream, Outgoing(json.dumps(body).encode()))


@pytest.mark.parametrize("gap", [*gaps.CHAT, *gaps.RESPONSES], ids=lambda gap: gap.path)
def test_a_gap_is_one(gap):
    """What the libraries' types would refuse is let through because of its entry; nothing around it is."""
    item: dict[str, Any] = {"role": "assistant", "content": [{"type": "text", "text": "x"}]}
    call: dict[str, Any] = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    if gap in gaps.RESPONSES:
        body: dict[str, Any] = {
            "model": "m",
            "input": [{"type": "reasoning", "id": "r", "summary": [], "content": None}],
        }
        judge = openai_responses
        kind: Any = openai_responses.ResponseCreateParamsStreaming
        if gap.path == "tool_choice":
            body = {"model": "m", "input": "x", "tool_choice": gap.value}
    else:
        body = {"model": "m", "messages": [item | {"tool_calls": [call]}]}
        judge, kind = openai_chat, openai_chat.CompletionCreateParamsStreaming
        last = gap.path.rpartition(".")[2]
        if last == "modalities[=image]":
            body["modalities"] = ["text", "image"]
        elif "video_url" in last:
            body["messages"][0] = {"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "video_url"}]}
        elif "function" in gap.path:
            call["function"][last] = "x"
        elif "tool_calls" in gap.path:
            call[last] = 0
        else:
            body["messages"][0][last] = "x"
    assert faults(body | {"stream": True}, kind)
    assert judge.shape_faults(body) == []
    assert judge.shape_faults(body | {"foo": 1})
