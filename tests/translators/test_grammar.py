"""The checkers reject what clients break on: a good stream of each dialect, broken in one place."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from translators import sse
from translators.dialect import Asked, Violation
from translators.events import (
    ArgumentsDelta,
    BlockClosed,
    BlockOpened,
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageSeen,
)
from translators.fold import fold
from translators.model import Failure, Reasoning, Request, Stop, Usage
from translators.parts import Citation, Seal
from translators.registry import DIALECTS, SPOKEN

EVENTS: list[Event] = [
    Started("id_1", "m", 1),
    BlockOpened(0, "thinking"),
    ThinkingDelta(0, "Hm."),
    Sealed(0, Seal("signature", "c2ln", "anthropic")),
    BlockClosed(0),
    BlockOpened(1, "text"),
    TextDelta(1, "Wai"),
    TextDelta(1, "t."),
    Cited(1, Citation("https://a.example", "A", "", 0, 2)),
    BlockClosed(1),
    BlockOpened(2, "tool", "call_1", "wx"),
    ArgumentsDelta(2, '{"city":'),
    ArgumentsDelta(2, '"Oslo"}'),
    BlockClosed(2),
    BlockOpened(3, "tool", "call_2", "wx"),
    ArgumentsDelta(3, "{}"),
    BlockClosed(3),
    UsageSeen(Usage(input=9, output=9)),
    Finished(Stop(reason="tool")),
    Ended(),
]

type Frame = tuple[str, dict[str, Any] | str]
type Frames = list[Frame]


def asked(name: str, *, stream: bool = True, array: bool = False) -> Asked:
    shown = Reasoning(mode="auto", show="auto")
    request = Request(model="m", turns=[], stream=stream, stream_usage=True, reasoning=shown, dialect=name)
    return Asked("m", stream, 1_760_000_000, "c0ffee", request, array)


def stream(name: str, *, array: bool = False) -> bytes:
    return DIALECTS[name].stream_writer(asked(name, array=array)).write(EVENTS)


def frames(name: str) -> Frames:
    found = [(frame.event.decode(), frame.data.decode()) for frame in sse.frames(stream(name))]
    return [(event, data if data == "[DONE]" else json.loads(data)) for event, data in found]


def joined(said: Frames) -> bytes:
    lines = [
        (f"event: {event}\n" if event else "") + f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n"
        for event, data in said
    ]
    return "".join(lines).encode()


def violations(name: str, body: bytes) -> list[Violation]:
    check = DIALECTS[name].grammar
    assert check is not None
    grammar = check()
    return grammar.feed(body) + grammar.finish()


def whats(found: list[Violation]) -> str:
    return " | ".join(each.what for each in found)


# --- frames, the same everywhere ------------------------------------------------------------------------------------

BARE = ("gemini",)


@pytest.mark.parametrize("name", sorted(SPOKEN))
def test_the_whole_example_is_good(name: str) -> None:
    assert violations(name, stream(name)) == []
    assert violations(name, joined(frames(name))) == []
    assert violations(name, stream(name).replace(b"\n", b"\r\n")) == []
    assert violations(name, stream(name).replace(b"\n\n", b"\n\n\n\n")) == []


@pytest.mark.parametrize("name", sorted(SPOKEN))
def test_pings_may_stand_where_the_writer_puts_them(name: str) -> None:
    writer = DIALECTS[name].stream_writer(asked(name))
    out = b""
    for event in EVENTS:
        out += writer.ping() + writer.write([event])
    assert violations(name, out) == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"id: 1\n", "id: 1"),
        (b"retry: 5\n\n", "retry"),
        (b"event: ping\n\n", "without data"),
        (b"data: \n\n", "without data"),
        (b"nonsense\n\n", "no field"),
    ],
)
@pytest.mark.parametrize("name", sorted(SPOKEN))
def test_lines_that_clients_fail_on(name: str, line: bytes, told: str) -> None:
    out = stream(name)
    place = out.index(b"\n\n") + 2
    assert told in whats(violations(name, out[:place] + line + out[place:]))


def test_what_only_gemini_clients_cannot_bear() -> None:
    for name in sorted(SPOKEN):
        out = stream(name)
        place = out.index(b"\n\n") + 2
        found = whats(violations(name, out[:place] + b": comment\n\n" + out[place:]))
        assert found == ("a comment" if name == "gemini" else "")
    out = stream("gemini")
    assert "one line" in whats(violations("gemini", out.replace(b"data: ", b"data:", 1)))
    assert "one line" in whats(violations("gemini", out.replace(b'"parts"', b'\ndata: "parts"', 1)))
    assert "event's name" in whats(violations("gemini", b"event: x\n" + out))
    assert "U+2028" in whats(violations("gemini", out.replace(b"Wai", "\u2028".encode())))


@pytest.mark.parametrize("name", sorted(SPOKEN))
def test_a_frame_that_is_none(name: str) -> None:
    out = stream(name)
    assert "byte order" in whats(violations(name, b"\xef\xbb\xbf" + out))
    assert "no blank line" in whats(violations(name, out[:-1])) or name == "gemini"
    assert "no JSON" in whats(violations(name, out.replace(b"}\n\n", b"\n\n", 1)))
    assert violations(name, b"") != []


def test_many_violations_are_counted_and_a_few_are_told() -> None:
    check = DIALECTS["claude"].grammar
    assert check is not None
    grammar = check()
    found = grammar.feed(b"event: ping\ndata: {}\n\n" * 500) + grammar.finish()
    assert len(found) == 20
    assert grammar.count == 501
    assert [each.frame for each in found] == list(range(20))


# --- one mistake each -----------------------------------------------------------------------------------------------


def at(said: Frames, event: str, number: int = 0) -> int:
    """The place of the frame of this name."""
    return [place for place, (name, _) in enumerate(said) if name == event][number]


def drop(event: str, number: int = 0) -> Callable[[Frames], None]:
    return lambda said: said.pop(at(said, event, number)) and None


def twice(event: str, number: int = 0) -> Callable[[Frames], None]:
    def change(said: Frames) -> None:
        place = at(said, event, number)
        said.insert(place, said[place])

    return change


def put(event: str, path: str, value: Any, number: int = 0) -> Callable[[Frames], None]:
    """Set a member of a frame; a value of `...` takes it away."""

    def change(said: Frames) -> None:
        inner: Any = said[at(said, event, number)][1]
        *way, last = path.split(".")
        for step in way:
            inner = inner[int(step) if isinstance(inner, list) else step]
        if value is ...:
            del inner[last]
        else:
            inner[int(last) if isinstance(inner, list) else last] = value

    return change


def swap(event: str, other: str) -> Callable[[Frames], None]:
    def change(said: Frames) -> None:
        one, two = at(said, event), at(said, other)
        said[one], said[two] = said[two], said[one]

    return change


def end(*more: Frame) -> Callable[[Frames], None]:
    return lambda said: said.extend(more)


def cut(event: str, number: int = 0) -> Callable[[Frames], None]:
    def change(said: Frames) -> None:
        del said[at(said, event, number) :]

    return change


STOP, START, DELTA = "content_block_stop", "content_block_start", "content_block_delta"
CLAUDE = {
    "gap in index": (put(START, "index", 2, 1), "block 2, 1 is next"),
    "index from 1": (put(START, "index", 1), "block 1, 0 is next"),
    "delta of another block": (put(DELTA, "index", 1), "delta of block 1"),
    "delta after stop": (swap(DELTA, STOP), "which is not open"),
    "stop missing": (drop(STOP), "while another is open"),
    "last stop missing": (drop(STOP, 3), "message_delta while a block is open"),
    "stop twice": (twice(STOP), "stops, but is not open"),
    "start twice": (twice(START), "while another is open"),
    "wrong delta": (put(DELTA, "delta.type", "text_delta"), "text_delta in a block thinking"),
    "delta without text": (put(DELTA, "delta.text", ..., 2), "without `text`"),
    "thinking after the signature": (swap(DELTA, DELTA), ""),
    "signature twice": (twice(DELTA, 1), "after the signature"),
    "text at the start": (put(START, "content_block.text", "x", 1), "a text starts with"),
    "call without id": (put(START, "content_block.id", "", 2), "id and name"),
    "call without input": (put(START, "content_block.input", ..., 2), "is an object"),
    "arguments are no JSON": (put(DELTA, "delta.partial_json", "}", 5), "input of block 2 is no JSON"),
    "arguments are cut": (put(DELTA, "delta.partial_json", '"Oslo"', 5), "is cut short"),
    "no beginning": (drop("message_start"), "before message_start"),
    "two beginnings": (twice("message_start"), "a second message_start"),
    "beginning without usage": (put("message_start", "message.usage", ...), "missing required field `usage`"),
    "beginning without content": (put("message_start", "message.content", ...), "missing required field `content`"),
    "beginning with content": (put("message_start", "message.content", [{"type": "text"}]), "not empty"),
    "two ends": (twice("message_stop"), "message_stop after the end"),
    "no end": (drop("message_stop"), "no message_stop"),
    "two message_delta": (twice("message_delta"), "a second message_delta"),
    "no message_delta": (drop("message_delta"), "message_stop without message_delta"),
    "no usage": (put("message_delta", "usage", ...), "no `usage`"),
    "null usage": (put("message_delta", "usage", None), "Expected `object`, got `null`"),
    "usage without output": (put("message_delta", "usage.output_tokens", ...), "output_tokens"),
    "no stop_reason": (put("message_delta", "delta.stop_reason", None), "got `null`"),
    "end_turn with a call": (put("message_delta", "delta.stop_reason", "end_turn"), "ends with end_turn"),
    "ping after the end": (end(("ping", {"type": "ping"})), "ping after the end"),
    "error after the end": (end(("error", {"type": "error"})), "error after the end"),
    "wrong name": (lambda said: said.__setitem__(0, ("message", said[0][1])), "holds 'message_start'"),
    "no name": (lambda said: said.__setitem__(0, ("", said[0][1])), "holds 'message_start'"),
    "cut": (cut(STOP, 1), "no message_stop"),
}


def chunk(number: int) -> Callable[[Frames], dict[str, Any]]:
    return lambda said: said[number][1]  # type: ignore[return-value]


def change(number: int, path: str, value: Any) -> Callable[[Frames], None]:
    """The same as `put`, in chunk `number`: chunks have no names."""
    return put("", path, value, number)


CHAT = {
    "role twice": (change(1, "choices.0.delta.role", "assistant"), "the role again"),
    "no role": (change(0, "choices.0.delta.role", ...), "has no role"),
    "id again": (change(7, "choices.0.delta.tool_calls.0.id", "call_1"), "id or name"),
    "name again": (change(7, "choices.0.delta.tool_calls.0.function.name", "wx"), "id or name"),
    "call without index": (change(7, "choices.0.delta.tool_calls.0.index", ...), "missing required field `index`"),
    "gap in calls": (change(9, "choices.0.delta.tool_calls.0.index", 2), "call 2, 1 is next"),
    "call without type": (change(6, "choices.0.delta.tool_calls.0.type", ...), "id, type and name"),
    "call without name": (change(6, "choices.0.delta.tool_calls.0.function.name", ""), "id, type and name"),
    "cut arguments": (change(8, "choices.0.delta.tool_calls.0.function.arguments", '"Oslo"'), "call 0: cut"),
    "choice 1 first": (change(0, "choices.0.index", 1), "choice 1, 0 is next"),
    "choices null": (change(3, "choices", None), "got `null`"),
    "no choices": (change(3, "choices", ...), "no `choices`"),
    "empty choices": (change(3, "choices", []), "neither choices nor usage"),
    "another id": (change(3, "id", "x"), "and stay"),
    "another object": (change(3, "object", "chunk"), "object 'chunk'"),
    "annotation without index": (change(5, "choices.0.delta.annotations.0.index", ...), "`index`"),
    "finish twice": (twice("", -3), "a second finish_reason"),
    "no finish": (lambda said: said.pop(-3) and None, "no finish_reason"),
    "delta after finish": (lambda said: said.insert(-2, said[3]), "after the finish_reason"),
    "usage missing": (lambda said: said.pop(-2) and None, "no counts at the end"),
    "usage not last": (lambda said: said.insert(-2, said.pop(-2)), "after the usage"),
    "usage in some": (change(3, "usage", ...), "every chunk or in none"),
    "usage without total": (change(-2, "usage.total_tokens", ...), "total_tokens"),
    "usage beside choices": (
        change(3, "usage", {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}),
        "beside",
    ),
    "stop with a call": (change(-3, "choices.0.finish_reason", "stop"), "ends with stop"),
    "tool_calls alone": (lambda said: said.__delitem__(slice(6, 11)), "there is none"),
    "no [DONE]": (lambda said: said.pop() and None, "without [DONE]"),
    "after [DONE]": (end(("", "[DONE]")), "data after [DONE]"),
    "chunk after an error": (lambda said: said.insert(2, ("", {"error": {"message": "m"}})), "after the error"),
    "error without message": (lambda said: said.insert(-1, ("", {"error": {}})), "`message`"),
}
COMPLETIONS = {
    "no text": (change(0, "choices.0.text", ...), "`text`"),
    "another object": (change(0, "object", "chat.completion.chunk"), "object 'chat"),
    "text after finish": (lambda said: said.insert(3, said[0]), "has finished"),
    "no finish": (change(2, "choices.0.finish_reason", None), "no finish_reason"),
    "a choice left out": (change(0, "choices.0.index", 2), "choices [0, 2]"),
    "no [DONE]": (lambda said: said.pop() and None, "without [DONE]"),
    "after [DONE]": (end(("", "[DONE]")), "data after [DONE]"),
}

R = "response."
ADDED, DONE, ARGUMENTS = R + "output_item.added", R + "output_item.done", R + "function_call_arguments.delta"
PART, TEXT = R + "content_part.added", R + "output_text.delta"


def renumbered(change: Callable[[Frames], None]) -> Callable[[Frames], None]:
    """With the numbers put right after the change, so that only the mistake itself is left."""

    def both(said: Frames) -> None:
        change(said)
        for number, (event, data) in enumerate(said):
            assert isinstance(data, dict)
            said[number] = (event, {**data, "sequence_number": number})

    return both


RESPONSES = {
    "no number": (put(TEXT, "sequence_number", ...), "sequence_number None"),
    "number twice": (twice(TEXT), "sequence_number"),
    "number left out": (drop(R + "in_progress"), "sequence_number 2, 1 is next"),
    "no beginning": (renumbered(drop(R + "created")), "before response.created"),
    "two beginnings": (renumbered(twice(R + "created")), "a second response.created"),
    "beginning without tools": (put(R + "created", "response.tools", ...), "`tools`"),
    "another id": (put(R + "completed", "response.id", "x"), "another response.id"),
    "item left out": (renumbered(drop(ADDED, 1)), "item 2, 1 is next"),
    "gap in items": (put(ADDED, "output_index", 7, 1), "item 7, 1 is next"),
    "item twice": (renumbered(twice(ADDED, 1)), "item 1, 2 is next"),
    "item never done": (renumbered(drop(DONE, 1)), "not done at the end"),
    "item done twice": (renumbered(twice(DONE, 1)), "that is done"),
    "call without arguments": (put(ADDED, "item.arguments", ..., 2), "needs its arguments"),
    "call with arguments": (put(ADDED, "item.arguments", "{}", 2), "start empty"),
    "call renamed": (put(DONE, "item.name", "x", 2), "changed"),
    "call's id changed": (put(DONE, "item.call_id", "x", 2), "changed"),
    "delta elsewhere": (put(ARGUMENTS, "output_index", 1), "of an item message"),
    "delta nowhere": (put(ARGUMENTS, "output_index", 9), "never added"),
    "another item_id": (put(ARGUMENTS, "item_id", "x"), "another item_id"),
    "delta lost": (renumbered(drop(ARGUMENTS)), "not the arguments that were streamed"),
    "delta twice": (renumbered(twice(ARGUMENTS)), "not the arguments that were streamed"),
    "arguments never done": (renumbered(drop(R + "function_call_arguments.done")), "before its arguments"),
    "arguments done twice": (renumbered(twice(R + "function_call_arguments.done")), "done twice"),
    "part never added": (renumbered(drop(PART)), "part 0, which was never added"),
    "gap in parts": (put(PART, "content_index", 1), "part 1, 0 is next"),
    "text lost": (renumbered(drop(TEXT)), "not the text that was streamed"),
    "text done otherwise": (put(R + "output_text.done", "text", "x"), "not the text"),
    "text never done": (renumbered(drop(R + "output_text.done")), "before its text"),
    "text done twice": (renumbered(twice(R + "output_text.done")), "done twice"),
    "text after done": (renumbered(swap(TEXT, R + "output_text.done")), "that is done"),
    "part never done": (renumbered(drop(R + "content_part.done")), "a part of it is open"),
    "annotation lost": (renumbered(drop(R + "output_text.annotation.added")), "annotations"),
    "gap in annotations": (put(R + "output_text.annotation.added", "annotation_index", 1), "annotation 1"),
    "piece lost": (renumbered(drop(R + "reasoning_summary_text.delta")), "not the text"),
    "piece never added": (renumbered(drop(R + "reasoning_summary_part.added")), "never added"),
    "reasoning without summary": (put(DONE, "item.summary", ...), "needs a summary"),
    "output empty at the end": (put(R + "completed", "response.output", []), "0 items, 4"),
    "output says another text": (put(R + "completed", "response.output.1.content.0.text", "x"), "not the text"),
    "output says other arguments": (put(R + "completed", "response.output.2.arguments", "{}"), "not the arguments"),
    "status": (put(R + "completed", "response.status", "in_progress"), "status 'in_progress'"),
    "usage": (put(R + "completed", "response.usage.total_tokens", ...), "total_tokens"),
    "two ends": (renumbered(twice(R + "completed")), "after the end"),
    "no end": (drop(R + "completed"), "at the end"),
    "wrong name": (lambda said: said.__setitem__(2, ("x", said[2][1])), "'x' holds"),
    "no name": (lambda said: said.__setitem__(2, ("", said[2][1])), "'' holds"),
}
GEMINI = {
    "no parts": (change(-1, "candidates.0.content.parts", []), "no parts"),
    "no content": (change(-1, "candidates.0.content", ...), "no parts"),
    "an empty part": (change(0, "candidates.0.content.parts.0", {}), "holds nothing"),
    "nothing but a signature": (
        change(0, "candidates.0.content.parts.0", {"thoughtSignature": "c2ln"}),
        "holds nothing",
    ),
    "usage alone": (change(-1, "candidates", ...), "without candidates"),
    "empty text in the middle": (change(2, "candidates.0.content.parts.0.text", ""), "empty text before the end"),
    "no finishReason": (change(-1, "candidates.0.finishReason", ...), "no finishReason"),
    "two ends": (twice("", -1), "has finished"),
    "more after the end": (lambda said: said.append(said[0]), "has finished"),
    "args a list": (change(-2, "candidates.0.content.parts.0.functionCall.args", []), "Expected `object"),
    "call without name": (change(-2, "candidates.0.content.parts.0.functionCall.name", ""), "without name"),
    "no base64": (change(1, "candidates.0.content.parts.0.thoughtSignature", "abc"), "no base64"),
    "another role": (change(1, "candidates.0.content.role", "user"), "role 'user'"),
    "another id": (change(1, "responseId", "x"), "and stay"),
    "the end of a chat stream": (end(("", "[DONE]")), "got `array`"),
    "text is no text": (change(1, "candidates.0.content.parts.0.text", 1), "Expected `str`"),
    "error with text for a code": (end(("", {"error": {"code": "x", "message": "m"}})), "Expected `int`"),
    "error not first": (end(("", {"x": 1, "error": {"code": 5, "message": "m"}})), "does not stand first"),
    "more after an error": (
        lambda said: said.insert(0, ("", {"error": {"code": 5, "message": "m"}})),
        "after the error",
    ),
}
TABLES = {
    "claude": CLAUDE,
    "openai-chat": CHAT,
    "openai-completions": COMPLETIONS,
    "openai-responses": RESPONSES,
    "gemini": GEMINI,
}


@pytest.mark.parametrize(("name", "mistake"), [(name, mistake) for name, table in TABLES.items() for mistake in table])
def test_a_mistake_is_told(name: str, mistake: str) -> None:
    spoil, told = TABLES[name][mistake]
    said = frames(name)
    spoil(said)
    found = violations(name, joined(said))
    assert told in whats(found)
    assert all(each.frame < len(said) for each in found)


# --- ends that are errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(SPOKEN))
def test_an_error_ends_a_stream_well_at_any_place(name: str) -> None:
    for place in range(1, len(EVENTS)):
        for array in (False, True) if name == "gemini" else (False,):
            writer = DIALECTS[name].stream_writer(asked(name, array=array))
            out = writer.write([*EVENTS[:place], Failed(Failure(kind="overloaded", message="m"))])
            assert violations(name, out) == [], place


def test_geminis_error_must_come_raw() -> None:
    out = stream("gemini")
    assert violations("gemini", out + b'{"error":{"code":5,"message":"m","status":"S"}}') == []
    assert "no error" in whats(violations("gemini", out + b'{"x":1}'))


# --- Gemini's array -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"", b"", ""),
        (b",\n{", b"\n{", "in front of an object"),
        (b",\n{", b",,{", "in front of an object"),
        (b"[{", b"[[{", "got `array`"),
        (b"[{", b"[,{", "in front of an object"),
        (b"}]\n", b"}", "bracket"),
        (b"}]\n", b"},]", "bracket"),
        (b"}]\n", b"}]]", "bracket"),
        (b'"STOP"', b"1", "Expected `str"),
    ],
)
def test_an_array_and_its_brackets(old: bytes, new: bytes, told: str) -> None:
    out = stream("gemini", array=True) + b"\n"
    assert not old or old in out
    for size in (1, 7, len(out)):
        body = out.replace(old, new, 1)
        check = DIALECTS["gemini"].grammar
        assert check is not None
        grammar = check()
        found = [each for at in range(0, len(body), size) for each in grammar.feed(body[at : at + size])]
        found += grammar.finish()
        assert told in whats(found)
        assert bool(found) == bool(told)


# --- whole answers --------------------------------------------------------------------------------------------------


def whole(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(DIALECTS[name].write_reply(fold(EVENTS), asked(name, stream=False)))
    return body


WHOLE = [
    ("claude", "content.1.text", ..., "without `text`"),
    ("claude", "content.2.input", "x", "is an object"),
    ("claude", "content.2.id", "", "id and name"),
    ("claude", "content.0.signature", ..., "without `signature`"),
    ("claude", "stop_reason", None, "no stop_reason"),
    ("claude", "stop_reason", "end_turn", "ends with end_turn"),
    ("claude", "usage", ..., "`usage`"),
    ("claude", "usage.input_tokens", ..., "`input_tokens`"),
    ("claude", "role", "user", "assistant"),
    ("openai-chat", "object", "x", "object 'x'"),
    ("openai-chat", "choices", [], "no choice"),
    ("openai-chat", "choices.0.index", 1, "in place 0"),
    ("openai-chat", "choices.0.finish_reason", None, "got `null`"),
    ("openai-chat", "choices.0.finish_reason", "stop", "ends with stop"),
    ("openai-chat", "choices.0.message.role", "user", "role"),
    ("openai-chat", "choices.0.message.tool_calls", None, "there is none"),
    ("openai-chat", "choices.0.message.tool_calls.0.id", "", "id, type"),
    ("openai-chat", "choices.0.message.tool_calls.0.function.arguments", "{", "cut"),
    ("openai-chat", "usage.total_tokens", ..., "total_tokens"),
    ("openai-completions", "object", "x", "object 'x'"),
    ("openai-completions", "choices", [], "no choice"),
    ("openai-completions", "choices.0.index", 1, "in place 0"),
    ("openai-completions", "choices.0.text", None, "got `null`"),
    ("openai-responses", "status", "in_progress", "status"),
    ("openai-responses", "output.0.id", "", "without id"),
    ("openai-responses", "output.1.role", "user", "role and content"),
    ("openai-responses", "output.2.call_id", None, "call_id"),
    ("openai-responses", "output.2.arguments", "[", "cut"),
    ("openai-responses", "tools", ..., "`tools`"),
    ("gemini", "candidates", [], "neither candidates"),
    ("gemini", "candidates.0.finishReason", ..., "no finishReason"),
    ("gemini", "candidates.0.content.parts", [], "no parts"),
    ("gemini", "candidates.0.content.parts.0", {}, "holds nothing"),
    ("gemini", "candidates.0.content.parts.1.text", "", "among others"),
]


@pytest.mark.parametrize(("name", "path", "value", "told"), WHOLE)
def test_a_mistake_in_a_whole_answer_is_told(name: str, path: str, value: Any, told: str) -> None:
    check = DIALECTS[name].check_reply
    assert check is not None
    good = whole(name)
    assert check(json.dumps(good).encode()) == []
    said: Frames = [("", good)]
    put("", path, value)(said)
    found = check(json.dumps(said[0][1]).encode())
    assert told in whats(found)
    assert found[0].frame == -1
    assert check(b"<html>")[0].what.startswith("no JSON")
