"""The Claude dialect: its streams, whole answers and errors, both ways. Requests: test_claude_requests.py."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from translators import seals
from translators.claude import DIALECT
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
from translators.fold import fold, unfold
from translators.losses import Ledger
from translators.model import Candidate, Failure, HostedTool, Reply, Request, Stop, Usage
from translators.parts import Citation, HostedCall, HostedResult, Image, Inline, Refusal, Seal, Text, Thinking, ToolCall

CASES = sorted((Path(__file__).parent.parent / "cases" / "claude" / "streams").glob("*.case"))
ASKED = Asked(model="claude-mine", stream=True, now=1_795_000_000, seed="5eed")
GOOGLE = Seal("signature", "Z29v", "google")
OPENAI = Seal("encrypted", "gAAAA", "openai", item="rs_1")


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


def frames(wire: bytes) -> list[dict[str, Any]]:
    """The data of the frames, each named as its type says."""
    found = []
    for block in wire.split(b"\n\n")[:-1]:
        name, data = block.split(b"\n")
        found.append(json.loads(data.removeprefix(b"data: ")))
        assert name == b"event: " + found[-1]["type"].encode()
    return found


def through_sdk(wire: bytes) -> dict[str, Any]:
    """What the official client makes of a stream."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=wire, headers={"content-type": "text/event-stream"})

    with (
        httpx2.Client(transport=httpx2.MockTransport(answer)) as http,
        anthropic.Anthropic(api_key="k", base_url="http://127.0.0.1:1", max_retries=0, http_client=http) as client,
        client.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}]) as stream,
    ):
        message: dict[str, Any] = stream.get_final_message().to_dict()
        for block in message["content"]:
            block.pop("parsed_output", None)
        return message


# --- streams, read --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_stream_is_read(path):
    """The events are those written down, whole and byte by byte, with any line ends."""
    case = sections(path)
    wire = case["wire"].encode()
    events = read(wire)
    assert told(events) == [json.loads(line) for line in case["events"].strip().split("\n")]
    assert read(*(wire[i : i + 1] for i in range(len(wire)))) == events
    assert read(wire.replace(b"\n", b"\r\n")) == events
    assert read(wire.rstrip()) == events


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 3000), max_size=8))
def test_cutting_changes_nothing(path, cuts):
    wire = sections(path)["wire"].encode()
    edges = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    assert read(*(wire[a:b] for a, b in itertools.pairwise(edges))) == read(wire)


def test_a_stream_cut_anywhere_ends_in_a_failure_or_whole():
    wire = sections(next(path for path in CASES if path.stem == "whole_example"))["wire"].encode()
    stop = wire.index(b"}\n\n", wire.index(b'"message_delta"'))
    for cut in range(0, len(wire), 7):
        last = read(wire[:cut])[-1]
        if cut > stop:
            assert isinstance(last, Ended)
        else:
            assert isinstance(last, Failed)
            assert last.failure.kind == "truncated"


def test_a_whole_answer_where_a_stream_was_due():
    body = (
        b' {"type":"message","id":"msg_1","model":"m","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn"}'
    )
    assert read(body[:9], body[9:]) == DIALECT.read_reply(body)
    assert read(b'{"type":"error","error":{"type":"api_error","message":"no"}}')[-1].failure.message == "no"


def test_what_is_no_stream_is_refused():
    for body in (b"<html><body>502</body></html>", b"Bad gateway", b"data: <oops>\n\n"):
        with pytest.raises(Unreadable):
            read(body)


def test_garbage_in_the_middle_is_a_failure():
    start = b'data: {"type":"message_start","message":{}}\n\n'
    assert read(start + b"data: {oops}\n\n")[-1].failure.kind == "upstream"


def test_lines_of_json_without_framing_are_read():
    wire = (
        b'{"type":"message_start","message":{"id":"msg_1"}}\n'
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}\n'
        b'{"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n{"type":"message_stop"}\n'
    )
    assert fold(read(wire)).candidates[0].parts == [Text(text="a")]


# --- streams, written -----------------------------------------------------------------------------------------------

COMPLETE = [path for path in CASES if path.stem not in ("error_inside", "cut_in_a_call")]


@pytest.mark.parametrize("path", COMPLETE, ids=lambda path: path.stem)
def test_what_is_written_reads_the_same(path):
    """Written and read again, written whole and read again, and seen by the official client: one answer."""
    events = read(sections(path)["wire"].encode())
    wire = write(events)
    again = fold(read(wire))
    assert plain(again) == plain(fold(events))
    whole = DIALECT.write_reply(fold(events), ASKED)
    assert plain(fold(DIALECT.read_reply(whole))) == plain(fold(events))
    seen, said = through_sdk(wire), json.loads(whole)
    for block in seen["content"] + said["content"]:
        if not block.get("citations"):
            block.pop("citations", None)
    assert seen["content"] == said["content"]
    assert [seen[key] for key in ("id", "model", "stop_reason")] == [
        said[key] for key in ("id", "model", "stop_reason")
    ]
    assert seen["usage"]["output_tokens"] == said["usage"]["output_tokens"]


def plain(reply: Reply) -> list[Any]:
    """Parts, stop, and what must hold of the usage."""
    usage = reply.usage or Usage()
    first = reply.candidates[0]
    content = msgspec.json.decode(msgspec.json.encode(first.parts))
    return [content, first.stop, usage.input or 0, usage.cache_read or 0, usage.output or 0, usage.thinking]


def test_a_stream_as_old_clients_want_it():
    """Input counts stand in message_start when they are known by then, and again at the end."""
    wire = sections(next(path for path in CASES if path.stem == "whole_example"))["wire"].encode()
    writer = DIALECT.stream_writer(ASKED)
    said = frames(writer.write(read(wire)))
    assert said[0]["message"]["usage"]["input_tokens"] == 12
    assert said[0]["message"]["model"] == "claude-mine"
    assert said[-2]["usage"]["cache_read_input_tokens"] == 80
    assert [each["type"] for each in said[-2:]] == ["message_delta", "message_stop"]


def stream(*events: Event, stop: Stop | None = None) -> list[Event]:
    return [Started("up_1", "gpt"), *events, Finished(stop or Stop(reason="stop")), Ended()]


def test_interleaved_calls_are_written_one_after_the_other():
    wire = write(
        stream(
            BlockOpened(0, "tool", "a", "f"),
            ArgumentsDelta(0, '{"x"'),
            BlockOpened(1, "tool", "b", "g"),
            ArgumentsDelta(1, '{"y"'),
            ArgumentsDelta(0, ":1}"),
            ArgumentsDelta(1, ":2}"),
            BlockOpened(2, "text"),
            TextDelta(2, "done"),
            BlockClosed(1),
            BlockClosed(0),
            BlockClosed(2),
            stop=Stop(reason="tool"),
        )
    )
    content = through_sdk(wire)["content"]
    assert [block.get("input", block.get("text")) for block in content] == [{"x": 1}, {"y": 2}, "done"]


def test_text_makes_room_for_a_call_and_goes_on_behind_it():
    wire = write(
        stream(
            BlockOpened(0, "text"),
            TextDelta(0, "a"),
            BlockOpened(1, "tool", "t", "f"),
            TextDelta(0, "b"),
            BlockClosed(1),
            TextDelta(0, "c"),
            BlockClosed(0),
        )
    )
    content = through_sdk(wire)["content"]
    assert [block.get("text", block.get("input")) for block in content] == ["a", {}, "bc"]


def test_only_the_first_candidate_is_written():
    wire = write(
        [
            Started(),
            BlockOpened(0, "text", candidate=1),
            TextDelta(0, "other"),
            BlockOpened(1, "text"),
            TextDelta(1, "mine"),
            BlockClosed(0),
            BlockClosed(1),
            Finished(Stop(reason="length"), 1),
            Finished(Stop(reason="stop")),
            Ended(),
        ]
    )
    seen = through_sdk(wire)
    assert [block["text"] for block in seen["content"]] == ["mine"]
    assert seen["stop_reason"] == "end_turn"


def test_seals_of_others_travel_in_this_dialects_fields():
    """Google's on calls and texts in redacted blocks beside them, OpenAI's in signatures."""
    events = stream(
        BlockOpened(0, "thinking", item="rs_1"),
        ThinkingDelta(0, "one", 0),
        ThinkingDelta(0, "two", 1),
        Sealed(0, OPENAI),
        BlockClosed(0),
        BlockOpened(1, "thinking"),
        Sealed(1, OPENAI),
        BlockClosed(1),
        BlockOpened(2, "tool", "t", "f", seal=GOOGLE),
        ArgumentsDelta(2, "{}"),
        BlockClosed(2),
        BlockOpened(3, "text"),
        TextDelta(3, "hi"),
        Sealed(3, GOOGLE),
        BlockClosed(3),
        BlockOpened(4, "text"),
        Sealed(4, GOOGLE),
        BlockClosed(4),
    )
    content = through_sdk(write(events))["content"]
    tags = [block["type"] for block in content]
    assert tags == ["thinking", "redacted_thinking", "redacted_thinking", "tool_use", "text"] + 2 * [
        "redacted_thinking"
    ]
    assert content[0]["thinking"] == "one\n\ntwo"
    assert seals.unwrap(content[0]["signature"]) == [OPENAI]
    assert json.loads(DIALECT.write_reply(fold(events), ASKED))["content"] == through_wire(content)
    parts = echoed(content).turns[1].parts
    assert parts == [
        Thinking(text="one\n\ntwo", seal=OPENAI, item="rs_1"),
        Thinking(seal=OPENAI, item="rs_1"),
        ToolCall(id="t", name="f", arguments="{}", seal=GOOGLE),
        Text(text="hi", seal=GOOGLE),
        Text(text="", seal=GOOGLE),
    ]


def through_wire(content: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Blocks of the official client as they stand on the wire."""
    return [{key: value for key, value in block.items() if key != "citations" or value} for block in content]


def echoed(content: list[dict[str, Any]]) -> Request:
    """What comes back when a client sends an answer as history (paths taken off)."""
    history = [{"role": "user", "content": "x"}, {"role": "assistant", "content": content}]
    body = json.dumps({"model": "m", "max_tokens": 1, "messages": history}, separators=(",", ":")).encode()
    request = DIALECT.read_request(body, "", None, Ledger())
    for turn in request.turns:
        for part in turn.parts:
            part.at = ""
    return request


def test_free_text_of_a_call_is_one_json_string():
    events = stream(
        BlockOpened(0, "tool", "t", "patch", form="text"),
        ArgumentsDelta(0, 'a "b"'),
        ArgumentsDelta(0, "\nc"),
        BlockClosed(0),
        BlockOpened(1, "tool", "u", "patch", form="text"),
        BlockClosed(1),
    )
    inputs = [block["input"] for block in through_sdk(write(events))["content"]]
    assert inputs == [{"input": 'a "b"\nc'}, {"input": ""}]
    whole = json.loads(DIALECT.write_reply(fold(events), ASKED))
    assert [block["input"] for block in whole["content"]] == inputs


def test_searches_of_other_vendors_look_like_server_tools():
    search = Raw(
        b'{"type":"web_search_call","action":{"type":"search","query":"q","sources":[{"url":"https://a.example"}]}}'
    )
    code = Raw(b'{"executableCode":{"code":"1+1","language":"PYTHON"}}')
    result = Raw(b'{"codeExecutionResult":{"outcome":"OUTCOME_FAILED","output":"no"}}')
    reply = Reply(
        candidates=[
            Candidate(
                parts=[
                    HostedCall(id="ws_0", kind="web_search", name="web_search", vendor="openai", native=search),
                    HostedCall(id="c1", kind="code", name="code", vendor="google", native=code),
                    HostedResult(call="c1", kind="code", vendor="google", native=result),
                    HostedCall(id="m", kind="maps", name="maps", vendor="google", native=Raw(b"{}")),
                ],
                stop=Stop(reason="stop"),
            )
        ]
    )
    content = json.loads(DIALECT.write_reply(reply, ASKED))["content"]
    assert [block["type"] for block in content] == [
        "server_tool_use",
        "web_search_tool_result",
        "server_tool_use",
        "code_execution_tool_result",
    ]
    assert content[0]["id"] == content[1]["tool_use_id"]
    assert content[1]["content"][0]["url"] == "https://a.example"
    assert content[3]["content"]["stderr"] == "no"
    assert through_wire(through_sdk(write(list(unfold(reply))))["content"]) == content
    assert [part.vendor for part in echoed(content).turns[1].parts] == ["", "", "", ""]  # never back to Anthropic


def test_citations_of_others_are_shown_to_those_who_asked_for_a_search():
    cited = Text(text="It rains.", citations=[Citation(url="https://a.example", title="A", start=3, end=8)])
    reply = Reply(candidates=[Candidate(parts=[cited], stop=Stop(reason="stop"))])
    assert "citations" not in json.loads(DIALECT.write_reply(reply, ASKED))["content"][0]
    tool = HostedTool(kind="web_search", vendor="anthropic", native=Raw(b"{}"))
    asked = Asked("m", True, 0, "5eed", request=Request(model="m", turns=[], tools=[tool]))
    found = json.loads(DIALECT.write_reply(reply, asked))["content"][0]["citations"]
    assert found[0]["cited_text"] == "rains"
    assert through_sdk(write(list(unfold(reply)), asked))["content"][0]["citations"] == found


def test_what_an_answer_cannot_hold_is_named():
    reply = Reply(candidates=[Candidate(parts=[Image(source=Inline("image/png", "AA=="))], stop=Stop(reason="stop"))])
    text = json.loads(DIALECT.write_reply(reply, ASKED))["content"][0]["text"]
    assert "image/png" in text
    assert through_sdk(write(list(unfold(reply))))["content"][0]["text"] == text


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        (Stop(reason="sequence", sequence="END"), {"stop_reason": "stop_sequence", "stop_sequence": "END"}),
        (Stop(reason="sequence"), {"stop_reason": "end_turn", "stop_sequence": None}),
        (Stop(reason="length"), {"stop_reason": "max_tokens", "stop_sequence": None}),
        (Stop(reason="context"), {"stop_reason": "model_context_window_exceeded", "stop_sequence": None}),
        (Stop(reason="pause"), {"stop_reason": "pause_turn", "stop_sequence": None}),
        (
            Stop(reason="filter_prompt", native="PROHIBITED_CONTENT"),
            {
                "stop_reason": "refusal",
                "stop_sequence": None,
                "stop_details": {"type": "refusal", "category": None, "explanation": "blocked: PROHIBITED_CONTENT"},
            },
        ),
    ],
)
def test_why_an_answer_ends(stop, expected):
    said = frames(write([Started(), Finished(stop), Ended()]))
    assert said[1]["delta"] == expected
    whole = json.loads(DIALECT.write_reply(Reply(candidates=[Candidate(parts=[], stop=stop)]), ASKED))
    assert {key: whole[key] for key in expected} == expected


def test_a_refusal_in_words_is_text():
    reply = Reply(candidates=[Candidate(parts=[Refusal(text="no")], stop=Stop(reason="refusal"))])
    said = json.loads(DIALECT.write_reply(reply, ASKED))
    assert said["content"] == [{"type": "text", "text": "no"}]
    assert said["stop_details"] == {"type": "refusal", "category": None, "explanation": None}


def test_a_failure_closes_the_block_and_ends_the_stream():
    failure = Failure(kind="overloaded", message="busy", request_id="req_1")
    writer = DIALECT.stream_writer(ASKED)
    said = frames(writer.write([Started(), BlockOpened(0, "text"), TextDelta(0, "a"), Failed(failure)]))
    assert [each["type"] for each in said[-2:]] == ["content_block_stop", "error"]
    assert said[-1]["error"] == {"type": "overloaded_error", "message": "busy"}
    assert writer.write([Ended()]) == b""
    assert DIALECT.stream_failure is not None
    assert frames(DIALECT.stream_failure(failure, ASKED)) == said[-1:]
    with pytest.raises(anthropic.APIStatusError, match="busy"):
        through_sdk(write([Started(), Failed(failure)]))


def test_keep_alive_is_legal_before_and_after_the_beginning():
    writer = DIALECT.stream_writer(ASKED)
    wire = writer.ping() + writer.write([Started()]) + writer.ping() + writer.write(stream()[1:])
    assert through_sdk(wire)["stop_reason"] == "end_turn"


def test_other_peoples_line_breaks_stay_out_of_the_framing():
    native = Raw(b'{"type":"web_search_tool_result",\n "tool_use_id":"s",\r\n "content":[]}')
    events = stream(
        BlockOpened(0, "hosted_result", "s", "web_search", vendor="anthropic"), Native(0, native), BlockClosed(0)
    )
    assert through_sdk(write(events))["content"][0]["tool_use_id"] == "s"


KINDS = ("text", "refusal", "thinking", "tool", "hosted", "hosted_result", "image", "audio", "unknown")


@st.composite
def legal_events(draw: st.DrawFn) -> list[Event]:
    """A legal reply: blocks open, speak and close in any order."""
    events: list[Event] = [Started()]
    opened: list[int] = []
    count = 0
    for _ in range(draw(st.integers(0, 25))):
        step = draw(st.sampled_from(["open", "say", "say", "close", "usage"]))
        if step == "open":
            seal = draw(st.sampled_from([None, GOOGLE]))
            kind = draw(st.sampled_from(KINDS))
            candidate = draw(st.sampled_from([0, 0, 1]))
            events.append(
                BlockOpened(count, kind, f"i{count}", "f", seal=seal, vendor="anthropic", candidate=candidate)
            )
            opened.append(count)
            count += 1
        elif step == "usage":
            events.append(UsageSeen(Usage(output=len(events))))
        elif opened:
            block = draw(st.sampled_from(opened))
            if step == "close":
                opened.remove(block)
                events.append(BlockClosed(block, draw(st.booleans())))
                continue
            events.append(
                draw(
                    st.sampled_from(
                        [
                            TextDelta(block, "t"),
                            ThinkingDelta(block, "h", 1),
                            ArgumentsDelta(block, "{}"),
                            MediaDelta(block, "image/png", "AA=="),
                            Sealed(block, GOOGLE),
                            Cited(block, Citation(url="https://a.example", vendor="openai")),
                            Native(block, Raw(b'{"type":"x","input":{}}')),
                        ]
                    )
                )
            )
    events += [BlockClosed(block) for block in opened]
    if draw(st.booleans()):
        return [*events, Failed(Failure(kind="server", message="m"))]
    return [*events, Finished(Stop(reason="stop")), Finished(Stop(reason="stop"), 1), Ended()]


@settings(max_examples=150, deadline=None)
@given(legal_events())
def test_any_legal_order_gives_a_legal_stream(events):
    """Blocks stand one after the other, numbered 0, 1, 2 …, and the stream ends as the events do."""
    said = frames(write(events))
    assert said[0]["type"] == "message_start"
    open_index, count = None, 0
    for each in said[1:-1]:
        match each["type"]:
            case "content_block_start":
                assert (open_index, each["index"]) == (None, count)
                open_index, count = count, count + 1
            case "content_block_delta":
                assert each["index"] == open_index
            case "content_block_stop":
                assert each["index"] == open_index
                open_index = None
    assert open_index is None
    assert said[-1]["type"] == ("error" if isinstance(events[-1], Failed) else "message_stop")
    writer = DIALECT.stream_writer(ASKED)
    assert frames(writer.write(events))[1:] == said[1:]  # but for counts in message_start


# --- whole answers and errors ---------------------------------------------------------------------------------------


def test_counts_are_told_in_both_arithmetics():
    usage = Usage(input=100, cache_read=80, cache_write=8, output=40, thinking=15)
    body = DIALECT.write_reply(Reply(candidates=[Candidate(parts=[], stop=Stop(reason="stop"))], usage=usage), ASKED)
    said = json.loads(body)["usage"]
    assert (said["input_tokens"], said["cache_creation_input_tokens"], said["output_tokens"]) == (12, 8, 40)
    assert fold(DIALECT.read_reply(body)).usage == usage
    nothing = json.loads(DIALECT.write_reply(Reply(candidates=[]), ASKED))["usage"]
    assert nothing["input_tokens"] == nothing["output_tokens"] == 0


def test_arguments_become_an_object_without_being_repaired():
    def written(arguments: str) -> str:
        part = ToolCall(id="t", name="f", arguments=arguments)
        reply = Reply(candidates=[Candidate(parts=[part], stop=Stop(reason="tool"))])
        body = msgspec.json.decode(DIALECT.write_reply(reply, ASKED), type=dict[str, Raw])
        return bytes(msgspec.json.decode(body["content"], type=list[dict[str, Raw]])[0]["input"]).decode()

    assert written('{"n":9007199254740993,"b":1.0}') == '{"n":9007199254740993,"b":1.0}'
    assert written("") == "{}"
    assert written("[1]") == '{"value":[1]}'
    assert written('{"a":') == '{"_raw":"{\\"a\\":"}'


def test_a_stream_where_a_whole_answer_was_due():
    wire = sections(CASES[0])["wire"].encode()
    assert DIALECT.read_reply(wire) == read(wire)
    for body in (b"", b"<html>", b"{"):
        with pytest.raises(Unreadable):
            DIALECT.read_reply(body)


def error(type_: str, message: str) -> bytes:
    return json.dumps({"type": "error", "error": {"type": type_, "message": message}, "request_id": "req_9"}).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, error("invalid_request_error", "max_tokens: required"), "invalid"),
        (400, error("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"), "context"),
        (
            400,
            error("invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 3"),
            "context",
        ),
        (400, error("invalid_request_error", "Your credit balance is too low to access the API"), "billing"),
        (400, error("invalid_request_error", "Third-party apps now draw from your extra usage"), "policy"),
        (401, error("authentication_error", "invalid x-api-key"), "auth"),
        (403, error("permission_error", "no"), "permission"),
        (404, error("not_found_error", "model: claude-none"), "model"),
        (404, error("not_found_error", "Not found"), "not_found"),
        (413, error("request_too_large", "too large"), "too_large"),
        (429, error("rate_limit_error", "Number of request tokens has exceeded"), "rate_limit"),
        (500, error("api_error", "Internal"), "server"),
        (529, error("overloaded_error", "Overloaded"), "overloaded"),
        (200, error("overloaded_error", "Overloaded"), "overloaded"),
        (502, b"<html>bad gateway</html>", "upstream"),
        (404, b"", "not_found"),
        (500, b'[{"error":{"message":"x"}}]', "server"),
        (400, b'"oops"', "invalid"),
        (422, b'{"detail":"x"}', "unprocessable"),
        (503, b"\xff\xfe", "overloaded"),
    ],
)
def test_an_error_is_sorted(status, body, kind):
    failure = DIALECT.read_failure(status, {"Content-Type": "text/html"}, body)
    assert failure.kind == kind
    assert failure.message
    assert "<html>" not in failure.message


def test_when_to_come_back():
    def wait(**headers: str) -> float | None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return DIALECT.read_failure(429, named, error("rate_limit_error", "slow down")).retry_after

    date = "Sun, 22 Nov 2026 10:00:00 GMT"
    assert wait(retry_after="17") == 17
    assert wait(retry_after_ms="1500", retry_after="9") == 1.5
    assert wait(date=date, retry_after="Sun, 22 Nov 2026 10:01:00 GMT") == 60
    window = "anthropic-ratelimit-unified-5h-"
    headers = {"date": date, "retry-after": "5", window + "status": "rejected", window + "reset": "1795345200"}
    failure = DIALECT.read_failure(429, headers, error("rate_limit_error", "x"))
    assert failure.retry_after == 3600
    assert failure.headers[window + "reset"] == "1795345200"
    assert "date" not in failure.headers
    assert wait() is None
    assert wait(retry_after="soon") is None


def test_an_exhausted_subscription_is_a_quota():
    headers = {"anthropic-ratelimit-unified-status": "rejected", "request-id": "req_h"}
    failure = DIALECT.read_failure(429, headers, b"{}")
    assert (failure.kind, failure.request_id) == ("quota", "req_h")


@pytest.mark.parametrize(
    ("failure", "status", "type_", "message"),
    [
        (Failure(kind="overloaded", message="x"), 529, "overloaded_error", "x"),
        (Failure(kind="unavailable", message="x", origin="cliproxy"), 503, "api_error", "cliproxy: x"),
        (Failure(kind="auth", message="x"), 401, "authentication_error", "x"),
        (Failure(kind="nonsense", message="x", status=418), 400, "invalid_request_error", "x"),
        (
            Failure(kind="context", message="maximum context length is 128000 tokens, not 130000"),
            400,
            "invalid_request_error",
            "prompt is too long: 130000 tokens > 128000 maximum (maximum context length is 128000 tokens, not 130000)",
        ),
        (Failure(kind="context", message="too much"), 400, "invalid_request_error", "prompt is too long (too much)"),
    ],
)
def test_an_error_is_written(failure, status, type_, message):
    got, body = DIALECT.write_failure(failure, ASKED)
    assert (got, json.loads(body)) == (status, {"type": "error", "error": {"type": type_, "message": message}})


def test_a_refused_thread_says_so_in_details():
    failure = Failure(kind="invalid", message="no threads", code="thread_unsupported_request", origin="cliproxy")
    body = json.loads(DIALECT.write_failure(failure, ASKED)[1])
    assert body["error"]["details"] == {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}


def test_details_of_an_upstream_of_this_dialect_survive():
    body = b'{"type":"error","error":{"type":"invalid_request_error","message":"m","details":{"error_code":"e","n":1}}}'
    failure = DIALECT.read_failure(400, {}, body)
    assert failure.code == "e"
    assert DIALECT.write_failure(failure, ASKED) == (400, body)


def test_marks_see_what_they_should():
    text = write(stream(BlockOpened(0, "text"), TextDelta(0, '"type": "message_stop" event: error\n'), BlockClosed(0)))
    begin, end, failure = (re.compile(mark) for mark in (DIALECT.begin_mark, DIALECT.end_mark, DIALECT.failure_mark))
    handshake, _, rest = text.partition(b"event: content_block_start")
    assert not begin.search(handshake)
    assert begin.search(rest)
    assert len(end.findall(text)) == 2  # the stop reason, and message_stop
    assert not failure.search(text)
    assert failure.search(write([Started(), Failed(Failure(kind="server", message="m"))]))
    assert failure.search(b'\r\n\r\ndata: {"type": "error"}')
