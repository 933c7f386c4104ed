"""What a client cannot be told of an answer is listed, in the stream as in the whole answer."""

from collections import Counter

import pytest
from msgspec import Raw

from translators.dialect import Asked
from translators.fold import unfold
from translators.model import Candidate, FunctionTool, Reply, Request, Stop
from translators.parts import (
    Audio,
    Citation,
    HostedCall,
    HostedResult,
    Image,
    Inline,
    Part,
    Text,
    Thinking,
    ToolCall,
    Unknown,
)
from translators.registry import DIALECTS, SPOKEN

LOGPROBS = Raw(b'[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[]}]')
SITED = Citation(url="https://a.example", title="A", start=0, end=1, vendor="openai")
FILED = Citation(file="f1", title="A", vendor="anthropic", native=Raw(b'{"type":"page_location","file_id":"f1"}'))
PARTS: dict[str, list[Part]] = {
    "text": [Text(text="a")],
    "logprobs": [Text(text="a", logprobs=LOGPROBS)],
    "a citation": [Text(text="a", citations=[SITED])],
    "a citation of a file": [Text(text="a", citations=[FILED])],
    "thinking": [Thinking(text="hm"), Text(text="a")],
    "an image": [Image(source=Inline("image/png", "iVBORw0KGgo="))],
    "audio": [Audio(source=Inline("audio/wav", "UklGRg=="), transcript="hello", id="a1")],
    "a call": [ToolCall(id="c1", name="now", arguments="{}")],
    "half a call": [Text(text="a"), ToolCall(id="c1", name="now", arguments='{"zo', complete=False)],
    "a hosted call": [
        HostedCall(id="s1", kind="mcp", name="mcp", vendor="openai", native=Raw(b'{"type":"mcp_call","id":"s1"}')),
        Text(text="a"),
    ],
    "hosted code": [
        HostedCall(
            id="x", kind="code", name="code", vendor="google",
            native=Raw(b'{"executableCode":{"id":"x","code":"1"}}'), input=Raw(b'{"code":"1"}'),
        ),
        HostedResult(call="x", kind="code", vendor="google", native=Raw(b'{"codeExecutionResult":{"output":"1"}}')),
    ],
    "a stranger": [Unknown(dialect="somebody", tag="news", raw=Raw(b'{"type":"news"}')), Text(text="a")],
}  # fmt: skip
TOLD_EVERYWHERE = {"text", "a call"}


def losses(dialect: str, reply: Reply, *, stream: bool, tools: str = "$.tools") -> Counter:
    """The ledger after an answer was written."""
    request = Request(
        model="m",
        turns=[],
        tools=[FunctionTool(name="now")],
        stream=stream,
        dialect=dialect,
        at={"tools": tools},
    )
    asked = Asked("m", stream, 1, "5eed", request)
    if stream:
        DIALECTS[dialect].stream_writer(asked).write(list(unfold(reply)))
    else:
        DIALECTS[dialect].write_reply(reply, asked)
    return Counter(asked.ledger.losses)


def reply_of(parts: list[Part], *more: list[Part], stop: Stop | None = None) -> Reply:
    ended = stop or Stop(reason="stop")
    return Reply(candidates=[Candidate(parts=said, stop=ended, index=i) for i, said in enumerate((parts, *more))])


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("dialect", SPOKEN)
def test_the_stream_lists_what_the_whole_answer_lists(dialect, name):
    reply = reply_of(PARTS[name])
    whole, stream = (losses(dialect, reply, stream=stream) for stream in (False, True))
    if name == "half a call" and dialect == "claude":
        assert not stream  # its pieces have left before it was known to be cut
        assert [loss.path for loss in whole] == ["blocks[1]"]
    else:
        assert whole == stream
    if name in TOLD_EVERYWHERE and dialect != "openai-completions":
        assert not whole


# dialect → what it has no place for
UNTOLD = {
    "claude": {"logprobs", "a citation", "an image", "audio", "a hosted call", "a stranger", "half a call"},
    "openai-chat": {"a citation of a file", "a hosted call", "hosted code", "a stranger"},
    "openai-responses": {"a citation of a file", "audio", "a stranger"},
    "openai-completions": {
        "a citation", "a citation of a file", "thinking", "an image", "audio", "a call", "half a call",
        "a hosted call", "hosted code", "a stranger",
    },
    "gemini": {"audio", "half a call", "a hosted call", "a stranger"},
}  # fmt: skip


@pytest.mark.parametrize("dialect", SPOKEN)
def test_what_each_dialect_has_no_place_for(dialect):
    found = {name for name, parts in PARTS.items() if losses(dialect, reply_of(parts), stream=False)}
    assert found == UNTOLD[dialect]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("dialect", "lost"), [("claude", 2), ("openai-responses", 2), ("openai-chat", 0), ("gemini", 0)]
)
def test_candidates_beyond_the_first(dialect, lost, stream):
    found = losses(dialect, reply_of(*([Text(text=word)] for word in "abc")), stream=stream)
    assert [(loss.path, loss.semantic) for loss in found] == [("candidates[1]", True), ("candidates[2]", True)][:lost]


@pytest.mark.parametrize("stream", [False, True])
def test_a_second_function_call_for_who_knows_one(stream):
    calls: list[Part] = [ToolCall(id=f"c{n}", name="now", arguments="{}") for n in range(2)]
    found = losses("openai-chat", reply_of(calls, stop=Stop(reason="tool")), stream=stream, tools="$.functions")
    assert [(loss.path, loss.semantic) for loss in found] == [("blocks[1]", True)]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("dialect", "lost"), [("claude", 0), ("gemini", 0), ("openai-chat", 1), ("openai-responses", 1)]
)
def test_why_it_was_refused(dialect, lost, stream):
    said = reply_of([Text(text="Well,")], stop=Stop(reason="refusal", explanation="Not this."))
    assert [loss.path for loss in losses(dialect, said, stream=stream)] == ["candidates[0].stop"] * lost
