"""The nouns of an answer: the response object, its items, and the events of a stream.

Hosts of all kinds write these, so nearly everything is optional and null is taken for absent.

Source: OpenAI API reference, “Responses” and “Streaming events”, and openai-python 3.54, read November 2026.
"""

from msgspec import Raw, Struct

from translators.openai_responses.wire import ABSENT


class OutputPart(Struct, gc=False):
    """A content part of a message in an answer."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None
    annotations: list[Raw] | None = None
    logprobs: list[Raw] | None = None


class OutputItem(Struct, gc=False):
    """An item of an answer. `arguments` is a string, but some hosts write the object itself."""

    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    phase: str | None = None
    caller: Raw = ABSENT
    arguments: Raw = ABSENT
    input: Raw = ABSENT
    content: list[OutputPart] | None = None
    summary: list[OutputPart] | None = None
    encrypted_content: str | None = None
    status: str | None = None
    result: Raw = ABSENT
    output_format: str | None = None


class InputDetails(Struct, gc=False):
    """usage.input_tokens_details."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None


class OutputDetails(Struct, gc=False):
    """usage.output_tokens_details."""

    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class Counts(Struct, gc=False):
    """usage. Input includes cached tokens, output includes reasoning."""

    input_tokens: int | None = None
    input_tokens_details: InputDetails | None = None
    output_tokens: int | None = None
    output_tokens_details: OutputDetails | None = None
    total_tokens: int | None = None


class Incomplete(Struct, gc=False):
    """incomplete_details."""

    reason: str | None = None


class Response(Struct, gc=False):
    """The response object of an answer and of the first and last events of a stream."""

    id: str | None = None
    object: str | None = None
    created_at: int | float | None = None
    status: str | None = None
    model: str | None = None
    output: list[Raw] | None = None
    usage: Raw = ABSENT
    error: Raw = ABSENT
    incomplete_details: Incomplete | None = None
    service_tier: str | None = None


# --- stream events --------------------------------------------------------------------------------------------------


class StreamEvent(Struct, tag_field="type", gc=False):
    """Base of the events: `type` tells which. Members that only repeat what is known are not read."""

    output_index: int = 0


class Lifecycle(StreamEvent, tag="response.created"):
    """response.created, and the like: the whole response object so far."""

    response: Raw = Raw(b"{}")


class Queued(Lifecycle, tag="response.queued"):
    """Waiting."""


class InProgress(Lifecycle, tag="response.in_progress"):
    """Begun."""


class Completed(Lifecycle, tag="response.completed"):
    """The end: `output` repeats all items."""


class Done(Lifecycle, tag="response.done"):
    """The end, as some websocket servers call it."""


class IncompleteEnd(Lifecycle, tag="response.incomplete"):
    """The end, cut by a limit or a filter."""


class Cancelled(Lifecycle, tag="response.cancelled"):
    """The end, asked for by somebody."""


class FailedEnd(Lifecycle, tag="response.failed"):
    """The end, in an error."""


class ItemAdded(StreamEvent, tag="response.output_item.added"):
    """An item begins."""

    item: Raw = Raw(b"{}")


class ItemDone(StreamEvent, tag="response.output_item.done"):
    """An item is complete."""

    item: Raw = Raw(b"{}")


class PartAdded(StreamEvent, tag="response.content_part.added"):
    """A part of a message begins."""

    content_index: int = 0
    part: OutputPart | None = None


class PartDone(StreamEvent, tag="response.content_part.done"):
    """A part is complete."""

    content_index: int = 0
    part: OutputPart | None = None


class OutputTextDelta(StreamEvent, tag="response.output_text.delta"):
    """More text."""

    content_index: int = 0
    delta: str = ""
    logprobs: list[Raw] | None = None


class OutputTextDone(StreamEvent, tag="response.output_text.done"):
    """The whole text of a part."""

    content_index: int = 0
    text: str = ""


class AnnotationAdded(StreamEvent, tag="response.output_text.annotation.added"):
    """A citation."""

    content_index: int = 0
    annotation: Raw = Raw(b"{}")


class RefusalDelta(StreamEvent, tag="response.refusal.delta"):
    """More of a refusal."""

    content_index: int = 0
    delta: str = ""


class RefusalDone(StreamEvent, tag="response.refusal.done"):
    """The whole refusal."""

    content_index: int = 0
    refusal: str = ""


class ArgumentsMore(StreamEvent, tag="response.function_call_arguments.delta"):
    """More arguments."""

    delta: str = ""


class ArgumentsDone(StreamEvent, tag="response.function_call_arguments.done"):
    """The whole arguments."""

    arguments: str = ""
    name: str | None = None


class InputMore(StreamEvent, tag="response.custom_tool_call_input.delta"):
    """More free text for a custom tool."""

    delta: str = ""


class InputDone(StreamEvent, tag="response.custom_tool_call_input.done"):
    """The whole free text."""

    input: str = ""


class SummaryDelta(StreamEvent, tag="response.reasoning_summary_text.delta"):
    """More of a summary of the reasoning."""

    summary_index: int = 0
    delta: str = ""


class SummaryDone(StreamEvent, tag="response.reasoning_summary_text.done"):
    """A whole piece of the summary."""

    summary_index: int = 0
    text: str = ""


class ReasoningTextDelta(StreamEvent, tag="response.reasoning_text.delta"):
    """More of the reasoning itself (open-weight models)."""

    content_index: int = 0
    delta: str = ""


class ReasoningTextDone(StreamEvent, tag="response.reasoning_text.done"):
    """A whole piece of the reasoning."""

    content_index: int = 0
    text: str = ""


type Line = (
    OutputTextDelta
    | ArgumentsMore
    | SummaryDelta
    | ReasoningTextDelta
    | InputMore
    | RefusalDelta
    | Lifecycle
    | Queued
    | InProgress
    | Completed
    | Done
    | IncompleteEnd
    | Cancelled
    | FailedEnd
    | ItemAdded
    | ItemDone
    | PartAdded
    | PartDone
    | OutputTextDone
    | AnnotationAdded
    | RefusalDone
    | ArgumentsDone
    | InputDone
    | SummaryDone
    | ReasoningTextDone
)
