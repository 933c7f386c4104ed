"""The variants of Responses: Codex's streams for Responses clients, and Grok's models that paint."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators import exchange
from translators.dialect import Aim, Asked
from translators.losses import Ledger
from translators.pump import Pump
from translators.registry import DIALECTS, SPOKEN

RESPONSES, CODEX = DIALECTS["openai-responses"], DIALECTS["codex"]
ITEM = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": "Hello", "annotations": []}]}  # fmt: skip
COMPLETED = {"id": "r", "status": "completed", "output": [], "novelty": 1.5}
EVENTS = [
    {"type": "codex.rate_limits", "rate_limits": {"primary": {"used_percent": 42}}},
    {"type": "response.created", "response": {"id": "r", "status": "in_progress", "output": []}},
    {"type": "response.output_item.added", "output_index": 0, "item": ITEM | {"content": []}},
    {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": 'a "codex.x'},
    {"type": "codex.response.metadata", "headers": {}},
    {"type": "response.output_item.done", "output_index": 0, "item": ITEM},
    {"type": "response.completed", "response": COMPLETED},
]


def wire(events: list[dict[str, object]]) -> bytes:
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event, separators=(',', ':'))}\n\n".encode() for event in events
    )


def pump(stream: bool, streamed: bool = True) -> Pump:
    return exchange.pump(RESPONSES, CODEX, Asked("m", stream, 1, "5eed"), {}, streamed=streamed)


def said(made: Pump, raw: bytes, size: int) -> bytes:
    return b"".join(made.feed(raw[at : at + size]) for at in range(0, len(raw), size)) + made.finish()


LAST = {"type": "response.completed", "response": COMPLETED | {"output": [ITEM]}}
EXPECTED = wire([EVENTS[1], EVENTS[2], EVENTS[3], EVENTS[5], LAST])


@given(size=st.integers(1, 400), crlf=st.booleans())
def test_a_stream_passes_without_what_only_codex_knows(size: int, crlf: bool) -> None:
    raw = wire(EVENTS).replace(b"\n", b"\r\n") if crlf else wire(EVENTS)
    made = pump(stream=True)
    assert said(made, raw, size).replace(b"\r\n", b"\n") == EXPECTED
    assert (made.failure, made.ended) == (None, True)


@given(size=st.integers(1, 400))
def test_a_whole_answer_is_the_last_events_response(size: int) -> None:
    made = pump(stream=False)
    got = json.loads(said(made, wire(EVENTS), size))
    assert got == {"id": "r", "status": "completed", "output": [ITEM], "novelty": 1.5}
    assert made.ended


def test_items_without_an_index_come_last_and_an_output_stays() -> None:
    second = ITEM | {"id": "msg_2"}
    loose = {"type": "response.output_item.done", "item": second}
    got = json.loads(said(pump(stream=False), wire([*EVENTS[:3], loose, *EVENTS[5:]]), 99))
    assert [item["id"] for item in got["output"]] == ["msg_1", "msg_2"]
    kept = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": [second]}}
    got = json.loads(said(pump(stream=False), wire([*EVENTS[:6], kept]), 99))
    assert [item["id"] for item in got["output"]] == ["msg_2"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_cut_stream_is_a_failure(stream: bool) -> None:
    made = pump(stream=stream)
    out = said(made, wire(EVENTS[:4]), 50)
    assert made.failure is not None
    assert made.failure.kind == "truncated"
    assert bool(out) is stream


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_inside_the_stream_can_go_elsewhere(stream: bool) -> None:
    error = {"type": "usage_limit_reached", "message": "limit", "resets_in_seconds": 60}
    failed = {"type": "response.failed", "response": {"id": "r", "status": "failed", "error": error}}
    made = pump(stream=stream)
    assert said(made, wire([EVENTS[0], EVENTS[1], failed]), 50) == b""
    assert made.failure is not None
    assert (made.committed, made.failure.kind, made.failure.retry_after) == (False, "quota", 60)


@pytest.mark.parametrize("stream", [False, True])
def test_a_whole_answer_where_a_stream_was_due(stream: bool) -> None:
    whole = json.dumps(
        {"id": "r", "object": "response", "status": "completed", "model": "m", "output": [ITEM]}
    ).encode()
    made = pump(stream=stream, streamed=False)
    out = said(made, whole, 50)
    assert made.ended
    assert (b"response.completed" in out) if stream else out == whole


def test_variants_are_no_clients_dialects() -> None:
    assert {"codex", "xai"}.isdisjoint(SPOKEN)
    assert CODEX.passes("openai-responses")
    assert not CODEX.passes("openai-chat")
    assert not DIALECTS["xai"].passes("openai-responses")


@pytest.mark.parametrize(
    ("model", "paints"),
    [
        ("grok-4.6", True),
        ("grok-5.0", True),
        ("grok-4.5", False),
        ("grok-4.20-0309-reasoning", False),
        ("grok-3-mini", False),
    ],
)
def test_models_that_paint(model: str, paints: bool) -> None:
    body = json.dumps({"model": model, "input": "x", "tools": [{"type": "image_generation"}], "tool_choice": "auto",
                       "parallel_tool_calls": True}).encode()  # fmt: skip
    ledger = Ledger()
    request = RESPONSES.read_request(body, "", None, ledger)
    aim = Aim(model, "xai", "xai", stream=False, official=False)
    written = json.loads(DIALECTS["xai"].write_request(request, aim, ledger).body)
    assert ("tools" in written) is paints
    assert ("tool_choice" in written) is paints
    assert any(loss.semantic for loss in ledger.losses) is not paints
