"""OpenAI Responses: streams and whole answers, both ways."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.translators.test_openai_responses import ASKED, MAXIMAL, bare, conversation, read_request, written
from tests.translators.test_openai_responses_errors import client
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
    Native,
    Order,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageSeen,
)
from translators.fold import fold
from translators.losses import Ledger
from translators.model import Failure, Stop, Usage
from translators.openai_responses import DIALECT
from translators.parts import Citation, Seal, Text, Thinking, ToolCall

CASES = sorted((Path(__file__).parent.parent / "cases" / "openai-responses" / "streams").glob("*.case"))
CLAUDE = Seal("signature", "c2lnLTE=", "anthropic", "claude-x")
GEMINI = Seal("signature", "Z2Vt", "google", "gemini-x")
NUMBERS = Usage(input=100, cache_read=80, cache_write=8, output=40, thinking=15)


def sections(path: Path) -> dict[str, str]:
    found = {}
    for section in path.read_text(encoding="utf-8").split("\n=== ")[1:]:
        name, _, text = section.partition("\n")
        found[name.strip()] = text
    return found


def read(chunks: list[bytes]) -> list[Event]:
    reader = DIALECT.stream_reader()
    events = [event for chunk in chunks for event in reader.feed(chunk)] + reader.finish()
    order = Order()
    for event in events:
        order.check(event)
    assert order.state == "over"
    return events


def write(events: list[Event], asked: Asked = ASKED) -> bytes:
    writer = DIALECT.stream_writer(asked)
    return b"".join(writer.write([event]) for event in events)


def payloads(wire: bytes) -> list[dict]:
    """The events of a written stream; its grammar is checked on the way."""
    found = []
    for number, frame in enumerate(wire.decode().split("\n\n")[:-1]):
        name, data = frame.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        assert event["sequence_number"] == number
        found.append(event)
    return found


# --- streams, read --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_stream_is_read(path):
    """The events are those written down, however the bytes were cut."""
    case = sections(path)
    wire = case["wire"].encode()
    whole = read([wire])
    assert [json.loads(msgspec.json.encode(event)) for event in whole] == [
        json.loads(line) for line in case["events"].splitlines() if line
    ]
    assert read([wire[at : at + 1] for at in range(len(wire))]) == whole
    assert read([wire.replace(b"\n", b"\r\n")]) == whole


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_cutting_changes_nothing(path, data):
    wire = sections(path)["wire"].encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    assert read([wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]) == read([wire])


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_lost_and_repeated_events_never_break_the_order(data):
    frames = sections(data.draw(st.sampled_from(CASES)))["wire"].split("\n\n")
    picked = data.draw(st.lists(st.sampled_from(frames), max_size=20))
    assert isinstance(read(["\n\n".join([*picked, ""]).encode()])[-1], Ended | Failed)


@pytest.mark.parametrize("cut", [60, 400, 1500, 3000])
def test_a_stream_that_stops_is_truncated(cut):
    wire = sections(CASES[[case.stem for case in CASES].index("whole_example")])["wire"].encode()
    last = read([wire[:cut]])[-1]
    assert isinstance(last, Failed)
    assert last.failure.kind == "truncated"


def test_a_whole_answer_where_a_stream_was_due():
    body = DIALECT.write_reply(fold(ANSWER), ASKED)
    assert fold(read([body[:50], body[50:]])) == fold(DIALECT.read_reply(body))
    assert isinstance(read([b'{"error":{"message":"no"}}'])[-1], Failed)


@pytest.mark.parametrize("junk", [b"<html><body>502</body></html>", b"\x1f\x8b\x00", b"data: <html>\n\n"])
def test_garbage_is_unreadable(junk):
    with pytest.raises(Unreadable):
        DIALECT.stream_reader().feed(junk)


# --- streams, written -----------------------------------------------------------------------------------------------

ANSWER: list[Event] = [
    Started("resp_up", "gpt-x", 1795000001),
    BlockOpened(0, "thinking", item="rs_1"),
    ThinkingDelta(0, "One.", 0),
    ThinkingDelta(0, "Two.", 1),
    Sealed(0, Seal("encrypted", "gAAAA", "openai", "gpt-x", item="rs_1")),
    BlockClosed(0),
    BlockOpened(1, "text"),
    TextDelta(1, "Grüße "),
    TextDelta(1, "dir.", msgspec.Raw(b'[{"token":"dir.","logprob":-0.5,"top_logprobs":[]}]')),
    Cited(1, Citation("https://a.example", "A", start=0, end=5)),
    BlockClosed(1),
    BlockOpened(2, "tool", "call_a", "wx", item="fc_1"),
    BlockOpened(3, "tool", "call_b", "wx", item="fc_2"),
    ArgumentsDelta(2, '{"city":'),
    ArgumentsDelta(3, '{"city":"Rome"}'),
    ArgumentsDelta(2, '"Oslo"}'),
    BlockClosed(3),
    BlockClosed(2),
    UsageSeen(NUMBERS),
    Finished(Stop(reason="tool")),
    Ended(),
]


def test_a_stream_is_numbered_and_complete():
    events = payloads(write(ANSWER))
    assert [event["type"].removeprefix("response.") for event in events[:4]] == [
        "created", "in_progress", "output_item.added", "reasoning_summary_part.added",
    ]  # fmt: skip
    final = events[-1]["response"]
    assert events[-1]["type"] == "response.completed"
    assert [item["type"] for item in final["output"]] == ["reasoning", "message", "function_call", "function_call"]
    assert final["output"][0]["encrypted_content"] == "gAAAA"
    assert final["output"][2]["arguments"] == '{"city":"Oslo"}'
    assert final["usage"]["total_tokens"] == 140
    assert (final["id"], final["model"], final["tools"], final["tool_choice"]) == (
        "resp_up", "client-model", [], "auto",
    )  # fmt: skip
    for event in events:
        if event["type"] == "response.output_item.done":
            assert final["output"][event["output_index"]] == event["item"]


def test_the_request_is_echoed():
    request = read_request(MAXIMAL)
    asked = Asked("gpt-x", stream=True, now=5, seed="s", request=request)
    response = payloads(write(ANSWER, asked))[0]["response"]
    for name in ("instructions", "temperature", "top_p", "metadata", "user", "store", "reasoning", "tool_choice"):
        assert response[name] == MAXIMAL[name], name
    assert response["tools"][:3] == MAXIMAL["tools"]
    assert response["text"]["format"] == MAXIMAL["text"]["format"]


def test_what_was_written_is_read_again():
    assert fold(read([write(ANSWER)])).candidates[0].parts[2:] == fold(ANSWER).candidates[0].parts[2:]
    again = fold(read([write(ANSWER)]))
    assert bare(again.candidates[0].parts[0].seal)["data"] == "gAAAA"
    assert again.candidates[0].parts[0].summaries == ["One.", "Two."]
    assert again.usage == NUMBERS


def test_the_whole_answer_says_what_the_stream_said():
    whole = json.loads(DIALECT.write_reply(fold(ANSWER), ASKED))
    assert whole == payloads(write(ANSWER))[-1]["response"]


def test_the_official_client_accepts_the_stream():
    with client(write(ANSWER)).responses.stream(model="m", input="x") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[0] == "response.created"
    assert final.output_text == "Grüße dir."
    assert [item.arguments for item in final.output[2:]] == ['{"city":"Oslo"}', '{"city":"Rome"}']
    assert final.output[1].content[0].annotations[0].url == "https://a.example"
    whole = client(DIALECT.write_reply(fold(ANSWER), ASKED), "application/json").responses.create(model="m", input="x")
    assert (whole.output_text, whole.usage) == (final.output_text, final.usage)


@pytest.mark.parametrize(
    ("stop", "status", "reason"),
    [
        ("stop", "completed", None), ("sequence", "completed", None), ("length", "incomplete", "max_output_tokens"),
        ("context", "incomplete", "max_output_tokens"), ("filter_out", "incomplete", "content_filter"),
        ("refusal", "incomplete", "content_filter"), ("bad_call", "failed", None), ("other", "completed", None),
    ],
)  # fmt: skip
def test_why_an_answer_ends(stop, status, reason):
    text = [BlockOpened(0, "text"), TextDelta(0, "Hi"), BlockClosed(0)]
    final = payloads(write([Started(), *text, Finished(Stop(reason=stop)), Ended()]))[-1]
    assert final["type"] == f"response.{status}"
    assert (final["response"]["incomplete_details"] or {}).get("reason") == reason
    assert final["response"]["output"][0]["content"][0]["text"] == "Hi"


def test_seals_of_others_come_back_where_they_belong():
    events = [
        Started(),
        BlockOpened(0, "thinking"), ThinkingDelta(0, "Two cities."), Sealed(0, CLAUDE), BlockClosed(0),
        BlockOpened(1, "thinking"), Sealed(1, Seal("redacted", "r", "anthropic")), BlockClosed(1),
        BlockOpened(2, "text"), TextDelta(2, "A"), Sealed(2, GEMINI), BlockClosed(2),
        BlockOpened(3, "text"), Sealed(3, GEMINI), BlockClosed(3),
        BlockOpened(4, "tool", "call_1", "wx", seal=GEMINI), BlockClosed(4),
        Finished(Stop(reason="tool")), Ended(),
    ]  # fmt: skip
    output = payloads(write(events))[-1]["response"]["output"]
    sealed = [item.get("encrypted_content") for item in output if item["type"] == "reasoning"]
    assert all(seals.unwrap(value) for value in sealed)
    result = {"type": "function_call_output", "call_id": "call_1", "output": "3"}
    turns = read_request({"model": "m", "input": [{"role": "user", "content": "x"}, *output, result]}).turns
    parts = [part for turn in turns[1:-1] for part in turn.parts]
    assert [type(part) for part in parts] == [Thinking, Thinking, Text, Text, ToolCall]
    assert (parts[0].text, parts[0].seal) == ("Two cities.", CLAUDE)
    assert parts[1].redacted
    assert (parts[2].text, parts[2].seal) == ("A", GEMINI)
    assert (parts[3].text, parts[3].seal) == ("", GEMINI)
    assert parts[4].seal == GEMINI
    assert "encrypted_content" not in json.dumps(written(conversation(*turns))["input"])


def test_a_hosted_search_of_another_vendor_is_shown():
    found = b'{"content":[\n {"type":"web_search_result","url":"https://a.example"}]}'
    events = [
        Started(),
        BlockOpened(0, "hosted", "srv_1", "web_search", vendor="anthropic"), ArgumentsDelta(0, '{"query":"q"}'),
        BlockClosed(0),
        BlockOpened(1, "hosted_result", "srv_1", "web_search", vendor="anthropic"), Native(1, msgspec.Raw(found)),
        BlockClosed(1), Finished(Stop(reason="stop")), Ended(),
    ]  # fmt: skip
    item = payloads(write(events))[-1]["response"]["output"][0]
    assert (item["action"]["query"], item["action"]["sources"][0]["url"]) == ("q", "https://a.example")
    ledger = Ledger()
    back = read_request({"model": "m", "input": [item, {"role": "user", "content": "x"}]})
    assert len(written(back, ledger=ledger)["input"]) == 1
    assert ledger.losses[0].reason == "web_search of cliproxy"


def test_somebody_elses_line_breaks_do_not_break_a_frame():
    raw = msgspec.Raw(b'{"type":"web_search_call",\n "id":"ws_1", "status":"completed"}')
    hosted = BlockOpened(0, "hosted", "ws_1", "web_search", vendor="openai")
    events = [Started(), hosted, Native(0, raw), BlockClosed(0), Finished(Stop(reason="stop")), Ended()]
    assert payloads(write(events))[-1]["response"]["output"] == [json.loads(bytes(raw))]


def test_a_failure_ends_the_stream():
    events = [*ANSWER[:14], Failed(Failure(kind="overloaded", message="busy")), TextDelta(1, "more")]
    last = payloads(write(events))[-1]
    assert last["type"] == "response.failed"
    assert last["response"]["error"] == {"code": "server_overloaded", "message": "busy"}
    assert [item["status"] for item in last["response"]["output"][2:]] == ["incomplete", "incomplete"]
    assert isinstance(read([write(events)])[-1], Failed)
    alone = DIALECT.stream_failure(Failure(kind="truncated", message="gone", origin="cliproxy"), ASKED)
    assert alone.startswith(b"event: response.failed\n")
    assert b"cliproxy: gone" in alone


# --- any legal order ------------------------------------------------------------------------------------------------

KINDS = ("text", "refusal", "thinking", "tool", "hosted", "unknown", "audio")


@st.composite
def legal(draw: st.DrawFn) -> list[Event]:
    events: list[Event] = [Started("x", "m", 1)]
    opened: dict[int, str] = {}
    number = 0
    for step in draw(st.lists(st.integers(0, 5), max_size=30)):
        if step < 2 or not opened:
            kind = draw(st.sampled_from(KINDS))
            form = draw(st.sampled_from(["json", "text"])) if kind == "tool" else "json"
            seal = draw(st.sampled_from([None, GEMINI])) if kind == "tool" else None
            name = {"tool": "wx", "hosted": "web_search"}.get(kind, "")
            vendor = "openai" if kind == "hosted" else ""
            events.append(BlockOpened(number, kind, f"c{number}", name, form, seal=seal, vendor=vendor))
            opened[number] = kind
            number += 1
            continue
        block = draw(st.sampled_from(sorted(opened)))
        match opened[block], step:
            case _, 5:
                events.append(BlockClosed(block, draw(st.booleans())))
                del opened[block]
            case (("text" | "refusal"), 4):
                events.append(Cited(block, Citation("https://a.example", "A")))
            case (("text" | "thinking"), 3):
                events.append(Sealed(block, draw(st.sampled_from([CLAUDE, GEMINI]))))
            case (("text" | "refusal"), _):
                events.append(TextDelta(block, draw(st.text(max_size=5))))
            case "thinking", _:
                events.append(ThinkingDelta(block, draw(st.text(max_size=5)), draw(st.integers(0, 2))))
            case _, _:
                events.append(ArgumentsDelta(block, draw(st.sampled_from(["{}", "x"]))))
    events += [BlockClosed(block) for block in sorted(opened)]
    return [*events, Finished(Stop(reason=draw(st.sampled_from(["stop", "length"])))), Ended()]


@settings(max_examples=150, deadline=None)
@given(legal())
def test_any_legal_order_is_written_well(events):
    wire = write(events)
    said = payloads(wire)
    added = [event["output_index"] for event in said if event["type"].endswith("item.added")]
    done = [event["output_index"] for event in said if event["type"].endswith("item.done")]
    assert added == list(range(len(added)))
    assert sorted(done) == added
    assert len(said[-1]["response"]["output"]) == len(added)
    assert len({item["id"] for item in said[-1]["response"]["output"]}) == len(added)
    texts = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert sorted("".join(event.text for event in read([wire]) if isinstance(event, TextDelta))) == sorted(texts)
