"""The nouns of the Anthropic Messages API, in the vendor's order: requests, answers, the stream.

Blocks are decoded one by one from `Raw`, so that a tag nobody knows stays readable and an error can name the very
block. Absent fields are left out when a struct is written; `ABSENT` is the absence of a Raw field.

Source: Anthropic API reference, “Messages”, “Streaming messages”, “Errors”, read November 2026 (API versions
2023-06-01 and 2026-10-21).
"""

from msgspec import Raw, Struct

ABSENT = Raw(b"")


class Wire(Struct, omit_defaults=True, kw_only=True, gc=False):
    """Base of every object without a tag."""


class Tagged(Struct, omit_defaults=True, kw_only=True, tag_field="type", gc=False):
    """Base of every object whose `type` tells what it is."""


# --- blocks of requests ---------------------------------------------------------------------------------------------


class CacheControl(Tagged, tag="ephemeral", kw_only=True):
    """A prompt-cache breakpoint; ttl "5m" or "1h"."""

    ttl: str | None = None


class Markable(Tagged, kw_only=True):
    """A block that may carry a breakpoint."""

    cache_control: CacheControl | None = None


class Base64Source(Tagged, tag="base64", kw_only=True):
    media_type: str
    data: str


class UrlSource(Tagged, tag="url", kw_only=True):
    url: str


class FileSource(Tagged, tag="file", kw_only=True):
    file_id: str


class TextSource(Tagged, tag="text", kw_only=True):
    media_type: str
    data: str


class ContentSource(Tagged, tag="content", kw_only=True):
    content: str | list[Raw]


class CitationsConfig(Wire, kw_only=True):
    """Whether the model may cite this document."""

    enabled: bool | None = None


class TextBlock(Markable, tag="text", kw_only=True):
    text: str
    citations: list[Raw] | None = None


class ImageBlock(Markable, tag="image", kw_only=True):
    source: Base64Source | UrlSource | FileSource


class DocumentBlock(Markable, tag="document", kw_only=True):
    source: Base64Source | TextSource | ContentSource | UrlSource | FileSource
    title: str | None = None
    context: str | None = None
    citations: CitationsConfig | None = None


class SearchResultBlock(Markable, tag="search_result", kw_only=True):
    source: str
    title: str
    content: list[Raw]
    citations: CitationsConfig | None = None


class ThinkingBlock(Tagged, tag="thinking", kw_only=True):
    """The signature is required on this wire; some clients leave it out."""

    thinking: str
    signature: str | None = None


class RedactedThinkingBlock(Tagged, tag="redacted_thinking", kw_only=True):
    data: str


class ToolUseBlock(Markable, tag="tool_use", kw_only=True):
    id: str
    name: str
    input: Raw
    caller: Raw = ABSENT


class ToolReferenceBlock(Tagged, tag="tool_reference", kw_only=True):
    """Inside a tool result: a deferred tool that a search found."""

    tool_name: str


class ToolResultBlock(Markable, tag="tool_result", kw_only=True):
    tool_use_id: str
    content: str | list[Raw] | None = None
    is_error: bool | None = None


class ContainerUploadBlock(Markable, tag="container_upload", kw_only=True):
    file_id: str


type RequestBlock = (
    TextBlock
    | ImageBlock
    | DocumentBlock
    | SearchResultBlock
    | ThinkingBlock
    | RedactedThinkingBlock
    | ToolUseBlock
    | ToolReferenceBlock
    | ToolResultBlock
    | ContainerUploadBlock
)


class AnyBlock(Wire, kw_only=True):
    """What can be said of a block whose tag has no struct: server tools, their results, and what is newer."""

    type: str
    id: str = ""
    tool_use_id: str = ""
    name: str = ""
    input: Raw = ABSENT
    cache_control: CacheControl | None = None


# --- requests -------------------------------------------------------------------------------------------------------


class Message(Wire, kw_only=True):
    """`content` is decoded block by block."""

    role: str
    content: str | list[Raw]


class Metadata(Wire, kw_only=True):
    user_id: str | None = None


class CustomTool(Wire, kw_only=True):
    """A tool the client runs. `type` may be absent or "custom"; every other type is the vendor's."""

    type: str | None = None
    name: str
    description: str | None = None
    input_schema: Raw = ABSENT
    strict: bool | None = None
    defer_loading: bool | None = None
    cache_control: CacheControl | None = None


class AnyTool(Wire, kw_only=True):
    """What every tool has, whatever its type."""

    type: str | None = None
    name: str | None = None


class ToolChoice(Wire, kw_only=True):
    """type: auto, any, tool (with `name`), none."""

    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Thinking(Wire, kw_only=True):
    """type: enabled (with `budget_tokens`), adaptive, between_tools, disabled. display: summarized, omitted …"""

    type: str
    budget_tokens: int | None = None
    display: str | None = None


class JsonFormat(Wire, kw_only=True):
    """type: json_schema."""

    type: str
    schema: Raw


class OutputConfig(Wire, kw_only=True):
    effort: str | None = None
    format: JsonFormat | None = None


class MessagesRequest(Wire, kw_only=True):
    """The body. `max_tokens` is required for an answer and absent for a count; hosts that put the model into the path
    leave `model` out.
    """

    model: str = ""
    max_tokens: int | None = None
    messages: list[Message]
    system: str | list[Raw] | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    metadata: Metadata | None = None
    tools: list[Raw] | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    cache_control: CacheControl | None = None
    container: Raw = ABSENT
    service_tier: str | None = None
    speed: str | None = None
    temperature: int | float | None = None
    top_p: int | float | None = None
    top_k: int | None = None
    mcp_servers: list[Raw] | None = None
    thread: Raw = ABSENT
    context_management: Raw = ABSENT
    inference_geo: Raw = ABSENT
    diagnostics: Raw = ABSENT
    output_format: JsonFormat | None = None  # the beta's name of output_config.format (2025)


# --- answers --------------------------------------------------------------------------------------------------------


class CacheCreation(Wire, kw_only=True):
    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class OutputDetails(Wire, kw_only=True):
    thinking_tokens: int | None = None


class ServerToolUse(Wire, kw_only=True):
    web_search_requests: int | None = None
    web_fetch_requests: int | None = None


class Usage(Wire, kw_only=True):
    """Tokens; input_tokens is without the cache, output_tokens with thinking. Cumulative in a stream."""

    input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: CacheCreation | None = None
    output_tokens: int | None = None
    output_tokens_details: OutputDetails | None = None
    server_tool_use: ServerToolUse | None = None
    service_tier: str | None = None


class StopDetails(Wire, kw_only=True):
    """Why the model refused."""

    category: str | None = None
    explanation: str | None = None


class Answer(Wire, kw_only=True):
    """A whole message, and the `message` of message_start."""

    type: str = ""
    id: str | None = None
    model: str | None = None
    content: list[Raw] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None
    usage: Usage | None = None


class AnswerBlock(Wire, kw_only=True):
    """What is read of a block of an answer, whatever its tag: as it stands in a whole answer or opens in a stream."""

    type: str
    text: str | None = None
    citations: list[Raw] | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: Raw = ABSENT
    tool_use_id: str | None = None
    caller: Raw = ABSENT


# --- the stream -----------------------------------------------------------------------------------------------------


class TextDelta(Tagged, tag="text_delta", gc=False, kw_only=True):
    text: str


class InputJsonDelta(Tagged, tag="input_json_delta", gc=False, kw_only=True):
    partial_json: str


class ThinkingDelta(Tagged, tag="thinking_delta", gc=False, kw_only=True):
    thinking: str


class SignatureDelta(Tagged, tag="signature_delta", gc=False, kw_only=True):
    signature: str


class CitationsDelta(Tagged, tag="citations_delta", kw_only=True):
    citation: Raw


class CompactionDelta(Tagged, tag="compaction_delta", gc=False, kw_only=True):
    content: str | None = None


class MessageStart(Tagged, tag="message_start", kw_only=True):
    message: Answer


class BlockStart(Tagged, tag="content_block_start", kw_only=True):
    index: int = 0
    content_block: Raw


class BlockDelta(Tagged, tag="content_block_delta", gc=False, kw_only=True):
    index: int = 0
    delta: TextDelta | InputJsonDelta | ThinkingDelta | SignatureDelta | CitationsDelta | CompactionDelta


class BlockStop(Tagged, tag="content_block_stop", gc=False, kw_only=True):
    index: int = 0


class MessageDeltaBody(Wire, kw_only=True):
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None


class MessageDelta(Tagged, tag="message_delta", kw_only=True):
    delta: MessageDeltaBody
    usage: Usage | None = None


class MessageStop(Tagged, tag="message_stop", kw_only=True):
    pass


class Ping(Tagged, tag="ping", kw_only=True):
    pass


class ErrorEvent(Tagged, tag="error", kw_only=True):
    """Read as a failure's body, so nothing of it is required here."""


type StreamEvent = MessageStart | BlockStart | BlockDelta | BlockStop | MessageDelta | MessageStop | Ping | ErrorEvent
