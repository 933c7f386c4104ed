"""Google's generateContent dialect.

Follows the Gemini API reference (ai.google.dev/api: “Generating content”, “Caching”, “Tokens”), its guides “Thought
signatures”, “Thinking”, “Function calling”, “Structured output”, and the message definitions of google-genai 3.4; read
November 2026.
"""

from translators.dialect import Dialect
from translators.gemini.failure import read_failure, write_failure
from translators.gemini.grammar import Grammar, check_reply
from translators.gemini.media import VENDOR
from translators.gemini.reply import read_reply, write_reply
from translators.gemini.request import read_request, write_request
from translators.gemini.stops import COUNTS
from translators.gemini.stream import StreamReader
from translators.gemini.stream_writer import StreamWriter, stream_failure
from translators.gemini.unsealing import unseal_body

ARRAY_TYPE = "application/json; charset=utf-8"
"""Content type of a stream that was asked for without `alt=sse`: one JSON array."""

DIALECT = Dialect(
    name="gemini",
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
    end_mark=rb'"(?:finishReason|blockReason)"\s*:\s*"[A-Z]',
    begin_mark=rb'"(?:text|functionCall|inlineData|executableCode|toolCall|finishReason|blockReason)"\s*:',
    failure_mark=rb'(?:\A|[\r\n\[,]|data: ?)\s*\{\s*"error"\s*:\s*\{\s*"(?:code|message|status|details)"',
    end_hints=(b"finishReason", b"blockReason"),
    reasoning_fields=("generationConfig.thinkingConfig",),
    grammar=Grammar,
    check_reply=check_reply,
    stream_failure=stream_failure,
    model_in_body=False,
    frame_shape=rb"data: \{.*\}",  # the Python library wants just this, and no comments
    raw_errors=True,
    ping=b"\n",
    unseal=unseal_body,
)
