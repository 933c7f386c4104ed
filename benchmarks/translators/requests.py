"""Requests to measure with, as bytes: always the same ones."""

import base64
import json
import random
from typing import Any

from benchmarks.translators.streams import WORDS

IMAGE_BYTES = 10_000_000


def _prose(chance: random.Random, size: int) -> str:
    text = "".join(chance.choices(WORDS, k=size // 4))
    return text[:size].strip() or "."


def _schema(number: int) -> dict[str, Any]:
    properties = {
        f"field_{field}": {
            "type": ("string", "integer", "boolean")[field % 3],
            "description": f"What field {field} is.",
        }
        for field in range(6)
    }
    options = {"type": "array", "items": {"type": "string", "enum": ["one", "two", "three"]}}
    return {"type": "object", "properties": {**properties, f"options_{number}": options}, "required": ["field_0"]}


def _tools(count: int) -> list[tuple[str, str, dict[str, Any]]]:
    return [(f"tool_{number}", f"Does thing number {number}, and says what came of it.", _schema(number))
            for number in range(count)]  # fmt: skip


class Talk:
    """What is said in a request of any dialect: turns in groups of four (question, call, result, answer), and tools."""

    def __init__(self, messages: int, tools: int, size: int) -> None:
        chance = random.Random(20261122)
        self.tools = _tools(tools)
        room = max(40, size // messages)
        self.groups = [
            (_prose(chance, room), {"path": f"/src/{number}.py", "text": _prose(chance, room)},
             _prose(chance, room), _prose(chance, room))
            for number in range(messages // 4)
        ]  # fmt: skip


def _claude(talk: Talk, image: str) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    for number, (question, arguments, result, answer) in enumerate(talk.groups):
        call = {"type": "tool_use", "id": f"toolu_{number}", "name": "tool_0", "input": arguments}
        said = {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": result}
        messages += [
            {"role": "user", "content": [{"type": "text", "text": question}]},
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [said]},
            {"role": "assistant", "content": [{"type": "text", "text": answer}]},
        ]
    last: list[dict[str, Any]] = [{"type": "text", "text": "Go on."}]
    if image:
        last.append({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": image}})
    messages.append({"role": "user", "content": last})
    tools = [{"name": name, "description": about, "input_schema": schema} for name, about, schema in talk.tools]
    more = {"tools": tools} if tools else {}
    return {"model": "m", "max_tokens": 1000, "system": "Be brief.", "messages": messages, **more, "stream": True}


def _chat(talk: Talk, image: str) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": "Be brief."}]
    for number, (question, arguments, result, answer) in enumerate(talk.groups):
        function = {"name": "tool_0", "arguments": json.dumps(arguments)}
        call = {"id": f"call_{number}", "type": "function", "function": function}
        messages += [
            {"role": "user", "content": question},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": f"call_{number}", "content": result},
            {"role": "assistant", "content": answer},
        ]
    last: list[dict[str, Any]] = [{"type": "text", "text": "Go on."}]
    if image:
        last.append({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}})
    messages.append({"role": "user", "content": last})
    tools = [
        {"type": "function", "function": {"name": name, "description": about, "parameters": schema}}
        for name, about, schema in talk.tools
    ]
    more = {"tools": tools} if tools else {}
    return {"model": "m", "messages": messages, **more, "stream": True}


def _responses(talk: Talk, image: str) -> dict[str, Any]:
    said: list[dict[str, Any]] = []
    for number, (question, arguments, result, answer) in enumerate(talk.groups):
        call = {"type": "function_call", "call_id": f"call_{number}", "name": "tool_0"}
        said += [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": question}]},
            call | {"arguments": json.dumps(arguments)},
            {"type": "function_call_output", "call_id": f"call_{number}", "output": result},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": answer}]},
        ]
    last: list[dict[str, Any]] = [{"type": "input_text", "text": "Go on."}]
    if image:
        last.append({"type": "input_image", "image_url": f"data:image/png;base64,{image}", "detail": "auto"})
    said.append({"type": "message", "role": "user", "content": last})
    tools = [
        {"type": "function", "name": name, "description": about, "parameters": schema, "strict": False}
        for name, about, schema in talk.tools
    ]
    more = {"tools": tools} if tools else {}
    return {"model": "m", "instructions": "Be brief.", "input": said, **more, "stream": True}


def _gemini(talk: Talk, image: str) -> dict[str, Any]:
    contents: list[dict[str, Any]] = []
    for question, arguments, result, answer in talk.groups:
        contents += [
            {"role": "user", "parts": [{"text": question}]},
            {"role": "model", "parts": [{"functionCall": {"name": "tool_0", "args": arguments}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "tool_0", "response": {"output": result}}}]},
            {"role": "model", "parts": [{"text": answer}]},
        ]
    last: list[dict[str, Any]] = [{"text": "Go on."}]
    if image:
        last.append({"inlineData": {"mimeType": "image/png", "data": image}})
    contents.append({"role": "user", "parts": last})
    declared = [{"name": name, "description": about, "parameters": schema} for name, about, schema in talk.tools]
    more = {"tools": [{"functionDeclarations": declared}]} if declared else {}
    return {"systemInstruction": {"parts": [{"text": "Be brief."}]}, "contents": contents, **more}


_WRITERS = {"claude": _claude, "openai-chat": _chat, "openai-responses": _responses, "gemini": _gemini}


def large(dialect: str, size: int = 1_000_000) -> bytes:
    """A request of about `size` bytes with 200 messages and 100 tools."""
    talk = Talk(200, 100, size)
    whole = len(json.dumps(_WRITERS[dialect](talk, "")))
    talk = Talk(200, 100, max(1, 2 * size - whole))
    return json.dumps(_WRITERS[dialect](talk, "")).encode()


def image(dialect: str, size: int = IMAGE_BYTES) -> bytes:
    """A request with one image of `size` bytes of base64."""
    data = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * (size * 3 // 4 // 256)).decode()
    return json.dumps(_WRITERS[dialect](Talk(4, 0, 400), data)).encode()


def small(dialect: str) -> bytes:
    """A question, two tools."""
    return json.dumps(_WRITERS[dialect](Talk(4, 2, 400), "")).encode()
