"""The vendors' own libraries as listeners: bytes of an answer → what a program that uses the library gets.

The libraries run on a transport that answers from memory. Streams go through their helpers; `strict` sends every event
and body through the library's own type with validation, which the helpers do not do.
"""

import importlib
import json
import typing
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import anthropic
import openai
from anthropic.types import Message, RawMessageStreamEvent
from google import genai
from google.genai import types as google
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from translators import sse


class Said(NamedTuple):
    """What a program gets: the text (a refusal's words too), and calls with parsed arguments."""

    text: str
    calls: list[tuple[str, Any]]


CLAUDE_EVENTS: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
RESPONSES_EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


class Mouth:
    """Answers every request of a library with `body`. The transport is of the HTTP package that the library itself
    uses (httpx, or a successor of it with the same names).
    """

    def __init__(self, client: type) -> None:
        self.body, self.kind = b"", ""
        package = next(kind.__module__ for kind in client.__mro__ if kind.__name__ == "Client").partition(".")[0]
        self._http = importlib.import_module(package)
        self.transport = self._http.MockTransport(self._answer)

    def _answer(self, _request: Any) -> Any:
        return self._http.Response(200, content=self.body, headers={"content-type": self.kind})

    def say(self, body: bytes, stream: bool) -> None:
        self.body, self.kind = body, "text/event-stream" if stream else "application/json"


CLAUDE = Mouth(anthropic.DefaultHttpxClient)
OPENAI = Mouth(openai.DefaultHttpxClient)
GEMINI = Mouth(typing.get_args(google.HttpOptions.model_fields["httpx_client"].annotation)[0])
AT = "http://upstream.test"
anthropic_client = anthropic.Anthropic(
    api_key="k", base_url=AT, http_client=anthropic.DefaultHttpxClient(transport=CLAUDE.transport), max_retries=0
)
openai_client = openai.OpenAI(
    api_key="k", base_url=AT, http_client=openai.DefaultHttpxClient(transport=OPENAI.transport), max_retries=0
)
gemini_client = genai.Client(
    api_key="k", http_options=google.HttpOptions(base_url=AT, client_args={"transport": GEMINI.transport})
)


def _claude(body: bytes, stream: bool, strict: bool) -> Said:
    ask: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    CLAUDE.say(body, stream)
    if stream:
        for frame in sse.frames(body):
            if strict and frame.event != b"ping":
                CLAUDE_EVENTS.validate_json(frame.data)
        with anthropic_client.messages.stream(**ask) as events:
            message = events.get_final_message()
    else:
        if strict:
            Message.model_validate_json(body)
        message = anthropic_client.messages.create(**ask)
    text = "".join(block.text for block in message.content if block.type == "text")
    return Said(text, [(block.name, block.input) for block in message.content if block.type == "tool_use"])


def _chat(body: bytes, stream: bool, strict: bool) -> Said:
    ask: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    OPENAI.say(body, stream)
    if stream:
        for frame in sse.frames(body):
            if strict and frame.data != b"[DONE]":
                ChatCompletionChunk.model_validate_json(frame.data)
        with openai_client.chat.completions.stream(**ask) as events:
            for _ in events:
                pass
            message: Any = events.current_completion_snapshot.choices[0].message
    else:
        if strict:
            ChatCompletion.model_validate_json(body)
        message = openai_client.chat.completions.create(**ask).choices[0].message
    calls = [_chat_call(call) for call in message.tool_calls or []]
    return Said((message.content or "") + (message.refusal or ""), calls)


def _chat_call(call: Any) -> tuple[str, Any]:
    if call.type == "custom":
        return call.custom.name, {"input": call.custom.input}
    return call.function.name, json.loads(call.function.arguments)


def _responses(body: bytes, stream: bool, strict: bool) -> Said:
    OPENAI.say(body, stream)
    if stream:
        for number, frame in enumerate(sse.frames(body)):
            assert json.loads(frame.data)["sequence_number"] == number
            if strict:
                RESPONSES_EVENTS.validate_json(frame.data)
        with openai_client.responses.stream(model="m", input="x") as events:
            *_, last = events
        response: Any = last.response  # type: ignore[union-attr]  # get_final_response wants `completed`
    else:
        if strict:
            Response.model_validate_json(body)
        response = openai_client.responses.create(model="m", input="x")
    text, calls = "", []
    for item in response.output:
        if item.type == "message":
            text += "".join(part.text if part.type == "output_text" else part.refusal for part in item.content)
        elif item.type == "function_call":
            calls.append((item.name, json.loads(item.arguments)))
        elif item.type == "custom_tool_call":
            calls.append((item.name, {"input": item.input}))
    return Said(text, calls)


def _gemini(body: bytes, stream: bool, strict: bool) -> Said:
    GEMINI.say(body, stream)
    ask: dict[str, Any] = {"model": "m", "contents": "x"}
    if stream:
        replies = list(gemini_client.models.generate_content_stream(**ask))
    else:
        replies = [gemini_client.models.generate_content(**ask)]
    text, calls = "", []
    for reply in replies:
        content = reply.candidates[0].content if reply.candidates else None
        for part in (content.parts if content else None) or []:
            if part.function_call:
                calls.append((str(part.function_call.name), part.function_call.args or {}))
            elif not part.thought:
                text += part.text or ""
    return Said(text, calls)


def _completions(body: bytes, stream: bool, strict: bool) -> Said:
    if not stream:
        return Said(Completion.model_validate_json(body).choices[0].text, [])
    *chunks, end = [frame.data for frame in sse.frames(body)]
    assert end == b"[DONE]"
    read = [Completion.model_validate(json.loads(data)) for data in _without_null_finish(chunks)]
    return Said("".join(one.text for chunk in read for one in chunk.choices if one.index == 0), [])


def _without_null_finish(chunks: list[bytes]) -> Iterator[bytes]:
    """The library has one type for whole answers and chunks, and it does not allow a chunk's `finish_reason: null`."""
    for data in chunks:
        yield data.replace(b'"finish_reason":null', b'"finish_reason":"stop"')


LISTENERS: dict[str, Callable[[bytes, bool, bool], Said]] = {
    "claude": _claude,
    "openai-chat": _chat,
    "openai-responses": _responses,
    "gemini": _gemini,
    "openai-completions": _completions,
}
