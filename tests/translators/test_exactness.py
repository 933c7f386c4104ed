"""Other people's JSON keeps its digits, order, escapes and doubled keys, both ways, between all dialects."""

import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from tests.translators.test_conservation import PAIRS, UPSTREAMS
from translators import exchange
from translators.dialect import Aim, Asked
from translators.errors import Unreadable
from translators.events import Event
from translators.fold import fold
from translators.losses import Ledger
from translators.registry import DIALECTS

TEXT = '{"z": 1, "a":1.0,"big":%s,"far":1e400,"zero":-0.0,"small":1E-7,"esc":"\\u0061\\/\\ud83d\\ude00é\\u0000","z":2}'
ODD = TEXT % ("9" * 100)
"""Arguments as a model might write them: nothing in them may be read and written anew."""

SCHEMA = (
    '{"type":"object","properties":{"b":{"type":"integer","maximum":%s,"default":1.0},'
    '"a":{"type":"number","default":1e400}}}'
)
ODD_SCHEMA = SCHEMA % ("9" * 100)

HISTORY: dict[str, Any] = {
    "claude": {
        "model": "m",
        "max_tokens": 9,
        "tools": [{"name": "wx", "input_schema": Raw(ODD_SCHEMA.encode())}],
        "messages": [
            {"role": "user", "content": "hi"},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "c1", "name": "wx", "input": Raw(ODD.encode())}],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": ODD}]},
        ],
    },
    "gemini": {
        "tools": [{"functionDeclarations": [{"name": "wx", "parametersJsonSchema": Raw(ODD_SCHEMA.encode())}]}],
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}]},
            {"role": "model", "parts": [{"functionCall": {"id": "c1", "name": "wx", "args": Raw(ODD.encode())}}]},
            {
                "role": "user",
                "parts": [{"functionResponse": {"id": "c1", "name": "wx", "response": Raw(ODD.encode())}}],
            },
        ],
    },
    "openai-chat": {
        "model": "m",
        "tools": [{"type": "function", "function": {"name": "wx", "parameters": Raw(ODD_SCHEMA.encode())}}],
        "messages": [
            {"role": "user", "content": "hi"},
            {
                "role": "assistant",
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "wx", "arguments": ODD}}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": ODD},
        ],
    },
    "openai-responses": {
        "model": "m",
        "tools": [{"type": "function", "name": "wx", "parameters": Raw(ODD_SCHEMA.encode())}],
        "input": [
            {"role": "user", "content": "hi"},
            {"type": "function_call", "call_id": "c1", "name": "wx", "arguments": ODD},
            {"type": "function_call_output", "call_id": "c1", "output": ODD},
        ],
    },
}

_STRINGS = ("openai-chat", "openai-responses")


def said_in(dialect: str, text: str) -> str:
    """How arguments stand in a body: as an object, or as a string that holds it."""
    return msgspec.json.encode(text).decode() if dialect in _STRINGS else text


@pytest.mark.parametrize(("client", "upstream"), [pair for pair in PAIRS if pair[0] in HISTORY])
def test_history_and_tools_keep_every_character(client: str, upstream: str) -> None:
    body = msgspec.json.encode(HISTORY[client])
    aim = Aim(model="up", provider="p", vendor=DIALECTS[upstream].vendor, stream=False)
    ledger = Ledger()
    request = DIALECTS[client].read_request(body, "m", False, ledger)
    said = exchange.write(request, body, DIALECTS[client], DIALECTS[upstream], aim, ledger).body.decode()
    assert said_in(upstream, ODD) in said
    result = msgspec.json.format(ODD.encode(), indent=-1).decode() if client == "gemini" else ODD
    assert msgspec.json.encode(result).decode() in said or ODD in said[said.index(said_in(upstream, ODD)) + 1 :]
    assert ODD_SCHEMA in said or "9" * 100 in said  # Gemini takes some keywords in words


@pytest.mark.parametrize("name", sorted(HISTORY))
def test_the_same_dialect_keeps_every_byte(name: str) -> None:
    body = msgspec.json.encode(HISTORY[name])
    aim = Aim(model="up", provider="p", vendor=DIALECTS[name].vendor, stream=False)
    outgoing = exchange.write(None, body, DIALECTS[name], DIALECTS[name], aim, Ledger())
    assert outgoing.body == body.replace(b'"model":"m"', b'"model":"up"')


@pytest.mark.parametrize("number", ["1e400", "1" * 5000, "-0.0"])
@pytest.mark.parametrize("client", ["openai-chat", "openai-completions", "claude"])
def test_a_setting_nobody_can_mean_is_the_clients_fault(client: str, number: str) -> None:
    body = f'{{"model":"m","max_tokens":9,"prompt":"a","messages":[{{"role":"user","content":"a"}}],"top_k":{number}}}'
    with pytest.raises(Unreadable, match=r"\$"):
        DIALECTS[client].read_request(body.encode(), "m", False, Ledger())


# --- answers --------------------------------------------------------------------------------------------------------

WHOLE: dict[str, Any] = {
    "claude": {
        "type": "message", "id": "msg_1", "role": "assistant", "model": "up", "stop_reason": "tool_use",
        "content": [{"type": "tool_use", "id": "c1", "name": "wx", "input": Raw(ODD.encode())}],
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
    "gemini": {
        "candidates": [{"finishReason": "STOP", "content": {"role": "model", "parts": [
            {"functionCall": {"id": "c1", "name": "wx", "args": Raw(ODD.encode())}}]}}],
    },
    "openai-chat": {
        "id": "chatcmpl-1", "object": "chat.completion", "choices": [{"index": 0, "finish_reason": "tool_calls",
        "message": {"role": "assistant", "content": None, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "wx", "arguments": ODD}}]}}],
    },
    "openai-responses": {
        "id": "resp_1", "object": "response", "status": "completed", "output": [
            {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "wx", "arguments": ODD,
             "status": "completed"}],
    },
}  # fmt: skip


def asked(*, stream: bool) -> Asked:
    return Asked(model="m", stream=stream, now=1, seed="ab12")


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("client", UPSTREAMS)
def test_whole_answers_keep_every_character(client: str, upstream: str) -> None:
    events = DIALECTS[upstream].read_reply(msgspec.json.encode(WHOLE[upstream]))
    said = DIALECTS[client].write_reply(fold(events), asked(stream=False)).decode()
    assert said_in(client, ODD) in said
    assert "Infinity" not in said


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("client", UPSTREAMS)
def test_streams_keep_every_character(client: str, upstream: str) -> None:
    """Through the upstream's own stream to the client's, and read there."""
    events = DIALECTS[upstream].read_reply(msgspec.json.encode(WHOLE[upstream]))
    carried = through(upstream, events)
    received = through(client, carried)
    assert arguments(received) == ODD


def through(name: str, events: list[Event]) -> list[Event]:
    """Events as a reader of a dialect finds them in the stream its writer made."""
    said = DIALECTS[name].stream_writer(asked(stream=True)).write(events)
    reader = DIALECTS[name].stream_reader()
    return reader.feed(said) + reader.finish()


def arguments(events: list[Event]) -> str:
    call = fold(events).candidates[0].parts[-1]
    return getattr(call, "arguments", "")


def test_the_odd_text_is_as_odd_as_it_says() -> None:
    pairs = json.loads(ODD, object_pairs_hook=list)
    assert [key for key, _ in pairs].count("z") == 2
    assert dict(pairs)["far"] == float("inf")
