"""What lies between two dialects: the end of a turn, tool names, and the pumps."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators import exchange, sse
from translators.dialect import Aim, Asked
from translators.errors import OutOfOrder, Unreadable
from translators.events import (
    ArgumentsDelta,
    BlockClosed,
    BlockOpened,
    Ended,
    Event,
    Failed,
    Finished,
    Sealed,
    Started,
    TextDelta,
    UsageSeen,
)
from translators.fold import Fold
from translators.losses import Ledger
from translators.model import Failure, Reasoning, Request, Stop, Usage
from translators.names import ToolName
from translators.parts import Seal, Text, Turn
from translators.pump import Counted, Pipe, Pump, Untouched, Whole
from translators.registry import DIALECTS
from translators.relay import Relay
from translators.turning import Turning

CLAUDE, CHAT = DIALECTS["claude"], DIALECTS["openai-chat"]
RESPONSES, GEMINI = DIALECTS["openai-responses"], DIALECTS["gemini"]
NAMES = ("claude", "openai-chat", "openai-responses", "gemini")


def asked(dialect: str, *, stream: bool = True, array: bool = False) -> Asked:
    return Asked("m", stream, 1_760_000_000, "abc", Request(model="m", turns=[], dialect=dialect), array)


# --- Turning: the end of a turn -------------------------------------------------------------------------------------


def turned(reason: str, *, called: bool, said: bool = True) -> list[Event]:
    """What becomes of an answer with this end, with or without a call in it."""
    events: list[Event] = [Started("i", "m")]
    if said:
        events += [BlockOpened(0, "text"), TextDelta(0, "x"), BlockClosed(0)]
    if called:
        number = 1 if said else 0
        events += [BlockOpened(number, "tool", "c", "f"), ArgumentsDelta(number, "{}"), BlockClosed(number)]
    return Turning({}).turn([*events, Finished(Stop(reason=reason, native="N")), Ended()])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reason", "without", "with_call"),
    [
        ("stop", "stop", "tool"),
        ("sequence", "sequence", "tool"),
        ("tool", "stop", "tool"),
        ("other", "other", "tool"),
        ("length", "length", "length"),  # truncated arguments must not be run
        ("context", "context", "context"),
        ("filter_out", "filter_out", "filter_out"),
        ("filter_prompt", "filter_prompt", "filter_prompt"),
        ("refusal", "refusal", "refusal"),
        ("recitation", "recitation", "recitation"),
        ("pause", "pause", "pause"),
        ("compaction", "compaction", "compaction"),
        ("cancelled", "cancelled", "cancelled"),
        ("bad_call", "bad_call", "bad_call"),
    ],
)
def test_how_a_turn_ends(reason: str, without: str, with_call: str) -> None:
    for called, expected in ((False, without), (True, with_call)):
        *_, finished, ended = turned(reason, called=called)
        assert isinstance(finished, Finished)
        assert (finished.stop.reason, finished.stop.native) == (expected, "N")
        assert ended == Ended()


def test_an_unusable_call_and_nothing_else_is_a_failure() -> None:
    assert turned("bad_call", called=False, said=False)[1:] == [
        Failed(Failure(kind="upstream", message="the model made no usable answer (N)", code="bad_call"))
    ]


def test_each_candidate_ends_for_itself() -> None:
    turning = Turning({})
    events = turning.turn(
        [
            Started(),
            BlockOpened(0, "text"),
            BlockClosed(0),
            BlockOpened(1, "tool", "c", "f", candidate=1),
            BlockClosed(1),
            Finished(Stop(reason="stop"), 1),
            Finished(Stop(reason="tool"), 0),
            Ended(),
        ]
    )
    assert [(e.candidate, e.stop.reason) for e in events if isinstance(e, Finished)] == [(1, "tool"), (0, "stop")]
    assert turning.stop == Stop(reason="stop")


def test_nothing_follows_the_end() -> None:
    turning = Turning({})
    turning.turn([Started(), Finished(Stop(reason="stop")), Ended(), UsageSeen(Usage(input=1)), Ended()])
    assert turning.turn([BlockOpened(0, "text")]) == []
    assert turning.usage is None


@pytest.mark.parametrize("event", [TextDelta(0, "x"), BlockClosed(3), BlockOpened(2, "text"), Started()])
def test_a_readers_mistake_is_told(event: Event) -> None:
    turning = Turning({})
    turning.turn([Started()])
    with pytest.raises(OutOfOrder):
        turning.turn([event])


def test_counts_add_up_as_they_come() -> None:
    turning = Turning({})
    turning.turn([Started("i", "up"), UsageSeen(Usage(input=3, output=1)), UsageSeen(Usage(output=7))])
    assert turning.usage == Usage(input=3, output=7)
    assert turning.started.model == "up"


# --- Turning: names, free text, seals -------------------------------------------------------------------------------


def test_tools_come_back_under_the_clients_names() -> None:
    turning = Turning({"ns__f_1": ToolName("f.1", "ns")})
    opened = turning.turn([Started(), BlockOpened(0, "tool", "c", "ns__f_1"), BlockOpened(1, "tool", "d", "other")])
    assert opened[1:] == [BlockOpened(0, "tool", "c", "f.1", namespace="ns"), BlockOpened(1, "tool", "d", "other")]


FREE = {"patch": ToolName("patch", "", "text")}


def unwrapped(pieces: list[str]) -> str:
    """The free text that the client gets of JSON arguments that came in pieces."""
    turning = Turning(FREE)
    events = turning.turn([Started(), BlockOpened(0, "tool", "c", "patch")])
    assert events[1] == BlockOpened(0, "tool", "c", "patch", form="text")
    for piece in pieces:
        events += turning.turn([ArgumentsDelta(0, piece)])
    events += turning.turn([BlockClosed(0)])
    return "".join(event.text for event in events if isinstance(event, ArgumentsDelta))


TRICKY = [
    "",
    "plain",
    'quotes " and \\ and \\" and \\\\',
    "lines\nand\ttabs\r\n",
    "ü€𝒳🎉",
    "\ud7ff\ue000\x00\x1f",
    "ends with a backslash \\",
    '{"input": "nested"}',
]


@pytest.mark.parametrize("text", TRICKY)
@pytest.mark.parametrize("escaped", [True, False])
def test_free_text_may_be_cut_anywhere(text: str, escaped: bool) -> None:
    source = json.dumps({"input": text}, ensure_ascii=escaped)
    assert unwrapped(list(source)) == text
    for cut in range(len(source) + 1):
        assert unwrapped([source[:cut], source[cut:]]) == text


@given(st.text(), st.booleans(), st.lists(st.integers(0, 200), max_size=5), st.sampled_from(["", " ", "\n\t "]))
def test_any_free_text_comes_out_as_it_was(text: str, escaped: bool, cuts: list[int], blank: str) -> None:
    source = f"{blank}{{{blank}" + json.dumps({"input": text}, ensure_ascii=escaped)[1:-1] + f"{blank}}}"
    edges = sorted({0, len(source), *(cut for cut in cuts if cut < len(source))})
    assert unwrapped([source[a:b] for a, b in pairwise(edges)]) == text


@pytest.mark.parametrize(
    "source",
    [
        '{"other": "x"}',
        '{"patch": "x", "input": "y"}',
        "[1]",
        "plain text",
        '{"input": 3}',
        '{"input": {"a": 1}}',
        "{}",
    ],
)
def test_arguments_of_another_shape_stay_as_they_are(source: str) -> None:
    assert unwrapped([source]) == source
    assert unwrapped(list(source)) == source


def test_free_text_that_is_cut_short_keeps_what_came() -> None:
    assert unwrapped(['{"input": "abc\\', "u00"]) == "abc"
    assert unwrapped(['{"input": "abc\\ud83d']) == "abc"


def test_a_lone_surrogate_is_no_reason_to_fail() -> None:
    said = unwrapped(['{"input": "a\\ud83dz and \\udc00 b"}'])
    assert said.startswith("a")
    assert said.endswith(" b")
    said.encode()  # what cannot be encoded could not be sent


def test_a_tool_that_is_free_text_upstream_too_is_not_unwrapped() -> None:
    turning = Turning(FREE)
    events = turning.turn(
        [
            Started(),
            BlockOpened(0, "tool", "c", "patch", form="text"),
            ArgumentsDelta(0, '{"input": "x"}'),
            BlockClosed(0),
        ]
    )
    assert ArgumentsDelta(0, '{"input": "x"}') in events


def test_seals_are_claimed_by_who_made_them() -> None:
    mine, foreign = Seal("signature", "s", "google"), Seal("signature", "t", "anthropic")
    events: list[Event] = [
        Started(),
        BlockOpened(0, "thinking"),
        Sealed(0, mine),
        Sealed(0, foreign),
        BlockClosed(0),
        BlockOpened(1, "tool", "c", "f", seal=mine),
    ]
    claimed = Turning({}, "google", "lab").turn(events)
    assert claimed[2] == Sealed(0, Seal("signature", "s", "lab"))
    assert claimed[3] == Sealed(0, foreign)
    assert claimed[5] == BlockOpened(1, "tool", "c", "f", seal=Seal("signature", "s", "lab"))
    assert Turning({}, "google").turn(events)[1:] == events[1:]


# --- an answer of each dialect --------------------------------------------------------------------------------------


def frame(data: Any, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return (head + "data: " + json.dumps(data) + "\n\n").encode()


def chat(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return frame({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": [choice]})


def gemini(parts: list[dict[str, Any]], finish: str = "") -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "up", "responseId": "g1"}


def claude(kind: str, **fields: Any) -> bytes:
    return frame({"type": kind} | fields, kind)


MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "up", "content": [], "stop_reason": None}
ITEM = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
PART = {"type": "output_text", "text": "", "annotations": []}
DONE = ITEM | {"status": "completed", "content": [PART | {"text": "Hello, wörld 🎉"}]}
RESPONSE = {"id": "resp_1", "object": "response", "created_at": 1, "model": "up", "output": []}
COUNTED = {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8}


def responses(kind: str, **fields: Any) -> bytes:
    return frame({"type": kind} | fields, kind)


def place(**fields: Any) -> dict[str, Any]:
    return {"item_id": "msg_1", "output_index": 0, "content_index": 0} | fields


HANDSHAKE = {
    "claude": claude("message_start", message=MESSAGE | {"usage": {"input_tokens": 5, "output_tokens": 1}})
    + claude("ping"),
    "openai-chat": b": processing\n\n" + chat({"role": "assistant", "content": ""}),
    "openai-responses": responses("response.created", response=RESPONSE | {"status": "in_progress"})
    + responses("response.in_progress", response=RESPONSE | {"status": "in_progress"}),
    "gemini": b"",
}
FIRST = {
    "claude": claude("content_block_start", index=0, content_block={"type": "text", "text": ""})
    + claude("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hello, "}),
    "openai-chat": chat({"content": "Hello, "}),
    "openai-responses": responses("response.output_item.added", output_index=0, item=ITEM)
    + responses("response.content_part.added", **place(part=PART))
    + responses("response.output_text.delta", **place(delta="Hello, ")),
    "gemini": frame(gemini([{"text": "Hello, "}])),
}
REST = {
    "claude": claude("content_block_delta", index=0, delta={"type": "text_delta", "text": "wörld 🎉"})
    + claude("content_block_stop", index=0)
    + claude("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 3})
    + claude("message_stop"),
    "openai-chat": chat({"content": "wörld 🎉"})
    + chat({}, "stop")
    + frame({"id": "c1", "model": "up", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3}})
    + b"data: [DONE]\n\n",
    "openai-responses": responses("response.output_text.delta", **place(delta="wörld 🎉"))
    + responses("response.output_text.done", **place(text="Hello, wörld 🎉"))
    + responses("response.content_part.done", **place(part=PART | {"text": "Hello, wörld 🎉"}))
    + responses("response.output_item.done", output_index=0, item=DONE)
    + responses("response.completed", response=RESPONSE | {"status": "completed", "output": [DONE], "usage": COUNTED}),
    "gemini": frame(gemini([{"text": "wörld 🎉"}]))
    + frame(gemini([], "STOP") | {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 3}}),
}
ERROR = {
    "claude": claude("error", error={"type": "overloaded_error", "message": "Overloaded"}),
    "openai-chat": frame({"error": {"message": "Overloaded", "type": "server_error", "code": "server_overloaded"}}),
    "openai-responses": responses(
        "response.failed",
        response=RESPONSE | {"status": "failed", "error": {"code": "server_error", "message": "Overloaded"}},
    ),
    "gemini": frame({"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}}),
}
STREAMS = {name: HANDSHAKE[name] + FIRST[name] + REST[name] for name in NAMES}
PAIRS = [(up, down) for up in NAMES for down in NAMES]


def take(pump: Pump, *pieces: bytes) -> bytes:
    """Everything a pump says to pieces and their end."""
    return b"".join([pump.feed(piece) for piece in pieces]) + pump.finish()


def bytewise(body: bytes) -> list[bytes]:
    return [body[at : at + 1] for at in range(len(body))]


def a_pipe(down: str, up: str) -> Pipe:
    return Pipe(DIALECTS[down], DIALECTS[up], asked(down), Turning({}, DIALECTS[up].vendor))


def a_whole(down: str, up: str, *, streamed: bool = True) -> Whole:
    turning = Turning({}, DIALECTS[up].vendor)
    return Whole(DIALECTS[down], DIALECTS[up], asked(down, stream=False), turning, streamed=streamed)


def text_of(dialect: str, body: bytes, *, stream: bool = True) -> str:
    """The text that a reader of the dialect finds."""
    if stream:
        reader = DIALECTS[dialect].stream_reader()
        events = reader.feed(body) + reader.finish()
    else:
        events = DIALECTS[dialect].read_reply(body)
    assert isinstance(events[-1], Ended), events
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def errors_of(dialect: str, body: bytes) -> list[Failure]:
    reader = DIALECTS[dialect].stream_reader()
    return [event.failure for event in reader.feed(body) + reader.finish() if isinstance(event, Failed)]


# --- which pump -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client", "upstream", "streamed", "stream", "tools", "kind"),
    [
        (CLAUDE, CLAUDE, True, True, {}, Relay),
        (CLAUDE, CLAUDE, True, True, {"a": ToolName("b")}, Pipe),  # names must be put back
        (CLAUDE, CLAUDE, False, True, {}, Pipe),  # asked for a stream, got a body
        (CLAUDE, CLAUDE, True, False, {}, Whole),  # asked for a body, got a stream
        (CLAUDE, CLAUDE, False, False, {}, Whole),
        (CLAUDE, CHAT, True, True, {}, Pipe),
        (CLAUDE, CHAT, False, False, {}, Whole),
        (DIALECTS["openai-completions"], CHAT, True, True, {}, Pipe),
    ],
)
def test_the_right_pump(client: Any, upstream: Any, streamed: bool, stream: bool, tools: Any, kind: type) -> None:
    pump = exchange.pump(client, upstream, asked(client.name, stream=stream), tools, streamed=streamed)
    assert type(pump) is kind
    assert not pump.committed
    assert not pump.ended


def test_a_compatible_host_keeps_its_seals() -> None:
    """A host that speaks Claude's dialect signs for itself: another vendor's client gets them in an envelope."""
    body = (
        HANDSHAKE["claude"]
        + claude("content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""})
        + claude("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "hm"})
        + claude("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "SIG"})
        + claude("content_block_stop", index=0)
        + claude("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 3})
        + claude("message_stop")
    )
    request = asked("claude")
    said = take(Pipe(CLAUDE, CLAUDE, request, Turning({}, "anthropic", "lab")), body)
    assert b'"SIG"' not in said
    assert b"cliproxy.1." in said
    assert b'"SIG"' in take(Pipe(CLAUDE, CLAUDE, request, Turning({}, "anthropic", "anthropic")), body)


# --- Pipe -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("up", "down"), PAIRS)
def test_a_stream_goes_through_whole_and_byte_by_byte(up: str, down: str) -> None:
    whole, piecewise = a_pipe(down, up), a_pipe(down, up)
    said = take(whole, STREAMS[up])
    assert (whole.failure, whole.ended, whole.committed, whole.model) == (None, True, True, "up")
    assert (whole.usage and (whole.usage.input, whole.usage.output)) == (5, 3)
    assert whole.stop is not None
    assert whole.stop.reason == "stop"
    assert text_of(down, said) == "Hello, wörld 🎉"
    assert text_of(down, take(piecewise, *bytewise(STREAMS[up]))) == "Hello, wörld 🎉"


@pytest.mark.parametrize(("up", "down"), PAIRS)
def test_carriage_returns_are_line_ends_too(up: str, down: str) -> None:
    body = STREAMS[up].replace(b"\n", b"\r\n")
    assert text_of(down, take(a_pipe(down, up), *bytewise(body))) == "Hello, wörld 🎉"


@pytest.mark.parametrize(("up", "down"), PAIRS)
def test_a_handshake_does_not_commit(up: str, down: str) -> None:
    pipe = a_pipe(down, up)
    assert pipe.feed(HANDSHAKE[up]) == b""
    assert not pipe.committed
    said = pipe.feed(FIRST[up])
    assert pipe.committed
    assert b"Hello, " in said


@pytest.mark.parametrize(("up", "down"), PAIRS)
def test_an_error_first_lets_nothing_out(up: str, down: str) -> None:
    for pieces in ([HANDSHAKE[up] + ERROR[up]], [HANDSHAKE[up], ERROR[up]], bytewise(HANDSHAKE[up] + ERROR[up])):
        pipe = a_pipe(down, up)
        assert take(pipe, *pieces) == b""
        assert not pipe.committed
        assert pipe.failure is not None
        assert pipe.failure.message == "Overloaded"


@pytest.mark.parametrize(("up", "down"), PAIRS)
def test_an_error_later_is_told_in_the_clients_words(up: str, down: str) -> None:
    for pieces in ([HANDSHAKE[up] + FIRST[up] + ERROR[up]], [HANDSHAKE[up] + FIRST[up], ERROR[up]]):
        pipe = a_pipe(down, up)
        said = take(pipe, *pieces)
        assert pipe.committed
        assert pipe.failure is not None
        assert not pipe.ended
        assert [failure.message for failure in errors_of(down, said)] == ["Overloaded"]
        assert pipe.feed(REST[up]) + pipe.finish() == b""


@pytest.mark.parametrize(("up", "down"), PAIRS)
def test_an_upstream_that_breaks_off(up: str, down: str) -> None:
    early, late = a_pipe(down, up), a_pipe(down, up)
    assert take(early, HANDSHAKE[up]) == b""
    assert early.failure is not None
    assert early.failure.kind == "truncated"
    said = take(late, HANDSHAKE[up] + FIRST[up])
    assert not late.ended
    assert late.failure is not None
    assert late.failure.kind == "truncated"
    assert len(errors_of(down, said)) == 1


@pytest.mark.parametrize(("up", "down"), PAIRS)
def test_a_cause_is_told_unless_the_answer_was_complete(up: str, down: str) -> None:
    cause = Failure(kind="timeout", message="silence", origin="cliproxy")
    broken, complete = a_pipe(down, up), a_pipe(down, up)
    said = broken.feed(HANDSHAKE[up] + FIRST[up]) + broken.finish(cause)
    assert broken.failure == cause
    assert b"silence" in said
    complete.feed(STREAMS[up])
    if complete.ended:
        assert complete.finish(cause) == b""
        assert complete.failure is None


@pytest.mark.parametrize("down", NAMES)
@pytest.mark.parametrize("up", NAMES)
@pytest.mark.parametrize(
    "page", [b"<html><body>502 Bad Gateway</body></html>", b"", b"\x00\xff\xfe", b"[]", b"null", b"data: {\n\n"]
)
def test_what_is_no_answer_fails_before_anything_leaves(up: str, down: str, page: bytes) -> None:
    for pump in (a_pipe(down, up), a_whole(down, up), a_whole(down, up, streamed=False)):
        assert take(pump, page) == b""
        assert pump.failure is not None
        assert pump.failure.origin == "upstream"
        assert not pump.committed


@pytest.mark.parametrize("down", NAMES)
def test_a_mistake_of_ours_is_owned(down: str) -> None:
    """A reader that breaks the order, or simply breaks, must not take the stream with it."""

    class Broken:
        def feed(self, chunk: bytes) -> list[Event]:
            if chunk == b"order":
                return [Started(), TextDelta(7, "x")]
            raise KeyError(chunk)

        def finish(self) -> list[Event]:
            return []

    for chunk in (b"order", b"other"):
        pipe = a_pipe(down, "claude")
        pipe._reader = Broken()
        assert pipe.feed(chunk) == b""
        assert pipe.failure is not None
        assert (pipe.failure.kind, pipe.failure.origin) == ("server", "cliproxy")


@pytest.mark.parametrize("down", NAMES)
def test_pings_fit_into_the_stream(down: str) -> None:
    """Between any two pieces, and the stream says the same."""
    pipe = a_pipe(down, "openai-chat")
    said = b""
    for piece in (HANDSHAKE["openai-chat"], FIRST["openai-chat"], *bytewise(REST["openai-chat"])):
        said += pipe.feed(piece)
        if pipe.committed and not pipe.ended:
            said += pipe.ping()
    said += pipe.finish()
    assert text_of(down, said) == "Hello, wörld 🎉"


# --- a stream that was asked for as a JSON array --------------------------------------------------------------------


@pytest.mark.parametrize("up", NAMES)
def test_a_stream_as_a_json_array(up: str) -> None:
    for pieces in ([STREAMS[up]], bytewise(STREAMS[up])):
        pipe = Pipe(GEMINI, DIALECTS[up], asked("gemini", array=True), Turning({}))
        chunks = json.loads(take(pipe, *pieces))
        parts = [part for chunk in chunks for one in chunk["candidates"] for part in one["content"].get("parts", [])]
        assert "".join(part.get("text", "") for part in parts) == "Hello, wörld 🎉"


@pytest.mark.parametrize("up", NAMES)
def test_a_json_array_that_breaks_is_still_json(up: str) -> None:
    pipe = Pipe(GEMINI, DIALECTS[up], asked("gemini", array=True), Turning({}))
    chunks = json.loads(take(pipe, HANDSHAKE[up] + FIRST[up], ERROR[up]))
    assert chunks[-1]["error"]["message"] == "Overloaded"


ARRAY = json.dumps(
    [gemini([{"text": "Hello, "}]), gemini([{"text": 'wörld [{"}] 🎉'}]), gemini([], "STOP")],
    ensure_ascii=False,
    indent=1,
).encode()


@pytest.mark.parametrize("down", NAMES)
def test_an_upstream_that_sends_a_json_array(down: str) -> None:
    for pieces in ([ARRAY], bytewise(ARRAY)):
        pipe = a_pipe(down, "gemini")
        assert text_of(down, take(pipe, *pieces)) == 'Hello, wörld [{"}] 🎉'
        assert pipe.failure is None


@given(st.lists(st.integers(1, len(ARRAY) - 1), max_size=6))
def test_a_relayed_array_stays_as_it_is(cuts: list[int]) -> None:
    relay = an_array()
    assert take(relay, *pieces_of(ARRAY, cuts)) == ARRAY
    assert (relay.failure, relay.ended, relay.committed) == (None, True, True)


BAD = json.dumps({"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}}).encode()


def an_array() -> Pump:
    return exchange.pump(GEMINI, GEMINI, asked("gemini", array=True), {}, streamed=True)


def test_a_relayed_array_that_is_an_error_lets_nothing_out() -> None:
    for body in (b"[" + BAD + b"]", BAD, b"[]", b"", b"<html>"):
        for pieces in ([body], bytewise(body)):
            relay = an_array()
            assert take(relay, *pieces) == b""
            assert not relay.committed
            assert relay.failure is not None


def test_a_relayed_array_that_breaks_is_still_json() -> None:
    first = json.dumps(gemini([{"text": "Hello, "}])).encode()
    late, silent = an_array(), an_array()
    said = take(late, b"[" + first, b"," + BAD, b"]")
    assert json.loads(said)[-1]["error"]["message"] == "Overloaded"
    assert late.failure is not None
    said = silent.feed(b"[" + first) + silent.finish(Failure(kind="timeout", message="silence", origin="cliproxy"))
    assert "silence" in json.loads(said)[-1]["error"]["message"]
    assert silent.ping() == b""


# --- Relay ----------------------------------------------------------------------------------------------------------


def a_relay(name: str) -> Relay:
    return Relay(DIALECTS[name], asked(name))


def pieces_of(body: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(body)}), len(body)]
    return [body[a:b] for a, b in pairwise(edges)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_relay_changes_no_byte(name: str, end: bytes) -> None:
    body = STREAMS[name].replace(b"\n", end)
    for pieces in ([body], bytewise(body)):
        relay = a_relay(name)
        assert take(relay, *pieces) == body
        assert (relay.failure, relay.ended, relay.committed) == (None, True, True)


@given(st.sampled_from(NAMES), st.booleans(), st.lists(st.integers(0, 3000), max_size=8))
def test_a_relay_changes_no_byte_however_it_is_cut(name: str, crlf: bool, cuts: list[int]) -> None:
    body = STREAMS[name].replace(b"\n", b"\r\n") if crlf else STREAMS[name]
    relay = a_relay(name)
    assert take(relay, *pieces_of(body, cuts)) == body
    assert (relay.failure, relay.ended) == (None, True)


@pytest.mark.parametrize("name", NAMES)
def test_a_relay_passes_whole_frames_only(name: str) -> None:
    relay, said = a_relay(name), b""
    for piece in bytewise(STREAMS[name]):
        said += relay.feed(piece)
        assert not said or said.endswith(b"\n\n")


@pytest.mark.parametrize("name", NAMES)
def test_a_relay_holds_the_handshake(name: str) -> None:
    relay = a_relay(name)
    assert relay.feed(HANDSHAKE[name]) == b""
    assert not relay.committed
    assert relay.feed(FIRST[name]) == HANDSHAKE[name] + FIRST[name]
    assert relay.committed
    assert not relay.ended


@pytest.mark.parametrize("name", NAMES)
def test_a_relay_keeps_an_error_to_itself_if_it_comes_first(name: str) -> None:
    for pieces in ([HANDSHAKE[name] + ERROR[name]], [HANDSHAKE[name], ERROR[name]], bytewise(ERROR[name])):
        relay = a_relay(name)
        assert take(relay, *pieces) == b""
        assert not relay.committed
        assert relay.failure is not None
        assert relay.failure.message == "Overloaded"


@pytest.mark.parametrize("name", NAMES)
def test_a_relay_passes_a_late_error_and_adds_none(name: str) -> None:
    body = HANDSHAKE[name] + FIRST[name] + ERROR[name]
    for pieces in ([body], [HANDSHAKE[name] + FIRST[name], ERROR[name]], bytewise(body)):
        relay = a_relay(name)
        assert take(relay, *pieces) == body
        assert relay.failure is not None
        assert relay.failure.message == "Overloaded"


@pytest.mark.parametrize("name", NAMES)
def test_a_relay_that_breaks_off_ends_in_an_error_after_the_last_whole_frame(name: str) -> None:
    begun, torn = HANDSHAKE[name] + FIRST[name], REST[name][:30]
    for cause in (None, Failure(kind="timeout", message="silence", origin="cliproxy")):
        relay = a_relay(name)
        said = relay.feed(begun + torn)
        assert said == begun
        said += relay.finish(cause)
        assert relay.failure is not None
        assert relay.failure.kind == ("timeout" if cause else "truncated")
        assert [failure.kind for failure in errors_of(name, said)] or b"silence" in said
        assert len([one for one in sse.frames(said) if b'"error"' in one.data]) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_relay_without_a_last_blank_line(name: str) -> None:
    body = STREAMS[name].rstrip(b"\n")
    relay = a_relay(name)
    assert take(relay, body) == body + b"\n\n"  # without it some clients drop the last event
    assert relay.ended
    assert relay.failure is None


@pytest.mark.parametrize("name", NAMES)
def test_a_relay_that_hears_nothing(name: str) -> None:
    relay = a_relay(name)
    assert take(relay, HANDSHAKE[name]) == b""
    assert relay.failure is not None
    assert relay.failure.kind == "truncated"
    assert not relay.committed


@pytest.mark.parametrize("name", NAMES)
def test_what_a_model_says_about_errors_is_no_error(name: str) -> None:
    """The marks look for members, never for words inside a text."""
    words = '\n\ndata: {"error": {"message": "x"}}\n\nevent: error\n"type":"error" "finish_reason": "stop" data: [DONE]'
    said = {
        "claude": claude("content_block_delta", index=0, delta={"type": "text_delta", "text": words}),
        "openai-chat": chat({"content": words}),
        "openai-responses": responses("response.output_text.delta", **place(delta=words)),
        "gemini": frame(gemini([{"text": words}])),
    }[name]
    relay = a_relay(name)
    begun = HANDSHAKE[name] + FIRST[name] + said
    assert relay.feed(begun) == begun
    assert relay.failure is None
    assert not relay.ended


# --- Whole ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("up", "down"), PAIRS)
def test_a_whole_answer_of_a_stream(up: str, down: str) -> None:
    for pieces in ([STREAMS[up]], bytewise(STREAMS[up])):
        whole = a_whole(down, up)
        for piece in pieces:
            assert whole.feed(piece) == b""
            assert not whole.committed
        said = whole.finish()
        assert (whole.failure, whole.ended, whole.committed) == (None, True, True)
        assert (whole.usage and (whole.usage.input, whole.usage.output)) == (5, 3)
        assert text_of(down, said, stream=False) == "Hello, wörld 🎉"


@pytest.mark.parametrize(("up", "down"), PAIRS)
def test_a_whole_answer_of_a_body(up: str, down: str) -> None:
    body = take(a_whole(up, up), STREAMS[up])
    whole = a_whole(down, up, streamed=False)
    said = take(whole, *bytewise(body))
    assert whole.failure is None
    assert text_of(down, said, stream=False) == "Hello, wörld 🎉"
    if up == down:
        assert said == body


@pytest.mark.parametrize(("up", "down"), PAIRS)
def test_a_body_where_a_stream_was_asked_for(up: str, down: str) -> None:
    body = take(a_whole(up, up), STREAMS[up])
    for pieces in ([body], bytewise(body)):
        pipe = a_pipe(down, up)
        assert text_of(down, take(pipe, *pieces)) == "Hello, wörld 🎉"
        assert pipe.failure is None


@pytest.mark.parametrize(("up", "down"), PAIRS)
def test_a_whole_answer_that_breaks_gives_nothing(up: str, down: str) -> None:
    cause = Failure(kind="timeout", message="silence", origin="cliproxy")
    failed, cut, late = a_whole(down, up), a_whole(down, up), a_whole(down, up)
    assert take(failed, HANDSHAKE[up] + FIRST[up] + ERROR[up]) == b""
    assert failed.failure is not None
    assert failed.failure.message == "Overloaded"
    assert take(cut, HANDSHAKE[up] + FIRST[up]) == b""
    assert cut.failure is not None
    assert cut.failure.kind == "truncated"
    late.feed(HANDSHAKE[up] + FIRST[up])
    assert late.finish(cause) == b""
    assert late.failure == cause
    assert [failed.committed, cut.committed, late.committed] == [False, False, False]


@pytest.mark.parametrize("down", NAMES)
def test_a_body_that_was_cut_short_is_no_answer(down: str) -> None:
    """A connection that broke inside a JSON body: the cause is told, and what came is not shown."""
    cause = Failure(kind="upstream", message="reset", origin="cliproxy")
    for up in NAMES:
        body = take(a_whole(up, up), STREAMS[up])
        whole = a_whole(down, up, streamed=False)
        whole.feed(body[: len(body) // 2])
        assert whole.finish(cause) == b""
        assert whole.failure == cause
        silent = a_whole(down, up, streamed=False)
        assert take(silent, body[: len(body) // 2]) == b""
        assert silent.failure is not None


def test_whoever_waits_for_a_body_is_not_pinged_by_the_pump() -> None:
    assert a_whole("claude", "gemini").ping() == b""
    assert Counted("claude").ping() == b""


# --- the small pumps ------------------------------------------------------------------------------------------------


def test_untouched_passes_what_is_whole() -> None:
    pump = Untouched()
    assert take(pump, b'{"opaque":', b" 1.0}") == b'{"opaque": 1.0}'
    assert pump.committed
    assert pump.ended
    broken, cause = Untouched(), Failure(kind="upstream", message="reset")
    broken.feed(b"{")
    assert broken.finish(cause) == b""
    assert (broken.failure, broken.committed) == (cause, False)


@pytest.mark.parametrize("client", ["claude", "gemini", "openai-responses"])
def test_a_count_in_the_clients_words(client: str) -> None:
    pump = Counted(client)
    said = take(pump, b'{"totalTokens"', b": 12}")
    assert 12 in json.loads(said).values()
    assert pump.committed
    broken = Counted(client)
    assert take(broken, b"<html>") == b""
    assert (broken.committed, broken.ended) == (False, False)
    assert broken.failure is not None
    assert broken.failure.origin == "upstream"


# --- write ----------------------------------------------------------------------------------------------------------


AIM = Aim("up", "lab", "lab", stream=True)


def test_the_same_dialect_changes_only_the_model() -> None:
    body = b'{ "messages":[ ], "model" :"mine", "x":1.0 }'
    out = exchange.write(None, body, CHAT, CHAT, AIM, Ledger())
    assert out.body == b'{ "messages":[ ], "model" :"up", "x":1.0 }'
    assert (out.tools, out.headers) == ({}, {})
    assert exchange.write(None, b'{"contents":[]}', GEMINI, GEMINI, AIM, Ledger()).body == b'{"contents":[]}'


def test_a_suffix_beats_the_body() -> None:
    high = Reasoning(mode="effort", effort="high")
    body = b'{"model":"mine","reasoning_effort":"low","messages":[]}'
    changed = exchange.write(None, body, CHAT, CHAT, AIM, Ledger(), high).body
    assert json.loads(changed) == {"model": "up", "reasoning_effort": "high", "messages": []}
    request = Request(model="m", turns=[Turn(role="user", parts=[Text(text="x")])], reasoning=Reasoning(mode="off"))
    crossed = json.loads(exchange.write(request, body, CLAUDE, CHAT, AIM, Ledger(), high).body)
    assert crossed["reasoning_effort"] == "high"
    assert request.reasoning == Reasoning(mode="off")


def test_another_dialect_needs_the_request() -> None:
    with pytest.raises(Unreadable):
        exchange.write(None, b"{}", CLAUDE, CHAT, AIM, Ledger())


# --- one piece a chunk: what flows is still seen by all ---------------------------------------------------------------


PIECES = [
    {"id": "c", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
    *({"id": "c", "choices": [{"index": 0, "delta": {"content": text}}]} for text in "abc"),
    {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
]


def test_an_answer_that_comes_piece_by_piece_is_collected_whole() -> None:
    fold = Fold()
    pipe = Pipe(CLAUDE, CHAT, asked("claude"), Turning({}), fold)
    for piece in PIECES:
        pipe.feed(f"data: {json.dumps(piece)}\n\n".encode())
    pipe.feed(b"data: [DONE]\n\n")
    reply = pipe.answer()
    assert reply is not None
    assert [part.text for part in reply.candidates[0].parts if isinstance(part, Text)] == ["abc"]


def test_an_overridden_pair_changes_every_piece() -> None:
    def shout(events: list[Event]) -> list[Event]:
        return [TextDelta(e.block, e.text.upper()) if isinstance(e, TextDelta) else e for e in events]

    pipe = Pipe(CLAUDE, CHAT, asked("claude"), Turning({}, change=shout))
    said = b"".join(pipe.feed(f"data: {json.dumps(piece)}\n\n".encode()) for piece in PIECES)
    said += pipe.feed(b"data: [DONE]\n\n")
    deltas = [json.loads(frame.data)["delta"]["text"] for frame in sse.frames(said) if b"text_delta" in frame.data]
    assert "".join(deltas) == "ABC"
