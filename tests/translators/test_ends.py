"""The truth table of a turn's end: whatever an upstream says about it, and wherever it puts its counts.

A call that was seen ends the turn for a call, with its arguments byte for byte; a stream has one end; counts are no
signal. Each upstream says it in its own words.
"""

import json
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from translators.dialect import Asked
from translators.fold import Fold
from translators.model import Candidate, Reasoning, Request
from translators.parts import Text, ToolCall
from translators.pump import Pipe
from translators.registry import DIALECTS, SPOKEN
from translators.turning import Turning

ARGUMENTS = '{"skill": "stop-slop", "n": [1.0, 12345678901234567890]}'
PIECES = (ARGUMENTS[:9], ARGUMENTS[9:30], ARGUMENTS[30:])
FINISHES = ("absent", *(f"{word} {place}" for word, place in product(("stop", "tool"), ("apart", "same", "late"))))
USAGES = ("none", "every", "trailing")
CONTENTS = ("text", "tool", "both")

type Lines = list[tuple[str, dict[str, Any]]]


def framed(lines: Lines, end: bytes = b"") -> bytes:
    said = [(f"event: {name}\n" if name else "") + f"data: {json.dumps(data)}\n\n" for name, data in lines]
    return "".join(said).encode() + end


def chat(finish: str, usage: str, content: str) -> bytes:
    """“same”: on the chunk of the last piece; “late”: after the counts."""
    word, _, place = finish.partition(" ")
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    if content != "tool":
        deltas += [{"content": "Run"}, {"content": "ning."}]
    if content != "text":
        first = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "Skill", "arguments": ""}}
        deltas.append({"tool_calls": [first]})
        deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in PIECES]
    chunks: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    ending = {"stop": "stop", "tool": "tool_calls"}.get(word)
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": ending}]}
    counts = {"choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 12, "total_tokens": 32}}
    if place == "same":
        chunks[-1]["choices"][0]["finish_reason"] = ending
    chunks += [last] if place == "apart" else []
    if usage == "every":
        for number, chunk in enumerate(chunks):
            chunk["usage"] = {"prompt_tokens": 20, "completion_tokens": min(12, number), "total_tokens": 32}
    chunks += [counts] if usage != "none" else []
    chunks += [last] if place == "late" else []
    return framed([("", {"id": "c1", "model": "m", "created": 1, **chunk}) for chunk in chunks], b"data: [DONE]\n\n")


def claude(finish: str, usage: str, content: str) -> bytes:
    """“same”: no content_block_stop before it; “late”: after a message_delta with nothing but counts."""
    word, _, place = finish.partition(" ")
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    if content != "tool":
        said = [{"type": "text_delta", "text": text} for text in ("Run", "ning.")]
        blocks.append(({"type": "text", "text": ""}, said))
    if content != "text":
        pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in PIECES]
        blocks.append(({"type": "tool_use", "id": "toolu_1", "name": "Skill", "input": {}}, pieces))
    message: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
    if usage == "every":
        message["usage"] = {"input_tokens": 20, "output_tokens": 1}
    lines: Lines = [("message_start", {"message": message})]
    for index, (block, deltas) in enumerate(blocks):
        lines.append(("content_block_start", {"index": index, "content_block": block}))
        lines += [("content_block_delta", {"index": index, "delta": delta}) for delta in deltas]
        if place != "same" or index < len(blocks) - 1:
            lines.append(("content_block_stop", {"index": index}))
    counts = {} if usage == "none" else {"usage": {"input_tokens": 20, "output_tokens": 12}}
    reason = {"stop_reason": {"stop": "end_turn", "tool": "tool_use"}.get(word), "stop_sequence": None}
    if place == "late":
        lines += [("message_delta", {"delta": {}, **counts}), ("ping", {}), ("message_delta", {"delta": reason})]
    else:
        lines.append(("message_delta", {"delta": reason, **counts}))
    lines.append(("message_stop", {}))
    return framed([(name, {"type": name, **data}) for name, data in lines])


def responses(finish: str, usage: str, content: str) -> bytes:
    """There is one word; “stop” gives no output at the end. “same”: items are never said to be done."""
    word, _, place = finish.partition(" ")
    items: list[dict[str, Any]] = []
    lines: Lines = []
    base: dict[str, Any] = {
        "id": "resp_1",
        "object": "response",
        "model": "m",
        "created_at": 1,
        "status": "in_progress",
    }
    counts = {"input_tokens": 20, "output_tokens": 12, "total_tokens": 32}
    lines.append(("response.created", {"response": {**base, "output": []}}))
    if content != "tool":
        part = {"type": "output_text", "text": "Running.", "annotations": []}
        items.append({"id": "msg_1", "type": "message", "role": "assistant", "content": [part]})
        where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        lines.append(("response.output_item.added", {"output_index": 0, "item": {**items[0], "content": []}}))
        lines.append(("response.content_part.added", {**where, "part": {**part, "text": ""}}))
        lines += [("response.output_text.delta", {**where, "delta": text}) for text in ("Run", "ning.")]
        if place != "same":
            lines.append(("response.output_item.done", {"output_index": 0, "item": items[0]}))
    if content != "text":
        number = len(items)
        call = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "Skill", "arguments": ARGUMENTS}
        items.append(call)
        where = {"item_id": "fc_1", "output_index": number}
        lines.append(("response.output_item.added", {"output_index": number, "item": {**call, "arguments": ""}}))
        lines += [("response.function_call_arguments.delta", {**where, "delta": piece}) for piece in PIECES]
        if place != "same":
            lines.append(("response.function_call_arguments.done", {**where, "arguments": ARGUMENTS}))
            lines.append(("response.output_item.done", {"output_index": number, "item": call}))
    if usage == "every":
        lines.append(("response.in_progress", {"response": {**base, "output": [], "usage": counts}}))
    if place == "late":
        lines.append(("codex.rate_limits", {"x": 1}))
    if word != "absent":
        last = {**base, "status": "completed", "output": items if word == "tool" else []}
        lines.append(("response.completed", {"response": last | ({} if usage == "none" else {"usage": counts})}))
    return framed([(name, {"type": name, **data}) for name, data in lines])


def gemini(finish: str, usage: str, content: str) -> bytes:
    """There is one word, STOP. “same”: on the chunk with the call; “late”: after a chunk with nothing but counts."""
    _, _, place = finish.partition(" ")
    parts: list[dict[str, Any]] = [] if content == "tool" else [{"text": "Run"}, {"text": "ning."}]
    if content != "text":
        parts.append({"functionCall": {"name": "Skill", "args": json.loads(ARGUMENTS)}})
    chunks: list[dict[str, Any]] = [{"candidates": [{"content": {"role": "model", "parts": [part]}}]} for part in parts]
    last = {"candidates": [{"content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": "STOP"}]}
    counts = {"promptTokenCount": 20, "candidatesTokenCount": 12, "totalTokenCount": 32}
    if place == "same":
        chunks[-1]["candidates"][0]["finishReason"] = "STOP"
    chunks += [last] if place == "apart" else []
    if usage == "every":
        chunks = [{**chunk, "usageMetadata": counts} for chunk in chunks]
    chunks += [{"usageMetadata": counts}] if usage == "trailing" else []
    chunks += [last] if place == "late" else []
    return framed([("", {**chunk, "modelVersion": "m", "responseId": "r"}) for chunk in chunks])


UPSTREAMS: dict[str, Callable[[str, str, str], bytes]] = {
    "claude": claude,
    "gemini": gemini,
    "openai-chat": chat,
    "openai-responses": responses,
}
CUT = {"gemini", "openai-responses"}
"""Who always says that the turn is over: without it the answer was cut."""


def heard(name: str, out: bytes) -> Fold:
    """What a client of this dialect gets, in a stream that is as it must be."""
    dialect = DIALECTS[name]
    assert dialect.grammar is not None
    grammar, reader, found = dialect.grammar(), dialect.stream_reader(), Fold()
    assert grammar.feed(out) + grammar.finish() == [], out
    if name != "openai-completions":
        found.add(Turning({}).turn(reader.feed(out) + reader.finish()))
    return found


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("usage", USAGES)
@pytest.mark.parametrize("finish", FINISHES)
@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_every_turn_ends_right(upstream: str, finish: str, usage: str, content: str) -> None:
    body = UPSTREAMS[upstream](finish, usage, content)
    for client in SPOKEN:
        request = Request(model="m", turns=[], stream_usage=True, reasoning=Reasoning(mode="auto"), dialect=client)
        asked = Asked("m", True, 1_760_000_000, "c0ffee", request)
        there = DIALECTS[upstream]
        pipe = Pipe(DIALECTS[client], there, asked, Turning({}, there.vendor))
        out = b"".join(pipe.feed(body[at : at + 50]) for at in range(0, len(body), 50)) + pipe.finish()
        if finish == "absent" and upstream in CUT:
            assert pipe.failure is not None
            assert pipe.failure.kind == "truncated"
            assert not out or heard(client, out).failure is not None or client == "openai-completions"
            continue
        assert pipe.failure is None
        assert pipe.stop is not None
        assert pipe.stop.reason == ("stop" if content == "text" else "tool")
        said = heard(client, out)
        if client == "openai-completions":
            continue  # its reader is that of chat
        assert said.ended
        _same(said.reply().candidates[0], content)
        if usage != "none":
            assert said.usage is not None
            assert (said.usage.input, said.usage.output) == (20, 12)


def _same(candidate: Candidate, content: str) -> None:
    text = "".join(part.text for part in candidate.parts if isinstance(part, Text))
    calls = [part for part in candidate.parts if isinstance(part, ToolCall)]
    assert text == ("" if content == "tool" else "Running.")
    assert [call.name for call in calls] == ([] if content == "text" else ["Skill"])
    for call in calls:
        assert call.complete
        assert call.arguments == ARGUMENTS
    assert candidate.stop.reason == ("stop" if content == "text" else "tool")
