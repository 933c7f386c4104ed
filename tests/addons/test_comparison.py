"""What became of a request on its way: each kind of change is told, bounded, whatever was recorded."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mitmproxy.contentviews import Metadata
from mitmproxy.http import HTTPFlow
from mitmproxy.test import tflow, tutils

from addons.inspection.comparison import MEMBERS, MOST, comparison
from addons.inspection.plain import KEY
from addons.inspection.recorded import recorded
from addons.inspection.trimming import trimmed
from addons.views.translation import view
from tests import corpus
from tests.addons.test_conversation import TALK
from translators import exchange
from translators.dialect import Aim
from translators.errors import TranslationError
from translators.losses import Ledger
from translators.registry import DIALECTS


def attempt(body: bytes, dialect: str, **more: Any) -> dict[str, Any]:
    said = {"number": 1, "credential": "alice", "dialect": dialect, "provider": "p", "model": "m2", "url": "http://u"}
    return said | {"request_body": body} | more


def kept(body: bytes, client: str, attempts: list[dict[str, Any]], **more: Any) -> HTTPFlow:
    flow = tflow.tflow(req=tutils.treq(method=b"POST", content=body))
    flow.metadata[KEY] = {"client": client, "model": "m", "operation": "generate", "attempts": attempts} | more
    return flow


def told(flow: HTTPFlow) -> str:
    found = recorded(flow)
    assert found is not None
    return comparison(found)


def translated(body: dict[str, Any], client: str, upstream: str) -> str:
    raw, ledger = json.dumps(body).encode(), Ledger()
    request = DIALECTS[client].read_request(raw, "m" if client == "gemini" else "", None, ledger)
    aim = Aim("m2", "p", DIALECTS[upstream].vendor, True)
    sent = exchange.write(request, raw, DIALECTS[client], DIALECTS[upstream], aim, ledger)
    losses = [[loss.path, loss.reason, loss.semantic] for loss in ledger.losses]
    rules = [[rule.path, rule.rule, rule.to] for rule in ledger.applied]
    return told(kept(raw, client, [attempt(sent.body, upstream)], losses=losses, rules=rules))


def test_a_translation_is_told_in_full() -> None:
    text = translated(TALK, "claude", "openai-chat")
    assert text.startswith("claude → openai-chat · alice · p · http://u\nmodel m → m2 · ")
    assert "Values: 1 in their place, 16 moved, 2 changed by a rule, 5 dropped, 6 added" in text
    assert "!  $.messages[1].content[2]   a call without a result" in text
    assert "$.thinking.budget_tokens           thinking    medium" in text
    assert "$.system[0].text                               → $.messages[0].content" in text
    assert "properties.mode.enum[]  × 2" in text
    assert "$.stream_options.include_usage  true" in text
    assert "Not found upstream" not in text


def test_what_nobody_knows_of_stands_first() -> None:
    raw = b'{"model": "m", "secret": "gone for good", "messages": []}'
    text = told(kept(raw, "claude", [attempt(b'{"contents": [], "made": 7}', "gemini")]))
    assert "\nNot found upstream, and nothing says why: 1\n" in text
    assert '$.secret  "gone for good"' in text
    assert "$.made  7" in text


def test_words_are_no_alarm() -> None:
    raw = b'{"choice": "auto", "list": [{"n": 1}, {"n": 1}], "gap": null, "off": false}'
    text = told(kept(raw, "claude", [attempt(b'{"x": "y"}', "gemini")]))
    assert "Not found" not in text
    said = text[text.index("In the upstream's own words") :].split("\n\n")[0]
    assert said.splitlines()[1:] == ['$.choice  "auto"', "$.list[].n  1  × 2", "$.off  false"]


def test_a_body_that_was_passed_on() -> None:
    raw = b'{"model": "m", "messages": [1]}'
    assert "byte for byte" in told(kept(raw, "claude", [attempt(raw, "claude")]))
    changed = raw.replace(b'"m"', b'"m2"')
    text = told(kept(raw, "claude", [attempt(changed, "claude")]))
    assert '~ $.model  "m" → "m2"' in text
    wrapped = b'{"project": "p", "request": {"contents": [], "new": 1}}'
    text = told(kept(b'{"contents": []}', "gemini", [attempt(wrapped, "gemini-cli")]))
    assert "the client's body stands in $.request of an envelope\n+ $.new  1" in text
    assert "nothing but white space" in told(kept(raw, "claude", [attempt(b'{"messages":[1],"model":"m"}', "claude")]))


def test_several_attempts_stand_beside_one_another() -> None:
    raw = b'{"model": "m", "messages": [1]}'
    last = attempt(b'{"model":"x","messages":[1]}', "claude", number=4)
    first = attempt(b'{"model":"y","messages":[1]}', "claude", failure=["upstream", "rate_limit", "slow"], status=429)
    others = [first, last | {"number": 2}, attempt(b"{}", "gemini", number=3)]
    text = told(kept(raw, "claude", [*others, last]))
    assert "attempt 4 of 4" in text
    assert '1 · alice · claude · m2 · 429 rate_limit: 1 difference to the last: $.model "y" → "x"' in text
    assert "2 · alice · claude · m2 · no answer: the same body" in text
    assert "3 · alice · gemini · m2 · no answer: 2 bytes in gemini" in text


def test_headers_and_the_answer() -> None:
    flow = kept(
        b"{}",
        "claude",
        [attempt(b"[]", "gemini", request_headers=[["host", "h"], ["user-agent", "ours"], ["x-goog-api-key", "[a]"]])],
        answer_losses=[["blocks[1]", "no place for it", True]],
        grammar={"checked": "whole", "count": 3, "violations": [[2, "$.x", "odd", "who", True]]},
    )
    flow.request.headers.clear()
    flow.request.headers.update({"User-Agent": "theirs", "x-app": "cli"})
    text = told(flow)
    assert "Headers\n- x-app: cli\n~ user-agent: theirs → ours\n+ x-goog-api-key: [a]" in text
    assert "Not told to the client, of the answer (! changes the answer): 1\n!  blocks[1]  no place for it" in text
    assert "not what clients of claude need: 2\nevent 2 $.x: odd [who] (vendors send this too)\n… and 2 more" in text


def test_what_cannot_be_compared_says_so() -> None:
    losses = {"losses": [["$.a", "why", False]], "rules": [["$.b", "rule", "$.c"]]}
    text = told(kept(b'{"model": "m"}', "claude", [attempt(b'{"cut', "gemini")], **losses))
    assert "No comparison: the upstream's body (5 bytes) is no JSON." in text
    cut = trimmed(b'{"model": "m", "messages": []}' + b" " * 5000, 100)
    assert "4,930 bytes of the client's body were not kept" in told(kept(cut, "claude", [attempt(b"{}", "gemini")]))
    assert "$.a  why" in text
    assert "$.b  rule  $.c" in text
    refusal = ["cliproxy", "model", "nobody has it"]
    assert told(kept(b"{}", "claude", [], refusal=refusal)).startswith("Nothing was sent: nobody has it")
    many = json.dumps({"messages": [{"a": 1}] * MEMBERS}).encode()
    assert "more than 30,000 members" in told(kept(b"{}", "claude", [attempt(many, "gemini")]))
    assert view.prettify(b"", Metadata(flow=tflow.tflow())).startswith("Not an exchange of cliproxy")


def test_long_lists_are_cut() -> None:
    raw = json.dumps({f"member {at}": f"value {at}" for at in range(500)}).encode()
    text = told(kept(raw, "claude", [attempt(b"{}", "gemini")]))
    assert f"… and {500 - MOST:,} more" in text
    assert len(text.splitlines()) < MOST + 15


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=15,
)
BODY = JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=20)


@settings(max_examples=60, deadline=None)
@given(BODY, BODY, st.sampled_from([*DIALECTS, "morse"]), st.sampled_from(["claude", "gemini", ""]))
def test_nothing_makes_it_raise(here: bytes, there: bytes, upstream: str, client: str) -> None:
    assert told(kept(here, client, [attempt(there, upstream)]))


def test_nesting_too_deep_is_said() -> None:
    deep = b'{"a":' + b"[" * 900 + b"]" * 900 + b"}"
    assert told(kept(deep, "claude", [attempt(deep.replace(b"a", b"b"), "gemini")]))


@pytest.mark.parametrize("client", corpus.DIALECTS)
def test_of_recorded_traffic_nothing_is_missing(client: str) -> None:
    """What nobody finds and nobody lists is an alarm, so there must be none where all is well: every sixth request."""
    for place, one in enumerate(corpus.exchanges(client)):
        if place % 6 or not one["request"] or (client == "openai-chat" and not one["request"].get("messages")):
            continue
        for upstream in corpus.DIALECTS:
            if upstream == client:
                continue
            try:
                text = translated(one["request"], client, upstream)
            except TranslationError:
                continue  # refused, with 400
            assert "Not found upstream" not in text, f"{one['id']} to {upstream}:\n{text[:2000]}"
            assert text.startswith(f"{client} → {upstream} · ")
