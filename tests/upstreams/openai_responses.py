"""The fake OpenAI: `POST /v1/responses` and `/v1/responses/input_tokens`, judged by openai 3.54's own types."""

import base64
import json
import re
from typing import Any

from openai.types.responses.response_create_params import ResponseCreateParamsStreaming

from tests.upstreams.answers import Answer, pieces
from tests.upstreams.dialects import Asked, FakeDialect, Understood, bearer, opens, packed, seal, text_of
from tests.upstreams.gaps import RESPONSES, without
from tests.upstreams.openai_chat import failure, strict_faults
from tests.upstreams.shapes import faults

NAME = r"[a-zA-Z0-9_-]{1,128}"
CALLS = {"function_call": "function_call_output", "custom_tool_call": "custom_tool_call_output"}
ECHOED = ("instructions", "metadata", "parallel_tool_calls", "temperature", "tool_choice", "tools", "top_p")


def check(asked: Asked) -> list[str]:
    """What OpenAI would refuse."""
    body = asked.body
    if asked.verb == "count":
        return [] if "input" in body else ["input: missing"]
    if not asked.lenient and (found := shape_faults(body)):
        return found
    found = []
    if body.get("max_output_tokens") is not None and body["max_output_tokens"] < 16:
        found.append("max_output_tokens: at least 16")
    if body.get("previous_response_id") or body.get("conversation"):
        found.append("server-side state: nothing of that id is kept here")
    if isinstance(body.get("input"), list):
        found += [fault for at, item in enumerate(body["input"]) for fault in _item_faults(item, f"input[{at}]")]
        found += _pairing_faults(body["input"])
    return found + _tool_faults(body)


def shape_faults(body: dict[str, Any]) -> list[str]:
    """Where a body is not what the library's types say."""
    return faults(without(body, RESPONSES) | {"stream": True}, ResponseCreateParamsStreaming)


def _item_faults(item: dict[str, Any], where: str) -> list[str]:
    found = []
    kind = item.get("type", "message")
    if len(item.get("id") or "") > 64:
        found.append(f"{where}: id longer than 64")
    if kind == "message" and isinstance(item["content"], list):
        legal = (
            ("output_text", "refusal") if item["role"] == "assistant" else ("input_text", "input_image", "input_file")
        )
        found += [
            f"{where}: {part['type']} from {item['role']}" for part in item["content"] if part["type"] not in legal
        ]
        found += [] if item["content"] else [f"{where}: empty content"]
    if kind == "function_call":
        if not re.fullmatch(NAME, item["name"]):
            found.append(f"{where}: name {item['name']!r}")
        if item.get("id") and not item["id"].startswith("fc"):
            found.append(f"{where}: expected an ID that begins with 'fc', got {item['id']!r}")
    if kind in (*CALLS, *CALLS.values()) and not 1 <= len(item["call_id"]) <= 64:
        found.append(f"{where}: call_id of {len(item['call_id'])} characters")
    sealed = item.get("encrypted_content")
    if kind == "reasoning" and not (opens("openai", sealed) if sealed else item.get("content")):  # or open text
        found.append(f"{where}: encrypted_content could not be verified")
    return found


def _pairing_faults(items: list[dict[str, Any]]) -> list[str]:
    found = []
    for call, output in CALLS.items():
        made = [item["call_id"] for item in items if item.get("type") == call]
        answered = [item["call_id"] for item in items if item.get("type") == output]
        found += [f"no tool output found for call {one}" for one in made if one not in answered]
        found += [f"no tool call found for output {one}" for one in answered if one not in made]
        found += [] if len(made) == len(set(made)) else [f"call ids not unique: {made}"]
    for at, item in enumerate(items):
        if item.get("type") == "reasoning" and items[at + 1 : at + 2] == []:
            found.append(f"input[{at}]: reasoning without the item it led to")
    return found


def _tool_faults(body: dict[str, Any]) -> list[str]:
    found = []
    for tool in body.get("tools") or []:
        if tool["type"] == "function":
            if not re.fullmatch(NAME, tool["name"]):
                found.append(f"tools: name {tool['name']!r}")
            if tool.get("strict"):
                found += strict_faults(tool.get("parameters") or {}, tool["name"])
    choice = body.get("tool_choice")
    if choice not in (None, "auto", "none") and not body.get("tools"):
        found.append("tool_choice without tools")
    return found


def understand(body: dict[str, Any]) -> Understood:
    """What the request said."""
    said = Understood(
        choice=body.get("tool_choice"),
        thinking=body.get("reasoning"),
        schema=(body.get("text") or {}).get("format"),
        limit=body.get("max_output_tokens"),
        tools=[tool.get("name", tool["type"]) for tool in body.get("tools") or []],
    )
    said.system += [body["instructions"]] if body.get("instructions") else []
    given: Any = body["input"]
    items: list[Any] = [{"role": "user", "content": given}] if isinstance(given, str) else given
    for item in items:
        match item.get("type", "message"):
            case "message" if item["role"] in ("system", "developer"):
                said.system.append(text_of(item["content"]))
            case "message":
                _understand_message(said, item)
            case "function_call":
                said.calls.append((item["call_id"], item["name"], json.loads(item["arguments"])))
            case "function_call_output":
                said.results.append((item["call_id"], text_of(item["output"])))
                said.images += _images(item["output"])
            case "reasoning":
                said.thoughts.append("".join(part["text"] for part in item["summary"]))
                said.seals += [item["encrypted_content"]] if item.get("encrypted_content") else []
    return said


def _understand_message(said: Understood, item: dict[str, Any]) -> None:
    content: Any = item["content"]
    parts: list[Any] = [{"text": content}] if isinstance(content, str) else content
    for part in parts:
        if "text" in part:
            said.texts.append((item["role"], part["text"]))
    said.images += _images(content)


def _images(content: Any) -> list[bytes]:
    parts = content if isinstance(content, list) else []
    urls = [part["image_url"] for part in parts if part.get("type") == "input_image" and part.get("image_url")]
    return [base64.b64decode(url.partition(",")[2]) for url in urls if url.startswith("data:")]


def usage_of(answer: Answer) -> dict[str, Any]:
    """input_tokens has the cached ones in it, output_tokens the reasoning ones."""
    counts = answer.usage
    return {
        "input_tokens": counts.input, "output_tokens": counts.output, "total_tokens": counts.input + counts.output,
        "input_tokens_details": {"cached_tokens": counts.cached, "cache_write_tokens": counts.written},
        "output_tokens_details": {"reasoning_tokens": counts.reasoning},
    }  # fmt: skip


def items_of(answer: Answer) -> list[dict[str, Any]]:
    """The output of an answer, whole."""
    found: list[dict[str, Any]] = []
    if answer.thinking:
        summary = [{"type": "summary_text", "text": answer.thinking}]
        sealed = seal("openai", answer.thinking)
        found.append({"id": "rs_fake", "type": "reasoning", "summary": summary, "encrypted_content": sealed})
    status = "incomplete" if answer.reason in ("length", "refusal") else "completed"
    if answer.text:
        part = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
        found.append({"id": "msg_fake", "type": "message", "role": "assistant", "status": status, "content": [part]})
    for at, call in enumerate(answer.calls):
        made = {"id": f"fc_fake{at}", "type": "function_call", "call_id": call.id or f"call_fake{at}"}
        source = packed(call.arguments).decode()
        found.append(made | {"name": call.name, "arguments": source, "status": "completed"})
    return found


def response(answer: Answer, model: str, body: dict[str, Any], status: str, output: list[Any]) -> dict[str, Any]:
    """The response object, with what it echoes of the request."""
    over = status != "in_progress"
    why = {"length": "max_output_tokens", "refusal": "content_filter"}.get(answer.reason) if over else None
    echoed: dict[str, Any] = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "metadata": {}}
    return {
        "id": "resp_fake", "object": "response", "created_at": 1795000000, "status": status, "model": model,
        "error": None, "incomplete_details": {"reason": why} if why else None, "output": output,
        "usage": usage_of(answer) if over else None,
    } | {name: body.get(name, echoed.get(name)) for name in ECHOED}  # fmt: skip


def _status(answer: Answer) -> str:
    return "incomplete" if answer.reason in ("length", "refusal") else "completed"


def whole(answer: Answer, asked: Asked) -> bytes:
    """A complete answer."""
    return packed(response(answer, asked.model, asked.body, _status(answer), items_of(answer)))


def frames(answer: Answer, asked: Asked) -> list[bytes]:
    """The events of a streamed answer."""
    found: list[bytes] = []

    def event(kind: str, **fields: Any) -> None:
        said = {"type": kind, "sequence_number": len(found)} | fields
        found.append(b"event: " + kind.encode() + b"\ndata: " + packed(said) + b"\n\n")

    begun = response(answer, asked.model, asked.body, "in_progress", [])
    event("response.created", response=begun)
    event("response.in_progress", response=begun)
    for at, item in enumerate(items_of(answer)):
        place = {"item_id": item["id"], "output_index": at}
        match item["type"]:
            case "reasoning":
                _reasoning(event, item, place, answer)
            case "message":
                _message(event, item, place, answer)
            case _:
                source = item["arguments"]
                opened = item | {"arguments": "", "status": "in_progress"}
                event("response.output_item.added", output_index=at, item=opened)
                for one in pieces(source, answer.pieces):
                    event("response.function_call_arguments.delta", **place, delta=one)
                event("response.function_call_arguments.done", **place, name=item["name"], arguments=source)
        event("response.output_item.done", output_index=at, item=item)
    ended = response(answer, asked.model, asked.body, _status(answer), items_of(answer))
    event(f"response.{_status(answer)}", response=ended)
    return found


def _reasoning(event: Any, item: dict[str, Any], place: dict[str, Any], answer: Answer) -> None:
    opened = {key: value for key, value in item.items() if key != "encrypted_content"} | {"summary": []}
    event("response.output_item.added", output_index=place["output_index"], item=opened)
    inner = place | {"summary_index": 0}
    event("response.reasoning_summary_part.added", **inner, part={"type": "summary_text", "text": ""})
    for one in pieces(answer.thinking, answer.pieces):
        event("response.reasoning_summary_text.delta", **inner, delta=one)
    event("response.reasoning_summary_text.done", **inner, text=answer.thinking)
    event("response.reasoning_summary_part.done", **inner, part=item["summary"][0])


def _message(event: Any, item: dict[str, Any], place: dict[str, Any], answer: Answer) -> None:
    part = item["content"][0]
    opened = item | {"content": [], "status": "in_progress"}
    event("response.output_item.added", output_index=place["output_index"], item=opened)
    inner = place | {"content_index": 0}
    event("response.content_part.added", **inner, part=part | {"text": ""})
    for one in pieces(answer.text, answer.pieces):
        event("response.output_text.delta", **inner, delta=one, logprobs=[])
    event("response.output_text.done", **inner, text=answer.text, logprobs=[])
    event("response.content_part.done", **inner, part=part)


def in_band(text: str) -> bytes:
    """The flat error event."""
    said = {"type": "error", "sequence_number": 99, "code": "server_error", "message": text, "param": None}
    return b"event: error\ndata: " + packed(said) + b"\n\n"


DIALECT = FakeDialect(
    name="openai-responses",
    key=bearer,
    check=check,
    understand=understand,
    whole=whole,
    frames=frames,
    count=lambda tokens: packed({"object": "response.input_tokens", "input_tokens": tokens}),
    failure=failure,
    in_band=in_band,
)
