"""The nouns of a Chat Completions request, in the order of OpenAI's page, and how a body becomes them.

Source: OpenAI API reference, “Create chat completion” (OpenAPI file of August 2026, read November 2026); the
extensions at the end of a struct are those of compatible hosts (OpenRouter, DeepSeek, Google's OpenAI endpoint).
An absent field and null are the same here, as they are for the API. `Raw` is other people's JSON; b"" is absent.
"""

import re
from typing import Any

import msgspec
from msgspec import Raw, Struct

from translators.errors import Unreadable

NAME = "openai-chat"
VENDOR = "openai"

ABSENT = Raw(b"")


class ImageUrl(Struct, gc=False):
    """An address or a data URL."""

    url: str
    detail: str | None = None


class VideoUrl(Struct, gc=False):
    """An extension (OpenRouter, Kimi, Qwen): an address or a data URL."""

    url: str


class InputAudio(Struct, gc=False):
    """base64 and "wav" or "mp3"."""

    data: str
    format: str


class FileInput(Struct, gc=False):
    """file_data is a data URL; some clients leave its head out."""

    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class CacheControl(Struct, gc=False):
    """Anthropic's marker, understood by OpenRouter and Qwen."""

    type: str | None = None
    ttl: str | None = None


class Breakpoint(Struct, gc=False):
    """OpenAI's explicit cache breakpoint; `ttl` is "30m" or "12h"."""

    mode: str | None = None
    ttl: str | None = None


class Part(Struct, gc=False):
    """A content part of any role; which members are due depends on `type`."""

    type: str
    text: str | None = None
    image_url: ImageUrl | str | None = None
    input_audio: InputAudio | None = None
    file: FileInput | None = None
    refusal: str | None = None
    prompt_cache_breakpoint: Breakpoint | None = None
    cache_control: CacheControl | None = None
    video_url: VideoUrl | None = None
    thinking: Raw = ABSENT


class GoogleExtra(Struct, gc=False):
    """Google's members of extra_content."""

    thought_signature: str | None = None
    thought: bool | None = None


class ExtraContent(Struct, gc=False):
    """What Google's OpenAI-compatible endpoint adds to messages and calls."""

    google: GoogleExtra | None = None


class Function(Struct, gc=False):
    """A call's function. Some hosts and clients give the arguments as an object instead of its text."""

    name: str | None = None
    arguments: str | dict[str, Raw] | list[Raw] | None = None


class Custom(Struct, gc=False):
    """A call of a custom tool."""

    name: str | None = None
    input: str | None = None


class Call(Struct, gc=False):
    """A tool call of a message, or a piece of one in a stream."""

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: Function | None = None
    custom: Custom | None = None
    extra_content: ExtraContent | None = None


class Detail(Struct, omit_defaults=True):
    """A member of reasoning_details: reasoning.text, reasoning.summary or reasoning.encrypted."""

    type: str = ""
    text: str | None = None
    summary: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    format: str | None = None
    index: int | None = None


class UrlCitation(Struct, gc=False):
    """Offsets are code points of the whole content."""

    url: str = ""
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class Annotation(Struct, gc=False):
    """A citation of an answer; clients send them back."""

    type: str = ""
    url_citation: UrlCitation | None = None
    index: int | None = None


class AudioRef(Struct, gc=False):
    """An earlier audio answer."""

    id: str


class Message(Struct, gc=False):
    """A message of any role."""

    role: str
    content: str | list[Part] | None = None
    name: str | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None
    function_call: Function | None = None
    audio: AudioRef | None = None
    tool_call_id: str | None = None
    annotations: list[Annotation] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[Detail] | None = None
    extra_content: ExtraContent | None = None


class FunctionDef(Struct, gc=False):
    """A function the model may call."""

    name: str
    description: str | None = None
    parameters: Raw = ABSENT
    strict: bool | None = None


class CustomDef(Struct, gc=False):
    """A free-text tool; format is {"type":"text"} or a grammar."""

    name: str
    description: str | None = None
    format: Raw = ABSENT


class ToolDef(Struct, gc=False):
    """A tool. `name` … `strict` on this level are the flat form of Responses, which some clients send here."""

    type: str | None = None
    function: FunctionDef | None = None
    custom: CustomDef | None = None
    name: str | None = None
    description: str | None = None
    parameters: Raw = ABSENT
    strict: bool | None = None
    cache_control: CacheControl | None = None


class Named(Struct, gc=False):
    """A tool by its name."""

    name: str


class AllowedTool(Struct, gc=False):
    """A member of allowed_tools.tools."""

    type: str | None = None
    function: Named | None = None
    custom: Named | None = None
    name: str | None = None


class Allowed(Struct, gc=False):
    """A subset of the tools."""

    mode: str
    tools: list[AllowedTool]


class Choice(Struct, gc=False):
    """tool_choice as an object."""

    type: str | None = None
    function: Named | None = None
    custom: Named | None = None
    allowed_tools: Allowed | None = None


class JsonSchema(Struct, gc=False):
    """The named schema of a response format."""

    name: str | None = None
    schema: Raw = ABSENT
    strict: bool | None = None
    description: str | None = None


class ResponseFormat(Struct, gc=False):
    """text, json_object or json_schema."""

    type: str
    json_schema: JsonSchema | None = None


class Approximate(Struct, gc=False):
    """A place, as exactly as the client cares to say."""

    city: str | None = None
    region: str | None = None
    country: str | None = None
    timezone: str | None = None


class UserLocation(Struct, gc=False):
    """Where a web search is made from."""

    type: str = "approximate"
    approximate: Approximate | None = None


class SearchOptions(Struct, gc=False):
    """Web search of the search models."""

    search_context_size: str | None = None
    user_location: UserLocation | None = None


class StreamOptions(Struct, gc=False):
    """What the stream should carry besides content."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class CacheOptions(Struct, gc=False):
    """Prompt-cache mode ("implicit", "explicit") and life time."""

    mode: str | None = None
    ttl: str | None = None


class ReasoningOptions(Struct, gc=False):
    """OpenRouter's `reasoning`."""

    effort: str | None = None
    max_tokens: int | None = None
    exclude: bool | None = None
    enabled: bool | None = None


class ThinkingOptions(Struct, gc=False):
    """`thinking` of DeepSeek, Kimi, Z.ai: enabled, disabled or auto, sometimes with a budget."""

    type: str | None = None
    budget_tokens: int | None = None


class Body(Struct, gc=False):
    """A request."""

    messages: list[Message]
    model: str
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    temperature: int | float | None = None
    top_p: int | float | None = None
    frequency_penalty: int | float | None = None
    presence_penalty: int | float | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    logit_bias: Raw = ABSENT
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[ToolDef] | None = None
    tool_choice: str | Choice | None = None
    parallel_tool_calls: bool | None = None
    functions: list[FunctionDef] | None = None
    function_call: str | Named | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    modalities: list[str] | None = None
    audio: Raw = ABSENT
    prediction: Raw = ABSENT
    service_tier: str | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: CacheOptions | None = None
    prompt_cache_retention: str | None = None
    web_search_options: SearchOptions | None = None
    moderation: Raw = ABSENT
    top_k: int | None = None
    reasoning: ReasoningOptions | None = None
    thinking: ThinkingOptions | None = None


class _RawMessage(Struct):
    content: str | list[Raw] | None = None


class RawBody(Struct, gc=False):
    """The same body with parts and tools left as text, for those whose type nobody knows."""

    messages: list[_RawMessage] = []
    tools: list[Raw] | None = None


_body = msgspec.json.Decoder(Body)
_plain = msgspec.json.Decoder(float_hook=float)  # without the hook 1e400 would be an error
_MISSING = re.compile(r"Object missing required field `(.+)`")


def decode_body(body: bytes) -> Body:
    """Decode a request. Raises Unreadable with the JSON path of what is wrong."""
    try:
        return _body.decode(body)
    except msgspec.ValidationError as error:
        _refuse_responses(body)
        raise unreadable(error) from None
    except ValueError as error:  # malformed JSON, or bytes that are not UTF-8
        raise Unreadable(f"the body is not JSON: {error}", "$") from None


def plain(body: bytes) -> Any:
    """Dicts and lists of what is known to be JSON. Raises Unreadable for an integer of thousands of digits."""
    try:
        return _plain.decode(body)
    except msgspec.ValidationError as error:
        raise Unreadable(f"the body cannot be read: {error}", "$") from None


def unreadable(error: msgspec.ValidationError) -> Unreadable:
    """Take msgspec's message apart: what was expected, and the path where."""
    said, _, path = str(error).partition(" - at `")
    path = path.rstrip("`") or "$"
    missing = _MISSING.fullmatch(said)
    if missing:
        return Unreadable("required, but missing", f"{path}.{missing[1]}")
    return Unreadable(said, path)


def _refuse_responses(body: bytes) -> None:
    tree = plain(body)
    if isinstance(tree, dict) and "messages" not in tree and ("input" in tree or "instructions" in tree):
        raise Unreadable("this is a Responses request; send it to /v1/responses", "$.messages")


def given(raw: Raw) -> Raw | None:
    """None for a member that is absent or null, else its JSON (a copy: a Raw keeps the whole body alive)."""
    return None if not raw or bytes(raw) == b"null" else raw.copy()
