"""The offline provider: answers made here, so that a newcomer sees translation work with no account at all.

It speaks another dialect than the client (Claude's, or Chat to Claude clients), so every answer is a real
translation, which can be
looked at in mitmweb like any other. What it says depends on what it was asked; it says plainly that no model is
behind it.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator

import msgspec

from providers.catalog import Model
from translators.dialect import Asked, Dialect
from translators.events import (
    ArgumentsDelta,
    BlockClosed,
    BlockOpened,
    Ended,
    Event,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageSeen,
)
from translators.model import FunctionTool, Request, Stop, Usage
from translators.names import made_id
from translators.parts import Text, ToolResult

MODELS = tuple(
    Model(id=name, owned_by="cliproxy", type="demo", display_name=title, description=f"{title}. Offline, no account.")
    for name, title in (
        ("demo-text", "Demo: plain text"),
        ("demo-tools", "Demo: calls the first tool it is given"),
        ("demo-thinking", "Demo: thinks before it answers"),
    )
)
_NAMES = frozenset(model.id for model in MODELS)

PACE = 0.03
"""Seconds between two words: about the pace of a real model."""


def serves(model: str) -> bool:
    """Is this one of the offline models?"""
    return model in _NAMES


def dialect_for(client: str) -> str:
    """The dialect the demo answers in: never the client's own."""
    return "openai-chat" if client == "claude" else "claude"


async def answer(request: Request, dialect: Dialect, asked: Asked) -> AsyncIterator[bytes]:
    """The bytes of an answer in `dialect`, at a natural pace."""
    # An upstream always tells its usage; whether the client sees it is the business of the client's writer.
    upstream_asked = Asked(
        asked.model, True, asked.now, asked.seed, msgspec.structs.replace(request, stream_usage=True), False
    )
    writer = dialect.stream_writer(upstream_asked)
    for events in _letters(request, asked):
        said = writer.write(events)
        if said:
            yield said
        if any(isinstance(event, TextDelta | ThinkingDelta | ArgumentsDelta) for event in events):
            await asyncio.sleep(PACE)


def _letters(request: Request, asked: Asked) -> Iterator[list[Event]]:
    """The answer as events, in the groups that leave together."""
    prompt, result = _last_words(request)
    yield [Started(f"demo-{asked.seed}", asked.model, asked.now)]
    block, words = 0, 0
    if asked.model == "demo-thinking":
        yield [BlockOpened(block, "thinking")]
        for word in _words(
            f"I was asked: {_short(prompt)} Nothing here can think, so I only show where thinking appears."
        ):
            words += 1
            yield [ThinkingDelta(block, word)]
        yield [BlockClosed(block)]
        block += 1
    tool = next((found for found in request.tools if isinstance(found, FunctionTool)), None)
    calls = asked.model == "demo-tools" and tool is not None and result is None
    yield [BlockOpened(block, "text")]
    for word in _words(_speech(request, asked.model, prompt, result, tool if calls else None)):
        words += 1
        yield [TextDelta(block, word)]
    yield [BlockClosed(block)]
    if calls and tool is not None:
        arguments = _arguments(tool, prompt)
        number = sum(1 for turn in request.turns for part in turn.parts if isinstance(part, ToolResult))
        yield [
            BlockOpened(block + 1, "tool", made_id(number, tool.name, arguments), tool.name, namespace=tool.namespace)
        ]
        yield [ArgumentsDelta(block + 1, arguments)]
        yield [BlockClosed(block + 1)]
    usage = Usage(input=sum(len(_words(found)) for found in _all_text(request)), output=words)
    reason = Stop(reason="tool") if calls else Stop(reason="stop")
    yield [UsageSeen(usage), Finished(reason), Ended()]


def _speech(request: Request, model: str, prompt: str, result: str | None, tool: FunctionTool | None) -> str:
    if tool is not None:
        return f"I will call your tool {tool.name}. "
    if result is not None:
        return f"Your tool answered: {_short(result)} That closes the round trip."
    upstream = dialect_for(request.dialect)
    return (
        f"You asked in the dialect {request.dialect}: {_short(prompt)} This answer was made on your machine by "
        f"cliproxy's {model}, in the dialect {upstream}, and translated back on its way to you. "
        "No model was asked. Put a key into config.yaml and ask a real one."
    )


def _last_words(request: Request) -> tuple[str, str | None]:
    """The last text of the user, and the result of a tool if the last turn has one."""
    prompt, result = "", None
    for turn in request.turns:
        if turn.role != "user":
            continue
        result = None
        for part in turn.parts:
            if isinstance(part, Text):
                prompt = part.text
            elif isinstance(part, ToolResult):
                result = " ".join(found.text for found in part.parts if isinstance(found, Text))
    return prompt, result


def _all_text(request: Request) -> Iterator[str]:
    for turn in request.turns:
        for part in turn.parts:
            if isinstance(part, Text):
                yield part.text


def _words(text: str) -> list[str]:
    return re.findall(r"\S+\s*", text)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return f"“{flat[:200]}…”" if len(flat) > 200 else f"“{flat}”"


class _Schema(msgspec.Struct):
    properties: dict[str, dict[str, object]] = {}
    required: list[str] = []


def _arguments(tool: FunctionTool, prompt: str) -> str:
    """Arguments that fit the simplest schemas: the prompt for text, small values for the rest."""
    if tool.form == "text":
        return prompt
    try:
        schema = msgspec.json.decode(tool.schema or b"{}", type=_Schema)
    except msgspec.MsgspecError:
        schema = _Schema()
    made = {name: _value(schema.properties.get(name, {}), prompt) for name in schema.required or schema.properties}
    return msgspec.json.encode(made).decode()


def _value(schema: dict[str, object], prompt: str) -> object:
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        return choices[0]
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), "string")
    simple: dict[str, object] = {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}, "null": None}
    return simple.get(str(kind).lower(), prompt)
