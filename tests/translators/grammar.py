"""The grammars of streams, checked: what a client's library may count on, whatever the upstream did.

`check(dialect, body)` raises AssertionError for a stream that breaks its grammar, and says how it ended: "end" or
"error". Grammars: vendors' streaming pages; what their Python and JavaScript libraries demand (November 2026).
"""

import json
from collections.abc import Callable
from typing import Any, Literal

type Ending = Literal["end", "error"]


def check(dialect: str, body: bytes) -> Ending:
    """How a legal stream ended."""
    return CHECKS[dialect](body)


def _frames(body: bytes, *, named: bool) -> list[Any]:
    """The JSON of all frames, each on one line, ended by a blank one; b"[DONE]" as it is."""
    text = body.decode()  # half a character would not be UTF-8
    assert text.endswith("\n\n"), text[-80:]
    found: list[Any] = []
    for frame in text.removesuffix("\n\n").split("\n\n"):
        lines = [line for line in frame.split("\n") if not line.startswith(":")]
        if not lines:
            continue
        name = lines.pop(0).removeprefix("event: ") if named else ""
        (line,) = lines
        assert line.startswith("data: "), line
        said = "[DONE]" if line == "data: [DONE]" else json.loads(line[6:])
        assert not named or said["type"] == name
        found.append(said)
    return found


# --- Claude ---------------------------------------------------------------------------------------------------------

DELTAS = {
    "text": {"text_delta", "citations_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
    "tool_use": {"input_json_delta"},
    "server_tool_use": {"input_json_delta"},
    "mcp_tool_use": {"input_json_delta"},
}


def _claude(body: bytes) -> Ending:
    first, *rest = [frame for frame in _frames(body, named=True) if frame["type"] != "ping"]
    assert first["type"] == "message_start"
    assert first["message"]["content"] == []
    assert isinstance(first["message"]["usage"], dict)
    blocks: list[dict[str, Any]] = []
    opened = False
    ids: set[str] = set()
    while rest:
        event = rest.pop(0)
        kind = event["type"]
        if kind == "error":
            assert not rest
            assert not opened
            return "error"
        if kind == "message_delta":
            assert not opened
            assert isinstance(event["usage"]["output_tokens"], int)
            assert event["delta"]["stop_reason"]
            assert [one["type"] for one in rest] == ["message_stop"]
            return "end"
        if kind == "content_block_start":
            assert not opened
            assert event["index"] == len(blocks)
            block = event["content_block"]
            if block["type"] == "tool_use":
                assert block["id"] not in ids
                ids.add(block["id"])
                assert block["name"]
            blocks.append(block | {"pieces": ""})
            opened = True
            continue
        assert opened
        assert event["index"] == len(blocks) - 1
        if kind == "content_block_delta":
            delta = event["delta"]
            assert delta["type"] in DELTAS.get(blocks[-1]["type"], ())
            blocks[-1]["pieces"] += delta.get("partial_json", "")
        else:
            assert kind == "content_block_stop"
            opened = False
    raise AssertionError("a stream without an end")


# --- Chat -----------------------------------------------------------------------------------------------------------


def _chat(body: bytes) -> Ending:
    frames = _frames(body, named=False)
    choices: list[dict[str, Any]] = []
    counted = False
    for number, frame in enumerate(frames):
        last = number == len(frames) - 1
        if frame == "[DONE]":
            assert last
            assert choices
            assert all(choice["finish"] for choice in choices)
            return "end"
        if "error" in frame:
            assert last
            assert not all(choice["finish"] for choice in choices)
            return "error"
        assert not counted, "something after the usage"
        assert frame["object"] == "chat.completion.chunk"
        assert frame["id"] == frames[0]["id"]
        counted = not frame["choices"] and frame["usage"] is not None
        for choice in frame["choices"]:
            _chat_choice(choice, choices)
    raise AssertionError("a stream without an end")


def _chat_choice(said: dict[str, Any], choices: list[dict[str, Any]]) -> None:
    index, delta = said["index"], said["delta"]
    if index == len(choices):
        assert delta["role"] == "assistant"
        choices.append({"finish": None, "calls": []})
    else:
        assert "role" not in delta
    choice = choices[index]
    assert not choice["finish"], "something after finish_reason"
    for piece in delta.get("tool_calls", ()):
        if piece["index"] == len(choice["calls"]):
            assert piece["id"] not in choice["calls"]
            assert piece["type"] in ("function", "custom")
            assert piece[piece["type"]]["name"]
            choice["calls"].append(piece["id"])
        else:
            assert "id" not in piece
            assert "type" not in piece
            assert "name" not in piece.get("function", piece.get("custom"))
    choice["finish"] = said["finish_reason"]


# --- Responses ------------------------------------------------------------------------------------------------------

ENDS = {"response.completed": "end", "response.incomplete": "end", "response.failed": "error"}


def _responses(body: bytes) -> Ending:
    frames = _frames(body, named=True)
    assert [frame["sequence_number"] for frame in frames] == list(range(len(frames)))
    assert frames[0]["type"] == "response.created"
    assert frames[0]["response"]["output"] == []
    items: list[dict[str, Any]] = []
    for frame in frames[1:-1]:
        kind = frame["type"].removeprefix("response.")
        assert frame["type"] not in ENDS, "something after the end"
        if kind == "in_progress":
            continue
        if kind == "output_item.added":
            assert frame["output_index"] == len(items)
            assert frame["item"]["type"] != "function_call" or frame["item"]["arguments"] == ""
            items.append({"item": frame["item"], "done": None, "parts": {}, "text": ""})
            continue
        held = items[frame["output_index"]]
        assert held["done"] is None, "something in an item that is done"
        if kind == "output_item.done":
            item = held["done"] = frame["item"]
            assert (item["type"], item.get("id")) == (held["item"]["type"], held["item"].get("id"))
            assert item.get("call_id") == held["item"].get("call_id")
            assert not any(held["parts"].values()), "a part that is still open"
            assert item["type"] != "function_call" or item["arguments"] == held["text"]
        else:
            assert frame["item_id"] == held["item"]["id"]
            _inner(kind, frame, held)
    ids = [held["item"]["id"] for held in items if "id" in held["item"]]
    assert len(set(ids)) == len(ids)
    last = frames[-1]
    ending = ENDS[last["type"]]
    output = last["response"]["output"]
    assert [item["type"] for item in output] == [held["item"]["type"] for held in items]
    if ending == "end":
        assert output == [held["done"] for held in items]
    return "end" if ending == "end" else "error"


def _inner(kind: str, frame: dict[str, Any], held: dict[str, Any]) -> None:
    """An event inside of an item."""
    parts: dict[Any, bool] = held["parts"]
    place = frame.get("content_index", frame.get("summary_index"))
    if kind.endswith("part.added"):
        assert place not in parts
        parts[place] = True
    elif kind.endswith("part.done"):
        assert parts[place]
        parts[place] = False
    elif place is not None:
        assert parts[place], "text outside of its part"
    elif kind.endswith(".delta"):
        held["text"] += frame["delta"]
    elif kind.endswith("arguments.done"):
        assert frame["arguments"] == held["text"]


# --- Gemini ---------------------------------------------------------------------------------------------------------


def _gemini(body: bytes) -> Ending:
    text = body.decode()
    *frames, rest = text.split("\n\n")
    over: set[int] = set()
    said: set[int] = set()
    for frame in frames:
        line = frame.lstrip("\n")  # blank lines keep a client awake
        assert line.startswith("data: {")
        assert "\n" not in line
        chunk = json.loads(line[6:])
        assert "error" not in chunk
        if "promptFeedback" in chunk:
            return "end"
        for candidate in chunk["candidates"]:
            assert candidate["index"] not in over
            assert candidate["content"]["parts"]
            assert all(candidate["content"]["parts"])
            said.add(candidate["index"])
            if "finishReason" in candidate:
                over.add(candidate["index"])
    if rest.strip():
        error = json.loads(rest)
        assert next(iter(error)) == "error"
        assert isinstance(error["error"]["code"], int)
        return "error"
    assert said
    assert over == said
    return "end"


CHECKS: dict[str, Callable[[bytes], Ending]] = {
    "claude": _claude,
    "openai-chat": _chat,
    "openai-responses": _responses,
    "gemini": _gemini,
}
