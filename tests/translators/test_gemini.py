"""The Gemini dialect: its streams, whole answers and errors, both ways. Requests: test_gemini_requests.py."""

import base64
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from google import genai
from google.genai import errors, types
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace

from translators import seals
from translators.dialect import Asked
from translators.errors import Unreadable
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
from translators.failures import KINDS
from translators.fold import fold, unfold
from translators.gemini import ARRAY_TYPE, DIALECT, failure
from translators.losses import Ledger
from translators.model import Candidate, Failure, Reasoning, Reply, Request, Stop, Usage
from translators.parts import Citation, Seal, Text, Thinking, ToolCall

CASES = sorted((Path(__file__).parent.parent / "cases" / "gemini" / "streams").glob("*.case"))
SHOWING = Request(model="g", turns=[], reasoning=Reasoning(mode="auto", show="auto"))
ASKED = Asked(model="g-mine", stream=True, now=1_795_000_000, seed="5eed", request=SHOWING)
OWN = Seal("signature", "c2ln", "google")
CLAUDES = Seal("signature", "Y2xhdWRl", "anthropic")
STOP = Finished(Stop(reason="stop"))


def sections(path: Path) -> dict[str, str]:
    """The parts of a case file by name."""
    pieces = re.split(r"^=== (.*)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def told(value: Any) -> Any:
    """An event as plain JSON without what says nothing."""
    if isinstance(value, Event):
        value = msgspec.json.decode(msgspec.json.encode(value))
    if isinstance(value, dict):
        return {key: told(each) for key, each in value.items() if each not in (None, "", {}) or key == "text"}
    return [told(each) for each in value] if isinstance(value, list) else value


def read(*chunks: bytes) -> list[Event]:
    reader = DIALECT.stream_reader()
    events = [event for chunk in chunks for event in reader.feed(chunk)] + reader.finish()
    order = Order()
    for event in events:
        order.check(event)
    assert reader.finish() == []
    return events


def write(events: list[Event], asked: Asked = ASKED) -> bytes:
    writer = DIALECT.stream_writer(asked)
    return b"".join(writer.write([event]) for event in events)


def chunks_of(wire: bytes) -> list[dict[str, Any]]:
    found = []
    for block in wire.split(b"\n\n")[:-1]:
        assert block.startswith(b"data: {")
        assert b"\n" not in block
        found.append(json.loads(block[6:]))
    return found


def parts_of(wire: bytes) -> list[dict[str, Any]]:
    return [part for chunk in chunks_of(wire) for said in chunk["candidates"] for part in said["content"]["parts"]]


def client(answers: list[bytes], seen: list[Any]) -> genai.Client:
    """The official client, fed with these bodies; `seen` gets the requests it makes."""

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(json.loads(request.content))
        return httpx.Response(200, content=answers.pop(0), headers={"content-type": "text/event-stream"})

    http = httpx.Client(transport=httpx.MockTransport(answer))
    options = types.HttpOptions(base_url="http://127.0.0.1:1", httpx_client=http)
    return genai.Client(api_key="k", http_options=options)


def two_calls() -> list[Event]:
    return [
        Started("r7f", "up"),
        BlockOpened(0, "thinking"),
        ThinkingDelta(0, "Two "),
        ThinkingDelta(0, "cities."),
        Sealed(0, CLAUDES),
        BlockClosed(0),
        BlockOpened(1, "text"),
        TextDelta(1, "Checking "),
        TextDelta(1, "both.\u2028"),
        BlockClosed(1),
        BlockOpened(2, "tool", "a1", "wx"),
        ArgumentsDelta(2, '{"city":\n'),
        BlockOpened(3, "tool", "a2", "wx"),
        ArgumentsDelta(3, '{"n":12345678901234567890}'),
        BlockClosed(3),
        ArgumentsDelta(2, '"Oslo"}'),
        BlockClosed(2),
        UsageSeen(Usage(input=100, cache_read=80, output=40, thinking=15)),
        Finished(Stop(reason="tool")),
        Ended(),
    ]


# --- streams, read --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_stream_is_read(path):
    """The events are those written down, whole and byte by byte, with any line ends."""
    case = sections(path)
    wire = case["wire"].encode()
    expected = [json.loads(line) for line in case["events"].splitlines()]
    whole = read(wire)
    assert [told(event) for event in whole] == expected
    assert read(*(bytes([byte]) for byte in wire)) == whole
    assert read(wire.replace(b"\n", b"\r\n")) == whole


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 1200), max_size=6))
def test_cutting_changes_nothing(path, cuts):
    wire = sections(path)["wire"].encode()
    places = [0, *sorted(cuts), len(wire)]
    assert read(*(wire[start:end] for start, end in pairwise(places))) == read(wire)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_stream_cut_anywhere_ends_or_fails(path):
    wire = sections(path)["wire"].encode()
    for end in range(0, len(wire), 7):
        last = read(wire[:end])[-1]
        assert isinstance(last, Ended | Failed)


def test_a_whole_answer_in_place_of_a_stream():
    body = b'\n{\n "candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "STOP"}]\n}\n'
    assert fold(read(body)) == fold(DIALECT.read_reply(body))
    assert [type(event) for event in read(body)][-2:] == [Finished, Ended]


def test_snake_case_and_wrong_types_are_forgiven():
    call = b'{"function_call":{"name":"f","args":{"a":1}}}'
    said = b'{"content":{"parts":[' + call + b',{"text":5}]},"finish_reason":"STOP","index":"x"}'
    body = b'{"candidates":[' + said + b'],"usage_metadata":7}'
    reply = fold(DIALECT.read_reply(body))
    (part,) = reply.candidates[0].parts
    assert isinstance(part, ToolCall)
    assert (part.name, part.arguments) == ("f", '{"a":1}')
    odd = body.replace(
        b'"finish_reason":"STOP"', b'"finishReason":"STOP","finish_reason":"STOP","groundingMetadata":[]'
    )
    assert fold(DIALECT.read_reply(odd)).candidates[0].stop.native == "STOP"


@pytest.mark.parametrize("body", [b"<html><h1>x", b"Internal error", b"data: x\n\n", b"oops", b"{]"])
def test_what_is_no_answer_is_refused(body):
    with pytest.raises(Unreadable):
        read(body, b"\n\n")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"[1]", b'{"usageMetadata":{"totalTokenCount":1}}', b": x\n\n", b"data: [DONE]\n\n"]
)
def test_an_answer_that_says_nothing_is_a_failure(body):
    (*_, last) = read(body)
    assert isinstance(last, Failed)
    assert last.failure.kind == "truncated"


def test_garbage_after_the_beginning_is_a_failure():
    (*_, last) = read(b'data: {"candidates":[{"content":{"parts":[{"text":"x"}]}}]}\n\ndata: {"cand\n\n')
    assert isinstance(last, Failed)
    assert last.failure.kind == "upstream"


def test_a_missing_signature_is_a_failure():
    (*_, last) = read(b'{"candidates":[{"finishReason":"MISSING_THOUGHT_SIGNATURE"}]}')
    assert isinstance(last, Failed)
    assert (last.failure.kind, last.failure.code) == ("invalid", "MISSING_THOUGHT_SIGNATURE")


def test_an_error_with_status_200_is_a_failure():
    for body in (b'{"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED"}}', b'[{"error":{"code":429}}]'):
        (only,) = DIALECT.read_reply(body)
        assert isinstance(only, Failed)
        assert only.failure.kind == "rate_limit"


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        (
            {"promptTokenCount": 100, "thoughtsTokenCount": 15, "totalTokenCount": 115},
            Usage(input=100, output=15, thinking=15),
        ),
        (
            {"promptTokenCount": 100, "toolUsePromptTokenCount": 7, "candidatesTokenCount": 3, "totalTokenCount": 110},
            Usage(input=107, output=3, tool_input=7),
        ),
        (
            {
                "promptTokenCount": 5,
                "candidatesTokenCount": 2,
                "totalTokenCount": 7,
                "serviceTier": "standard",
                "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 4}],
            },
            Usage(input=5, output=2, audio_input=4, service_tier="standard"),
        ),
        ({"trafficType": "ON_DEMAND"}, None),
    ],
)
def test_counts(said, usage):
    body = {"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "STOP"}], "usageMetadata": said}
    assert fold(DIALECT.read_reply(json.dumps(body).encode())).usage == usage


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SPII", "filter_out"),
        ("RECITATION", "recitation"),
        ("MALFORMED_FUNCTION_CALL", "bad_call"),
        ("CONTINUATION", "pause"),
        ("LANGUAGE", "other"),
        ("NEW_WORD", "other"),
    ],
)
def test_stop_words(word, reason):
    body = json.dumps({"candidates": [{"finishReason": word, "index": 0}]}).encode()
    stop = fold(DIALECT.read_reply(body)).candidates[0].stop
    assert (stop.reason, stop.native) == (reason, word)


def test_log_probabilities_go_both_ways():
    token = {"token": "é", "logProbability": -0.5}
    body = {
        "candidates": [
            {
                "content": {"parts": [{"text": "é"}]},
                "finishReason": "STOP",
                "logprobsResult": {"chosenCandidates": [token], "topCandidates": [{"candidates": [token]}]},
            }
        ]
    }
    reply = fold(DIALECT.read_reply(json.dumps(body).encode()))
    (text,) = reply.candidates[0].parts
    assert isinstance(text, Text)
    assert text.logprobs is not None
    assert json.loads(bytes(text.logprobs))[0]["bytes"] == [195, 169]
    written = json.loads(DIALECT.write_reply(reply, ASKED))
    assert written["candidates"][0]["logprobsResult"] == body["candidates"][0]["logprobsResult"]


def test_made_ids_differ_between_answers():
    def identifier(response: str) -> str:
        body = {
            "responseId": response,
            "candidates": [{"content": {"parts": [{"functionCall": {"name": "f"}}]}, "finishReason": "STOP"}],
        }
        (call,) = fold(DIALECT.read_reply(json.dumps(body).encode())).candidates[0].parts
        assert isinstance(call, ToolCall)
        return call.id

    assert identifier("a") == identifier("a") != identifier("b")


# --- streams, written -----------------------------------------------------------------------------------------------


def test_a_stream_is_written():
    wire = write(two_calls())
    assert "\u2028".encode() not in wire
    assert b"12345678901234567890" in wire
    envelope = seals.wrap_base64(replace(CLAUDES, place="ahead", text="Two cities."))
    parts = parts_of(wire)
    assert parts == [
        {"text": "Two ", "thought": True},
        {"text": "cities.", "thought": True},
        {"text": "Checking ", "thoughtSignature": envelope},
        {"text": "both.\u2028"},
        {"functionCall": {"id": "a1", "name": "wx", "args": {"city": "Oslo"}}},
        {"functionCall": {"id": "a2", "name": "wx", "args": {"n": 12345678901234567890}}},
        {"text": ""},
    ]
    *before, last = chunks_of(wire)
    assert last["candidates"][0]["finishReason"] == "STOP"
    assert last["usageMetadata"] == {
        "promptTokenCount": 100,
        "candidatesTokenCount": 25,
        "totalTokenCount": 140,
        "cachedContentTokenCount": 80,
        "thoughtsTokenCount": 15,
    }
    assert all((chunk["modelVersion"], chunk["responseId"]) == ("g-mine", "r7f") for chunk in (*before, last))


def test_thoughts_are_hidden_from_those_who_did_not_ask():
    asked = replace_request(ASKED, Request(model="g", turns=[]))
    parts = parts_of(write(two_calls(), asked))
    assert not any("thought" in part for part in parts)
    assert "thoughtSignature" in parts[0]


def replace_request(asked: Asked, request: Request | None, **more: Any) -> Asked:
    return Asked(model=asked.model, stream=True, now=asked.now, seed=asked.seed, request=request, **more)


def test_the_array_form():
    asked = replace_request(ASKED, SHOWING, array=True)
    wire = write(two_calls(), asked)
    assert [chunk["candidates"][0]["content"]["parts"] for chunk in json.loads(wire)] == [
        [part] for part in parts_of(write(two_calls()))
    ]
    broken = write([*two_calls()[:8], Failed(Failure(kind="overloaded", message="x"))], asked)
    assert json.loads(broken)[-1]["error"]["code"] == 503
    assert json.loads(write([Failed(Failure(kind="overloaded", message="x"))], asked))[0]["error"]["code"] == 503
    assert DIALECT.stream_writer(asked).ping() == b""
    assert ARRAY_TYPE.startswith("application/json")


def test_pings_are_blank_lines_between_events():
    writer = DIALECT.stream_writer(ASKED)
    assert writer.ping() == b""
    writer.write([Started(), BlockOpened(0, "text"), TextDelta(0, "x")])
    assert writer.ping() == b"\n"
    writer.write([BlockClosed(0), STOP, Ended()])
    assert writer.ping() == b""


def test_seals_find_a_part():
    events = [
        Started(),
        BlockOpened(0, "text"),
        TextDelta(0, "a"),
        Sealed(0, OWN),
        BlockClosed(0),
        BlockOpened(1, "text"),
        TextDelta(1, "b"),
        BlockClosed(1),
        BlockOpened(2, "thinking"),
        ThinkingDelta(2, "t"),
        Sealed(2, OWN),
        BlockClosed(2),
        BlockOpened(3, "tool", "1", "f", seal=OWN),
        BlockClosed(3),
        BlockOpened(4, "thinking"),
        Sealed(4, replace(CLAUDES, kind="redacted")),
        BlockClosed(4),
        BlockOpened(5, "text"),
        Sealed(5, OWN),
        BlockClosed(5),
        STOP,
        Ended(),
    ]
    both = seals.wrap_base64(replace(CLAUDES, kind="redacted", place="ahead"), OWN)
    assert parts_of(write(events)) == [
        {"text": "a"},
        {"text": "", "thoughtSignature": "c2ln"},
        {"text": "b"},
        {"text": "t", "thought": True},
        {"text": "", "thought": True, "thoughtSignature": "c2ln"},
        {"functionCall": {"id": "1", "name": "f", "args": {}}, "thoughtSignature": "c2ln"},
        {"text": "", "thoughtSignature": both},
    ]
    whole = json.loads(DIALECT.write_reply(fold(events), ASKED))["candidates"][0]["content"]["parts"]
    assert whole == [
        {"text": "a", "thoughtSignature": "c2ln"},
        {"text": "b"},
        {"text": "t", "thought": True, "thoughtSignature": "c2ln"},
        {"functionCall": {"id": "1", "name": "f", "args": {}}, "thoughtSignature": "c2ln"},
        {"text": "", "thoughtSignature": both},
    ]


def test_foreign_seals_come_back_through_a_client():
    """Claude's thinking through a client of Gemini's: shown or not, it stands before the call again."""
    wire = parts_of(write(two_calls()))
    for part in wire:
        if "thoughtSignature" in part:  # as the Python library sends it back
            part["thoughtSignature"] = part["thoughtSignature"].replace("+", "-").replace("/", "_").rstrip("=")
    history = {"contents": [{"role": "model", "parts": [part]} for part in wire]}
    request = DIALECT.read_request(json.dumps(history).encode(), "g", True, Ledger())
    first, second, *_ = [part for turn in request.turns for part in turn.parts]
    assert isinstance(first, Thinking)
    assert (first.text, first.seal) == ("Two cities.", CLAUDES)
    assert isinstance(second, Text)


def test_two_foreign_thoughts_come_back_apart():
    events = [Started()]
    for block, words in enumerate(("one", "two")):
        events += [
            BlockOpened(block, "thinking"),
            ThinkingDelta(block, words),
            Sealed(block, CLAUDES),
            BlockClosed(block),
        ]
    for ending in ([BlockOpened(2, "tool", "1", "f"), BlockClosed(2)], []):
        done = [*events, *ending, STOP, Ended()]
        streamed = parts_of(write(done))
        whole = json.loads(DIALECT.write_reply(fold(done), ASKED))["candidates"][0]["content"]["parts"]
        for parts in (streamed, whole):
            history = {"contents": [{"role": "model", "parts": [part]} for part in parts]}
            request = DIALECT.read_request(json.dumps(history).encode(), "g", True, Ledger())
            found = [part for turn in request.turns for part in turn.parts if isinstance(part, Thinking)]
            assert [(part.text, part.seal) for part in found] == [("one", CLAUDES), ("two", CLAUDES)]


def test_a_call_cut_short_is_not_shown():
    events = [
        Started(),
        BlockOpened(0, "tool", "1", "f"),
        ArgumentsDelta(0, '{"a":'),
        BlockClosed(0, complete=False),
        Finished(Stop(reason="length")),
        Ended(),
    ]
    (chunk,) = chunks_of(write(events))
    assert chunk["candidates"][0] == {
        "index": 0,
        "content": {"role": "model", "parts": [{"text": ""}]},
        "finishReason": "MAX_TOKENS",
    }
    bad = [replace(event, complete=True) if isinstance(event, BlockClosed) else event for event in events]
    assert parts_of(write(bad))[0]["functionCall"]["args"] == {"_raw": '{"a":'}


def test_citations_become_grounding():
    citation = Citation(url="https://a.example", title="A", start=3, end=9)
    events = [
        Started(),
        BlockOpened(0, "hosted", "s", "web_search", vendor="anthropic"),
        ArgumentsDelta(0, '{"query":"q"}'),
        Native(0, Raw(b"{}")),
        BlockClosed(0),
        BlockOpened(1, "text"),
        TextDelta(1, "Né. "),
        TextDelta(1, "rains"),
        Cited(1, citation),
        Cited(1, Citation(url="https://b.example")),
        BlockClosed(1),
        STOP,
        Ended(),
    ]
    *_, last = chunks_of(write(events))
    found = last["candidates"][0]["groundingMetadata"]
    assert found["webSearchQueries"] == ["q"]
    assert [chunk["web"]["uri"] for chunk in found["groundingChunks"]] == ["https://a.example", "https://b.example"]
    (support,) = found["groundingSupports"]
    assert support["segment"] | {"partIndex": 0} == {"partIndex": 0, "startIndex": 4, "endIndex": 10, "text": " rains"}
    for wire in (write(events), DIALECT.write_reply(fold(events), ASKED)):
        (text,) = fold(read(wire)).candidates[0].parts
        assert isinstance(text, Text)
        assert [(cited.url, cited.start, cited.end) for cited in text.citations] == [("https://a.example", 3, 9)]


def test_candidates_and_media():
    events = [
        Started(),
        BlockOpened(0, "text", candidate=1),
        TextDelta(0, "b"),
        BlockOpened(1, "image"),
        MediaDelta(1, "image/png", "iVBO"),
        BlockClosed(1),
        BlockClosed(0),
        BlockOpened(2, "unknown", name="x", vendor="claude"),
        Native(2, Raw(b"{}")),
        BlockClosed(2),
        BlockOpened(3, "hosted", "h", "code", vendor="google"),
        Native(3, Raw(b'{"executableCode":{}}')),
        BlockClosed(3),
        Finished(Stop(reason="stop"), 1),
        STOP,
        Ended(),
    ]
    found = [
        (said["index"], said["content"]["parts"][0])
        for chunk in chunks_of(write(events))
        for said in chunk["candidates"]
    ]
    assert found == [
        (1, {"text": "b"}),
        (0, {"inlineData": {"mimeType": "image/png", "data": "iVBO"}}),
        (0, {"executableCode": {}}),
        (0, {"text": ""}),
        (1, {"text": ""}),
    ]


@pytest.mark.parametrize(
    ("stop", "word"),
    [
        (Stop(reason="tool"), "STOP"),
        (Stop(reason="context"), "MAX_TOKENS"),
        (Stop(reason="filter_out", native="content_filter"), "SAFETY"),
        (Stop(reason="filter_out", native="SPII"), "SPII"),
        (Stop(reason="other", native="LANGUAGE"), "LANGUAGE"),
        (Stop(reason="pause", native="CONTINUATION"), "OTHER"),
    ],
)
def test_stop_words_are_written(stop, word):
    (chunk,) = chunks_of(write([Started(), Finished(stop), Ended()]))
    assert chunk["candidates"][0]["finishReason"] == word


def test_a_refused_prompt_has_no_candidates():
    events: list[Event] = [Started(), Finished(Stop(reason="filter_prompt", native="refusal")), Ended()]
    (chunk,) = chunks_of(write(events))
    assert chunk["promptFeedback"] == {"blockReason": "OTHER"}
    assert "candidates" not in chunk
    assert json.loads(DIALECT.write_reply(fold(events), ASKED))["promptFeedback"] == {"blockReason": "OTHER"}
    assert fold(read(write(events))).candidates[0].stop.reason == "filter_prompt"


def test_half_a_surrogate_pair_does_no_harm():
    wire = write([Started(), BlockOpened(0, "text"), TextDelta(0, "a\ud83d"), BlockClosed(0), STOP, Ended()])
    assert parts_of(wire)[0] == {"text": "a\ufffd"}


def test_nothing_follows_the_end():
    writer = DIALECT.stream_writer(ASKED)
    writer.write([Started(), STOP, Ended()])
    assert writer.write([Failed(Failure(kind="server", message="x"))]) == b""


# --- the official client --------------------------------------------------------------------------------------------


def test_the_official_client_keeps_the_whole_turn():
    """Its chat helper forgets a turn of which one chunk displeases it."""
    seen: list[Any] = []
    second = [Started(), BlockOpened(0, "text"), TextDelta(0, "ok"), BlockClosed(0), STOP, Ended()]
    with client([write(two_calls()), write(second)], seen) as sdk:
        chat = sdk.chats.create(model="g")
        chunks = list(chat.send_message_stream("weather?"))
        list(chat.send_message_stream("and?"))
    calls = [call for chunk in chunks for call in chunk.function_calls or []]
    assert [(call.id, call.name, call.args) for call in calls] == [
        ("a1", "wx", {"city": "Oslo"}),
        ("a2", "wx", {"n": 12345678901234567890}),
    ]
    assert chunks[-1].usage_metadata is not None
    assert chunks[-1].usage_metadata.total_token_count == 140
    history = seen[1]["contents"]
    assert history[0]["parts"] == [{"text": "weather?"}]
    assert history[-1]["parts"] == [{"text": "and?"}]
    request = DIALECT.read_request(json.dumps(seen[1]).encode(), "g", True, Ledger())
    parts = [part for turn in request.turns for part in turn.parts]
    assert [type(part).__name__ for part in parts] == [
        "Text",
        "Thinking",
        "Text",
        "Text",
        "ToolCall",
        "ToolCall",
        "Text",
    ]


def test_the_official_client_takes_a_whole_answer():
    with client([DIALECT.write_reply(fold(two_calls()), ASKED)], []) as sdk:
        answer = sdk.models.generate_content(model="g", contents="x")
    assert [call.id for call in answer.function_calls or []] == ["a1", "a2"]
    assert answer.text == "Checking both.\u2028"


def test_the_official_client_sees_errors_inside_a_stream():
    failed = Failed(Failure(kind="overloaded", message="busy", origin="cliproxy"))
    with client([write([*two_calls()[:8], failed])], []) as sdk, pytest.raises(errors.ServerError) as caught:
        list(sdk.models.generate_content_stream(model="g", contents="x"))
    assert caught.value.code == 503
    assert "cliproxy: busy" in str(caught.value)


def test_what_the_official_client_sends_is_read():
    seen: list[Any] = []
    config = types.GenerateContentConfig(
        system_instruction="S",
        thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=100),
        tools=[
            types.Tool(
                function_declarations=[
                    types.FunctionDeclaration(
                        name="f", parameters_json_schema={"type": "object", "properties": {"a_b": {}}}
                    )
                ]
            )
        ],
        top_k=3,
        response_mime_type="application/json",
    )
    contents: list[Any] = [
        types.Part(inline_data=types.Blob(mime_type="image/png", data=b"\xfb\xff")),
        types.Part(function_response=types.FunctionResponse(name="f", response={"result": "x"})),
    ]
    with client([write([Started(), STOP, Ended()])], seen) as sdk:
        list(sdk.models.generate_content_stream(model="g", contents=contents, config=config))
    ledger = Ledger()
    request = DIALECT.read_request(json.dumps(seen[0]).encode(), "g", True, ledger)
    assert ledger.losses == []
    assert request.reasoning == Reasoning(mode="budget", budget=100, show="auto")
    assert request.sampling.top_k == 3
    assert request.format is not None
    assert base64.b64decode(request.turns[0].parts[0].source.data) == b"\xfb\xff"  # type: ignore[union-attr]


# --- both ways ------------------------------------------------------------------------------------------------------

text = st.text(max_size=8)
seal = st.none() | st.sampled_from([OWN, CLAUDES, Seal("encrypted", "gAAA", "openai", item="rs_1")])
arguments = st.sampled_from(["", "{}", '{"a": 1.10}', "[1]", '{"a":', "x"])


@st.composite
def replies(draw: st.DrawFn) -> list[Event]:
    """Any legal order of events: interleaved blocks, two candidates, seals, early and late counts."""
    events: list[Event] = [Started("id", "up")]
    open_blocks: dict[int, str] = {}
    count = 0
    for _ in range(draw(st.integers(0, 14))):
        if not open_blocks or (draw(st.booleans()) and count < 6):
            kind = draw(st.sampled_from(["text", "thinking", "tool", "refusal", "image", "hosted", "unknown"]))
            candidate = draw(st.integers(0, 1))
            signed = draw(seal) if kind == "tool" else None
            events.append(BlockOpened(count, kind, f"i{count}", "f", seal=signed, vendor="google", candidate=candidate))
            open_blocks[count] = kind
            count += 1
            continue
        block = draw(st.sampled_from(sorted(open_blocks)))
        match open_blocks[block]:
            case "text" | "refusal":
                events.append(TextDelta(block, draw(text)))
            case "thinking":
                events.append(ThinkingDelta(block, draw(text), len(events) // 4))
            case "tool":
                events.append(ArgumentsDelta(block, draw(arguments)))
            case "image":
                events.append(MediaDelta(block, "image/png", "AAAA"))
            case _:
                events.append(Native(block, Raw(b'{"executableCode":{"code":"1"}}')))
        if draw(st.booleans()):
            if open_blocks[block] in ("text", "thinking") and (closing := draw(seal)) is not None:
                events.append(Sealed(block, closing))
            events.append(BlockClosed(block, draw(st.booleans())))
            del open_blocks[block]
    events += [BlockClosed(block) for block in open_blocks]
    if draw(st.booleans()):
        events.append(UsageSeen(Usage(input=3, output=4)))
    used = {event.candidate for event in events if isinstance(event, BlockOpened)} | {0}
    reasons = st.sampled_from(["stop", "tool", "length", "filter_out", "filter_prompt", "other"])
    events += [Finished(Stop(reason=draw(reasons)), index) for index in sorted(used)]
    return [*events, Ended()]


def gist(reply: Reply) -> list[Any]:
    """What an answer says, whatever the pieces. Thoughts have their own tests: several with seals look like one."""
    found = []
    for candidate in reply.candidates:
        said: list[Any] = ["".join(part.text for part in candidate.parts if isinstance(part, Text))]
        said += [(part.id, part.arguments) for part in candidate.parts if isinstance(part, ToolCall)]
        found.append((candidate.index, said, candidate.stop.reason))
    return found


@settings(max_examples=100, deadline=None)
@given(replies())
def test_any_answer_is_written_and_says_the_same_whole(events):
    order = Order()
    for event in events:
        order.check(event)
    streamed = write(events)
    assert streamed == DIALECT.stream_writer(ASKED).write(events)
    for chunk in chunks_of(streamed):
        types.GenerateContentResponse.model_validate(chunk)
    whole = DIALECT.write_reply(fold(events), ASKED)
    types.GenerateContentResponse.model_validate(json.loads(whole))
    one, other = fold(read(streamed)), fold(DIALECT.read_reply(whole))
    assert gist(one) == gist(other)
    assert one.usage == other.usage


@settings(max_examples=100, deadline=None)
@given(replies(), st.integers(0, 12), st.booleans())
def test_any_answer_may_break_anywhere(events, end, array):
    broken = [*events[: end + 1], Failed(Failure(kind="timeout", message="x"))]
    if any(isinstance(event, Ended) for event in broken):
        return
    (*_, last) = read(write(broken, replace_request(ASKED, None, array=array)))
    assert isinstance(last, Failed)
    assert last.failure.kind == "timeout"


def test_reading_what_was_written_gives_the_same():
    reply = Reply(
        id="r",
        model="g-mine",
        usage=Usage(input=10, output=5),
        candidates=[
            Candidate(
                parts=[
                    Thinking(text="t", seal=OWN),
                    Text(text="a", seal=OWN),
                    Text(
                        text="b", citations=[Citation(url="u", title="T", quote="b", start=0, end=1, vendor="google")]
                    ),
                    ToolCall(id="1", name="f", arguments='{"a":1.10}', seal=OWN),
                ],
                stop=Stop(reason="stop", native="STOP"),
            )
        ],
    )
    assert fold(DIALECT.read_reply(DIALECT.write_reply(reply, ASKED))) == reply
    assert list(unfold(reply))[-1] == Ended()


# --- errors ---------------------------------------------------------------------------------------------------------


def error(code: int, message: str, status: str, *details: dict[str, Any]) -> bytes:
    return json.dumps(
        {"error": {"code": code, "message": message, "status": status, "details": list(details)}}
    ).encode()


def info(reason: str, **metadata: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "metadata": metadata}


RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17.5s"}

FAILURES = [
    (400, error(400, "API key not valid.", "INVALID_ARGUMENT", info("API_KEY_INVALID")), "auth", None),
    (
        400,
        error(400, "The input token count (9) exceeds the maximum number of tokens allowed (8).", "INVALID_ARGUMENT"),
        "context",
        None,
    ),
    (400, error(400, "User location is not supported for the API use.", "FAILED_PRECONDITION"), "permission", None),
    (400, error(400, "Bad field", "INVALID_ARGUMENT"), "invalid", None),
    (401, error(401, "x", "UNAUTHENTICATED"), "auth", None),
    (403, error(403, "x", "PERMISSION_DENIED", info("SERVICE_DISABLED")), "permission", None),
    (404, error(404, "models/x is not found for API version v1beta", "NOT_FOUND"), "model", None),
    (429, error(429, "x", "RESOURCE_EXHAUSTED", RETRY), "rate_limit", 17.5),
    (
        429,
        error(429, "Resets in 9h22m20s.", "RESOURCE_EXHAUSTED", info("QUOTA_EXHAUSTED", quotaResetDelay="1h2m3s")),
        "quota",
        3723.0,
    ),
    (429, error(429, "Quota exceeded. Please retry in 900ms.", "RESOURCE_EXHAUSTED"), "rate_limit", 0.9),
    (429, error(429, "You exceeded your current quota", "RESOURCE_EXHAUSTED"), "quota", None),
    (429, error(429, "x", "RESOURCE_EXHAUSTED", {"violations": [{"quotaId": "RequestsPerDay"}]}, RETRY), "quota", 17.5),
    (429, error(429, "x", "RESOURCE_EXHAUSTED", info("RATE_LIMIT_EXCEEDED", quotaResetDelay="400s")), "quota", 400.0),
    (429, error(429, "x", "RESOURCE_EXHAUSTED", info("MODEL_CAPACITY_EXHAUSTED")), "overloaded", None),
    (503, error(503, "The model is overloaded.", "UNAVAILABLE"), "overloaded", None),
    (500, b'[{"error":{"code":500,"message":"x","status":"INTERNAL"}}]', "server", None),
    (504, error(504, "x", "DEADLINE_EXCEEDED"), "timeout", None),
    (418, b'"oops"', "invalid", None),
    (400, b'{"detail":"x"}', "invalid", None),
    (502, b"", "upstream", None),
    (500, b'{"error":{"code":"x","message":5,"details":{}}}', "server", None),
    (500, b"[" * 50_000, "server", None),
]


@pytest.mark.parametrize(
    ("status", "body", "kind", "retry"), FAILURES, ids=[f"{case[0]}-{case[2]}-{i}" for i, case in enumerate(FAILURES)]
)
def test_errors_are_read(status, body, kind, retry):
    found = DIALECT.read_failure(status, {"X-Request-Id": "q", "Content-Type": "x/y", "Set-Cookie": "s"}, body)
    assert (found.kind, found.retry_after, found.status) == (kind, retry, status)
    assert (found.request_id, found.headers) == ("q", {"x-request-id": "q"})
    assert found.message


def test_an_html_page_is_named():
    found = DIALECT.read_failure(404, {"content-type": "text/html; charset=x"}, b"<html>")
    assert "text/html" in found.message
    assert "v1beta" in found.message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, 17.5),
        ({"retry-after": "inf"}, 17.5),
    ],
)
def test_the_header_says_when_to_come_back(headers, seconds):
    assert DIALECT.read_failure(429, headers, error(429, "x", "RESOURCE_EXHAUSTED", RETRY)).retry_after == seconds


def test_errors_are_written():
    status, body = DIALECT.write_failure(Failure(kind="rate_limit", message="slow", retry_after=17.0), ASKED)
    assert status == 429
    assert json.loads(body) == {
        "error": {
            "code": 429,
            "message": "slow",
            "status": "RESOURCE_EXHAUSTED",
            "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17s"}],
        }
    }
    ours = Failure(kind="context", message="long", origin="cliproxy", details=Raw(b'[{"a":1}]'))
    status, body = DIALECT.write_failure(ours, replace_request(ASKED, None, array=True))
    assert (status, json.loads(body)[0]["error"]["message"]) == (400, "cliproxy: long")
    assert json.loads(body)[0]["error"]["details"] == [{"a": 1}]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_has_words(kind):
    status, body = DIALECT.write_failure(Failure(kind=kind, message="m"), ASKED)
    found = json.loads(body)["error"]
    assert found["code"] == status
    assert found["status"].isupper()


def test_the_reasons_are_kinds():
    assert set(failure._REASONS.values()) <= KINDS.keys()


# --- marks for streams that are passed on ---------------------------------------------------------------------------


def test_marks():
    wire = write(two_calls())
    begin, end, broken = (re.compile(mark) for mark in (DIALECT.begin_mark, DIALECT.end_mark, DIALECT.failure_mark))
    assert begin.search(wire)
    assert end.search(wire)
    assert not end.search(wire[: wire.index(b"finishReason")])
    assert not broken.search(wire)
    assert not broken.search(
        b'data: {"candidates":[{"content":{"parts":[{"functionCall":{"args":{"error":{"code":1}}}}]}}]}'
    )
    assert broken.search(b'\n\n{"error":{"code":503,"message":"x"}}')
    assert broken.search(b'[{\n  "error": {\n    "code": 503')
    assert DIALECT.stream_failure is not None
    assert broken.search(DIALECT.stream_failure(Failure(kind="server", message="x"), ASKED))
