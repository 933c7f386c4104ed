"""The shapes of Responses events and objects, as much of them as every client reads (for grammar.py)."""

from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from translators.grammar import Findings, wrong_arguments

ENDS = ("completed", "incomplete", "failed", "cancelled")
CALLS = frozenset({"function_call", "custom_tool_call"})
PARTS = {
    "message": ("output_text", "refusal"),
    "reasoning": ("reasoning_text", "summary_text", "text"),
}
"""Items made of parts, and the parts they take."""
_TURN = "agents need calls that are whole"


class Part(Struct):
    """A part of a message, or a piece of reasoning."""

    type: str
    text: str | None = None
    refusal: str | None = None
    annotations: list[Raw] | None = None


class Item(Struct):
    """An item; what only some kinds have is looked at where it matters."""

    type: str
    id: str | None = None
    status: str | None = None
    role: str | None = None
    content: Raw | UnsetType = UNSET
    summary: Raw | UnsetType = UNSET
    call_id: str | None = None
    name: str | None = None
    arguments: Any = None
    input: Any = None


class _Counts(Struct):
    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: dict[str, Any] | None = None
    output_tokens_details: dict[str, Any] | None = None


class _Failure(Struct):
    code: str | None
    message: str


class _Why(Struct):
    reason: str


class Response(Struct):
    """The response object. What is required here is required by the official types."""

    id: str
    object: str
    created_at: int | float
    model: str
    status: str
    output: list[Item]
    parallel_tool_calls: bool
    tool_choice: str | dict[str, Any]
    tools: list[Raw]
    usage: _Counts | None = None
    error: _Failure | None = None
    incomplete_details: _Why | None = None


class Event(Struct):
    """Any event."""

    type: str
    sequence_number: int | None = None
    response: Raw | UnsetType = UNSET
    output_index: int | None = None
    item_id: str | None = None
    item: Item | UnsetType = UNSET
    content_index: int | None = None
    summary_index: int | None = None
    annotation_index: int | None = None
    part: Part | UnsetType = UNSET
    delta: Any = None
    text: str | None = None
    refusal: str | None = None
    arguments: Any = None
    input: Any = None
    message: str | None = None
    error: Raw | UnsetType = UNSET


_parts = msgspec.json.Decoder(list[Part] | None)


def parts_of(findings: Findings, raw: Raw | UnsetType, path: str) -> list[Part]:
    """The parts of an item; none where there is no such member."""
    if raw is UNSET:
        return []
    return findings.decoded(_parts, raw, path) or []


def check_response(findings: Findings, response: Response, status: str, path: str) -> None:
    """Does the object say what the event says it is?"""
    if response.object != "response" or not response.id:
        findings.note("no response", f"{path}.object")
    expected = "in_progress" if status == "created" else status
    if response.status != expected and not (status == "created" and response.status == "queued"):
        findings.note(f"status {response.status!r}", f"{path}.status")
    if status == "incomplete" and response.incomplete_details is None:
        findings.note("no incomplete_details", f"{path}.incomplete_details")
    if status == "failed" and response.error is None:
        findings.note("no error", f"{path}.error")


def check_item(findings: Findings, item: Item, path: str, *, beginning: bool = False) -> None:
    """Does an item have what clients read? At its beginning it is empty."""
    kind = item.type
    if not item.id:
        findings.note("an item without id", f"{path}.id")
    if kind in CALLS:
        said = item.arguments if kind == "function_call" else item.input
        if not item.call_id or not item.name:
            findings.note("a call needs call_id and name", path)
        if not isinstance(said, str):
            findings.note("a call needs its arguments, empty at first", path, "openai: TypeError")
        elif beginning and said:
            findings.note("arguments start empty", path)
        elif not beginning and kind == "function_call" and item.status != "incomplete" and wrong_arguments(said):
            findings.note(f"the arguments: {wrong_arguments(said)}", f"{path}.arguments", _TURN)
    elif kind in PARTS:
        parts = parts_of(findings, item.content, f"{path}.content")
        parts += parts_of(findings, item.summary, f"{path}.summary")
        if beginning and parts:
            findings.note("an item starts empty", path)
        if kind == "message" and (item.role != "assistant" or item.content is UNSET):
            findings.note("a message needs role and content", path)
        if kind == "reasoning" and item.summary is UNSET:
            findings.note("reasoning needs a summary, be it empty", f"{path}.summary")
        for part in parts:
            if part.type not in PARTS[kind]:
                findings.note(f"a part {part.type} of an item {kind}", path)
