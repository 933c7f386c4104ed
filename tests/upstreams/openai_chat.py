"""The fake OpenAI (or compatible host): `POST /v1/chat/completions`, judged by openai 3.54's own types."""

import base64
import json
import re
from typing import Any

from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming

from tests.upstreams.answers import Answer, pieces
from tests.upstreams.dialects import Asked, FakeDialect, Understood, bearer, packed, text_of
from tests.upstreams.gaps import CHAT, without
from tests.upstreams.shapes import faults

STOPS = {"end": "stop", "length": "length", "tool": "tool_calls", "stop_sequence": "stop", "refusal": "content_filter"}
TYPES = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    403: "request_forbidden",
    404: "invalid_request_error",
    429: "rate_limit_error",
}
CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
NAME = r"[a-zA-Z0-9_-]{1,64}"


def check(asked: Asked) -> list[str]:
    """What OpenAI would refuse."""
    body = asked.body
    if not asked.lenient and (found := shape_faults(body)):
        return found
    found = [] if body["messages"] else ["messages: must not be empty"]
    if "max_tokens" in body and "max_completion_tokens" in body:
        found.append("max_tokens and max_completion_tokens together")
    if body.get("stream_options") and not asked.stream:
        found.append("stream_options without stream")
    return found + _pairing_faults(body["messages"]) + _tool_faults(body)


def shape_faults(body: dict[str, Any]) -> list[str]:
    """Where a body is not what the library's types say."""
    return faults(without(body, CHAT) | {"stream": True}, CompletionCreateParamsStreaming)


def _pairing_faults(messages: list[dict[str, Any]]) -> list[str]:
    """Every call is answered at once, and every answer has its call."""
    found, due = [], set[str]()
    for at, said in enumerate(messages):
        if said["role"] == "tool":
            if said["tool_call_id"] not in due:
                found.append(f"messages[{at}]: tool message {said['tool_call_id']!r} answers no preceding call")
            due.discard(said["tool_call_id"])
            continue
        if due:
            found.append(f"messages[{at}]: tool_call_ids without response: {sorted(due)}")
        due = set()
        for call in said.get("tool_calls") or []:
            if len(call["id"]) > 40 or not call["id"]:
                found.append(f"messages[{at}]: tool call id of {len(call['id'])} characters")
            if call["type"] == "function" and not re.fullmatch(NAME, call["function"]["name"]):
                found.append(f"messages[{at}]: function name {call['function']['name']!r}")
            due.add(call["id"])
        if said["role"] == "assistant" and said.get("content") is None and not due and not said.get("refusal"):
            found.append(f"messages[{at}]: assistant content is null without calls")
        if said["role"] != "assistant" and said.get("content") in (None, []):
            found.append(f"messages[{at}]: content is empty")
    return found + ([f"tool_call_ids without response: {sorted(due)}"] if due else [])


def _tool_faults(body: dict[str, Any]) -> list[str]:
    found = []
    functions = [tool["function"] for tool in body.get("tools") or [] if tool["type"] == "function"]
    for function in functions:
        if not re.fullmatch(NAME, function["name"]):
            found.append(f"tools: function name {function['name']!r}")
        if function.get("strict"):
            found += strict_faults(function.get("parameters") or {}, function["name"])
    if body.get("tools") == []:
        found.append("tools: must not be empty")
    if not body.get("tools") and ("tool_choice" in body or "parallel_tool_calls" in body):
        found.append("tool_choice or parallel_tool_calls without tools")
    return found


def strict_faults(schema: dict[str, Any], where: str) -> list[str]:
    """Strict mode wants every property required and no others allowed, at every level."""
    found = []
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            found.append(f"{where}: strict schema without additionalProperties: false")
        if set(schema.get("required") or []) != set(schema.get("properties") or {}):
            found.append(f"{where}: strict schema must require every property")
    for inner in (schema.get("properties") or {}).values():
        found += strict_faults(inner, where)
    return found


def understand(body: dict[str, Any]) -> Understood:
    """What the request said."""
    said = Understood(
        choice=body.get("tool_choice"),
        thinking=body.get("reasoning_effort"),
        schema=body.get("response_format"),
        limit=body.get("max_completion_tokens", body.get("max_tokens")),
        stops=[body["stop"]] if isinstance(body.get("stop"), str) else body.get("stop") or [],
        tools=[tool["function"]["name"] for tool in body.get("tools") or [] if tool["type"] == "function"],
    )
    for message in body["messages"]:
        content = message.get("content") or []
        if message["role"] in ("system", "developer"):
            said.system.append(text_of(content))
            continue
        if message["role"] == "tool":
            said.results.append((message["tool_call_id"], text_of(content)))
            continue
        if message.get("reasoning_content"):
            said.thoughts.append(message["reasoning_content"])
        parts: list[Any] = [{"type": "text", "text": content}] if isinstance(content, str) else content
        for part in parts:
            if part["type"] == "text":
                said.texts.append((message["role"], part["text"]))
            elif part["type"] == "image_url" and part["image_url"]["url"].startswith("data:"):
                said.images.append(base64.b64decode(part["image_url"]["url"].partition(",")[2]))
        for call in message.get("tool_calls") or []:
            said.calls.append((call["id"], call["function"]["name"], json.loads(call["function"]["arguments"])))
    return said


def usage_of(answer: Answer) -> dict[str, Any]:
    """prompt_tokens has the cached ones in it, completion_tokens the reasoning ones."""
    counts = answer.usage
    return {
        "prompt_tokens": counts.input, "completion_tokens": counts.output, "total_tokens": counts.input + counts.output,
        "prompt_tokens_details": {"cached_tokens": counts.cached, "cache_write_tokens": counts.written},
        "completion_tokens_details": {"reasoning_tokens": counts.reasoning},
    }  # fmt: skip


def calls_of(answer: Answer) -> list[dict[str, Any]]:
    """The calls of an answer, whole."""
    return [
        {"id": call.id or f"call_fake{at}", "type": "function",
         "function": {"name": call.name, "arguments": packed(call.arguments).decode()}}
        for at, call in enumerate(answer.calls)
    ]  # fmt: skip


def whole(answer: Answer, asked: Asked) -> bytes:
    """A complete answer."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None, "refusal": None, "annotations": []}
    if answer.thinking:
        message["reasoning_content"] = answer.thinking
    if answer.calls:
        message["tool_calls"] = calls_of(answer)
    choice = {"index": 0, "message": message, "finish_reason": STOPS[answer.reason], "logprobs": None}
    return packed({
        "id": "chatcmpl-fake", "object": "chat.completion", "created": 1795000000, "model": asked.model,
        "choices": [choice], "usage": usage_of(answer), "system_fingerprint": "fp_fake",
    })  # fmt: skip


def frames(answer: Answer, asked: Asked) -> list[bytes]:
    """The events of a streamed answer; usage only if asked for."""
    counted = bool((asked.body.get("stream_options") or {}).get("include_usage"))

    def chunk(choices: list[dict[str, Any]], usage: Any = None) -> bytes:
        said = {"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 1795000000, "model": asked.model,
                "system_fingerprint": "fp_fake", "choices": choices}  # fmt: skip
        return b"data: " + packed(said | ({"usage": usage} if counted else {})) + b"\n\n"

    def delta(finish: str | None = None, **fields: Any) -> bytes:
        return chunk([{"index": 0, "delta": fields, "logprobs": None, "finish_reason": finish}])

    found = [delta(role="assistant", content="")]
    found += [delta(reasoning_content=one) for one in pieces(answer.thinking, answer.pieces)]
    found += [delta(content=one) for one in pieces(answer.text, answer.pieces)]
    for at, call in enumerate(calls_of(answer)):
        source = call["function"].pop("arguments")
        opened = {"index": at} | call | {"function": call["function"] | {"arguments": ""}}
        found.append(delta(tool_calls=[opened]))
        found += [
            delta(tool_calls=[{"index": at, "function": {"arguments": one}}]) for one in pieces(source, answer.pieces)
        ]
    found.append(delta(finish=STOPS[answer.reason]))
    if counted:
        found.append(chunk([], usage_of(answer)))
    return [*found, b"data: [DONE]\n\n"]


def failure(status: int, text: str, kind: str) -> bytes:
    """An error's body."""
    error = {
        "message": text,
        "type": kind or TYPES.get(status, "server_error"),
        "param": None,
        "code": CODES.get(status),
    }
    return packed({"error": error})


DIALECT = FakeDialect(
    name="openai-chat",
    key=bearer,
    check=check,
    understand=understand,
    whole=whole,
    frames=frames,
    count=lambda tokens: failure(404, "no counting here", ""),
    failure=failure,
    in_band=lambda text: b"data: " + failure(503, text, "server_error") + b"\n\n",
)
