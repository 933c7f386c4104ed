"""OpenAI Chat Completions (`POST /v1/chat/completions`), as OpenAI and compatible hosts speak it.

Follows OpenAI's API reference: “Create chat completion”, “The chat completion object”, “Streaming”, “Error codes”
(OpenAPI file of August 2026, read November 2026), and for extensions OpenRouter (reasoning_details, images), DeepSeek
(reasoning_content) and Google's OpenAI compatibility page (extra_content).
"""

from translators.dialect import Dialect
from translators.openai_chat.failure import read_failure, write_failure
from translators.openai_chat.grammar import Grammar, check_reply
from translators.openai_chat.reply import read_reply, write_reply
from translators.openai_chat.request import read_request
from translators.openai_chat.request_writer import write_request
from translators.openai_chat.stream import StreamReader
from translators.openai_chat.stream_writer import StreamWriter
from translators.openai_chat.unsealing import unseal_body
from translators.openai_chat.usage import COUNTS
from translators.openai_chat.wire import NAME, VENDOR

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
    # Quotes and line breaks inside JSON strings are escaped, so these stand for members and lines, never for text.
    end_mark=rb'data: ?\[DONE\](?:[\r\n]|\Z)|"finish_reason": ?"',  # some hosts never say [DONE]
    begin_mark=(
        rb'"(?:content|reasoning_content|reasoning|refusal|text)": ?"[^"]|'
        rb'"(?:tool_calls|function_call|audio)": ?[\[{]'
    ),
    failure_mark=rb'"error": ?\{',
    end_hints=(b"[DONE]", b'finish_reason":"', b'finish_reason": "'),
    reasoning_fields=("reasoning_effort",),
    grammar=Grammar,
    check_reply=check_reply,
    unseal=unseal_body,
    carries_seals=False,
    frame_shape=rb"data: ?\{.*\}|data: ?\[DONE\]|:.*",
    done=True,
)
