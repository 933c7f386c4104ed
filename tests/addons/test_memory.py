"""What is remembered for clients that drop it, within which bounds, and for whom."""

import json
from typing import Any

from addons.authorize import Authorize
from addons.exchanges import Exchange
from addons.memory import Shelf
from tests.addons.scene import TWO_KEYS, Scene, scene
from translators.seals import account_mark

TOOLS = [{"type": "function", "function": {"name": "now"}}]
ASK = {"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "Go."}], "tools": TOOLS}
ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "EqQBsig=="},
        {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {"zone": "UTC"}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 9},
}
CALL = {"id": "toolu_1", "type": "function", "function": {"name": "now", "arguments": '{ "zone": "UTC" }'}}
NEXT = ASK | {
    "messages": [
        *ASK["messages"],  # type: ignore[misc]  # a dict of several kinds of values
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "toolu_1", "content": "noon"},
    ]
}
TWO_CODEX = """
codex-api-key:
  - {api-key: sk-codex-number-one, base-url: "http://one.test/v1"}
  - {api-key: sk-codex-number-two, base-url: "http://two.test/v1"}
"""


async def answered(here: Scene, path: str, body: Any, answer: Any = None) -> Exchange:
    """An exchange whose upstream gave `answer`; None: as far as the sending."""
    exchange = here.open(path, body)
    await Authorize(here.exchanges, here.memory).cliproxy_attempt(exchange.flow)
    assert exchange.wire is not None, exchange.refusal
    if answer is not None:
        exchange.pump = exchange.wire.make_pump(False)
        said = json.dumps(answer).encode()
        exchange.attempt.raw.add(said)
        exchange.pump.feed(said)
        assert exchange.pump.finish(), exchange.pump.failure
        here.memory.response(exchange.flow)
    return exchange


def sent(exchange: Exchange) -> Any:
    assert exchange.wire is not None
    return json.loads(exchange.wire.body)


async def test_a_chat_client_gets_back_what_it_dropped() -> None:
    with scene(TWO_KEYS) as here:
        await answered(here, "/v1/chat/completions", ASK, ANSWER)
        exchange = await answered(here, "/v1/chat/completions", NEXT)
        assert sent(exchange)["messages"][1] == {"role": "assistant", "content": ANSWER["content"]}
        assert next((one.rule, one.path) for one in exchange.ledger.applied) == ("remembered", "$.messages[1]")


async def test_a_stream_is_remembered_too() -> None:
    with scene(TWO_KEYS) as here:
        exchange = await answered(here, "/v1/chat/completions", ASK | {"stream": True})
        assert exchange.wire is not None
        exchange.pump = exchange.wire.make_pump(True)
        thinking, call = ANSWER["content"]  # type: ignore[misc]
        lines: list[Any] = [
            {"type": "message_start", "message": ANSWER | {"content": [], "stop_reason": None}},
            {"type": "content_block_start", "index": 0, "content_block": thinking},
            {"type": "content_block_stop", "index": 0},
            {"type": "content_block_start", "index": 1, "content_block": call | {"input": {}}},  # type: ignore[operator]
            {
                "type": "content_block_delta",
                "index": 1,
                "delta": {"type": "input_json_delta", "partial_json": '{"zone":"UTC"}'},
            },
            {"type": "content_block_stop", "index": 1},
            {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
            {"type": "message_stop"},
        ]
        exchange.pump.feed(b"".join(b"data: " + json.dumps(line).encode() + b"\n\n" for line in lines))
        exchange.pump.finish()
        here.memory.response(exchange.flow)
        assert sent(await answered(here, "/v1/chat/completions", NEXT))["messages"][1]["content"] == ANSWER["content"]


async def test_an_edited_turn_is_the_clients_own() -> None:
    """Another argument, another text, another question before it: nothing is put back."""
    with scene(TWO_KEYS) as here:
        await answered(here, "/v1/chat/completions", ASK, ANSWER)
        for old, new in (("UTC", "CET"), ('"content": ""', '"content": "Aha."'), ("Go.", "Stop.")):
            edited = json.loads(json.dumps(NEXT).replace(old, new))
            said = sent(await answered(here, "/v1/chat/completions", edited))["messages"][1]["content"]
            assert "thinking" not in [block["type"] for block in said], (old, new)


async def test_nobody_gets_what_another_caller_was_told() -> None:
    keys = "\napi-keys: [first-client-key, other-client-key]\n"
    with scene(TWO_KEYS + keys) as here:
        mine, others = ({"authorization": f"Bearer {name}-client-key"} for name in ("first", "other"))
        exchange = here.open("/v1/chat/completions", ASK, mine)
        assert exchange.caller
        authorize = Authorize(here.exchanges, here.memory)
        await authorize.cliproxy_attempt(exchange.flow)
        assert exchange.wire is not None
        exchange.pump = exchange.wire.make_pump(False)
        exchange.pump.feed(json.dumps(ANSWER).encode())
        exchange.pump.finish()
        here.memory.response(exchange.flow)
        for headers, blocks in ((others, 1), (mine, 2)):
            again = here.open("/v1/chat/completions", NEXT, headers)
            await authorize.cliproxy_attempt(again.flow)
            assert len(sent(again)["messages"][1]["content"]) == blocks


async def test_clients_that_carry_their_seals_need_no_memory() -> None:
    with scene(TWO_KEYS) as here:
        body = {"model": "claude-sonnet-4-5", "input": "Go."}
        await answered(here, "/v1/responses", body, ANSWER)
        assert len(here.memory.answers) == 0


def test_a_shelf_is_bounded_by_count_size_and_age() -> None:
    shelf: Shelf[str] = Shelf(count=3, size=10, age=5)
    for number in range(5):
        shelf.put(f"k{number}", str(number), 1, now=number)
    assert [shelf.get(f"k{number}", 4) for number in range(5)] == [None, None, "2", "3", "4"]
    shelf.put("large", "x", 9, now=5)
    assert (len(shelf), shelf.size) == (2, 10)
    shelf.put("huge", "x", 11, now=5)
    assert len(shelf) == 0
    shelf.put("old", "x", 1, now=0)
    assert shelf.get("old", 4) == "x"  # asked for, it stays young
    assert shelf.get("old", 9) == "x"
    assert shelf.get("old", 14.5) is None


# --- seals that bind an account -------------------------------------------------------------------------------------

REASONING = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAAAABone"}
FUNCTION = {"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "now", "arguments": "{}"}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "gpt-x",
    "output": [REASONING, FUNCTION],
    "usage": {"input_tokens": 3, "output_tokens": 9, "total_tokens": 12},
}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "ok"}


async def test_the_account_that_made_the_seals_is_asked_again() -> None:
    with scene(TWO_CODEX) as here:
        first = await answered(here, "/v1/responses", {"model": "gpt-5.2", "input": "Go."}, RESPONSE)
        assert first.lease is not None
        body = {"model": "gpt-5.2", "input": [{"role": "user", "content": "Go."}, REASONING, FUNCTION, OUTPUT]}
        for _ in range(3):
            again = await answered(here, "/v1/responses", body)
            assert again.lease is not None
            assert again.lease.credential.id == first.lease.credential.id
            assert sent(again)["input"][1] == REASONING


async def test_another_account_gets_no_seal_it_cannot_open() -> None:
    with scene(TWO_CODEX) as here:
        first = await answered(here, "/v1/responses", {"model": "gpt-5.2", "input": "Go."}, RESPONSE)
        assert first.lease is not None
        here.settings.runtime.pool.cool(first.lease.credential.id, 60, first.lease.at)
        body = {"model": "gpt-5.2", "input": [{"role": "user", "content": "Go."}, REASONING, FUNCTION, OUTPUT]}
        other = await answered(here, "/v1/responses", body)
        assert [item.get("type") for item in sent(other)["input"]] == [None, "function_call", "function_call_output"]
        assert [loss.reason for loss in other.ledger.losses] == ["reasoning of another account"]


async def test_the_envelope_tells_whose_account_and_names_none() -> None:
    """A Claude client carries OpenAI's seals: they go back to the account that made them, and to no other."""
    with scene(TWO_CODEX) as here:
        ask = {"model": "gpt-5.2", "max_tokens": 99, "messages": [{"role": "user", "content": "Go."}]}
        first = here.open("/v1/messages", ask)
        authorize = Authorize(here.exchanges, here.memory)
        await authorize.cliproxy_attempt(first.flow)
        assert first.wire is not None
        assert first.lease is not None
        pump = first.wire.make_pump(False)
        pump.feed(json.dumps(RESPONSE).encode())
        content = json.loads(pump.finish())["content"]
        made = first.lease.credential
        assert made.id not in str(content)
        assert made.label not in str(content)
        results = [{"type": "tool_result", "tool_use_id": "c1", "content": "ok"}]
        turns = [{"role": "assistant", "content": content}, {"role": "user", "content": results}]
        body = ask | {"messages": [*ask["messages"], *turns]}  # type: ignore[misc]
        again = await answered(here, "/v1/messages", body)
        assert again.lease is not None
        assert again.lease.credential.id == made.id
        assert sent(again)["input"][1]["encrypted_content"] == "gAAAAABone"
        here.settings.runtime.pool.cool(made.id, 60, first.lease.at)
        other = await answered(here, "/v1/messages", body)
        assert "gAAAA" not in json.dumps(sent(other))
        assert "thinking of another account" in [loss.reason for loss in other.ledger.losses]
        assert account_mark(made.id) == account_mark(made.id) != account_mark(made.id + "x")
