"""A request beside the one before it: where the prompt cache breaks, why, and what it costs."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mitmproxy.addons.dumper import Dumper
from mitmproxy.addons.view import View
from mitmproxy.contentviews import Metadata
from mitmproxy.http import HTTPFlow
from mitmproxy.test import taddons, tflow, tutils

from addons.inspection.plain import KEY
from addons.inspection.prompts import common, prompt_of
from addons.inspection.recorded import Recorded, recorded
from addons.inspection.trimming import trimmed
from addons.inspection.turns import CANDIDATES, earlier, prefix, turn_diff
from addons.kept_flows import LAST, KeptFlows
from addons.views import turn_diff as turn_diff_view
from translators.registry import DIALECTS

type Body = dict[str, Any]

SYSTEM = "You are a helper. Now it is 2026-11-22 23:10. Keep to the rules of this house, whatever comes."
FIRST: Body = {
    "model": "sonnet",
    "max_tokens": 9,
    "tools": [{"name": "Read", "input_schema": {"type": "object"}}, {"name": "Bash", "description": "Runs."}],
    "system": [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": "hello"}],
}
SAID: list[Body] = [
    {"role": "assistant", "content": [{"type": "text", "text": "hi"}]},
    {"role": "user", "content": [{"type": "text", "text": "more", "cache_control": {"type": "ephemeral"}}]},
]
FILLED = {"input": 20_000, "cache_read": 0, "cache_write": 20_000}
READ = {"input": 20_400, "cache_read": 20_000, "cache_write": 400}
MISSED = {"input": 20_400, "cache_read": 0, "cache_write": 20_400}


def flow_of(body: Any, at: float, usage: dict[str, int] | None = None, session: str = "s", **more: Any) -> HTTPFlow:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    flow = tflow.tflow(req=tutils.treq(method=b"POST", content=raw, timestamp_start=1000 + at))
    flow.request.headers["session-id"] = session
    attempt = {
        "number": 1,
        "credential": "alice",
        "dialect": "claude",
        "provider": "p",
        "model": "sonnet",
        "request_body": raw,
        "started": 1000 + at,
        "ended": 1001 + at,
        "status": 200,
    }
    flow.metadata[KEY] = {
        "client": "claude",
        "model": "sonnet",
        "operation": "generate",
        "usage": usage or {},
        "attempts": [attempt | more],
    }
    return flow


def sent(body: Any, at: float, usage: dict[str, int] | None = None, session: str = "s", **more: Any) -> Recorded:
    found = recorded(flow_of(body, at, usage, session, **more))
    assert found is not None
    return found


def after(**changes: Any) -> Body:
    """The second request, with members replaced."""
    body = copy.deepcopy(FIRST)
    body["messages"] += copy.deepcopy(SAID)
    return body | changes


def told(body: Any, usage: dict[str, int] | None = MISSED, at: float = 10, first: Any = FIRST, **more: Any) -> str:
    return turn_diff(sent(body, at, usage, **more), lambda: [sent(first, 0, FILLED)])


def test_nothing_broke() -> None:
    """A text alone and a list of one text are the same prompt, and breakpoints are no part of it."""
    first = copy.deepcopy(FIRST)
    first["messages"][0]["content"] = [{"type": "text", "text": "hello", "cache_control": {"type": "ephemeral"}}]
    text = told(after(), READ, first=first)
    assert text.startswith("claude · sonnet · alice · 10.0 s after the previous request\nprevious request ")
    assert "20,400 tokens in, 20,000 of them from the cache (98%), 400 written to it" in text
    assert "The prompt breaks no cache: the previous one is its beginning (4 stretches)." in text
    assert "Cost" not in text
    assert "cause" not in text
    assert "Added: 2 stretches" in text
    assert '$.messages[2].content[0]  user       "more"' in text


def test_a_time_in_the_system_text() -> None:
    text = told(after(system=[{"type": "text", "text": SYSTEM.replace("23:10", "23:11")}]))
    assert "The cache breaks at $.system[0].text\n" in text
    assert "likely cause: the system text changed: a time or date stands there" in text
    assert "2026-11-22 23:10. Keep" in text
    assert "2026-11-22 23:11. Keep" in text
    size = len('{"name":"Read","input_schema":{"type":"object"}}{"name":"Bash","description":"Runs."}')
    at = size + len('{"type":"text","text":"') + SYSTEM.index("0. Keep")
    assert f"  byte {at:,} of " in text
    cost = [line for line in text.splitlines() if line.startswith("Cost")]
    assert cost[0].endswith(
        "that the previous request had sent already were read anew; the upstream read 0 from its cache."
    )


@pytest.mark.parametrize(
    ("change", "where", "why"),
    [
        ({"tools": FIRST["tools"][::-1]}, "$.tools[0].", "the same tools in another order: Bash is first to differ"),
        ({"tools": FIRST["tools"][1:]}, "$.tools[0].", "other tools: removed Read"),
        ({"tools": [*FIRST["tools"], {"name": "New"}]}, "$.tools[2]", "other tools: added New"),
        (
            {"tools": [{"input_schema": {"type": "object"}, "name": "Read"}, FIRST["tools"][1]]},
            "$.tools[0]\n",
            "the tool Read is declared differently: the same members in another order",
        ),
        (
            {"tools": [FIRST["tools"][0], {"name": "Bash", "description": "Runs it."}]},
            "$.tools[1].description",
            "the tool Bash is declared differently, from character 4 on",
        ),
        ({"system": SYSTEM + " And so on."}, "$.system\n", "the system text changed: 11 characters added at its end"),
        (
            {"messages": [{"role": "user", "content": "note"}, *FIRST["messages"], *SAID]},
            "$.messages[0].content\n",
            "a piece was put into the history in front of $.messages[0].content",
        ),
        (
            {"messages": [{"role": "user", "content": "hello!"}, *SAID]},
            "$.messages[0].content\n",
            "the end of the previous prompt was changed: 1 characters added at its end",
        ),
    ],
)
def test_what_breaks_it(change: Body, where: str, why: str) -> None:
    text = told(after(**change))
    assert f"The cache breaks at {where}" in text
    assert f"likely cause: {why}" in text
    assert "Cost: ≈ " in text


def test_what_breaks_it_further_back() -> None:
    """In a longer history: taken out, cut short, thinking removed, edited."""
    thought = {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "so"}]}
    long = after()
    long["messages"] += [thought, {"role": "user", "content": "go on"}, *SAID, {"role": "user", "content": "last"}]

    def against(messages: list[Body]) -> str:
        return told(after(messages=messages), first=long)

    said = long["messages"]
    assert "a piece was taken out of the history: $.messages[1].content[0]" in against([said[0], *said[2:]])
    assert "the history was cut short" in against(said[:4])
    assert "This prompt ends before $.messages[4].content of the previous one" in against(said[:4])
    silent = {"role": "assistant", "content": thought["content"][1:]}
    assert "thinking of an earlier turn was taken out" in against([*said[:3], silent, *said[4:]])
    other = [{"role": "user", "content": "hullo"}, *said[1:]]
    assert "the history was edited, from character 1 on" in against(other)


def test_the_same_prompt_in_another_cache() -> None:
    text = told(after(), credential="bob")
    assert "what can keep it from being read: another account: alice → bob" in text
    assert "Cost: 20,000 tokens that the previous request had sent already were read anew" in text
    assert "another model: sonnet → opus" in told(after(), model="opus")
    assert "another provider: p → q" in told(after(), provider="q", model="opus")
    assert "another model" not in told(after(), provider="q", model="opus")


def test_settings_marks_and_time() -> None:
    assert 'tool_choice changed: not stated → {"type":"any"} (Claude keeps' in told(after(tool_choice={"type": "any"}))
    bare = after(system=SYSTEM, messages=[*FIRST["messages"], {"role": "assistant", "content": "hi"}])
    assert "this request has no cache_control" in told(bare)
    assert "7 minutes passed: Claude's cache lived for 5" in told(after(), at=421)
    assert "minutes passed" not in told(after(), at=200)
    unmarked = FIRST | {"system": SYSTEM}
    assert "the previous request had no cache_control" in told(after(), first=unmarked)
    far = [{"role": "user", "content": [{"type": "text", "text": f"n{number}"}]} for number in range(30)]
    moved = after(system=SYSTEM, messages=[*FIRST["messages"], *far, *SAID])
    assert "cache_control moved by more than 20 blocks" in told(moved)
    assert "upstreams also forget" in told(after())


def test_small_prompts_are_not_cached() -> None:
    first = sent(FIRST, 0, {"input": 800, "cache_read": 0})
    text = turn_diff(sent(after(), 9, {"input": 900, "cache_read": 0}), lambda: [first])
    assert "the previous prompt had 800 tokens: most vendors cache none under 1,024" in text


def test_other_dialects_have_their_order() -> None:
    """The first difference is the one that the vendor's cache meets first."""
    chat: Body = {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}], "tools": []}
    tool = {"type": "function", "function": {"name": "f"}}
    text = told(
        chat | {"messages": [{"role": "system", "content": "t"}], "tools": [tool]}, first=chat, dialect="openai-chat"
    )
    assert "another upstream, in another dialect: p (claude)." in text

    def pair(dialect: str, before: Body, now: Body) -> str:
        first = sent(before, 0, FILLED, dialect=dialect)
        return turn_diff(sent(now, 5, MISSED, dialect=dialect), lambda: [first])

    text = pair("openai-chat", chat, chat | {"messages": [{"role": "system", "content": "t"}], "tools": [tool]})
    assert "breaks at $.tools[0]" in text
    assert "other tools: added f" in text
    asked = {"input": [{"role": "user", "content": "a"}], "instructions": "one", "prompt_cache_key": "k"}
    text = pair("codex", asked, asked | {"instructions": "two", "prompt_cache_key": "l"})
    assert "breaks at $.instructions\n" in text
    assert 'prompt_cache_key changed: "k" → "l"' in text
    turns = {"contents": [{"role": "user", "parts": [{"text": "a"}]}]}
    wrapped = {"request": turns | {"systemInstruction": {"parts": [{"text": "x"}]}}}
    text = pair("gemini-cli", {"request": turns}, wrapped)
    assert "breaks at $.request.systemInstruction.parts[0]" in text
    assert "breaks at $.prompt\n" in pair("openai-completions", {"prompt": "one"}, {"prompt": "two"})


def test_the_previous_one_is_found() -> None:
    """The longest common beginning among those of the conversation that were answered; of equals the latest."""
    main, side = sent(FIRST, 1, FILLED), sent({"messages": [{"role": "user", "content": "a title"}]}, 2, FILLED)
    stranger = sent(after(), 3, FILLED, session="other")
    failed = sent(after(), 4, failure=["upstream", "overloaded", "busy"])
    now = sent(after(), 5, READ)
    later = sent(after(), 6, READ)
    text = turn_diff(now, lambda: [later, failed, stranger, side, main])
    assert "4.0 s after the previous request" in text
    assert "was answered" in turn_diff(now, lambda: [failed])
    assert "is at hand" in turn_diff(now, lambda: [stranger])
    assert len(earlier(now, [main] * 50)) == CANDIDATES
    assert turn_diff(sent(b"<html>", 1), list).endswith("is no prompt of claude.")
    cut = trimmed(json.dumps(FIRST | {"system": "x" * 900}).encode(), 300)
    assert "bytes were not kept: there is no prompt to compare" in turn_diff(sent(cut, 1), list)


def test_nothing_was_sent_and_no_conversation() -> None:
    flow = flow_of(FIRST, 0)
    flow.metadata[KEY]["attempts"] = []
    found = recorded(flow)
    assert found is not None
    assert turn_diff(found, list).startswith("Nothing was sent upstream")
    flow = flow_of({"messages": []}, 0)
    flow.request.headers.clear()
    found = recorded(flow)
    assert found is not None
    assert turn_diff(found, list).startswith("Nothing in this request tells which conversation")


def test_bytes_in_common() -> None:
    assert prefix(b"abcdef", b"abcxef") == 3
    assert prefix(b"", b"x") == 0
    assert prefix(b"same", b"same") == 4
    assert prefix(b"x" * 1000 + b"a", b"x" * 1000 + b"b") == 1000


def test_flows_at_hand_in_the_list_and_without_one() -> None:
    """mitmweb and mitmproxy have a list; mitmdump remembers some, if it prints views at all."""
    first, second = flow_of(FIRST, 0, FILLED), flow_of(after(), 9, READ)
    stranger = tflow.tflow(req=tutils.treq(timestamp_start=1001))
    kept, listed = KeptFlows(), View()
    with taddons.context(kept, listed) as context:
        listed.add([second, stranger, first])
        assert [one.began for one in kept.before(second)] == [1000]
        assert list(kept.before(first)) == []
    kept = KeptFlows()
    with taddons.context(kept, Dumper()) as context:
        kept.response(first)
        assert list(kept.before(second)) == []
        context.options.flow_detail = 3
        for flow in [first, stranger, *(flow_of(FIRST, -at) for at in range(LAST - 3))]:
            kept.response(flow)
        kept.error(second)
        assert next(one.began for one in kept.before(second)) == 1000
        kept.error(stranger)
        assert len(list(kept.before(second))) == LAST - 3  # one was forgotten, one is a stranger, twice


def test_the_view() -> None:
    view = turn_diff_view.view
    assert view.name == "Turn diff"
    with taddons.context(View()):
        assert "this is the first" in view.prettify(b"", Metadata(flow=flow_of(FIRST, 0)))
    assert view.prettify(b"", Metadata(flow=tflow.tflow())).startswith("Not an exchange of cliproxy")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "type", "text", "name"]), inner)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["messages", "tools", "system", "contents", "input", "instructions", "prompt", "systemInstruction"]
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(NAMES, JSON), st.dictionaries(NAMES, JSON), st.sampled_from(sorted(DIALECTS)))
def test_nothing_makes_it_raise(before: Body, now: Body, dialect: str) -> None:
    first = sent(before, 0, FILLED, dialect=dialect)
    text = turn_diff(sent(now, 5, MISSED, dialect=dialect), lambda: [first])
    assert text
    one = prompt_of(json.dumps(before).encode(), dialect)
    other = prompt_of(json.dumps(before).encode(), dialect)
    assert one is not None
    assert other is not None
    assert common(one.stretches, other.stretches) == len(one.stretches)
