"""Answers that name the model as the client did, and are otherwise the upstream's, byte for byte."""

import json

import pytest

from translators.dialect import Asked
from translators.model import Failure
from translators.registry import DIALECTS
from translators.relay import Relay, RelayedArray
from translators.rename import Renamed

FRAMES = {
    "claude": b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","model":"NAME","content":[],'
    b'"usage":{"input_tokens":1,"output_tokens":1}}}\n\n'
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use",'
    b'"id":"t","name":"f","input":{"model":"up"}}}\n\n'
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"tool_use"},'
    b'"usage":{"output_tokens":1}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    "openai-chat": b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model": "NAME","choices":['
    b'{"index":0,"delta":{"role":"assistant","content":"say \\"model\\":\\"up\\""},"finish_reason":null}]}\n\n'
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"NAME","choices":[{"index":0,"delta":{},'
    b'"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
    "openai-responses": b'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":'
    b'{"id":"r","model":"NAME","output":[]}}\n\n'
    b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"a","item_id":"i",'
    b'"model":"up"}\n\n'
    b'event: response.completed\ndata: {"type":"response.completed","sequence_number":2,"response":{"id":"r",'
    b'"status":"completed","model":"NAME","output":[],"tools":[{"model":"up"}]}}\n\n',
    "gemini": b'data: {"candidates":[{"content":{"role":"model","parts":[{"text":"model"}]},"finishReason":"STOP"}],'
    b'"modelVersion":"NAME"}\n\n',
}


@pytest.mark.parametrize("size", [1, 7, 10000])
@pytest.mark.parametrize("dialect", FRAMES)
def test_streams(dialect: str, size: int) -> None:
    sent = FRAMES[dialect].replace(b"NAME", b"up")
    asked = Asked("mine", True, 1, "ab")
    pump = Renamed(Relay(DIALECTS[dialect], asked), DIALECTS[dialect], "mine", streamed=True)
    got = b"".join(pump.feed(sent[at : at + size]) for at in range(0, len(sent), size)) + pump.finish()
    assert got == FRAMES[dialect].replace(b"NAME", b"mine")
    assert (pump.failure, pump.ended, pump.committed) == (None, True, True)


def test_an_array_and_an_answer_cut_short() -> None:
    sent = b'[{"candidates":[{"content":{"role":"model","parts":[{"text":"a"}]}}],\n  "modelVersion": "NAME"\n}\n'
    dialect = DIALECTS["gemini"]
    pump = Renamed(RelayedArray(dialect, Asked("mine", True, 1, "ab", array=True)), dialect, "mine", streamed=True)
    got = pump.feed(sent.replace(b"NAME", b"up")) + pump.finish(Failure(kind="upstream", message="cut"))
    assert got.startswith(sent.replace(b"NAME", b"mine"))
    assert json.loads(got)[-1]["error"]["message"] == "cut"
    assert pump.failure is not None


class _Answer(Relay):
    """A pump that gives one body at the end."""

    body = b""

    def feed(self, chunk: bytes) -> bytes:
        return b""

    def finish(self, cause: Failure | None = None) -> bytes:
        return self.body


@pytest.mark.parametrize(
    ("dialect", "sent", "expected"),
    [
        ("claude", b'{"content":[{"model":"up"}],"model":"up"}', b'{"content":[{"model":"up"}],"model":"mine"}'),
        ("gemini", b'{"modelVersion": "up"}', b'{"modelVersion":"mine"}'),
        ("gemini", b'{"model": "up"}', b'{"model": "up"}'),
        ("openai-chat", b"", b""),
    ],
)
def test_whole_answers(dialect: str, sent: bytes, expected: bytes) -> None:
    inner = _Answer(DIALECTS[dialect], Asked("mine", False, 1, "ab"))
    inner.body = sent
    pump = Renamed(inner, DIALECTS[dialect], "mine", streamed=False)
    assert pump.feed(b"x") + pump.finish() == expected
