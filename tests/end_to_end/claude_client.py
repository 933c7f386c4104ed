"""Conversations through the anthropic library: whole answers, raw events, and the `.stream()` helper."""

import base64
import json
from typing import Any

from tests.end_to_end.talk import PNG, SCHEMA, Counts, Heard, Prompt

STOPS = {"end_turn": "end", "max_tokens": "length", "tool_use": "tool", "refusal": "refusal"}


class ClaudeTalker:
    """See talk.Talker. way: "whole", "events" or "helper"."""

    def __init__(self, client: Any, way: str) -> None:
        self.client = client
        self.way = way
        self.messages: list[Any] = []
        self.options: dict[str, Any] = {}
        self.calls: list[str] = []

    def ask(self, prompt: Prompt) -> Heard:
        """See talk.Talker."""
        content: list[dict[str, Any]] = [{"type": "text", "text": prompt.text}]
        if prompt.image:
            source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()}
            content.append({"type": "image", "source": source})
        self.messages = [{"role": "user", "content": content}]
        self.options = {"model": prompt.model, "max_tokens": prompt.limit}
        if prompt.system:
            self.options["system"] = prompt.system
        if prompt.tools:
            self.options["tools"] = [{"name": "weather", "description": "Weather of a city", "input_schema": SCHEMA}]
        if prompt.think:
            self.options["thinking"] = {"type": "enabled", "budget_tokens": 2048}
        return self._turn()

    def answer(self, results: list[str]) -> Heard:
        """See talk.Talker."""
        pairs = zip(self.calls, results, strict=True)
        blocks = [{"type": "tool_result", "tool_use_id": call, "content": text} for call, text in pairs]
        self.messages.append({"role": "user", "content": blocks})
        return self._turn()

    def _turn(self) -> Heard:
        match self.way:
            case "whole":
                message = self.client.messages.create(messages=self.messages, **self.options)
            case "helper":
                with self.client.messages.stream(messages=self.messages, **self.options) as stream:
                    text = "".join(stream.text_stream)
                    message = stream.get_final_message()
                assert text == "".join(block.text for block in message.content if block.type == "text")
            case _:
                message = self._events()
        self.messages.append({"role": "assistant", "content": message.content})
        self.calls = [block.id for block in message.content if block.type == "tool_use"]
        return heard(message)

    def _events(self) -> Any:
        """Raw events, put together by the grammar of the API reference (not by the helper)."""
        message: Any = None
        sources: dict[int, str] = {}
        over = False
        for event in self.client.messages.create(messages=self.messages, stream=True, **self.options):
            assert not over, f"{event.type} after message_stop"
            match event.type:
                case "message_start":
                    message = event.message
                case "content_block_start":
                    assert event.index == len(message.content)
                    message.content.append(event.content_block)
                    sources[event.index] = ""
                case "content_block_delta":
                    _apply(message.content[event.index], event.delta, sources, event.index)
                case "content_block_stop":
                    if message.content[event.index].type == "tool_use":
                        message.content[event.index].input = json.loads(sources[event.index] or "{}")
                case "message_delta":
                    message.stop_reason = event.delta.stop_reason
                    for name, value in event.usage:
                        if value is not None:
                            setattr(message.usage, name, value)
                case "message_stop":
                    over = True
        assert over
        return message


def _apply(block: Any, delta: Any, sources: dict[int, str], index: int) -> None:
    match delta.type:
        case "text_delta":
            block.text += delta.text
        case "thinking_delta":
            block.thinking += delta.thinking
        case "signature_delta":
            block.signature = delta.signature
        case "input_json_delta":
            sources[index] += delta.partial_json


def heard(message: Any) -> Heard:
    """A message in words of no dialect."""
    usage = message.usage
    cached = usage.cache_read_input_tokens or 0
    return Heard(
        text="".join(block.text for block in message.content if block.type == "text"),
        thinking="".join(block.thinking for block in message.content if block.type == "thinking"),
        signed=all(block.signature for block in message.content if block.type == "thinking"),
        calls=[(block.name, block.input) for block in message.content if block.type == "tool_use"],
        counts=Counts(
            usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0), cached, usage.output_tokens
        ),
        stop=STOPS.get(message.stop_reason, str(message.stop_reason)),
    )
