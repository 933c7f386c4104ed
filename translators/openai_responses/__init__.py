"""OpenAI Responses: `POST /v1/responses`, as JSON or as server-sent events.

Source: OpenAI API reference, “Create a model response”, “The response object”, “Streaming events”; the types of
openai-python 3.54; all read November 2026. Codex's additions (namespaces, additional_tools) as its client 0.169 sends
them.
"""

from translators.dialect import Dialect
from translators.openai_responses.failure import read_failure, write_failure
from translators.openai_responses.grammar import Grammar, check_reply
from translators.openai_responses.items import NAME, VENDOR
from translators.openai_responses.outgoing import write_request
from translators.openai_responses.reply import read_reply, write_reply, write_stream_failure
from translators.openai_responses.request import read_request
from translators.openai_responses.stream import StreamReader
from translators.openai_responses.unsealing import unseal_body
from translators.openai_responses.usage import COUNTS
from translators.openai_responses.writer import StreamWriter

DIALECT = Dialect(
    name=NAME,
    vendor=VENDOR,
    read_request=read_request,
    write_request=write_request,
    stream_reader=StreamReader,
    stream_writer=StreamWriter,
    read_reply=read_reply,
    write_reply=write_reply,
    counts=COUNTS,
    read_failure=read_failure,
    write_failure=write_failure,
    # Inside a JSON string the quotes would be escaped, so these never match what a model says.
    end_mark=rb'"type"\s*:\s*"response\.(?:completed|incomplete|failed|cancelled|done)"'
    rb'|(?:^|[\r\n])(?:event:\s*error\b|data:\s*\{\s*"type"\s*:\s*"error")',
    begin_mark=rb'"type"\s*:\s*"response\.(?:output_|content_part|refusal|function_call|custom_tool|reasoning)',
    failure_mark=rb'"type"\s*:\s*"response\.failed"'
    rb'|(?:^|[\r\n])(?:event:\s*error\b|data:\s*\{\s*(?:"type"\s*:\s*"error"|"error"\s*:\s*\{))',
    end_hints=(
        b"response.completed",
        b"response.incomplete",
        b"response.failed",
        b"response.cancelled",
        b"response.done",
        b"error",
    ),
    failure_hints=(b"response.failed", b"error"),
    reasoning_fields=("reasoning.effort",),
    grammar=Grammar,
    check_reply=check_reply,
    stream_failure=write_stream_failure,
    unseal=unseal_body,
    frame_shape=rb"event: ?[a-z_.]+\ndata: ?\{.*\}|data: ?\{.*\}(?:\nevent:.*)?|:.*",  # clients pass over names
    named=True,
)
