"""Seals taken out of bodies: what is named goes, every other byte stays."""

import json
from typing import Any

import pytest

from translators import exchange, seals, unseal
from translators.dialect import Aim
from translators.losses import Ledger
from translators.parts import Seal
from translators.registry import DIALECTS

OURS = seals.wrap(Seal("signature", "x", "lab"))
OURS_64 = seals.wrap_base64(Seal("signature", "x", "lab"))
FERNET = "gAAAAABp7JIk-abc"


def passed_on(name: str, body: Any) -> tuple[Any, list[str]]:
    """What a body that is passed on becomes, and what was lost of it."""
    ledger, dialect = Ledger(), DIALECTS[name]
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    outgoing = exchange.write(None, sent, dialect, dialect, Aim("m", "p", dialect.vendor, stream=False), ledger)
    return outgoing.body if isinstance(body, bytes) else json.loads(outgoing.body), [
        loss.path for loss in ledger.losses
    ]


def claude(*blocks: Any, **more: Any) -> Any:
    return {
        "model": "m",
        "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": [*blocks]}],
    } | more


def thinking(signature: str) -> Any:
    return {"type": "thinking", "thinking": "t", "signature": signature}


def test_only_what_is_misplaced_goes() -> None:
    own, text = thinking("EqQB"), {"type": "text", "text": f"{OURS} gAAAA"}
    redacted = {"type": "redacted_thinking", "data": OURS}
    sent, lost = passed_on("claude", claude(own, thinking(OURS), redacted, thinking(FERNET), text))
    assert sent["messages"][1]["content"] == [own, text]
    assert lost == [f"$.messages[1].content[{place}]" for place in (1, 2, 3)]


def test_a_message_of_nothing_else_goes_whole() -> None:
    sent, lost = passed_on("claude", claude(thinking(OURS)))
    assert len(sent["messages"]) == 1
    assert lost == ["$.messages[1].content[0]"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "m", "n": 1.00, "messages": [{"role":"user","content":"gAAAA cliproxy.1. and so on"}]}',
        b'{"model":"m","messages":"gAAAA"}',
        b'{"model":"m","messages":[7,"gAAAA"]}',
        b'{"model":"m","x":"gAAAA"}',
    ],
)
def test_a_body_without_seals_keeps_every_byte(body: bytes) -> None:
    for name in ("claude", "openai-chat"):
        assert passed_on(name, body) == (body, [])


def test_responses_keep_their_own_encrypted_content() -> None:
    own = {"type": "reasoning", "id": "rs", "encrypted_content": FERNET}
    sent, lost = passed_on("openai-responses", {"model": "m", "input": [own, own | {"encrypted_content": OURS}]})
    assert sent["input"] == [own]
    assert lost == ["$.input[1]"]


def test_geminis_first_call_of_a_step_gets_the_stand_in() -> None:
    def call(name: str, **more: Any) -> Any:
        return {"functionCall": {"name": name, "args": {}}} | more

    safe = OURS_64.replace("+", "-").replace("/", "_")
    parts = [
        {"text": "t", "thought": True, "thoughtSignature": OURS_64},
        {"text": "", "thoughtSignature": safe},
        {"text": "a", "thoughtSignature": safe},
        call("f", thoughtSignature=safe),
        call("g", thought_signature=safe),
    ]
    sent, lost = passed_on("gemini", {"contents": [{"role": "model", "parts": parts}]})
    bypass = call("f", thoughtSignature=seals.GEMINI_BYPASS)
    assert sent["contents"][0]["parts"] == [{"text": "a"}, bypass, call("g")]
    assert lost == [f"$.contents[0].parts[{place}]" for place in range(5)]


def test_chat_loses_details_and_extensions_that_are_not_the_hosts() -> None:
    def google(value: str) -> Any:
        return {"extra_content": {"google": {"thought_signature": value}}}

    own = {"type": "reasoning.encrypted", "data": "own", "index": 0}
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {
        "role": "assistant",
        "content": "a",
        "reasoning_details": [own, {"type": "reasoning.text", "text": "t", "signature": OURS}],
        "tool_calls": [call | google(OURS), call | google("c2ln")],
        **google(OURS),
    }
    sent, lost = passed_on("openai-chat", {"model": "m", "messages": [message]})
    assert sent["messages"] == [
        {"role": "assistant", "content": "a", "reasoning_details": [own], "tool_calls": [call, call | google("c2ln")]}
    ]
    assert lost == [
        "$.messages[0].reasoning_details[1]",
        "$.messages[0].extra_content",
        "$.messages[0].tool_calls[0].extra_content",
    ]
    del message["tool_calls"]
    message["reasoning_details"] = [{"type": "reasoning.text", "text": "t", "signature": OURS}]
    assert passed_on("openai-chat", {"model": "m", "messages": [message]})[0]["messages"] == [
        {"role": "assistant", "content": "a"}
    ]


# --- the turn that is still open ------------------------------------------------------------------------------------


def unsealed(name: str, body: Any, *, everywhere: bool) -> tuple[Any, list[str]]:
    take_out = DIALECTS[name].unseal
    assert take_out is not None
    changed, paths = take_out(json.dumps(body).encode(), lambda _, current: everywhere or not current)
    return json.loads(changed), paths


def test_finished_turns_first() -> None:
    """A turn is open until the user speaks again; results are no speaking."""
    part = {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c2ln"}
    answer = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]}
    said = {"role": "user", "parts": [{"text": "q"}]}
    model = {"role": "model", "parts": [part]}
    body = {"contents": [said, model, answer, said, model, answer]}
    assert unsealed("gemini", body, everywhere=False)[1] == ["$.contents[1].parts[0]"]
    changed, paths = unsealed("gemini", body, everywhere=True)
    assert paths == ["$.contents[1].parts[0]", "$.contents[4].parts[0]"]
    assert unsealed("gemini", changed, everywhere=True)[1] == []  # the stand-in is no seal
    item = {"type": "reasoning", "id": "rs", "encrypted_content": "x"}
    output = {"type": "function_call_output", "call_id": "c", "output": ""}
    listed = {"input": [{"role": "user", "content": "q"}, item, output, {"role": "user", "content": "q"}, item, output]}
    assert unsealed("openai-responses", listed, everywhere=False)[1] == ["$.input[1]"]
    assert unsealed("openai-responses", {"input": "q"}, everywhere=True) == ({"input": "q"}, [])


def test_a_missing_signature_gets_the_stand_in_when_asked_for() -> None:
    """The vendor's answer to a call without one is the same 400."""
    body = {
        "contents": [{"role": "user", "parts": [{"text": "q"}]}, {"role": "model", "parts": [{"functionCall": {}}]}]
    }
    changed, _ = unsealed("gemini", body, everywhere=True)
    assert changed["contents"][1]["parts"][0]["thoughtSignature"] == seals.GEMINI_BYPASS


def test_envelopes_are_found_in_either_form() -> None:
    for body in (OURS.encode(), OURS_64.encode(), OURS_64.replace("/", "_").encode()):
        assert unseal.may_be_misplaced(body, "openai")
    assert unseal.may_be_misplaced(FERNET.encode(), "anthropic")
    assert not unseal.may_be_misplaced(FERNET.encode(), "openai")
