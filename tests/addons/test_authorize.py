"""Attempt by attempt: who tries next, what is sent, and what a failure means."""

import asyncio
import io
import json
from typing import Any

import pytest
from mitmproxy.http import Response
from mitmproxy.io import FlowReader, FlowWriter

from addons.authorize import Authorize
from addons.exchanges import Exchange
from addons.record import Record
from tests.addons.scene import LAB, TWO_KEYS, Scene, scene
from translators.model import Failure

ASK = {"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
SECRETS = ("sk-secret-number-one", "sk-secret-number-two", "lab-secret-key")


async def attempt(here: Scene, exchange: Exchange, failure: Failure | None = None) -> Exchange:
    """One question of the engine's, after the failure of the attempt before."""
    if failure is not None:
        exchange.attempt.failure = failure
    exchange.wire = None
    await Authorize(here.exchanges, here.memory).cliproxy_attempt(exchange.flow)
    return exchange


async def test_the_next_credential_after_a_refusal() -> None:
    with scene(TWO_KEYS + "\nrequest-retry: 0") as here:
        exchange = await attempt(here, here.open("/v1/messages", ASK))
        assert exchange.wire is not None
        first = exchange.wire.host
        await attempt(here, exchange, Failure(kind="rate_limit", message="slow down", status=429))
        assert exchange.wire is not None
        assert {first, exchange.wire.host} == {"one.test", "two.test"}
        await attempt(here, exchange, Failure(kind="rate_limit", message="slow down", status=429))
        assert exchange.wire is None
        assert exchange.refusal is not None
        assert [one.number for one in exchange.attempts] == [1, 2]
        assert all(one.verdict for one in exchange.attempts)


async def test_the_clients_own_fault_ends_at_once() -> None:
    with scene(TWO_KEYS) as here:
        exchange = await attempt(here, here.open("/v1/messages", ASK))
        fault = Failure(kind="invalid", message="messages: too short", status=400)
        await attempt(here, exchange, fault)
        assert exchange.refusal == fault
        assert len(exchange.attempts) == 1


async def test_everybody_rests() -> None:
    with scene(TWO_KEYS) as here:
        for _ in range(2):
            exchange = await attempt(here, here.open("/v1/messages", ASK))
            if exchange.wire is not None:
                await attempt(here, exchange, Failure(kind="quota", message="spent", status=429, retry_after=900))
                await attempt(here, exchange, Failure(kind="quota", message="spent", status=429, retry_after=900))
        assert exchange.refusal is not None
        assert exchange.refusal.kind == "cooling"
        assert exchange.refusal.retry_after is not None
        assert 0 < exchange.refusal.retry_after <= 900
        assert exchange.attempts == []


async def test_an_unknown_model_is_told() -> None:
    with scene(TWO_KEYS) as here:
        exchange = await attempt(here, here.open("/v1/messages", ASK | {"model": "nobody-knows-it"}))
        assert exchange.refusal is not None
        assert (exchange.refusal.kind, exchange.refusal.origin) == ("model", "cliproxy")


async def test_the_wire_has_the_secret_and_the_record_a_label() -> None:
    with scene(LAB) as here:
        body = {"model": "x", "messages": [{"role": "user", "content": "héllo"}]}
        exchange = await attempt(here, here.open("/v1/chat/completions", body, {"authorization": "Bearer mine"}))
        wire, told = exchange.wire, exchange.attempt
        assert wire is not None
        assert (wire.scheme, wire.host, wire.port, wire.path) == ("http", "lab.test", 80, "/v1/chat/completions")
        headers = dict(wire.headers)
        assert headers[b"authorization"] == b"Bearer lab-secret-key"
        assert headers[b"content-length"] == str(len(wire.body)).encode()
        assert headers[b"host"] == b"lab.test"
        assert json.loads(wire.body) == body | {"model": "gpt-x"}
        assert told.body == wire.body
        assert not any(secret in str(told.headers) for secret in (*SECRETS, "mine"))
        assert [name for name, _ in told.headers] == [name.decode() for name in headers]


async def test_another_dialect_is_translated() -> None:
    with scene(LAB) as here:
        body = {"model": "x", "max_tokens": 9, "top_k": 3, "messages": [{"role": "user", "content": "hi"}]}
        exchange = await attempt(here, here.open("/v1/messages", body))
        assert exchange.wire is not None
        sent = json.loads(exchange.wire.body)
        assert sent["model"] == "gpt-x"
        assert sent["messages"][-1]["role"] == "user"
        assert exchange.attempt.dialect == "openai-chat"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/messages", {"model": "x", "max_tokens": 9, "messages": "none"}),
        ("/v1/responses", {"model": "x", "input": "hi", "previous_response_id": "resp_1"}),
        ("/v1/responses", {"model": "x", "input": "hi", "background": True}),
    ],
)
async def test_what_cannot_be_translated_is_refused_and_costs_nobody(path: str, body: dict[str, Any]) -> None:
    with scene(LAB) as here:
        exchange = await attempt(here, here.open(path, body))
        assert exchange.wire is None
        assert exchange.refusal is not None
        assert (exchange.refusal.kind, exchange.refusal.origin) == ("invalid", "cliproxy")
        again = await attempt(here, here.open("/v1/chat/completions", {"model": "x", "messages": []}))
        assert again.wire is not None  # the credential is free and rested


async def test_strict_refuses_what_would_change_the_answer() -> None:
    body = {"model": "x", "input": "hi", "tools": [{"type": "file_search", "vector_store_ids": ["vs"]}]}
    with scene(LAB) as here:
        lenient = await attempt(here, here.open("/v1/responses", body))
        assert lenient.wire is not None
        assert any(loss.semantic for loss in lenient.ledger.losses)
    with scene(LAB + "\nstrict: true") as here:
        exchange = await attempt(here, here.open("/v1/responses", body))
        assert exchange.wire is None
        assert exchange.refusal is not None
        assert "strict" in exchange.refusal.message


@pytest.mark.parametrize(
    ("path", "body", "at"),
    [
        (
            "/v1/messages",
            ASK | {"model": "x", "messages": [{"role": "user", "content": [
                {"type": "document", "source": {"type": "url", "url": "https://a.test/a.pdf"}}]}]},
            "$.messages[0].content[0]",
        ),
        (
            "/v1beta/models/x:generateContent",
            {"contents": [{"role": "user", "parts": [{"fileData": {"fileUri": "gs://b/c", "mimeType": "image/png"}}]}]},
            "$.contents[0].parts[0]",
        ),
        ("/v1/completions", {"model": "x", "prompt": "a", "suffix": "z"}, "$.suffix"),
    ],
)  # fmt: skip
async def test_strict_answers_400_in_the_clients_dialect(path: str, body: dict[str, Any], at: str) -> None:
    with scene(LAB + "\nstrict: true") as here:
        exchange = await attempt(here, here.open(path, body))
        assert exchange.wire is None  # nothing was sent
        assert exchange.refusal is not None
        status, said = exchange.client.write_failure(exchange.refusal, exchange.asked)
        assert status == 400
        assert at in said.decode()
    with scene(LAB + "\nstrict: true") as here:
        harmless = await attempt(here, here.open("/v1/messages", ASK | {"model": "x", "top_k": 5}))
        assert harmless.wire is not None
        assert harmless.ledger.losses


async def test_the_demo_answers_in_another_dialect() -> None:
    with scene() as here:
        exchange = await attempt(here, here.open("/v1/messages", ASK | {"model": "demo-text", "stream": True}))
        assert exchange.wire is not None
        assert exchange.wire.scheme == "local"
        assert exchange.attempt.dialect == "openai-chat"
        assert exchange.lease is None
        await attempt(here, exchange, Failure(kind="server", message="broke"))
        assert exchange.refusal is not None


# --- what stays -----------------------------------------------------------------------------------------------------


async def over(here: Scene, exchange: Exchange) -> None:
    """The answer is out: the hooks that follow."""
    exchange.flow.response = Response.make(200, b"{}")
    for addon in (Authorize(here.exchanges, here.memory), Record(here.exchanges)):
        addon.response(exchange.flow)


async def test_the_record_tells_the_story_without_secrets() -> None:
    with scene(TWO_KEYS + LAB) as here:
        exchange = await attempt(here, here.open("/v1/messages", ASK))
        await attempt(here, exchange, Failure(kind="rate_limit", message="slow down", status=429))
        exchange.attempt.status = 200
        exchange.attempt.raw.add(b"event: x\n\n")
        exchange.emitted.add(b"said")
        await over(here, exchange)
        flow = exchange.flow
        assert len(here.exchanges) == 0
        assert flow.comment.startswith("claude · ")
        assert " → " in flow.comment
        kept = flow.metadata["cliproxy"]
        assert [one["number"] for one in kept["attempts"]] == [1, 2]
        assert kept["attempts"][0]["failure"] == ["upstream", "rate_limit", "slow down"]
        assert kept["attempts"][1]["raw"] == b"event: x\n\n"
        assert kept["emitted"] == b"said"
        written = io.BytesIO()
        FlowWriter(written).add(flow)
        assert not any(secret.encode() in written.getvalue() for secret in SECRETS)
        written.seek(0)
        (read,) = FlowReader(written).stream()
        assert read.metadata["cliproxy"]["attempts"][1]["provider"] == kept["attempts"][1]["provider"]


async def test_a_client_that_leaves_costs_the_credential_nothing() -> None:
    with scene(LAB) as here:
        exchange = await attempt(here, here.open("/v1/chat/completions", {"model": "x", "messages": []}))
        for addon in (Authorize(here.exchanges, here.memory), Record(here.exchanges)):
            addon.error(exchange.flow)
        assert len(here.exchanges) == 0
        assert exchange.flow.metadata["cliproxy"]["attempts"][0]["failure"] == []
        again = await attempt(here, here.open("/v1/chat/completions", {"model": "x", "messages": []}))
        assert again.wire is not None


async def test_a_break_under_way_is_reported() -> None:
    with scene(LAB) as here:
        exchange = await attempt(here, here.open("/v1/chat/completions", {"model": "x", "messages": []}))
        exchange.attempt.failure = Failure(kind="quota", message="spent", status=429, retry_after=600)
        Authorize(here.exchanges, here.memory).error(exchange.flow)
        again = await attempt(here, here.open("/v1/chat/completions", {"model": "x", "messages": []}))
        assert again.refusal is not None
        assert again.refusal.kind == "cooling"


async def test_a_flow_without_an_exchange_is_nobodys() -> None:
    with scene(LAB) as here:
        flow = here.ask("GET", "/healthz")
        authorize = Authorize(here.exchanges, here.memory)
        await asyncio.wait_for(authorize.cliproxy_attempt(flow), 5)
        authorize.response(flow)
        Record(here.exchanges).response(flow)
        assert "cliproxy" not in flow.metadata


TURNS = [
    {"role": "user", "content": "one"},
    {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "a", "signature": "past"}, {"type": "text", "text": "A"}],
    },
    {"role": "user", "content": "two"},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "b", "signature": "open"},
            {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        ],
    },
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "ok"}]},
]
SIGNATURE = Failure(kind="invalid", message="messages.1.content.0: Invalid `signature` in `thinking` block", status=400)


async def test_refused_seals_are_left_out_and_nobody_is_blamed() -> None:
    """First those of finished turns, then all of them; then the client is told."""
    with scene(TWO_KEYS) as here:
        body = ASK | {"messages": TURNS, "thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}
        exchange = await attempt(here, here.open("/v1/messages", body))
        assert exchange.wire is not None
        first = exchange.wire
        await attempt(here, exchange, SIGNATURE)
        assert exchange.wire is not None
        assert (exchange.wire.host, exchange.attempt.verdict) == (first.host, "")
        sent = json.loads(exchange.wire.body)
        assert [len(turn["content"]) for turn in sent["messages"][1::2]] == [1, 2]
        assert sent["messages"][3] == TURNS[3]
        assert "thinking" in sent
        assert [loss.path for loss in exchange.ledger.losses] == ["$.messages[1].content[0]"]
        await attempt(here, exchange, SIGNATURE)
        assert exchange.wire is not None
        assert b"signature" not in exchange.wire.body
        assert "thinking" not in json.loads(exchange.wire.body)  # a budget beside such a turn is refused
        await attempt(here, exchange, SIGNATURE)
        assert exchange.refusal == SIGNATURE
        assert [one.label for one in exchange.attempts] == [exchange.attempts[0].label] * 3
        rows = exchange.runtime.pool.states(0)
        assert [(row.state, row.failed) for row in rows] == [("ready", 0)] * len(rows)


async def test_refused_seals_where_there_are_none_are_the_clients_to_know() -> None:
    with scene(TWO_KEYS) as here:
        exchange = await attempt(here, here.open("/v1/messages", ASK))
        await attempt(here, exchange, SIGNATURE)
        assert exchange.refusal == SIGNATURE
        assert len(exchange.attempts) == 1


async def test_a_mapped_model_is_named_as_the_client_named_it() -> None:
    config = """
claude-api-key:
  - {api-key: sk-one, models: [{name: up, alias: mine, force-mapping: true}, {name: up, alias: other}]}
"""
    said = (
        b'{"type":"message","id":"m","role":"assistant","model":"up","content":[],"stop_reason":"end_turn","usage":{}}'
    )
    with scene(config) as here:
        for asked, told in (("mine", "mine"), ("mine(high)", "mine(high)"), ("other", "up")):
            exchange = await attempt(here, here.open("/v1/messages", ASK | {"model": asked}))
            assert exchange.wire is not None
            assert json.loads(exchange.wire.body)["model"] == "up"
            pump = exchange.wire.make_pump(False)
            assert json.loads(pump.feed(said) + pump.finish())["model"] == told
