"""What the steps of single providers change in a body, and what they leave as it is."""

import hashlib
import hmac
import json
from typing import Any

import pytest

from providers import catalog
from providers.catalog import UnknownProvider
from providers.chat_steps import kimi_name
from providers.places import ACCOUNTS, placed
from providers.refusals import REFUSALS
from providers.sending import Sending
from providers.signatures import SIGNATURES
from providers.steps import STEPS, count_contents
from translators.dialect import Levels, Outgoing, Traits
from translators.errors import Unreadable, Unwritable
from translators.losses import Ledger

CATALOG = catalog.load()
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def step(name: str, body: Any, **about: Any) -> tuple[Any, Outgoing, Ledger]:
    """The body after a step, with its headers and what it told."""
    ledger = Ledger()
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    outgoing = STEPS[name](Outgoing(raw), Sending(ledger=ledger, **about))
    return json.loads(outgoing.body), outgoing, ledger


def test_what_the_data_names_exists():
    for provider in CATALOG.providers.values():
        for one in (provider, provider.oauth, *provider.clients.values()):
            if one is None:
                continue
            assert set(one.steps) <= set(STEPS)
            assert {one.refusals} <= {"", *REFUSALS}
            assert {one.signature} <= {"", *SIGNATURES}
            assert {one.account} <= {"", *ACCOUNTS}
            assert {name for lists in one.plans.values() for name in lists} <= set(CATALOG.lists)


# --- Codex ------------------------------------------------------------------------------------------------------------

FIXED = {"stream": True, "store": False, "instructions": "", "include": ["reasoning.encrypted_content"]}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"input": "hi"},
            {"input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}]},
        ),
        ({"input": [{"role": "system", "content": "x"}]}, {"input": [{"role": "developer", "content": "x"}]}),
        ({"input": [], "instructions": None}, {"input": []}),
        ({"input": [], "service_tier": "flex", "stream_options": {"include_obfuscation": True}}, {"input": []}),
        ({"input": [], "service_tier": "priority"}, {"input": [], "service_tier": "priority"}),
        (
            {"input": [], "stream_options": {"reasoning_summary_delivery": "sync", "x": 1}},
            {"input": [], "stream_options": {"reasoning_summary_delivery": "sync"}},
        ),
        (
            {"input": [], "include": ["file_search_call.results"]},
            {"input": [], "include": ["file_search_call.results", "reasoning.encrypted_content"]},
        ),
        ({"input": [], "tools": [], "parallel_tool_calls": True}, {"input": [], "tools": []}),
        (
            {
                "input": [],
                "tools": [{"type": "web_search_preview"}],
                "tool_choice": {"type": "web_search_preview_2025_03_11"},
            },
            {
                "input": [],
                "tools": [{"type": "web_search"}],
                "tool_choice": {"type": "web_search"},
                "parallel_tool_calls": True,
            },
        ),
        (
            {"input": [], "tools": [{"type": "function", "name": "web_search_preview"}], "parallel_tool_calls": False},
            {"input": [], "tools": [{"type": "function", "name": "web_search_preview"}], "parallel_tool_calls": False},
        ),
        (
            {"input": [], "tool_choice": {"type": "allowed_tools", "tools": [{"type": "web_search_preview"}]}},
            {"input": [], "tool_choice": {"type": "allowed_tools", "tools": [{"type": "web_search"}]}},
        ),
        (
            {
                "input": [
                    {"role": "user", "content": [{"type": "input_text", "text": "x", "prompt_cache_breakpoint": {}}]}
                ]
            },
            {"input": [{"role": "user", "content": [{"type": "input_text", "text": "x"}]}]},
        ),
        (
            {
                "input": [
                    {"type": "reasoning", "id": "r" * 65, "encrypted_content": "gAAAA"},
                    {"role": "user", "content": "x"},
                ]
            },
            {"input": [{"role": "user", "content": "x"}]},
        ),
    ],
)
def test_codex_bodies(body, expected):
    changed, _, _ = step("codex", {"model": "m"} | body)
    assert changed == {"model": "m"} | FIXED | expected


def test_codex_shortens_long_ids_to_different_ones():
    items = [{"type": "message", "id": f"msg_{'x' * 80}{n}", "role": "user", "content": "x"} for n in range(2)]
    changed, _, ledger = step("codex", {"input": items})
    names = [item["id"] for item in changed["input"]]
    assert all(len(name) == 64 and name.startswith("msg_xx") for name in names)
    assert names[0] != names[1]
    assert [one.rule for one in ledger.applied] == ["item-id"] * 2


def test_codex_leaves_items_byte_for_byte():
    raw = b'{"input":[ {"type":"message", "role":"user","content":"h\\u00e9","n":1.00} ]}'
    outgoing = STEPS["codex"](Outgoing(raw), Sending())
    assert b'[ {"type":"message", "role":"user","content":"h\\u00e9","n":1.00} ]' in outgoing.body


def test_codex_needs_an_object():
    with pytest.raises(Unreadable):
        step("codex", b"[]")
    with pytest.raises(Unwritable, match="whole history"):
        step("codex", {"previous_response_id": "resp_1", "input": []})


def test_the_session_of_codex():
    _, made, _ = step("codex", {"input": []}, session="s-1", translated=True)
    assert (made.headers, json.loads(made.body)["prompt_cache_key"]) == ({"session-id": "s-1"}, "s-1")
    _, own, _ = step("codex", {"input": [], "prompt_cache_key": "mine"}, client={"session_id": "mine"})
    assert own.headers == {}
    _, other, _ = step(
        "codex", {"input": [], "prompt_cache_key": "k"}, client={"session_id": "not passed"}, translated=True
    )
    assert other.headers == {"session-id": "k"}


# --- Kimi -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("kimi-k2.5", "k2.5"),
        ("kimi-k3[1m]", "k3"),
        ("kimi-k2.7-code", "kimi-for-coding"),
        ("k2.5", "k2.5"),
        ("kimi-for-coding", "kimi-for-coding"),
        ("for-coding-highspeed", "kimi-for-coding-highspeed"),
        ("kimi-k2.7-code-highspeed", "kimi-for-coding-highspeed"),
        ("kimi-k3-256k", "k3-256k"),
    ],
)
def test_names_at_kimi(model, name):
    assert kimi_name(model) == name
    assert step("kimi_model", {"model": "x"}, model=model)[0] == {"model": name}


def said(*assistant: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": "x"}, *({"role": "assistant"} | one for one in assistant)]


@pytest.mark.parametrize(
    ("messages", "reasoning"),
    [
        (said({"tool_calls": [CALL], "reasoning_content": "own"}), ["own"]),
        (said({"content": "a", "reasoning_content": "before"}, {"tool_calls": [CALL]}), ["before", "before"]),
        (said({"content": "I look.", "tool_calls": [CALL]}), ["I look."]),
        (
            said({"content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}], "tool_calls": [CALL]}),
            ["one\n\ntwo"],
        ),
        (said({"content": "", "tool_calls": [CALL]}), ["[reasoning unavailable]"]),
        (said({"content": "no calls"}), [None]),
    ],
)
def test_kimi_wants_reasoning_beside_calls(messages, reasoning):
    changed, _, _ = step("kimi", {"messages": messages})
    assert [one.get("reasoning_content") for one in changed["messages"] if one["role"] == "assistant"] == reasoning


def test_kimi_tool_messages_and_empty_ones():
    messages = [
        *said({"content": "", "tool_calls": []}, {"content": "x", "tool_calls": [CALL]}),
        {"role": "tool", "content": "only one"},
        {"role": "assistant", "tool_calls": [CALL | {"id": "c2"}, CALL | {"id": "c3"}]},
        {"role": "tool", "call_id": "c3", "content": "y"},
        {"role": "tool", "content": "the other"},
        {"role": "tool", "content": "whose?"},
    ]
    changed, _, ledger = step("kimi", {"messages": messages})
    tools = [one for one in changed["messages"] if one["role"] == "tool"]
    assert [one.get("tool_call_id") for one in tools] == ["c1", "c3", "c2", None]
    assert "call_id" not in tools[1]
    assert [loss.path for loss in ledger.losses] == ["$.messages[1]"]


LOW_HIGH = Traits(known=True, thinking=Levels(zero=True, names=("low", "high")))


@pytest.mark.parametrize(
    ("said_in_body", "traits", "thinking"),
    [
        ({"reasoning_effort": "medium"}, LOW_HIGH, {"type": "enabled", "effort": "low"}),
        ({"reasoning_effort": "none"}, LOW_HIGH, {"type": "disabled"}),
        (
            {"reasoning_effort": "none"},
            Traits(known=True, thinking=Levels(names=("low", "max"))),
            {"type": "enabled", "effort": "low"},
        ),
        ({"reasoning_effort": "xhigh"}, Traits(), {"type": "enabled", "effort": "xhigh"}),
        ({"reasoning_effort": "high"}, Traits(known=True), None),
        ({"thinking": {"type": "enabled"}, "reasoning_effort": "low"}, LOW_HIGH, {"type": "enabled"}),
        ({}, LOW_HIGH, None),
    ],
)
def test_thinking_at_kimi(said_in_body, traits, thinking):
    changed, _, ledger = step("kimi", {"messages": [], **said_in_body}, traits=traits)
    assert changed.get("thinking") == thinking
    assert "reasoning_effort" not in changed
    assert bool(ledger.losses) is (traits.known and traits.thinking is None)


def test_kimi_is_told_the_conversation():
    assert step("kimi", {"messages": []}, session="s")[0]["prompt_cache_key"] == "s"
    assert step("kimi", {"messages": [], "prompt_cache_key": "own"}, session="s")[0]["prompt_cache_key"] == "own"
    with pytest.raises(Unreadable):
        step("kimi", {"messages": "x"})


# --- Qwen, iFlow ------------------------------------------------------------------------------------------------------


def test_qwen_wants_a_system_message_and_a_tool_in_streams():
    changed, _, ledger = step("qwen", {"messages": said()}, stream=True)
    assert [one["role"] for one in changed["messages"]] == ["system", "user"]
    assert len(changed["tools"]) == 1
    assert [one.rule for one in ledger.applied] == ["system-first", "tool-placeholder"]
    own = {"messages": [{"role": "system", "content": "x"}], "tools": [{"type": "function"}]}
    assert step("qwen", own, stream=True)[0] == own
    assert "tools" not in step("qwen", {"messages": said()})[0]
    changed, _, ledger = step("qwen", own | {"reasoning_effort": "low"}, traits=Traits(known=True))
    assert (changed, len(ledger.losses)) == (own, 1)


ON_OFF = Traits(known=True, thinking=Levels(zero=True, names=("none", "low", "high")))


@pytest.mark.parametrize(
    ("model", "effort", "written"),
    [
        ("glm-4.6", "high", {"chat_template_kwargs": {"enable_thinking": True, "clear_thinking": False}}),
        ("glm-5", "none", {"chat_template_kwargs": {"enable_thinking": False}}),
        ("deepseek-v3.2", "low", {"chat_template_kwargs": {"enable_thinking": True}}),
        ("qwen3-max-preview", "none", {"chat_template_kwargs": {"enable_thinking": False}}),
        ("minimax-m2", "low", {"reasoning_split": True}),
        ("minimax-m2.5", "none", {"reasoning_split": False}),
        ("kimi-k2.5", "high", {}),
        ("deepseek-v3.2-chat", "high", {}),
    ],
)
def test_thinking_at_iflow(model, effort, written):
    changed, _, ledger = step("iflow", {"messages": [], "reasoning_effort": effort}, model=model, traits=ON_OFF)
    assert changed == {"messages": []} | written
    assert bool(ledger.losses) is (written == {})


def test_iflow_bodies():
    kept = {"chat_template_kwargs": {"a": 1, "clear_thinking": True}, "reasoning_effort": "none", "messages": []}
    changed, _, _ = step("iflow", kept, model="glm-4.7", traits=ON_OFF)
    assert changed["chat_template_kwargs"] == {"a": 1, "enable_thinking": False}
    assert step("iflow", kept, model="mine")[0] == kept  # a model nobody knows
    assert len(step("iflow", {"messages": [], "tools": []}, stream=True)[0]["tools"]) == 1
    assert step("iflow", {"messages": [], "tools": []})[0]["tools"] == []


def test_the_signature_of_iflow():
    signed = SIGNATURES["iflow"]("key", {"user-agent": "cliproxy/1"}, "seed", 1772010000.1239)
    assert signed["x-iflow-timestamp"] == "1772010000123"
    said_there = f"cliproxy/1:{signed['session-id']}:1772010000123"
    assert signed["x-iflow-signature"] == hmac.new(b"key", said_there.encode(), hashlib.sha256).hexdigest()
    again = SIGNATURES["iflow"]("key", {"user-agent": "cliproxy/1"}, "seed", 9.0)
    assert again["session-id"] == signed["session-id"]


# --- Vertex, Claude ---------------------------------------------------------------------------------------------------


def test_a_count_at_vertex():
    expected = {"contents": [1], "systemInstruction": {}, "tools": []}
    inner = json.dumps({"model": "models/m", **expected, "generationConfig": {}, "safetySettings": []}).encode()
    assert json.loads(count_contents(b'{"generateContentRequest":' + inner + b"}")) == expected
    assert json.loads(count_contents(inner)) == expected
    assert step("count_contents", {"contents": [], "labels": {}})[0] == {"contents": [], "labels": {}}
    changed, _, ledger = step("drop_session", {"contents": [], "session_id": "s"})
    assert (changed, [loss.path for loss in ledger.losses]) == ({"contents": []}, ["$.session_id"])


@pytest.mark.parametrize(
    ("betas", "header"),
    [(["a", "b"], "x,a,b"), ("a", "x,a"), ([], "x"), (None, "x")],
)
def test_betas(betas, header):
    outgoing = Outgoing(json.dumps({"model": "m", "betas": betas}).encode(), {"anthropic-beta": "x"})
    changed = STEPS["lift_betas"](outgoing, Sending())
    assert (json.loads(changed.body), changed.headers) == ({"model": "m"}, {"anthropic-beta": header})
    untouched = Outgoing(b'{"messages":["\\"betas\\"","betas"]}')
    assert STEPS["lift_betas"](untouched, Sending()).body is untouched.body


# --- places -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("facts", [{"project_id": "a/../b"}, {"project_id": "p", "location": "evil.test/x"}, {}])
def test_a_place_that_is_none(facts):
    with pytest.raises(UnknownProvider):
        placed(CATALOG.provider("vertex", kind="oauth"), facts)


def test_a_provider_without_places_stays_what_it_is():
    claude = CATALOG.provider("claude")
    assert placed(claude, {}) is claude
    device = placed(CATALOG.provider("kimi"), {}).headers
    assert "x-msh-device-id" not in device
    assert device["x-msh-platform"] == "cliproxy"
    assert placed(CATALOG.provider("kimi"), {"device_id": "d"}).for_client("claude").headers["x-msh-device-id"] == "d"
