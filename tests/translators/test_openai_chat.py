"""Chat Completions streams → events, whole, in pieces and broken."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.translators.chat_talk import (
    delta,
    events_of,
    parts_of,
    piece,
    sse,
)
from translators.errors import Unreadable
from translators.events import (
    BlockOpened,
    Ended,
    Event,
    Failed,
    Finished,
    Started,
)
from translators.fold import fold
from translators.model import Stop, Usage
from translators.openai_chat import DIALECT
from translators.parts import Citation, Seal

CASES = sorted((Path(__file__).parent.parent / "cases" / "openai-chat" / "streams").glob("*.case"))


def load(path: Path) -> dict[str, str]:
    """The sections of a case."""
    sections: dict[str, str] = {}
    name = ""
    for line in path.read_text("utf-8").splitlines(keepends=True):
        if line.startswith("=== "):
            name = line[4:].strip()
            sections[name] = ""
        elif name:
            sections[name] += line
    return sections


def as_lines(events: list[Event]) -> str:
    return "".join(msgspec.json.encode(event).decode() + "\n" for event in events)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_stream_is_read_as_written_down(path: Path):
    case = load(path)
    wire = case["wire"].encode()
    assert as_lines(events_of(wire)).strip() == case["events"].strip()
    assert events_of(*(wire[i : i + 1] for i in range(len(wire)))) == events_of(wire)
    assert events_of(wire.replace(b"\n", b"\r\n")) == events_of(wire)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 4000), max_size=8))
def test_cutting_changes_nothing(path: Path, cuts: list[int]):
    wire = load(path)["wire"].encode()
    places = sorted({0, len(wire), *(cut for cut in cuts if cut < len(wire))})
    assert events_of(*(wire[a:b] for a, b in pairwise(places))) == events_of(wire)


R1 = [
    delta(role="assistant", content="") | {"usage": {"prompt_tokens": 20, "completion_tokens": 1}},
    delta(content="Running.") | {"usage": {"prompt_tokens": 20, "completion_tokens": 3}},
    delta(tool_calls=[piece(0, "", id="call_1", type="function", name="Skill")])
    | {"usage": {"prompt_tokens": 20, "completion_tokens": 5}},
    delta(tool_calls=[piece(0, '{"skill": "stop-s')]) | {"usage": {"prompt_tokens": 20, "completion_tokens": 8}},
    delta(tool_calls=[piece(0, 'lop"}')]),
    {
        "id": "c1",
        "choices": [],
        "usage": {"prompt_tokens": 20, "completion_tokens": 12, "prompt_tokens_details": {"cached_tokens": 16}},
    },
]


@pytest.mark.parametrize("finish", ["stop", "tool_calls", "absent", "apart"])
@pytest.mark.parametrize("usage", ["every chunk", "none"])
def test_usage_on_every_chunk_and_a_lying_finish(finish: str, usage: str):
    """Usage is data and no signal; a finish_reason that is wrong, absent or late changes no argument."""
    chunks = list(R1)
    if finish in ("stop", "tool_calls"):
        chunks[4] = delta(finish, tool_calls=[piece(0, 'lop"}')])
    if finish == "apart":
        chunks.insert(5, delta("tool_calls"))
    if usage == "none":
        chunks = [{k: v for k, v in chunk.items() if k != "usage"} for chunk in chunks[:-1]]
    events = events_of(sse(*chunks))
    text, tool = parts_of(events)
    assert text.text == "Running."
    assert (tool.id, tool.name, tool.arguments) == ("call_1", "Skill", '{"skill": "stop-slop"}')
    assert isinstance(events[-1], Ended)
    assert sum(isinstance(event, Finished) for event in events) == 1
    if usage == "every chunk":
        reply = fold(events)
        assert reply.usage == Usage(input=20, cache_read=16, output=12)


def test_calls_that_come_side_by_side():
    events = events_of(
        sse(
            delta(tool_calls=[piece(0, "", id="call_a", name="A")]),
            delta(tool_calls=[piece(1, "", id="call_b", name="B")]),
            delta(tool_calls=[piece(0, '{"x":')]),
            delta(tool_calls=[piece(1, '{"y":2}')]),
            delta(tool_calls=[piece(0, "1}")]),
            delta("tool_calls"),
        )
    )
    assert [(part.id, part.name, part.arguments) for part in parts_of(events)] == [
        ("call_a", "A", '{"x":1}'),
        ("call_b", "B", '{"y":2}'),
    ]
    assert sum(isinstance(event, BlockOpened) for event in events) == 2


@pytest.mark.parametrize(
    ("pieces", "calls"),
    [
        # every call at index 0
        (
            [piece(0, '{"a":1}', id="x", name="f"), piece(0, '{"b":2}', id="y", name="g")],
            ["x f {'a': 1}", "y g {'b': 2}"],
        ),
        # no index: a new id is a new call, no id goes on with the last
        (
            [piece(None, '{"a"', id="x", name="f"), piece(None, ":1}"), piece(None, "{}", id="y", name="f")],
            ["x f {'a': 1}", "y f {}"],
        ),
        # the id comes late
        ([piece(0, name="f"), piece(0, "{}", id="x")], ["x f {}"]),
        # the name comes in pieces, then whole again
        (
            [piece(0, id="x", name="get_"), piece(0, name="weather"), piece(0, "{}"), piece(0, "", name="get_weather")],
            ["x get_weather {}"],
        ),
        # arguments as an object
        ([{"index": 0, "id": "x", "function": {"name": "f", "arguments": {"a": 1}}}], ["x f {'a': 1}"]),
        # no arguments at all
        ([piece(0, id="x", name="f"), piece(1, None, id="y", name="g")], ["x f ", "y g "]),
        # a custom call
        ([{"index": 0, "id": "x", "type": "custom", "custom": {"name": "f", "input": "1"}}], ["x f 1"]),
    ],
)
def test_how_hosts_send_calls(pieces: list[Any], calls: list[str]):
    events = events_of(sse(*(delta(tool_calls=[one]) for one in pieces), delta("tool_calls")))
    got = []
    for part in parts_of(events):
        text = part.arguments if part.form == "text" or not part.arguments else msgspec.json.decode(part.arguments)
        got.append(f"{part.id} {part.name} {text}")
    assert got == calls
    whole = {"id": "c1", "choices": [{"index": 0, "message": {"tool_calls": pieces}, "finish_reason": "tool_calls"}]}
    again = fold(DIALECT.read_reply(msgspec.json.encode(whole))).candidates[0].parts
    assert [(p.id, p.name, p.arguments) for p in again] == [(p.id, p.name, p.arguments) for p in parts_of(events)]


def test_a_call_without_an_id_gets_one_that_belongs_to_the_answer():
    made = [
        parts_of(events_of(sse({**delta(tool_calls=[piece(0, "{}", name="f")]), "id": i}, delta("stop"))))[0].id
        for i in ("a", "a", "b")
    ]
    assert made[0] == made[1] != made[2]


def test_blocks_follow_one_another_and_text_may_follow_a_call():
    events = events_of(
        sse(
            delta(role="assistant", reasoning_content="hm"),
            delta(content="A"),
            delta(content="", tool_calls=[piece(0, "{}", id="x", name="f")]),
            delta(content="B"),
            delta("stop"),
            delta(content="C"),
        )
    )
    kinds = [event.kind for event in events if isinstance(event, BlockOpened)]
    assert kinds == ["thinking", "text", "tool", "text"]
    assert parts_of(events)[-1].text == "BC"


def test_reasoning_said_twice_is_read_once():
    details = [{"type": "reasoning.text", "text": "hm", "index": 0}]
    sealed = [{"type": "reasoning.text", "signature": "c2ln", "format": "x-v1", "index": 0}]
    events = events_of(
        sse(
            delta(reasoning="hm", reasoning_details=details),
            delta(reasoning_details=sealed),
            delta("stop", content="x"),
        )
    )
    thinking, _ = parts_of(events)
    assert (thinking.text, thinking.seal) == ("hm", Seal("signature", "c2ln", "openai", "x-v1"))


def test_two_choices():
    events = events_of(
        sse(delta(index=1, content="b"), delta(index=0, content="a"), delta("stop", 1), delta("length", 0))
    )
    reply = fold(events)
    assert [(c.index, c.parts[0].text, c.stop.reason) for c in reply.candidates] == [
        (0, "a", "length"),
        (1, "b", "stop"),
    ]


def test_first_chunks_without_choices_start_nothing():
    """Azure begins with a chunk of filter results that has neither id nor choices."""
    azure = {"id": "", "model": "", "choices": [], "prompt_filter_results": []}
    events = events_of(sse(azure, delta(content="x"), delta("stop")))
    assert events[0] == Started("c1", "up", 0)


def test_wrong_types_are_passed_over():
    odd = {
        "id": 7,
        "created": 1.5,
        "choices": [{"index": None, "delta": {"content": "x", "refusal": 5}}],
        "usage": "many",
    }
    events = events_of(sse(odd, delta("stop")))
    assert parts_of(events)[0].text == "x"


def test_a_character_cut_in_two_is_put_together():
    wire = (
        b'data: {"id":"c","choices":[{"delta":{"content":"a\\ud83d"}}]}\n\n'
        b'data: {"id":"c","choices":[{"delta":{"content":"\\ude00b \\\\ud83d"}}]}\n\n'
        b'data: {"id":"c","choices":[{"delta":{"content":"\\ud83d"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    )
    assert parts_of(events_of(wire))[0].text == "a😀b \\ud83d\ufffd"


def test_content_may_be_a_list_of_parts():
    content = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "x"}]
    thinking, text = parts_of(events_of(sse(delta(content=content), delta("stop"))))
    assert (thinking.text, text.text) == ("hm", "x")


def test_citations_are_counted_from_their_own_text():
    cited = [
        {"type": "url_citation", "url_citation": {"url": "https://a", "title": "A", "start_index": 2, "end_index": 3}}
    ]
    events = events_of(sse(delta(content="ab"), delta(content="c", annotations=cited), delta("stop")))
    assert parts_of(events)[0].citations == [Citation(url="https://a", title="A", start=2, end=3, vendor="openai")]


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (
            {"prompt_tokens": 20, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 80}},
            (100, 80, 1, None),
        ),
        (
            {
                "prompt_tokens": 5,
                "completion_tokens": 10,
                "total_tokens": 45,
                "completion_tokens_details": {"reasoning_tokens": 30},
            },
            (5, None, 40, 30),
        ),
        (
            {"prompt_tokens": 5, "completion_tokens": 10, "completion_tokens_details": {"reasoning_tokens": 30}},
            (5, None, 40, 30),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 4}, (9, 4, 1, None)),
        ({"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": None}, (9, None, 1, None)),
    ],
)
def test_token_counts_of_hosts_that_count_otherwise(usage: Any, expected: tuple[Any, ...]):
    events = events_of(sse(delta("stop", content="x"), {"id": "c1", "choices": [], "usage": usage}))
    seen = fold(events).usage
    assert seen is not None
    assert (seen.input, seen.cache_read, seen.output, seen.thinking) == expected


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool"),
        ("function_call", "tool"),
        ("STOP", "stop"),
        ("content_filter", "filter_out"),
        ("max_tokens", "length"),
        ("model_length", "length"),
        ("odd", "other"),
    ],
)
def test_stop_reasons(word: str, reason: str):
    events = events_of(sse(delta(content="x"), delta(word)))
    assert fold(events).candidates[0].stop == Stop(reason=reason, native=word)


# --- streams that break ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "kind"),
    [
        (b"", "truncated"),
        (sse(), "truncated"),
        (sse(delta(role="assistant")), "truncated"),
        (sse(delta(content="x"), done=False), "truncated"),
        (sse(delta(tool_calls=[piece(0, '{"a":', id="x", name="f")])), "truncated"),
        (sse(delta(content="x"), done=False) + b'data: {"choices":[{"del', "truncated"),
        (sse(delta(content="x"), {"error": {"message": "no", "type": "server_error", "code": 503}}), "overloaded"),
        (sse(delta(content="x"), delta("error")), "upstream"),
        (sse(delta(content="x"))[:-14] + b"data: oops\n\n", "upstream"),
        (b'{"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded"}}', "rate_limit"),
        (b'data: {"status":"449","msg":"rate limit"}\n\n', "rate_limit"),
        (b'{"id":"x","choices":[]}', "upstream"),
        (b"Internal Server Error", "truncated"),
    ],
)
def test_a_broken_stream_fails(wire: bytes, kind: str):
    events = events_of(wire)
    assert isinstance(events[-1], Failed)
    assert events[-1].failure.kind == kind


def test_a_stream_without_done_is_whole_if_it_finished():
    assert isinstance(events_of(sse(delta(content="x"), delta("stop"), done=False))[-1], Ended)


def test_a_call_cut_by_the_limit_is_marked():
    events = events_of(sse(delta(tool_calls=[piece(0, '{"a":', id="x", name="f")]), delta("length")))
    assert parts_of(events)[0].complete is False
    assert isinstance(events[-1], Ended)


@pytest.mark.parametrize("wire", [b"<!DOCTYPE html><html>", b"\n\n <html>", b"data: oops\n\n"])
def test_what_is_no_stream_at_all_is_refused(wire: bytes):
    with pytest.raises(Unreadable):
        events_of(wire)


def test_a_whole_answer_where_a_stream_was_due():
    body = {"id": "c", "choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]}
    pretty = msgspec.json.format(msgspec.json.encode(body), indent=2)
    assert parts_of(events_of(pretty[:9], pretty[9:]))[0].text == "hi"


def test_chunks_one_a_line_without_data():
    lines = b"\n".join(msgspec.json.encode(chunk) for chunk in (delta(content="a"), delta("stop", content="b")))
    assert parts_of(events_of(lines))[0].text == "ab"


def test_every_cut_of_a_stream_ends_legally():
    wire = sse(delta(content="x"), delta(tool_calls=[piece(0, "{}", id="x", name="f")]), delta("tool_calls"))
    for place in range(len(wire)):
        assert isinstance(events_of(wire[:place])[-1], Failed | Ended)
