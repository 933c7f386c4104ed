"""Chat Completions requests → the model."""

from typing import Any

import pytest
from msgspec import Raw

from tests.translators.chat_talk import (
    MAXIMAL,
    PNG,
    read,
    said,
)
from translators.errors import Unreadable
from translators.losses import Ledger
from translators.model import (
    CacheHints,
    FunctionTool,
    Identity,
    Logprobs,
    OutputFormat,
    Reasoning,
    Sampling,
    ServerState,
    ToolChoice,
)
from translators.openai_chat import DIALECT
from translators.parts import CacheMark, Citation, Document, FileRef, Inline, Seal, Text, Unknown, Url, Video
from translators.seals import wrap


def test_a_maximal_request_is_read():
    request, ledger = read(MAXIMAL)
    assert [(part.text, part.cache) for part in request.system] == [("S1", None), ("D1", CacheMark())]
    first = request.turns[0]
    assert (first.role, first.name, first.at) == ("user", "bob", "$.messages[2]")
    text, picture, linked, audio, document, stored, video, unknown = first.parts
    assert text.cache == CacheMark("1h")
    assert (picture.source, picture.detail) == (Inline("image/png", PNG), "low")
    assert linked.source == Url("https://a.example/x.png")
    assert audio.source == Inline("audio/mpeg", "QUJD")
    assert isinstance(document, Document)
    assert document.filename == "a.pdf"
    assert stored.source == FileRef("file_1", "openai")
    assert isinstance(video, Video)
    assert isinstance(unknown, Unknown)
    assert (unknown.tag, bytes(unknown.raw)) == ("hologram", b'{"type": "hologram", "depth": 1.0}')
    thinking, words, wx, run = request.turns[1].parts
    assert thinking.text == "hm"
    assert words.citations == [Citation(url="https://a.example", title="A", start=0, end=5, vendor="openai")]
    assert (wx.id, wx.arguments, wx.form) == ("c1", '{"id": 9007199254740993}', "json")
    assert (run.id, run.arguments, run.form) == ("c2", "free text", "text")
    assert [turn.parts[0].name for turn in request.turns[2:4]] == ["wx", "run"]
    assert [turn.role for turn in request.turns] == ["user", "assistant", "user", "user", "system", "user"]
    paths = [loss.path for loss in ledger.losses]
    assert paths == ["$.messages[2].content[7]", "$.max_tokens", "$.foo"]


def test_the_settings_of_a_maximal_request_are_read():
    request, _ = read(MAXIMAL)
    assert request.max_output == 100
    assert request.sampling == Sampling(
        temperature=1,
        top_p=0.5,
        frequency_penalty=0.1,
        presence_penalty=-0.1,
        seed=0,
        logit_bias=Raw(b'{"50256": -100}'),
    )
    assert (request.n, request.stops, request.logprobs) == (2, ["END"], Logprobs(wanted=True, top=3))
    wx, run, browser, search = request.tools
    assert isinstance(wx, FunctionTool)
    assert bytes(wx.schema or b"") == b'{"type": "object", "properties": {"z": {"maximum": 1.0}, "a": {}}}'
    assert (wx.strict, run.form, browser.kind, search.kind) == (False, "text", "browser_search", "web_search")
    assert bytes(search.native) == (
        b'{"type":"web_search","search_context_size":"low","user_location":{"type":"approximate","city":"Oslo"}}'
    )
    assert request.tool_choice == ToolChoice(mode="required", only=["wx"])
    assert request.parallel_tools is False
    assert request.format == OutputFormat(kind="schema", name="n", strict=True, schema=Raw(b'{"type": "object"}'))
    assert request.reasoning == Reasoning(mode="effort", effort="high")
    assert (request.stream, request.stream_usage, request.dialect) == (True, True, "openai-chat")
    assert request.identity == Identity(user="u", safety="s", metadata={"a": "b"})
    assert request.cache == CacheHints(key="k", mode="explicit", retention="30m")
    assert request.state == ServerState(store=False)
    assert request.at["max_output"] == "$.max_completion_tokens"
    assert request.at["reasoning"] == "$.reasoning_effort"


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        ("{", "$", "not JSON"),
        ("[]", "$", "object"),
        ('{"model":"m"}', "$.messages", "missing"),
        ('{"messages":[{"role":"user","content":"x"}]}', "$.model", "missing"),
        ('{"model":"m","messages":[]}', "$.messages", "at least one"),
        ('{"model":"m","input":"hi"}', "$.messages", "/v1/responses"),
        ('{"model":"m","instructions":"hi"}', "$.messages", "/v1/responses"),
        ('{"model":"m","messages":[{"role":"critic","content":"x"}]}', "$.messages[0].role", "critic"),
        (
            '{"model":"m","messages":[{"role":"user","content":[{"text":"x"}]}]}',
            "$.messages[0].content[0].type",
            "miss",
        ),
        ('{"model":"m","messages":[{"role":"user","content":7}]}', "$.messages[0].content", "got `int`"),
        ('{"model":"m","messages":[{"role":"user","content":"x"}],"n":0}', "$.n", "at least 1"),
        ('{"model":"m","messages":[{"role":"user","content":"x"}],"stop":[1]}', "$.stop[0]", "str"),
        ('{"model":"m","messages":[{"role":"tool","content":"x"}]}', "$.messages[0].tool_call_id", "missing"),
        ('{"model":"m","messages":[{"role":"user","content":"x"}],"tool_choice":"maybe"}', "$.tool_choice", "maybe"),
    ],
)
def test_what_is_wrong_is_said_with_its_path(body: str, path: str, words: str):
    with pytest.raises(Unreadable) as caught:
        read(body)
    assert caught.value.path == path
    assert words in caught.value.message


def test_a_body_that_is_not_utf8_is_refused():
    with pytest.raises(Unreadable):
        DIALECT.read_request(b'{"model":"\xff"}', "", None, Ledger())


def test_legacy_functions_are_tools_and_their_messages_calls_and_results():
    request, ledger = read(
        {
            "model": "m",
            "functions": [{"name": "wx", "parameters": {"type": "object"}}],
            "function_call": {"name": "wx"},
            "messages": [
                {"role": "user", "content": "x"},
                {"role": "assistant", "content": None, "function_call": {"name": "wx", "arguments": "{}"}},
                {"role": "function", "name": "wx", "content": "3 C"},
            ],
        }
    )
    called, answered = request.turns[1].parts[0], request.turns[2].parts[0]
    assert called.id == answered.call
    assert answered.name == "wx"
    assert request.tool_choice == ToolChoice(mode="required", only=["wx"])
    assert request.at["tools"] == "$.functions"
    assert request.parallel_tools is False
    assert not ledger.losses


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("hi", [Text(text="hi", at="$.messages[0].content")]),
        ("", [Text(text="", at="$.messages[0].content")]),
        ([], [Text(text="", at="$.messages[0].content")]),
        (None, [Text(text="", at="$.messages[0].content")]),
    ],
)
def test_content_may_be_short_or_empty(content: Any, parts: list[Any]):
    assert read(said(content))[0].turns[0].parts == parts


def test_an_assistant_message_without_content_is_no_turn():
    request, ledger = read({"model": "m", "messages": [{"role": "user"}, {"role": "assistant", "content": None}]})
    assert len(request.turns) == 1
    assert ledger.losses[0].path == "$.messages[1]"


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("data:image/png;base64,/9j/4AA=", Inline("image/jpeg", "/9j/4AA=")),
        ("data:image/png;charset=x;base64,_-8", Inline("image/png", "/+8=")),
        ("data:image/png,hi%20x", Inline("image/png", "aGkgeA==")),
        ("https://a/b.png", Url("https://a/b.png")),
    ],
)
def test_image_addresses(url: str, source: Any):
    request, _ = read(said([{"type": "image_url", "image_url": {"url": url}}]))
    assert request.turns[0].parts[0].source == source


@pytest.mark.parametrize(
    ("more", "reasoning"),
    [
        ({"reasoning_effort": "none"}, Reasoning(mode="off")),
        ({"reasoning_effort": "minimal"}, Reasoning(mode="effort", effort="minimal")),
        ({"reasoning": {"effort": "low", "exclude": True}}, Reasoning(mode="effort", effort="low", show="none")),
        ({"reasoning": {"max_tokens": 2000}}, Reasoning(mode="budget", budget=2000)),
        ({"reasoning": {"enabled": False}}, Reasoning(mode="off")),
        ({"thinking": {"type": "enabled"}}, Reasoning(mode="auto")),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, Reasoning(mode="budget", budget=9)),
        ({"thinking": {"type": "disabled"}}, Reasoning(mode="off")),
        ({}, None),
    ],
)
def test_how_much_to_think(more: dict[str, Any], reasoning: Reasoning | None):
    assert read(said("x", **more))[0].reasoning == reasoning


def test_arguments_given_as_an_object_keep_their_digits():
    request, _ = read(
        '{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"c","function":'
        '{"name":"f","arguments":{"b":9007199254740993,"a":1.0}}}]}]}'
    )
    assert request.turns[0].parts[0].arguments == '{"b":9007199254740993,"a":1.0}'


def test_sealed_reasoning_of_another_vendor_comes_back_out_of_its_envelope():
    seal = Seal("signature", "c2ln", "anthropic", "claude-x")
    request, _ = read(
        {
            "model": "m",
            "messages": [
                {
                    "role": "assistant",
                    "content": "x",
                    "reasoning_content": "Two cities.",
                    "reasoning_details": [
                        {"index": 0, "type": "reasoning.text", "text": "Two cities.", "signature": wrap(seal)},
                        {"index": 1, "type": "reasoning.encrypted", "data": wrap(Seal("redacted", "r", "anthropic"))},
                    ],
                }
            ],
        }
    )
    first, second, text = request.turns[0].parts
    assert (first.text, first.seal) == ("Two cities.", seal)
    assert (second.text, second.redacted, second.seal.data) == ("", True, "r")
    assert text.text == "x"


def test_the_seals_of_a_host_keep_format_and_id():
    detail = {"type": "reasoning.encrypted", "data": "gAAA", "format": "openai-responses-v1", "id": "rs_1", "index": 0}
    summary = {"type": "reasoning.summary", "summary": "Sum.", "format": "openai-responses-v1", "index": 0}
    message = {"role": "assistant", "content": "x", "reasoning_details": [summary, detail]}
    request, _ = read({"model": "m", "messages": [message]})
    thinking = request.turns[0].parts[0]
    assert thinking.text == "Sum."
    assert thinking.seal == Seal("encrypted", "gAAA", "openai", "openai-responses-v1", item="rs_1")


def test_googles_signature_of_a_call_is_its_seal():
    called = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    called["extra_content"] = {"google": {"thought_signature": "c2ln"}}
    request, ledger = read({"model": "m", "messages": [{"role": "assistant", "tool_calls": [called]}]})
    assert request.turns[0].parts[0].seal == Seal("signature", "c2ln", "google")
    assert not ledger.losses


def test_reasoning_that_stands_twice_is_read_once():
    said_twice = {"role": "assistant", "content": "so", "reasoning_content": "hm", "reasoning": "hm"}
    request, ledger = read({"model": "m", "messages": [{"role": "user", "content": "x"}, said_twice]})
    assert [part.text for part in request.turns[1].parts] == ["hm", "so"]
    assert [(loss.path, loss.reason) for loss in ledger.losses] == [
        ("$.messages[1].reasoning", "reasoning_content says it")
    ]
