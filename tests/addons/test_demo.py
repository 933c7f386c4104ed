"""The offline provider: a real translation, and it says what it is."""

import json
from typing import Any

import pytest

from addons import demo
from addons.prepare import prepare_demo
from tests.addons.scene import scene
from translators.registry import DIALECTS

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": ["null", "integer"]}, "unit": {"enum": ["C", "F"]}},
    "required": ["city", "days", "unit"],
}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}


async def told(body: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The whole answer, at no pace."""
    monkeypatch.setattr(demo, "PACE", 0)
    with scene() as here:
        exchange = here.open("/v1/chat/completions", body)
        prepare_demo(exchange)
        wire = exchange.wire
        assert wire is not None
        assert wire.chunks is not None
        pump = wire.make_pump(wire.streamed)
        async for chunk in wire.chunks:
            pump.feed(chunk)
        said = json.loads(pump.finish())
        assert pump.failure is None
        assert isinstance(said, dict)
        return said


def ask(model: str, *more: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "Hello there"}, *more]} | fields


async def test_text_says_that_no_model_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    said = await told(ask("demo-text"), monkeypatch)
    text = said["choices"][0]["message"]["content"]
    assert "“Hello there”" in text
    assert "No model was asked" in text
    assert said["choices"][0]["finish_reason"] == "stop"
    assert said["usage"]["prompt_tokens"] == 2
    assert said["model"] == "demo-text"


async def test_thinking_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    said = await told(ask("demo-thinking"), monkeypatch)
    assert "Nothing here can think" in said["choices"][0]["message"]["reasoning_content"]


async def test_tools_are_called_with_arguments_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    said = await told(ask("demo-tools", tools=[TOOL]), monkeypatch)
    (call,) = said["choices"][0]["message"]["tool_calls"]
    assert said["choices"][0]["finish_reason"] == "tool_calls"
    assert call["function"]["name"] == "weather"
    assert json.loads(call["function"]["arguments"]) == {"city": "Hello there", "days": 1, "unit": "C"}


async def test_a_result_closes_the_round(monkeypatch: pytest.MonkeyPatch) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    turns = ({"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "c1", "content": "rain"})
    said = await told(ask("demo-tools", *turns, tools=[TOOL]), monkeypatch)
    assert "“rain”" in said["choices"][0]["message"]["content"]
    assert "tool_calls" not in said["choices"][0]["message"]


def test_it_never_speaks_the_clients_dialect() -> None:
    assert all(demo.dialect_for(name) != name for name in DIALECTS)
    assert demo.serves("demo-text")
    assert not demo.serves("gpt-5")
