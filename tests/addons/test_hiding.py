"""Without what people said, and with everything else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.inspection.hiding import Hider
from addons.inspection.masking import Masker
from addons.inspection.redaction import Redactor
from translators.model import Failure

HIDER = Hider(b"salt")
BODIES: dict[str, Any] = {
    "claude": {
        "model": "claude-x",
        "max_tokens": 100,
        "system": [{"type": "text", "text": "Zanzibar", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "metadata": {"user_id": "Zanzibar"},
        "messages": [
            {"role": "user", "content": "Zanzibar"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Zanzibar", "signature": "Zanzibar"},
                {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"type": "Zanzibar", "n": 4711}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "Zanzibar"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "WmFueg=="}},
            ]},
        ],
        "tools": [{"name": "look", "description": "Zanzibar", "input_schema": {
            "type": "object", "properties": {"type": {"type": "string", "description": "Zanzibar"}},
            "required": ["type"]}}],
    },
    "chat": {
        "model": "gpt-x",
        "messages": [
            {"role": "user", "name": "Zanzibar", "content": [
                {"type": "image_url", "image_url": {"url": "https://Zanzibar"}}]},
            {"role": "assistant", "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"type":"Zanzibar"}'}}]},
        ],
    },
    "responses": {
        "model": "gpt-x", "instructions": "Zanzibar",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Zanzibar"}]},
                  {"type": "function_call_output", "call_id": "c1", "output": "Zanzibar"}],
    },
    "gemini": {
        "contents": [{"role": "user", "parts": [
            {"text": "Zanzibar"}, {"inlineData": {"mimeType": "image/png", "data": "Zanzibar"}},
            {"functionCall": {"name": "look", "args": {"name": "Zanzibar"}}},
            {"functionResponse": {"name": "look", "response": {"id": "Zanzibar"}}}]}],
    },
}  # fmt: skip


def shape(value: Any) -> Any:
    """What is left when all texts and numbers are one."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shape(member) for member in value]
    return "leaf" if isinstance(value, str | int) else value


@pytest.mark.parametrize("dialect", BODIES)
def test_nothing_said_is_left_of_a_request_but_its_shape(dialect: str) -> None:
    body = BODIES[dialect]
    told = json.loads(HIDER.body(json.dumps(body).encode()))
    assert "Zanzibar" not in json.dumps(told)
    assert "4711" not in json.dumps(told)
    assert shape(told) == shape(body)
    assert told.get("model") == body.get("model")


def test_what_a_dialect_says_stays() -> None:
    told = json.loads(HIDER.body(json.dumps(BODIES["claude"]).encode()))
    assert told["system"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert told["messages"][1]["content"][1]["id"] == told["messages"][2]["content"][0]["tool_use_id"] == "toolu_1"
    assert told["tools"][0]["name"] == "look"
    assert told["tools"][0]["input_schema"]["required"] == ["type"]
    assert told["max_tokens"] == 100
    assert told["messages"][2]["content"][1]["source"]["data"].startswith("[image/png 6 bytes #")
    chat = json.loads(HIDER.body(json.dumps(BODIES["chat"]).encode()))
    arguments = chat["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert list(json.loads(arguments)) == ["type"]


def test_the_same_text_has_the_same_hash_within_a_run() -> None:
    assert HIDER.text("a text") == HIDER.text("a text") != HIDER.text("b text")
    assert Hider(b"other").text("a text") != HIDER.text("a text")
    assert HIDER.text("x" * 1234).startswith("[text 1,234 chars #")
    assert HIDER.text("") == ""


def test_a_stream_keeps_its_frames() -> None:
    stream = (
        b'event: content_block_delta\r\ndata: {"type":"content_block_delta","index":0,'
        b'"delta":{"type":"text_delta","text":"Zanzibar"}}\r\n\r\n: Zanzibar\n\ndata: [DONE]\n\n'
        b'data: {"cut":"Zanz\nZanzibar\n'
        b"event: Zanzibar of old\n\n"
    )
    told = HIDER.body(stream)
    assert b"Zanz" not in told
    assert told.count(b"\n") == stream.count(b"\n")
    assert told.startswith(b'event: content_block_delta\r\ndata: {"type":"content_block_delta","index":0,"delta":')
    assert b"\ndata: [DONE]\n" in told


@pytest.mark.parametrize(
    "body", [b"<html>Zanzibar</html>", b'{"text":"Zanzibar', b"\x1f\x8b\x00Zanzibar", b'"Zanzibar"']
)
def test_of_other_bytes_only_their_number_stays(body: bytes) -> None:
    assert HIDER.body(body).startswith(f"[data {len(body)} bytes #".encode())


def test_an_empty_body_stays_empty() -> None:
    assert HIDER.body(b"") == b""
    assert HIDER.body(b" \n") == b" \n"


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"data: {text}\n".encode(errors="ignore")))
def test_no_body_is_too_strange(body: bytes) -> None:
    assert isinstance(HIDER.body(body), bytes)


def test_errors_that_quote_are_hidden_but_for_our_own() -> None:
    redactor = Redactor(Masker(), hider=HIDER)
    theirs = Failure(kind="invalid", message="bad value 'Zanzibar'")
    ours = Failure(kind="model", message="no model x", origin="cliproxy")
    assert "Zanzibar" not in redactor.message(theirs)
    assert redactor.message(ours) == "no model x"
    told = redactor.record(
        {
            "attempts": [{"failure": ["upstream", "invalid", "bad 'Zanzibar'", "code"], "raw": b'{"text":"Zanzibar"}'}],
            "refusal": ["cliproxy", "model", "no model x"],
            "stop": {"reason": "stop_sequence", "sequence": "Zanzibar"},
            "grammar": {"violations": [[1, "$", "what is 'Zanzibar'", "rule", False]]},
        }
    )
    assert "Zanzibar" not in repr(told)
    assert told["attempts"][0]["failure"][:2] == ["upstream", "invalid"]
    assert told["refusal"] == ["cliproxy", "model", "no model x"]
    assert told["stop"]["reason"] == "stop_sequence"
