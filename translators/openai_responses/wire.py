"""The nouns of a Responses request: its settings, items, parts and tools. Those of the answer are in answers.py.

Unions are open at the edge: items, parts and tools arrive as Raw and are decoded by their `type`, so that a newer
one becomes `Unknown` instead of an error. Optional fields take null, as the official client libraries write it.

Source: OpenAI API reference, “Responses” and “Streaming events”, and openai-python 3.54, read November 2026.
"""

import re
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from translators.errors import Unreadable
from translators.exact import Exact
from translators.losses import Ledger, unread

ABSENT = Raw(b"")
"""Default of Raw fields: a union with None would make msgspec refuse every value but null."""


def given(raw: Raw) -> Raw | None:
    """A Raw field's value; None where there is none, or null."""
    content = bytes(raw)
    return None if content in (b"", b"null") else Raw(content)


# --- requests -------------------------------------------------------------------------------------------------------


class ReasoningWish(Struct, gc=False):
    """`reasoning`: how hard to think, and how much of it to show (`generate_summary` is the older name)."""

    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None


class Format(Struct, gc=False):
    """`text.format`; flat, unlike Chat Completions."""

    type: str
    name: str | None = None
    schema: Raw = ABSENT
    strict: bool | None = None
    description: str | None = None


class TextWish(Struct, gc=False):
    """`text`."""

    format: Format | None = None
    verbosity: str | None = None


class CacheOptions(Struct, gc=False):
    """`prompt_cache_options`: whether OpenAI places a breakpoint by itself, and for how long the prompt is kept."""

    mode: str | None = None
    ttl: str | None = None


class Body(Struct, gc=False):
    """A request, in the vendor's order. Fields that mean something to OpenAI alone are not listed: they are losses."""

    model: str | None = None
    input: str | list[Raw] | None = None
    instructions: str | None = None
    max_output_tokens: int | None = None
    reasoning: ReasoningWish | None = None
    text: TextWish | None = None
    tools: list[Raw] | None = None
    tool_choice: Raw = ABSENT
    parallel_tool_calls: bool | None = None
    temperature: int | float | None = None
    top_p: int | float | None = None
    top_logprobs: int | None = None
    previous_response_id: str | None = None
    conversation: Raw = ABSENT
    store: bool | None = None
    background: bool | None = None
    include: list[str] | None = None
    stream: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: CacheOptions | None = None
    prompt_cache_retention: str | None = None


class Tag(Struct, gc=False):
    """What tells items, parts, tools and events apart."""

    type: str | None = None
    role: str | None = None


class Message(Struct, gc=False):
    """An utterance; `type` may be absent in the short form."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Raw] | None = None
    type: str | None = None
    id: str | None = None
    status: str | None = None
    phase: str | None = None


class FunctionCall(Struct, gc=False):
    """function_call."""

    call_id: str
    name: str
    arguments: str
    type: str | None = None
    id: str | None = None
    namespace: str | None = None
    status: str | None = None
    caller: Raw = ABSENT


class CustomCall(Struct, gc=False):
    """custom_tool_call: the input is free text."""

    call_id: str
    name: str
    input: str
    type: str | None = None
    id: str | None = None
    namespace: str | None = None
    status: str | None = None
    caller: Raw = ABSENT


class CallOutput(Struct, gc=False):
    """function_call_output and custom_tool_call_output."""

    call_id: str
    output: str | list[Raw]
    type: str | None = None
    id: str | None = None
    name: str | None = None
    status: str | None = None
    caller: Raw = ABSENT


class Piece(Struct, gc=False):
    """A piece of reasoning: summary_text or reasoning_text."""

    text: str = ""
    type: str | None = None


class ReasoningItem(Struct, gc=False):
    """reasoning."""

    summary: list[Piece] | None = None
    content: list[Piece] | None = None
    encrypted_content: str | None = None
    type: str | None = None
    id: str | None = None
    status: str | None = None


class AdditionalTools(Struct, gc=False):
    """additional_tools: declarations that stand in the input instead of in `tools`."""

    tools: list[Raw]
    type: str | None = None
    id: str | None = None
    role: str | None = None


class TextPart(Struct, gc=False):
    """input_text, output_text, and the bare text and summary_text some hosts use."""

    text: str
    type: str | None = None
    annotations: list[Raw] | None = None
    logprobs: Raw = ABSENT
    prompt_cache_breakpoint: Raw = ABSENT


class RefusalPart(Struct, gc=False):
    """refusal."""

    refusal: str
    type: str | None = None


class ImagePart(Struct, gc=False):
    """input_image: an address (http or data URL) or the id of a stored file."""

    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None
    type: str | None = None
    prompt_cache_breakpoint: Raw = ABSENT


class FilePart(Struct, gc=False):
    """input_file: bytes (data URL), an address, or the id of a stored file."""

    file_data: str | None = None
    file_id: str | None = None
    file_url: str | None = None
    filename: str | None = None
    type: str | None = None
    prompt_cache_breakpoint: Raw = ABSENT


class AudioData(Struct, gc=False):
    """base64 and "wav" or "mp3"."""

    data: str
    format: str


class AudioPart(Struct, gc=False):
    """input_audio."""

    input_audio: AudioData
    type: str | None = None


class Function(Struct, gc=False):
    """A function tool; flat, unlike Chat Completions."""

    name: str
    description: str | None = None
    parameters: Raw = ABSENT
    strict: bool | None = None
    defer_loading: bool | None = None
    type: str | None = None


class Custom(Struct, gc=False):
    """A tool whose input is free text, perhaps bound by a grammar in `format`."""

    name: str
    description: str | None = None
    format: Raw = ABSENT
    defer_loading: bool | None = None
    type: str | None = None


class Namespace(Struct, gc=False):
    """Tools under one name."""

    name: str
    tools: list[Raw]
    description: str | None = None
    type: str | None = None


class Choice(Struct, gc=False):
    """`tool_choice` as an object: function, custom, allowed_tools, or the type of a hosted tool."""

    type: str
    name: str | None = None
    mode: Literal["auto", "required"] | None = None
    tools: list["Choice"] | None = None
    server_label: str | None = None


class Annotation(Struct, gc=False):
    """Any kind of annotation: the members cliproxy understands."""

    type: str = ""
    url: str | None = None
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None
    file_id: str | None = None
    filename: str | None = None


# --- decoding -------------------------------------------------------------------------------------------------------

_members = msgspec.json.Decoder(dict[str, Raw])
_plain = msgspec.json.Decoder(float_hook=float)  # without the hook 1e400 would be an error
_PLACE = re.compile(r"^(.*) - at `\$(.*)`$", re.DOTALL)


def decode[T](kind: type[T], raw: bytes | Raw, at: str = "$") -> T:
    """Decode what stands at `at` in the client's body. Raises Unreadable with the path of what is wrong."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as exc:
        found = _PLACE.match(str(exc))
        if found is None:
            raise Unreadable(str(exc), at) from exc
        raise Unreadable(found.group(1), at + found.group(2)) from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise Unreadable(f"not JSON: {exc}", at) from exc


_EXACT: dict[Any, Exact[Any]] = {
    kind: Exact(kind)
    for kind in (
        *(Message, FunctionCall, CustomCall, CallOutput, ReasoningItem, AdditionalTools),
        *(TextPart, RefusalPart, ImagePart, FilePart, AudioPart),
        *(Function, Custom, Namespace),
    )
}


def read_struct[T](kind: type[T], raw: Raw, at: str, ledger: Ledger) -> T:
    """Decode what stands at `at`, and record the members `kind` has no field for. Null is absent."""
    exact: T | None = _EXACT[kind].read(raw)
    if exact is not None:
        return exact
    value = decode(kind, raw, at)
    stated = {name: member for name, member in plain(raw).items() if member is not None}
    for path in unread(stated, value, at):
        ledger.lose(path, "unknown field")
    return value


_TYPE_FIRST = re.compile(rb'\s*\{\s*"type"\s*:\s*"(\w+)"')


def read_tag(raw: Raw, at: str) -> Tag:
    """What an item, part or tool is. Nearly everybody says it first: then the rest is not looked at."""
    found = _TYPE_FIRST.match(raw)
    return Tag(found[1].decode()) if found else decode(Tag, raw, at)


def members(raw: bytes | Raw) -> dict[str, Raw]:
    """The members of what is known to be an object, as they stand."""
    return _members.decode(raw)


def plain(raw: bytes | Raw) -> Any:
    """Decode to dicts and lists what is known to be JSON. Raises Unreadable if it is nested too deeply."""
    try:
        return _plain.decode(raw)
    except RecursionError as exc:
        raise Unreadable("nested too deeply", "$") from exc
    except msgspec.ValidationError as exc:  # an integer of thousands of digits
        raise Unreadable(str(exc), "$") from exc


def encode(value: Any) -> bytes:
    """Compact JSON."""
    return msgspec.json.encode(value)
