"""A request as a person reads it: what it says is all there, whatever the dialect; what it is not is said."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mitmproxy.contentviews import Metadata
from mitmproxy.test import tflow, tutils

from addons.inspection.anatomy import anatomy, estimate
from addons.inspection.conversation import conversation
from addons.inspection.spoken import dialect_of, opened, spoken
from addons.inspection.transcript import BRIEF, Passage, Piece, Transcript, lines, transcript
from addons.inspection.trimming import trimmed
from addons.views.conversation import view
from tests.addons.scene import scene
from tests.translators.maximal import SENTINEL, above, leaves, requests
from tests.translators.maximal_shapes import ROOTS
from translators.registry import DIALECTS

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAYAAAC56t6BAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

TALK: dict[str, Any] = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 8000,
    "stream": True,
    "thinking": {"type": "enabled", "budget_tokens": 4000},
    "novelty": 1,
    "system": [{"type": "text", "text": "Be brief.\nBe kind.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    "tools": [
        {
            "name": "Read",
            "description": "Reads a file.\nIn full.",
            "input_schema": {
                "type": "object",
                "properties": {
                    "path": {"type": "string"},
                    "lines": {"type": "array", "items": {"type": "integer"}},
                    "mode": {"enum": ["text", "hex"]},
                },
                "required": ["path"],
            },
        }
    ],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look:"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
                {"type": "tool_use", "id": "t1", "name": "Read", "input": {"path": "/a", "lines": [1]}},
                {"type": "tool_use", "id": "t2", "name": "Read", "input": {"path": "/b"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "is_error": True, "content": "gone"},
                {"type": "tool_result", "tool_use_id": "t9", "content": [{"type": "text", "text": "stray"}]},
            ],
        },
    ],
}


def told(body: dict[str, Any], dialect: str = "claude") -> list[str]:
    raw = json.dumps(body).encode()
    return conversation(spoken(raw, dialect), raw).splitlines()


def test_a_call_that_was_cut_says_so() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "Write", "arguments": '{"path":"a","text":"It is'}}
    text = told({"model": "m", "messages": [{"role": "assistant", "tool_calls": [call]}]}, "openai-chat")
    assert any(line.startswith("→ call Write c1 [arguments cut: a client cannot run it]") for line in text)
    call["function"] = {"name": "Write", "arguments": '{"path":"a"}'}
    text = told({"model": "m", "messages": [{"role": "assistant", "tool_calls": [call]}]}, "openai-chat")
    assert "cut" not in "".join(text)


def test_a_conversation_is_readable() -> None:
    text = told(TALK)
    assert text[0] == "claude · claude-sonnet-4-5 · streamed · 3 turns · 1 tool"
    assert text[1] == "max output 8,000 · thinking 4,000 tokens"
    assert 'Read(path: string, lines?: integer[], mode?: "text" | "hex") — Reads a file.' in text
    said = "\n".join(line.split(" ──")[0] for line in text[text.index("Be brief.") :])
    assert said.startswith(
        """Be brief.
Be kind.
⚑ cache breakpoint, 1h

── 1 user
Look:
▣ image image/png, 70 bytes, 2 × 3

── 2 assistant
~ thinking, 3 characters, sealed by anthropic, 4 characters
  Hm.
→ call Read t1 (answered in turn 3)
  {
    "path": "/a",
    "lines": [
      1
    ]
  }
→ call Read t2 (no result)
  {
    "path": "/b"
  }

── 3 user
← result of Read t1 (called in turn 2, failed)
  gone
← result of a tool t9 (no such call)
  stray
"""
    )
    assert text[-1] == "$.novelty  unknown field"


def test_the_sections_of_a_prompt() -> None:
    request = spoken(json.dumps(TALK).encode(), "claude").request
    assert request is not None
    sections = {one.name: (one.things, one.bytes) for one in anatomy(request)}
    assert sections["system"] == (1, 18)
    assert sections["images"] == (1, 70)
    assert sections["tool calls"] == (2, len('Read{"path": "/a", "lines": [1]}Read{"path": "/b"}'))
    assert sections["tool results"] == (2, len("gonestray"))
    raw = json.dumps(TALK).encode()
    text = conversation(spoken(raw, "claude"), raw, 1000, 600)
    assert "1,000  the upstream counted 1,000, 600 of them read from its cache" in text
    row = re.search(r"^images +1 +70 +([\d,]+) +(\d+)%", text, re.MULTILINE)
    assert row is not None
    assert int(row[1]) == pytest.approx(int(row[2]) * 10, abs=5)  # scaled to what was counted


def test_an_estimate_is_near_the_count() -> None:
    """The counts are o200k_base's."""
    assert estimate("The quick brown fox jumps over the lazy dog. " * 40) == pytest.approx(401, rel=0.2)
    assert estimate(json.dumps(TALK["tools"], indent=1)) == pytest.approx(121, rel=0.2)
    assert estimate("") == 0


FOLDED = re.compile(
    r"signature|\.data$|encrypted_content|reasoning_details|\.schema\.|(parameters|parametersJsonSchema|input_schema)\."
    r"|user_location|caller_id|cited_text|^\$\.model|\.id$|format\.(grammar\.)?definition|allowed_domains"
    r"|tool_choice\.(name|server_label)"
)
"""What a reader of the text is spared: seals, ids of items, the insides of schemas, settings of the vendors' tools."""


@pytest.mark.parametrize("dialect", ROOTS)
def test_all_that_is_said_is_shown(dialect: str) -> None:
    """Of every request a client can make."""
    for _, body in requests(*ROOTS[dialect], set()):
        said = spoken(msgspec.json.encode(body), dialect, "m")
        assert said.request is not None, said.trouble
        lost = {path for path, _ in said.lost}
        text = conversation(said, b"")
        for leaf in leaves(body):
            wanted = SENTINEL.findall(leaf.value) if isinstance(leaf.value, str) else []
            if FOLDED.search(leaf.at) or not lost.isdisjoint(above(leaf.at)):
                continue
            assert all(one in text for one in wanted), leaf


def test_a_variant_and_an_envelope() -> None:
    inner = {"contents": [{"role": "user", "parts": [{"text": "hello there"}]}]}
    for dialect in ("gemini-cli", "antigravity"):
        text = told({"model": "gemini-x", "project": "p", "request": inner}, dialect)
        assert text[0].startswith(f"{dialect} · gemini-x · ")
        assert "hello there" in text
    assert "hello there" in told({"model": "gpt-5", "input": "hello there"}, "codex")
    assert opened(b'{"messages": [1], "request": {}}')[1] == "$"
    assert opened(b'{"request": 1')[1] == "$"


def test_what_is_no_request_is_shown_as_it_is() -> None:
    for body, why in (
        (b"<html>", "this is no claude request"),
        (b"\xff\xfe{", "not UTF-8 text"),
        (b'{"messages": 3, "model": "m"}', "$.messages"),
        (b"", "has no body"),
    ):
        text = conversation(spoken(body, "claude"), body)
        assert why in text
        assert body.decode(errors="replace") in text
    assert conversation(spoken(b"x", "morse"), b"x").startswith("no dialect 'morse' is known here")
    assert conversation(spoken(b"x", ""), b"x").startswith("not a request to a model")
    cut = trimmed(json.dumps(TALK).encode() * 9, 400)
    assert re.match(r"Of this request [\d,]+ bytes were not kept", conversation(spoken(cut, "claude"), cut))
    assert "30,000 bytes" in conversation(spoken(b"?" * 30_000, "claude"), b"?" * 30_000)


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/v1/messages?beta=true", ("claude", "")),
        ("/api/v1/chat/completions", ("openai-chat", "")),
        ("/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse", ("gemini", "gemini-2.5-pro")),
        ("/v1internal:streamGenerateContent", ("gemini-cli", "")),
        ("/backend-api/codex/responses", ("codex", "")),
        ("/v1/completions", ("openai-completions", "")),
        ("/v1/models", ("", "")),
    ],
)
def test_a_path_tells_the_dialect(path: str, known: tuple[str, str]) -> None:
    assert dialect_of(path) == known


def test_a_long_conversation_is_cut_in_the_middle() -> None:
    """The beginning and the end are whole, the turns between them one line each, and of very many some."""
    turns = [
        Passage("user", "", number, (Piece("text", "", f"turn {number}\n" + "x" * 500, ""),))
        for number in range(1, 3001)
    ]
    text = "\n".join(lines(Transcript("m", (), tuple(turns)), full=20_000))
    assert len(text) < 20_000 + BRIEF * 250
    assert text.count("x" * 500) == 38
    assert "turn 3000\n" in text
    assert "[… turns 520 to 2,981 are not shown …]" in text
    long = "\n".join(lines(Transcript("m", (), (Passage("user", "", 1, (Piece("text", "", "y" * 90_000, ""),)),))))
    assert "[… 66,000 characters not shown …]" in long


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(DIALECTS)), st.data())
def test_nothing_makes_it_raise(dialect: str, data: st.DataObject) -> None:
    """Members of a dialect's requests with any JSON in them, and any bytes."""
    names = ("model", "messages", "contents", "input", "prompt", "tools", "system", "request", "instructions")
    body = data.draw(st.dictionaries(st.sampled_from(names), JSON, max_size=5))
    raw = data.draw(st.sampled_from([json.dumps(body).encode(), json.dumps(body).encode()[:-1]]) | st.binary())
    assert conversation(spoken(raw, dialect, "m"), raw)


@settings(max_examples=60, deadline=None)
@given(JSON)
def test_no_schema_makes_it_raise(schema: Any) -> None:
    body = {"model": "m", "messages": [], "tools": [{"name": "t", "input_schema": {"properties": {"a": schema}}}]}
    said = spoken(json.dumps(body).encode(), "claude")
    if said.request is not None:
        assert next(iter(transcript(said.request).passages)).pieces[0].head.startswith("t(a?: ")


def test_the_view_of_an_exchange_and_of_a_stranger() -> None:
    with scene() as here:
        flow = here.open("/v1/messages", TALK).flow
        assert view.prettify(b"", Metadata(flow=flow, http_message=flow.response)).startswith("claude · ")
    request = tutils.treq(
        method=b"POST",
        path=b"/openai/v1/chat/completions",
        content=b'{"model":"m","messages":[{"role":"user","content":"hi"}]}',
    )
    flow = tflow.tflow(req=request)
    asked = Metadata(flow=flow, http_message=flow.request)
    assert view.prettify(b"", asked).startswith("openai-chat · m · whole · 1 turn")
    assert view.render_priority(b"x", asked) == 2
    assert view.render_priority(b"x", Metadata(flow=flow, http_message=flow.response)) < 0
    assert view.render_priority(b"x", Metadata(flow=tflow.ttcpflow())) < 0
    assert view.prettify(b"raw", Metadata(flow=tflow.ttcpflow())).startswith("not a request to a model")
