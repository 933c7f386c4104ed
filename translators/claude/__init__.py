"""Anthropic Messages: `POST /v1/messages`.

Follows the vendor's pages “Messages”, “Streaming messages”, “Errors”, “Extended thinking”, “Tool use”, “Prompt
caching” and “Structured outputs” of docs.claude.com, as they stood in November 2026.
"""

from translators.claude.blocks import COUNTS
from translators.claude.failure import read_failure, write_failure
from translators.claude.grammar import Grammar, check_reply
from translators.claude.reply import read_reply, write_reply
from translators.claude.request import read_request
from translators.claude.request_writer import write_request
from translators.claude.stream import StreamReader
from translators.claude.stream_writer import StreamWriter, write_stream_failure
from translators.claude.unsealing import unseal_body
from translators.claude.words import NAME, VENDOR
from translators.dialect import Dialect

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
    # Unescaped quotes cannot stand inside a JSON string, so no text of an answer can match these.
    end_mark=rb'"type": ?"message_stop"|"stop_reason": ?"',
    begin_mark=rb'"type": ?"(?:content_block_start|content_block_delta|message_delta)"',
    failure_mark=rb'(?:^|[\r\n])(?:event: ?error[\r\n]|data: ?\{ ?"type": ?"error")',
    end_hints=(b"message_stop", b"stop_reason"),
    farewell=b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    reasoning_fields=("thinking", "output_config.effort"),
    grammar=Grammar,
    check_reply=check_reply,
    frame_shape=rb'event: ?([a-z_]+)\ndata: ?\{"type": ?"\1".*\}|:.*',
    named=True,
    ping=b'event: ping\ndata: {"type":"ping"}\n\n',
    stream_failure=write_stream_failure,
    unseal=unseal_body,
)
