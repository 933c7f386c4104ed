"""Bodies that stay as they are but for one thing."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.dialect import Aim, Dialect, Levels, Traits
from translators.edit import set_model, set_reasoning
from translators.errors import Unreadable
from translators.losses import Ledger
from translators.model import Reasoning
from translators.registry import DIALECTS

CLAUDE, CHAT = DIALECTS["claude"], DIALECTS["openai-chat"]
RESPONSES, GEMINI = DIALECTS["openai-responses"], DIALECTS["gemini"]

# --- the model ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"a","x":1.0}',
        b'{ "messages": [{"model":"a"}], "model" : "a" }',
        b'{"messages":[{"content":"\\"model\\":\\"a\\""}],"model":"a","n":12345678901234567890123}',
        b'{"model":"\\u0061"}',
        b'{"tools":[{"parameters":{"properties":{"model":{"type":"string"}}}}],"model":"a"}',
        b'{"text":"\\\\\\"model\\": \\"a\\"","model":"a"}',
        '{"text":"ü","model":"a"}'.encode(),
        b'{"model":"x","model":"a"}',
    ],
)
def test_only_the_model_changes(body: bytes) -> None:
    changed = set_model(body, "b/c")
    assert json.loads(changed) == json.loads(body) | {"model": "b/c"}
    kept = body.replace(b'"a"', b"").replace(b'"\\u0061"', b"")
    assert changed.replace(b'"b/c"', b"").replace(b'"a"', b"") == kept


def test_the_same_model_changes_nothing() -> None:
    body = b'{ "model" : "a" }'
    assert set_model(body, "a") is body


@pytest.mark.parametrize("body", [b"[]", b"{", b"", b'{"messages":[{"model":"x"}]}', b'{"model":3}', b'{"model":null}'])
def test_a_body_without_a_model_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable):
        set_model(body, "b")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["model", "a", '"model":"x"']), inner),
    max_leaves=8,
)


@given(JSON, JSON, st.text(), st.text(), st.sampled_from([None, 2]))
def test_any_body_any_name(before: Any, after: Any, old: str, new: str, indent: int | None) -> None:
    tree = {"before": before, "model": old, "after": after}
    body = json.dumps(tree, indent=indent).encode()
    assert json.loads(set_model(body, new)) == tree | {"model": new}


# --- reasoning ------------------------------------------------------------------------------------------------------

BUDGETS = Traits(known=True, max_output=64_000, thinking=Levels(1024, 32_000, zero=True))
NAMED = Traits(known=True, thinking=Levels(names=("low", "medium", "high")))


def reasoned(dialect: Dialect, body: dict[str, Any], wanted: Reasoning, traits: Traits) -> dict[str, Any]:
    aim = Aim("m", "lab", dialect.vendor, stream=False, traits=traits)
    found = json.loads(set_reasoning(json.dumps(body).encode(), wanted, dialect, aim, Ledger()))
    assert isinstance(found, dict)
    return found


HIGH, OFF, BUDGET = (
    Reasoning(mode="effort", effort="high"),
    Reasoning(mode="off"),
    Reasoning(mode="budget", budget=4096),
)


def test_claude_takes_a_budget() -> None:
    body = {"model": "m", "max_tokens": 9000, "thinking": {"type": "disabled"}, "messages": []}
    found = reasoned(CLAUDE, body, BUDGET, BUDGETS)
    assert found["thinking"]["type"] == "enabled"
    assert found["thinking"]["budget_tokens"] == 4096
    assert {name: found[name] for name in ("model", "max_tokens", "messages")} == {
        "model": "m",
        "max_tokens": 9000,
        "messages": [],
    }


def test_a_budget_stays_under_the_clients_limit() -> None:
    found = reasoned(CLAUDE, {"model": "m", "max_tokens": 3000, "messages": []}, BUDGET, BUDGETS)
    assert found["max_tokens"] == 3000
    assert found["thinking"]["budget_tokens"] < 3000


def test_openai_takes_a_level() -> None:
    chat = reasoned(CHAT, {"model": "m", "reasoning_effort": "low", "messages": []}, HIGH, NAMED)
    assert chat == {"model": "m", "reasoning_effort": "high", "messages": []}
    body = {"model": "m", "input": "x", "reasoning": {"effort": "low", "summary": "auto"}}
    assert reasoned(RESPONSES, body, HIGH, NAMED)["reasoning"] == {"effort": "high", "summary": "auto"}


def test_gemini_takes_a_place_inside_generation_config() -> None:
    body = {"contents": [], "generationConfig": {"temperature": 1.0, "thinkingConfig": {"thinkingBudget": 1}}}
    config = reasoned(GEMINI, body, BUDGET, BUDGETS)["generationConfig"]
    assert config["temperature"] == 1.0
    assert config["thinkingConfig"]["thinkingBudget"] == 4096


def test_what_a_model_cannot_is_taken_out() -> None:
    body = {"model": "m", "reasoning": {"effort": "low"}, "input": "x"}
    assert "reasoning" not in reasoned(RESPONSES, body, HIGH, Traits(known=True))
    assert "reasoning_effort" not in reasoned(CHAT, {"model": "m", "reasoning_effort": "low"}, HIGH, Traits(known=True))


def test_thinking_off_is_off() -> None:
    body = {"model": "m", "max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 2000}, "messages": []}
    found = reasoned(CLAUDE, body, OFF, BUDGETS)
    assert found.get("thinking", {"type": "disabled"})["type"] == "disabled"


@pytest.mark.parametrize("odd", [None, 3, "x", []])
def test_an_odd_value_in_the_place_is_replaced(odd: Any) -> None:
    assert reasoned(RESPONSES, {"model": "m", "reasoning": odd}, HIGH, NAMED)["reasoning"]["effort"] == "high"


def test_other_fields_keep_their_bytes() -> None:
    body = b'{"model":"m","messages":[{"n":1.0, "big":12345678901234567890123}],"reasoning_effort":"low"}'
    changed = set_reasoning(body, HIGH, CHAT, Aim("m", "lab", "openai", stream=False, traits=NAMED), Ledger())
    assert b'[{"n":1.0, "big":12345678901234567890123}]' in changed


@pytest.mark.parametrize("body", [b"[]", b"{", b"", b"3", b'{"max_tokens":"many"}'])
def test_a_body_that_cannot_be_edited_is_refused_in_words(body: bytes) -> None:
    with pytest.raises(Unreadable):
        set_reasoning(body, HIGH, CHAT, Aim("m", "lab", "openai", stream=False, traits=NAMED), Ledger())


def test_the_ledger_hears_of_what_was_changed() -> None:
    ledger = Ledger()
    few = Traits(known=True, thinking=Levels(names=("low", "medium")))
    set_reasoning(b'{"model":"m"}', HIGH, CHAT, Aim("m", "lab", "openai", stream=False, traits=few), ledger)
    assert ledger.applied


def test_bodies_are_bytes_of_json() -> None:
    changed = set_reasoning(
        b'{"model":"m"}', HIGH, CHAT, Aim("m", "lab", "openai", stream=False, traits=NAMED), Ledger()
    )
    assert msgspec.json.decode(changed) == {"model": "m", "reasoning_effort": "high"}
