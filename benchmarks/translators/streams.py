"""Streams to measure with: one frame a chunk, as they come from the net. Made ones, and recorded ones where present."""

import json
from collections.abc import Callable, Iterator
from typing import Any

type Frames = list[bytes]

WORDS = ("The", " proxy", " reads", " an", " event", ",", " turns", " it", " and", " writes", " it", " again", ".\n")


def sse(data: dict[str, Any], name: str = "") -> bytes:
    """A frame as vendors write it: JSON without blanks."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data, separators=(',', ':'), ensure_ascii=False)}\n\n".encode()


def pieces(count: int) -> Iterator[str]:
    """Small pieces of text, always the same."""
    return (WORDS[number % len(WORDS)] for number in range(count))


def arguments(count: int) -> list[str]:
    """The text of a JSON object in `count` pieces."""
    middle = [f'"k{number}":{number},' for number in range(count - 2)]
    return ["{", *middle, '"end":true}']


# --- Claude ---------------------------------------------------------------------------------------------------------


def _claude(content: Iterator[bytes], reason: str) -> Frames:
    message = {
        "id": "msg_01", "type": "message", "role": "assistant", "model": "claude-x", "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 25, "output_tokens": 1},
    }  # fmt: skip
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [
        sse({"type": "message_start", "message": message}, "message_start"),
        *content,
        sse({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 99}}, "message_delta"),
        sse({"type": "message_stop"}, "message_stop"),
    ]


def _claude_block(index: int, block: dict[str, Any], deltas: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    start = {"type": "content_block_start", "index": index, "content_block": block}
    yield sse(start, "content_block_start")
    for delta in deltas:
        yield sse({"type": "content_block_delta", "index": index, "delta": delta}, "content_block_delta")
    yield sse({"type": "content_block_stop", "index": index}, "content_block_stop")


def claude_text(texts: list[str]) -> Frames:
    deltas = ({"type": "text_delta", "text": text} for text in texts)
    return _claude(_claude_block(0, {"type": "text", "text": ""}, deltas), "end_turn")


def claude_tools(calls: int, count: int) -> Frames:
    def content() -> Iterator[bytes]:
        for call in range(calls):
            block = {"type": "tool_use", "id": f"toolu_{call}", "name": f"tool_{call}", "input": {}}
            deltas = ({"type": "input_json_delta", "partial_json": text} for text in arguments(count))
            yield from _claude_block(call, block, deltas)

    return _claude(content(), "tool_use")


# --- Chat Completions -----------------------------------------------------------------------------------------------


def _chat(deltas: Iterator[dict[str, Any]], reason: str) -> Frames:
    def chunk(choices: list[dict[str, Any]], **more: Any) -> bytes:
        about = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1790000000, "model": "gpt-x"}
        return sse({**about, "service_tier": "default", "system_fingerprint": "fp_1", "choices": choices, **more})

    def choice(delta: dict[str, Any], finish: str | None = None) -> list[dict[str, Any]]:
        return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]

    usage = {"prompt_tokens": 25, "completion_tokens": 99, "total_tokens": 124}
    return [
        chunk(choice({"role": "assistant", "content": "", "refusal": None}), usage=None),
        *(chunk(choice(delta), usage=None) for delta in deltas),
        chunk(choice({}, reason), usage=None),
        chunk([], usage=usage),
        b"data: [DONE]\n\n",
    ]


def chat_text(texts: list[str]) -> Frames:
    return _chat(({"content": text} for text in texts), "stop")


def chat_tools(calls: int, count: int) -> Frames:
    def deltas() -> Iterator[dict[str, Any]]:
        for call in range(calls):
            function = {"name": f"tool_{call}", "arguments": ""}
            yield {"tool_calls": [{"index": call, "id": f"call_{call}", "type": "function", "function": function}]}
            for text in arguments(count):
                yield {"tool_calls": [{"index": call, "function": {"arguments": text}}]}

    return _chat(deltas(), "tool_calls")


# --- Responses ------------------------------------------------------------------------------------------------------


class _Responses:
    """Numbers events and remembers the items for the last one."""

    def __init__(self) -> None:
        self.frames: Frames = []
        self.items: list[dict[str, Any]] = []
        self.say("response.created", response=self.response("in_progress"))
        self.say("response.in_progress", response=self.response("in_progress"))

    def response(self, status: str, usage: dict[str, int] | None = None) -> dict[str, Any]:
        return {
            "id": "resp_01", "object": "response", "created_at": 1790000000, "status": status, "error": None,
            "incomplete_details": None, "instructions": None, "model": "gpt-x", "output": list(self.items),
            "parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto", "tools": [], "usage": usage,
        }  # fmt: skip

    def say(self, name: str, **members: Any) -> None:
        self.frames.append(sse({"type": name, "sequence_number": len(self.frames), **members}, name))

    def item(self, begun: dict[str, Any], done: dict[str, Any], middle: Callable[[int], None]) -> None:
        index = len(self.items)
        self.say("response.output_item.added", output_index=index, item=begun)
        middle(index)
        self.say("response.output_item.done", output_index=index, item=done)
        self.items.append(done)

    def end(self) -> Frames:
        usage = {"input_tokens": 25, "output_tokens": 99, "total_tokens": 124}
        self.say("response.completed", response=self.response("completed", usage))
        return self.frames


def responses_text(texts: list[str]) -> Frames:
    stream = _Responses()
    part = {"type": "output_text", "text": "".join(texts), "annotations": [], "logprobs": []}

    def middle(index: int) -> None:
        place = {"item_id": "msg_01", "output_index": index, "content_index": 0}
        stream.say("response.content_part.added", **place, part=part | {"text": ""})
        for text in texts:
            stream.say("response.output_text.delta", **place, delta=text, logprobs=[], obfuscation="aB3dE5fG7h")
        stream.say("response.output_text.done", **place, text=part["text"], logprobs=[])
        stream.say("response.content_part.done", **place, part=part)

    begun = {"id": "msg_01", "type": "message", "status": "in_progress", "content": [], "role": "assistant"}
    stream.item(begun, begun | {"status": "completed", "content": [part]}, middle)
    return stream.end()


def responses_tools(calls: int, count: int) -> Frames:
    stream = _Responses()
    for call in range(calls):
        begun = {
            "id": f"fc_{call}", "type": "function_call", "status": "in_progress", "arguments": "",
            "call_id": f"call_{call}", "name": f"tool_{call}",
        }  # fmt: skip
        whole = "".join(arguments(count))

        def middle(index: int, place: str = f"fc_{call}", whole: str = whole) -> None:
            for text in arguments(count):
                stream.say(
                    "response.function_call_arguments.delta",
                    item_id=place, output_index=index, delta=text, obfuscation="aB3dE5fG7h",
                )  # fmt: skip
            stream.say("response.function_call_arguments.done", item_id=place, output_index=index, arguments=whole)

        stream.item(begun, begun | {"status": "completed", "arguments": whole}, middle)
    return stream.end()


# --- Gemini ---------------------------------------------------------------------------------------------------------


def _gemini(parts: Iterator[dict[str, Any]]) -> Frames:
    usage = {"promptTokenCount": 25, "candidatesTokenCount": 99, "totalTokenCount": 124}
    about = {"usageMetadata": usage, "modelVersion": "gemini-x", "responseId": "r01"}

    def chunk(part: dict[str, Any], **more: str) -> bytes:
        candidate = {"content": {"parts": [part], "role": "model"}, **more, "index": 0}
        return sse({"candidates": [candidate], **about}).replace(b"\n", b"\r\n")

    return [*(chunk(part) for part in parts), chunk({"text": ""}, finishReason="STOP")]


def gemini_text(texts: list[str]) -> Frames:
    return _gemini({"text": text} for text in texts)


def gemini_tools(calls: int, count: int) -> Frames:
    """Calls come whole in this dialect."""
    whole = json.loads("".join(arguments(count)))
    return _gemini({"functionCall": {"name": f"tool_{call}", "args": whole}} for call in range(calls))


_TEXT: dict[str, Callable[[list[str]], Frames]] = {
    "claude": claude_text,
    "openai-chat": chat_text,
    "openai-responses": responses_text,
    "gemini": gemini_text,
}


def text(dialect: str, count: int) -> Frames:
    """An answer of `count` small pieces of text."""
    return _TEXT[dialect](list(pieces(count)))


def large_text(dialect: str, size: int) -> Frames:
    """An answer of one piece of text of `size` characters. Of Responses only that event: its last ones repeat it."""
    words = "".join(WORDS)
    frames = _TEXT[dialect]([(words * (size // len(words) + 1))[:size]])
    if dialect == "openai-responses":
        small = _TEXT[dialect]([""])
        return [*frames[:5], *small[5:]]
    return frames


TOOLS: dict[str, Callable[[int, int], Frames]] = {
    "claude": claude_tools,
    "openai-chat": chat_tools,
    "openai-responses": responses_tools,
    "gemini": gemini_tools,
}
