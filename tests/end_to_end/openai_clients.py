"""Conversations through the openai library: Chat Completions and Responses, each in three ways."""

import base64
import json
from typing import Any

from tests.end_to_end.talk import PNG, SCHEMA, Counts, Heard, Prompt

CHAT_STOPS = {"stop": "end", "length": "length", "tool_calls": "tool", "content_filter": "refusal"}
DATA_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()


class ChatTalker:
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
            content.append({"type": "image_url", "image_url": {"url": DATA_URL}})
        self.messages = [{"role": "developer", "content": prompt.system}] if prompt.system else []
        self.messages.append({"role": "user", "content": content})
        self.options = {"model": prompt.model, "max_completion_tokens": prompt.limit}
        if prompt.tools:
            function = {"name": "weather", "description": "Weather of a city", "parameters": SCHEMA, "strict": True}
            self.options["tools"] = [{"type": "function", "function": function}]
        if prompt.think:
            self.options["reasoning_effort"] = "medium"
        return self._turn()

    def answer(self, results: list[str]) -> Heard:
        """See talk.Talker."""
        for call, text in zip(self.calls, results, strict=True):
            self.messages.append({"role": "tool", "tool_call_id": call, "content": text})
        return self._turn()

    def _turn(self) -> Heard:
        counted = {"stream_options": {"include_usage": True}}
        match self.way:
            case "whole":
                completion = self.client.chat.completions.create(messages=self.messages, **self.options)
            case "helper":
                with self.client.chat.completions.stream(messages=self.messages, **self.options, **counted) as stream:
                    text = "".join(event.delta for event in stream if event.type == "content.delta")
                    completion = stream.get_final_completion()
                assert text == (completion.choices[0].message.content or "")
            case _:
                return self._events(counted)
        message = completion.choices[0].message
        self.messages.append(message)
        self.calls = [call.id for call in message.tool_calls or []]
        made = [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or []]
        thinking = getattr(message, "reasoning_content", None) or ""
        stop = CHAT_STOPS.get(completion.choices[0].finish_reason, str(completion.choices[0].finish_reason))
        return Heard(message.content or "", thinking, made, chat_counts(completion.usage), stop)

    def _events(self, counted: dict[str, Any]) -> Heard:
        """Raw chunks, put together by the rules of the API reference."""
        said = Heard()
        calls: list[dict[str, Any]] = []
        for chunk in self.client.chat.completions.create(
            messages=self.messages, stream=True, **self.options, **counted
        ):
            if chunk.usage is not None:
                said.counts = chat_counts(chunk.usage)
            for choice in chunk.choices:
                said.text += choice.delta.content or ""
                said.thinking += getattr(choice.delta, "reasoning_content", None) or ""
                for piece in choice.delta.tool_calls or []:
                    if piece.index == len(calls):
                        calls.append({"id": piece.id, "type": piece.type, "function": {"name": "", "arguments": ""}})
                    for name in ("name", "arguments"):
                        calls[piece.index]["function"][name] += getattr(piece.function, name) or ""
                if choice.finish_reason:
                    said.stop = CHAT_STOPS.get(choice.finish_reason, choice.finish_reason)
        message: dict[str, Any] = {"role": "assistant", "content": said.text or None}
        if said.thinking:
            message["reasoning_content"] = said.thinking  # as most chat clients do: this, and nothing else they heard
        self.messages.append(message | ({"tool_calls": calls} if calls else {}))
        self.calls = [call["id"] for call in calls]
        said.calls = [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls]
        return said


def chat_counts(usage: Any) -> Counts:
    """Token counts of a chat completion."""
    details = usage.prompt_tokens_details
    return Counts(usage.prompt_tokens, details.cached_tokens or 0 if details else 0, usage.completion_tokens)


class ResponsesTalker:
    """See talk.Talker. way: "whole", "events" or "helper"."""

    def __init__(self, client: Any, way: str) -> None:
        self.client = client
        self.way = way
        self.input: list[Any] = []
        self.options: dict[str, Any] = {}
        self.calls: list[str] = []

    def ask(self, prompt: Prompt) -> Heard:
        """See talk.Talker."""
        content: list[dict[str, Any]] = [{"type": "input_text", "text": prompt.text}]
        if prompt.image:
            content.append({"type": "input_image", "image_url": DATA_URL, "detail": "auto"})
        self.input = [{"role": "user", "content": content}]
        self.options = {"model": prompt.model, "store": False, "max_output_tokens": prompt.limit}
        if prompt.system:
            self.options["instructions"] = prompt.system
        if prompt.tools:
            tool = {"type": "function", "name": "weather", "description": "Weather of a city", "strict": True}
            self.options["tools"] = [tool | {"parameters": SCHEMA}]
        if prompt.think:
            self.options["reasoning"] = {"effort": "medium", "summary": "auto"}
            self.options["include"] = ["reasoning.encrypted_content"]
        return self._turn()

    def answer(self, results: list[str]) -> Heard:
        """See talk.Talker."""
        for call, text in zip(self.calls, results, strict=True):
            self.input.append({"type": "function_call_output", "call_id": call, "output": text})
        return self._turn()

    def _turn(self) -> Heard:
        match self.way:
            case "whole":
                response = self.client.responses.create(input=self.input, **self.options)
            case "helper":
                with self.client.responses.stream(input=self.input, **self.options) as stream:
                    text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
                    response = stream.get_final_response()
                assert text == response.output_text
            case _:
                response = self._events()
        self.input += response.output
        made = [item for item in response.output if item.type == "function_call"]
        self.calls = [item.call_id for item in made]
        usage = response.usage
        stop = "tool" if made else {"completed": "end", "incomplete": "length"}.get(response.status, response.status)
        if response.incomplete_details and response.incomplete_details.reason == "content_filter":
            stop = "refusal"
        return Heard(
            text=response.output_text,
            thinking="".join(
                part.text
                for item in response.output
                if item.type == "reasoning"
                for part in [*item.summary, *(item.content or [])]  # summaries of closed models, text of open ones
            ),
            calls=[(item.name, json.loads(item.arguments)) for item in made],
            counts=Counts(usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens),
            stop=stop,
        )

    def _events(self) -> Any:
        """Raw events: numbered without gaps, deltas equal to what the last one repeats."""
        text, last = "", None
        for number, event in enumerate(self.client.responses.create(input=self.input, stream=True, **self.options)):
            assert event.sequence_number == number
            if event.type == "response.output_text.delta":
                text += event.delta
            last = event
        assert last is not None
        assert last.type in ("response.completed", "response.incomplete")
        assert text == last.response.output_text
        return last.response
