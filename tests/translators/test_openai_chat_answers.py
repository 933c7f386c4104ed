"""Events → Chat Completions answers, with the official client as the judge; and errors both ways."""

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from tests.translators.chat_talk import (
    FULL,
    PNG,
    SEALED,
    TALK,
    answer,
    asked,
    call,
    chunks_of,
    client_of,
    events_of,
    parts_of,
    stream_asked,
    through_the_helper,
    whole_choice,
    written,
)
from translators.events import (
    ArgumentsDelta,
    BlockClosed,
    BlockOpened,
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    MediaDelta,
    Native,
    Order,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageSeen,
)
from translators.fold import Broken, fold
from translators.model import Failure, Request, Stop, Usage
from translators.openai_chat import DIALECT
from translators.parts import Audio, Citation, HostedCall, Image, Inline, Refusal, Seal, Text, Thinking
from translators.seals import wrap


def test_the_official_helper_reads_a_full_stream():
    completion = through_the_helper(written(FULL))
    message = completion.choices[0].message
    assert (completion.id, completion.model) == ("chatcmpl-7f", "gpt-mine")
    assert message.role == "assistant"
    assert message.content == "Checking both."
    assert message.reasoning_content == "Two cities."
    assert message.reasoning_details == [
        {"index": 0, "type": "reasoning.text", "text": "Two cities.", "signature": wrap(SEALED)}
    ]
    calls = [(c.id, c.type, c.function.name, c.function.arguments) for c in message.tool_calls]
    assert calls[0] == ("toolu_a1", "function", "wx", '{"city":"Oslo"}')
    assert calls[1][3] == '{"city":"Rome"}'
    assert len(calls[1][0]) <= 40
    assert calls[2][3] == "{}"
    assert message.tool_calls[0].extra_content == {"google": {"thought_signature": "Z29v"}}
    assert completion.choices[0].finish_reason == "tool_calls"
    assert completion.usage.prompt_tokens == 100
    assert completion.usage.prompt_tokens_details.cached_tokens == 80
    assert completion.usage.completion_tokens_details.reasoning_tokens == 15


def test_the_grammar_of_a_stream():
    chunks = chunks_of(written(FULL))
    roles = [c for c in chunks if c["choices"] and "role" in c["choices"][0]["delta"]]
    assert len(roles) == 1
    assert chunks[0] is roles[0]
    assert [c["usage"] is None for c in chunks] == [True] * (len(chunks) - 1) + [False]
    assert chunks[-1]["choices"] == []
    pieces = [p for c in chunks[:-1] for p in c["choices"][0]["delta"].get("tool_calls", [])]
    assert [p["index"] for p in pieces if "id" in p] == [0, 1, 2]
    assert all(("id" in p) == ("name" in p.get("function", {})) for p in pieces)
    assert written(FULL).endswith(b"data: [DONE]\n\n")
    without = chunks_of(written(FULL, stream_asked(usage=False)))
    assert all("usage" not in c for c in without)
    assert without[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_stream_and_whole_answer_say_the_same():
    whole = msgspec.json.decode(DIALECT.write_reply(fold(FULL), stream_asked()))
    message, streamed = whole["choices"][0]["message"], through_the_helper(written(FULL)).to_dict()
    again = streamed["choices"][0]["message"]
    for name in ("content", "reasoning_content", "reasoning_details"):
        assert message[name] == again[name]
    assert [{k: v for k, v in one.items() if k != "index"} for one in again["annotations"]] == message["annotations"]
    assert [(c["id"], c["function"]["arguments"]) for c in again["tool_calls"]] == [
        (c["id"], c["function"]["arguments"]) for c in message["tool_calls"]
    ]
    assert whole["usage"] == streamed["usage"]
    assert (whole["id"], whole["created"]) == (streamed["id"], streamed["created"])
    with client_of(msgspec.json.encode(whole), "application/json") as client:
        completion = client.chat.completions.create(**TALK)
    assert completion.choices[0].message.tool_calls[0].function.arguments == '{"city":"Oslo"}'


def test_what_is_written_is_read_again():
    again = events_of(written(FULL))
    thinking, text, *calls = parts_of(again)
    assert (thinking.text, thinking.seal) == ("Two cities.", SEALED)
    assert text.text == "Checking both."
    assert [(c.name, c.arguments) for c in calls] == [
        ("wx", '{"city":"Oslo"}'),
        ("wx", '{"city":"Rome"}'),
        ("noargs", "{}"),
    ]
    assert calls[0].seal == Seal("signature", "Z29v", "google")
    whole = DIALECT.read_reply(DIALECT.write_reply(fold(FULL), stream_asked()))
    assert [type(p) for p in parts_of(whole)] == [type(p) for p in parts_of(again)]
    assert fold(whole).usage == fold(again).usage


@pytest.mark.parametrize(
    ("events", "content", "refusal", "finish"),
    [
        (answer(), "", None, "stop"),
        (answer(""), "", None, "stop"),
        (answer(call("c"), stop=Stop(reason="tool")), None, None, "tool_calls"),
        (answer("a", call("c"), stop=Stop(reason="length")), "a", None, "length"),
        (answer(Refusal(text="no"), stop=Stop(reason="refusal")), None, "no", "stop"),
        (answer("part", stop=Stop(reason="refusal", explanation="why")), "part", None, "content_filter"),
        (answer(stop=Stop(reason="refusal", explanation="why")), None, "why", "content_filter"),
        (answer(stop=Stop(reason="filter_prompt")), "", None, "content_filter"),
        (answer("a", stop=Stop(reason="context")), "a", None, "length"),
        (answer("a", stop=Stop(reason="sequence", sequence="E")), "a", None, "stop"),
        (answer("a", stop=Stop(reason="recitation")), "a", None, "content_filter"),
        (answer("a", stop=Stop(reason="bad_call")), "a", None, "stop"),
    ],
)
def test_how_answers_end(events: list[Event], content: Any, refusal: Any, finish: str):
    choice = whole_choice(events)
    assert (choice["message"]["content"], choice["message"]["refusal"], choice["finish_reason"]) == (
        content,
        refusal,
        finish,
    )
    completion = through_the_helper(written(events))
    streamed = completion.choices[0]
    assert (streamed.message.content or "", streamed.message.refusal) == (content or "", refusal)
    assert streamed.finish_reason == finish


def test_an_unusable_call_and_nothing_else_is_an_error():
    events = answer(stop=Stop(reason="bad_call"))
    assert b'{"error":' in written(events)
    assert b'finish_reason":"' not in written(events)
    with pytest.raises(Broken):
        whole_choice(events)


def test_custom_calls_images_audio_and_signed_text():
    events = answer(
        Text(text="hi", seal=Seal("signature", "Z29v", "google")),
        call("c", "run", "free", form="text"),
        Image(source=Inline("image/png", PNG)),
        Audio(source=Inline("audio/wav", "QUJD"), transcript="abc", id="audio_1"),
    )
    message = whole_choice(events)["message"]
    assert message["extra_content"] == {"google": {"thought_signature": "Z29v"}}
    assert message["tool_calls"] == [{"id": "c", "type": "custom", "custom": {"name": "run", "input": "free"}}]
    assert message["images"][0]["image_url"]["url"] == f"data:image/png;base64,{PNG}"
    assert message["audio"]["transcript"] == "abc"
    again = parts_of(events_of(written(events)))
    assert [type(part).__name__ for part in again] == ["Text", "ToolCall", "Image", "Audio"] or len(again) == 4


def test_hosted_calls_are_never_tool_calls():
    hosted = HostedCall(id="s", kind="web_search", name="web_search", vendor="anthropic", native=Raw(b"{}"))
    assert b"tool_calls" not in written(answer(hosted, "x"))
    assert "tool_calls" not in whole_choice(answer(hosted, "x"))["message"]


def test_a_client_of_functions_gets_function_call():
    request = Request(model="m", turns=[], at={"tools": "$.functions"})
    events = answer(call("c", arguments='{"a":1}'), stop=Stop(reason="tool"))
    choice = whole_choice(events, asked(request))
    assert choice["message"]["function_call"] == {"name": "wx", "arguments": '{"a":1}'}
    assert choice["finish_reason"] == "function_call"
    deltas = [c["choices"][0]["delta"] for c in chunks_of(written(events, asked(request)))]
    assert deltas[1:3] == [
        {"function_call": {"name": "wx", "arguments": ""}},
        {"function_call": {"arguments": '{"a":1}'}},
    ]


def test_several_reasoning_blocks_and_choices():
    events = [
        Started("x"),
        BlockOpened(0, "thinking", candidate=1),
        ThinkingDelta(0, "a"),
        ThinkingDelta(0, "b", part=1),
        BlockClosed(0),
        BlockOpened(1, "thinking", candidate=1),
        ThinkingDelta(1, "c"),
        BlockClosed(1),
        Finished(Stop(reason="stop"), 1),
        Ended(),
    ]
    completion = through_the_helper(written(events))
    assert completion.choices[1].message.reasoning_content == "a\n\nb\n\nc"
    assert [choice.finish_reason for choice in completion.choices] == ["stop", "stop"]
    assert whole_choice(events)["message"]["reasoning_content"] == "a\n\nb\n\nc"


def test_sealed_reasoning_blocks_come_back_one_by_one():
    """reasoning_content is one string and reasoning_details say it again: read once, cut where the seals stand."""
    other = Seal("redacted", "r", "anthropic")
    events = answer(
        Thinking(text="a\n\nb", seal=SEALED),
        Thinking(seal=other, redacted=True),
        Thinking(text="c", seal=SEALED),
        "x",
    )
    for again in (events_of(written(events)), DIALECT.read_reply(DIALECT.write_reply(fold(events), asked()))):
        blocks = [(p.text, p.seal) for p in parts_of(again) if isinstance(p, Thinking)]
        assert blocks == [("a\n\nb", SEALED), ("", other), ("c", SEALED)]


def test_logprobs_stand_beside_their_text():
    listed = Raw(b'[{"token":"x","bytes":[120],"logprob":-0.1,"top_logprobs":[]}]')
    events = answer(Text(text="x", logprobs=listed))
    assert through_the_helper(written(events)).choices[0].logprobs.content[0].token == "x"
    assert whole_choice(events)["logprobs"]["content"][0]["logprob"] == -0.1
    assert parts_of(events_of(written(events)))[0].logprobs is not None


def test_a_failure_in_the_stream_is_an_error_and_nothing_follows():
    failure = Failure(kind="overloaded", message="Overloaded")
    events = [*FULL[:8], Failed(failure)]
    body = written(events)
    assert body.endswith(b"\n\n")
    assert b"[DONE]" not in body
    assert b'"finish_reason":"' not in body
    with pytest.raises(openai.APIError) as caught:
        through_the_helper(body)
    assert "Overloaded" in str(caught.value)
    assert written([Failed(failure)]).startswith(b'data: {"error":{"message":"Overloaded"')
    assert isinstance(events_of(body)[-1], Failed)


def random_events(choose: random.Random) -> Iterator[Event]:
    """A legal sequence of events that no reader of ours would make."""
    yield Started("x")
    opened: dict[int, int] = {}
    number = 0
    kinds = ["text", "refusal", "thinking", "tool", "hosted", "hosted_result", "image", "audio", "unknown"]
    for _ in range(choose.randrange(40)):
        if not opened or choose.random() < 0.3:
            candidate = choose.choice([0, 0, 0, 2])
            form: Any = choose.choice(["json", "text"])
            yield BlockOpened(number, choose.choice(kinds), f"c{number}", "f", form, candidate=candidate)
            opened[number] = candidate
            number += 1
            continue
        block = choose.choice(list(opened))
        event = choose.choice(
            [
                TextDelta(block, "x"),
                TextDelta(block, "", Raw(b"[]")),
                ThinkingDelta(block, "t", choose.randrange(2)),
                ArgumentsDelta(block, "{}"),
                MediaDelta(block, "image/png", "QUJD"),
                Sealed(block, SEALED),
                Cited(block, Citation(url="u")),
                Native(block, Raw(b"{}")),
                BlockClosed(block),
                UsageSeen(Usage(input=1)),
            ]
        )
        if isinstance(event, BlockClosed):
            del opened[block]
        yield event
    if choose.random() < 0.2:
        yield Failed(Failure(kind="server", message="m"))
        return
    for block in opened:
        yield BlockClosed(block)
    yield Finished(Stop(reason="stop"), 0)
    yield Finished(Stop(reason="tool"), 2)
    yield Ended()


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_the_writer_survives_any_legal_order(seed: int):
    events = list(random_events(random.Random(seed)))
    order = Order()
    for event in events:
        order.check(event)
    body = written(events)
    if isinstance(events[-1], Failed):
        return
    chunks = chunks_of(body)
    for index in (0, 1, 2):
        deltas = [c["choices"][0] for c in chunks if c["choices"] and c["choices"][0]["index"] == index]
        assert sum("role" in one["delta"] for one in deltas) == 1
        assert [one["finish_reason"] is not None for one in deltas] == [False] * (len(deltas) - 1) + [True]
    if b'"custom"' not in body:  # the official helper cannot add those up
        through_the_helper(body)
