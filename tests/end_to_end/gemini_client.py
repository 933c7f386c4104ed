"""Conversations through google-genai: whole answers, streams, and the chat helper (which keeps its own history)."""

from typing import Any

from google.genai import types

from tests.end_to_end.talk import PNG, SCHEMA, Counts, Heard, Prompt

STOPS = {"STOP": "end", "MAX_TOKENS": "length", "SAFETY": "refusal"}


class GeminiTalker:
    """See talk.Talker. way: "whole", "events" or "helper"."""

    def __init__(self, client: Any, way: str) -> None:
        self.client = client
        self.way = way
        self.contents: list[Any] = []
        self.options: dict[str, Any] = {}
        self.config: Any = None
        self.chat: Any = None
        self.calls: list[Any] = []

    def ask(self, prompt: Prompt) -> Heard:
        """See talk.Talker."""
        parts = [types.Part(text=prompt.text)]
        if prompt.image:
            parts.append(types.Part.from_bytes(data=PNG, mime_type="image/png"))
        config: dict[str, Any] = {
            "max_output_tokens": prompt.limit,
            "automatic_function_calling": types.AutomaticFunctionCallingConfig(disable=True),
        }
        if prompt.system:
            config["system_instruction"] = prompt.system
        if prompt.tools:
            declared = types.FunctionDeclaration(
                name="weather", description="Weather of a city", parameters_json_schema=SCHEMA
            )
            config["tools"] = [types.Tool(function_declarations=[declared])]
        if prompt.think:
            config["thinking_config"] = types.ThinkingConfig(include_thoughts=True, thinking_budget=2048)
        self.config = types.GenerateContentConfig(**config)
        self.options = {"model": prompt.model}
        if self.way == "helper":
            self.chat = self.client.chats.create(model=prompt.model, config=self.config)
        return self._turn(parts)

    def answer(self, results: list[str]) -> Heard:
        """See talk.Talker."""
        pairs = zip(self.calls, results, strict=True)
        given = [types.FunctionResponse(id=call.id, name=call.name, response={"output": text}) for call, text in pairs]
        return self._turn([types.Part(function_response=one) for one in given])

    def _turn(self, parts: list[types.Part]) -> Heard:
        if self.way == "helper":
            return self._hear(list(self.chat.send_message_stream(parts)))
        self.contents.append(types.Content(role="user", parts=parts))
        ask = {"contents": self.contents, "config": self.config} | self.options
        if self.way == "whole":
            replies = [self.client.models.generate_content(**ask)]
        else:
            replies = list(self.client.models.generate_content_stream(**ask))
        self.contents += [one.candidates[0].content for one in replies if one.candidates]
        return self._hear(replies)

    def _hear(self, replies: list[Any]) -> Heard:
        said = Heard()
        self.calls = []
        for reply in replies:
            candidate = reply.candidates[0]
            for part in candidate.content.parts:
                if part.function_call:
                    self.calls.append(part.function_call)
                elif part.thought:
                    said.thinking += part.text
                else:
                    said.text += part.text or ""
            if candidate.finish_reason:
                said.stop = STOPS.get(candidate.finish_reason.value, candidate.finish_reason.value)
            if reply.usage_metadata:
                said.counts = counts(reply.usage_metadata)
        said.calls = [(call.name, call.args) for call in self.calls]
        if said.calls and said.stop == "end":
            said.stop = "tool"  # this dialect has no word for it
        return said


def counts(usage: Any) -> Counts:
    """Token counts: the thoughts are counted apart."""
    output = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    return Counts(usage.prompt_token_count, usage.cached_content_token_count or 0, output)
