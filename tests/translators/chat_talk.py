"""What the tests of Chat Completions share: short ways to say requests, streams and answers."""

from typing import Any

import httpx
import msgspec
import openai

from translators.dialect import Aim, Asked
from translators.events import (
    ArgumentsDelta,
    BlockClosed,
    BlockOpened,
    Cited,
    Ended,
    Event,
    Finished,
    Order,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    UsageSeen,
)
from translators.fold import fold, unfold
from translators.losses import Ledger
from translators.model import Candidate, Reply, Request, Stop, Usage
from translators.openai_chat import DIALECT
from translators.parts import Citation, Seal, Text, ToolCall, ToolResult, Turn

MAXIMAL = """{
 "model": "gpt-x",
 "messages": [
  {"role": "system", "content": "S1"},
  {"role": "developer", "content": [{"type": "text", "text": "D1", "prompt_cache_breakpoint": {"mode": "explicit"}}]},
  {"role": "user", "name": "bob", "content": [
    {"type": "text", "text": "look", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}},
    {"type": "image_url", "image_url": "https://a.example/x.png"},
    {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "mp3"}},
    {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERg==", "filename": "a.pdf"}},
    {"type": "file", "file": {"file_id": "file_1"}},
    {"type": "video_url", "video_url": {"url": "https://a.example/x.mp4"}},
    {"type": "hologram", "depth": 1.0}]},
  {"role": "assistant", "content": "Checking.", "refusal": null, "annotations": [
    {"type": "url_citation",
     "url_citation": {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 5}}],
   "reasoning_content": "hm",
   "tool_calls": [
    {"id": "c1", "type": "function", "index": 0,
     "function": {"name": "wx", "arguments": "{\\"id\\": 9007199254740993}"}},
    {"id": "c2", "type": "custom", "custom": {"name": "run", "input": "free text"}}]},
  {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "3 C"}]},
  {"role": "tool", "tool_call_id": "c2", "content": "done"},
  {"role": "system", "content": "S-MID"},
  {"role": "user", "content": "go on"}],
 "max_completion_tokens": 100, "max_tokens": 50, "temperature": 1, "top_p": 0.5, "frequency_penalty": 0.1,
 "presence_penalty": -0.1, "n": 2, "stop": "END", "seed": 0, "logit_bias": {"50256": -100}, "logprobs": true,
 "top_logprobs": 3,
 "tools": [
  {"type": "function", "function": {"name": "wx", "description": "w", "strict": false,
    "parameters": {"type": "object", "properties": {"z": {"maximum": 1.0}, "a": {}}}}},
  {"type": "custom", "custom": {"name": "run", "format": {"type": "text"}}},
  {"type": "browser_search"}],
 "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required",
    "tools": [{"type": "function", "function": {"name": "wx"}}]}},
 "parallel_tool_calls": false,
 "response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": {"type": "object"}}},
 "reasoning_effort": "high", "verbosity": "low", "stream": true, "stream_options": {"include_usage": true},
 "modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"},
 "prediction": {"type": "content", "content": "x"}, "service_tier": "flex", "store": false, "metadata": {"a": "b"},
 "user": "u", "safety_identifier": "s", "prompt_cache_key": "k",
 "prompt_cache_options": {"mode": "explicit", "ttl": "30m"},
 "web_search_options": {"search_context_size": "low",
    "user_location": {"type": "approximate", "approximate": {"city": "Oslo"}}},
 "moderation": {"model": "omni"}, "foo": 1}"""


PNG = "iVBORw0KGgo="
OFFICIAL = Aim(model="gpt-x", provider="openai", vendor="openai", stream=True)
HOST = Aim(model="deep-x", provider="deep", vendor="deep", stream=False, official=False)


def read(body: Any) -> tuple[Request, Ledger]:
    """Read a request given as text or as Python values."""
    ledger = Ledger()
    raw = body.encode() if isinstance(body, str) else msgspec.json.encode(body)
    return DIALECT.read_request(raw, "", None, ledger), ledger


def said(content: Any, **more: Any) -> dict[str, Any]:
    """A request of one user message."""
    return {"model": "m", "messages": [{"role": "user", "content": content}], **more}


def write(request: Request, aim: Aim = OFFICIAL) -> tuple[Any, Ledger]:
    """Write a request; gives its body as Python values."""
    ledger = Ledger()
    return msgspec.json.decode(DIALECT.write_request(request, aim, ledger).body), ledger


def asking(*turns: Turn, **more: Any) -> Request:
    """A request of these turns."""
    return Request(model="m", turns=list(turns), dialect=more.pop("dialect", "claude"), **more)


def user(*parts: Any) -> Turn:
    return Turn(role="user", parts=[Text(text=part) if isinstance(part, str) else part for part in parts])


def assistant(*parts: Any) -> Turn:
    return Turn(role="assistant", parts=[Text(text=part) if isinstance(part, str) else part for part in parts])


def call(identifier: str, name: str = "wx", arguments: str = "{}", **more: Any) -> ToolCall:
    return ToolCall(id=identifier, name=name, arguments=arguments, **more)


def result(identifier: str, *parts: Any, **more: Any) -> ToolResult:
    return ToolResult(
        call=identifier, parts=[Text(text=part) if isinstance(part, str) else part for part in parts], **more
    )


def semantic(ledger: Ledger) -> list[str]:
    return [loss.reason for loss in ledger.losses if loss.semantic]


def events_of(*pieces: bytes) -> list[Event]:
    """Events of a stream fed in these pieces, in a legal order."""
    reader = DIALECT.stream_reader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    events += reader.finish()
    order = Order()
    for event in events:
        order.check(event)
    return events


def sse(*chunks: Any, done: bool = True) -> bytes:
    """Chunks as a stream."""
    out = b"".join(b"data: " + msgspec.json.encode(chunk) + b"\n\n" for chunk in chunks)
    return out + (b"data: [DONE]\n\n" if done else b"")


def delta(finish: str | None = None, index: int = 0, **members: Any) -> dict[str, Any]:
    """One chunk of one choice."""
    return {"id": "c1", "model": "up", "choices": [{"index": index, "delta": members, "finish_reason": finish}]}


def piece(index: int | None, arguments: str | None = None, **more: Any) -> dict[str, Any]:
    """A piece of a tool call."""
    function = {} if arguments is None else {"arguments": arguments}
    if "name" in more:
        function["name"] = more.pop("name")
    return ({} if index is None else {"index": index}) | {"function": function} | more


def asked(request: Request | None = None, **more: Any) -> Asked:
    return Asked(model="gpt-mine", stream=True, now=1795000000, seed="5eed", request=request, **more)


def parts_of(events: list[Event], candidate: int = 0) -> list[Any]:
    return fold(events).candidates[candidate].parts


SEALED = Seal("signature", "c2lnLTE=", "anthropic")
FULL: list[Event] = [
    Started("msg_7f", "claude-x", 1795000000),
    BlockOpened(0, "thinking"),
    ThinkingDelta(0, "Two "),
    ThinkingDelta(0, "cities."),
    Sealed(0, SEALED),
    BlockClosed(0),
    BlockOpened(1, "text"),
    TextDelta(1, "Checking "),
    TextDelta(1, "both."),
    Cited(1, Citation(url="https://a.example", title="A", start=0, end=8)),
    BlockClosed(1),
    BlockOpened(2, "tool", "toolu_a1", "wx", seal=Seal("signature", "Z29v", "google")),
    BlockOpened(3, "tool", "t" * 50, "wx"),
    ArgumentsDelta(2, '{"city":'),
    ArgumentsDelta(3, '{"city":"Rome"}'),
    ArgumentsDelta(2, '"Oslo"}'),
    BlockClosed(2),
    BlockClosed(3),
    BlockOpened(4, "tool", "toolu_a3", "noargs"),
    BlockClosed(4),
    UsageSeen(Usage(input=100, cache_read=80, cache_write=8, output=40, thinking=15)),
    Finished(Stop(reason="tool")),
    Ended(),
]


def stream_asked(**more: Any) -> Asked:
    return asked(Request(model="m", turns=[], stream=True, stream_usage=more.pop("usage", True), **more))


def written(events: list[Event], about: Asked | None = None) -> bytes:
    """Bytes of a stream, one event at a time and all at once alike."""
    about = about or stream_asked()
    singly = DIALECT.stream_writer(about)
    apart = b"".join(singly.write([event]) for event in events)
    assert DIALECT.stream_writer(about).write(events) == apart
    return apart


def client_of(body: bytes, kind: str = "text/event-stream", status: int = 200) -> openai.OpenAI:
    """The official client in front of these bytes."""
    transport = httpx.MockTransport(
        lambda request: httpx.Response(status, content=body, headers={"content-type": kind})
    )
    return openai.OpenAI(
        api_key="k", base_url="http://127.0.0.1/v1", max_retries=0, http_client=httpx.Client(transport=transport)
    )


TALK: Any = {"model": "m", "messages": [{"role": "user", "content": "x"}]}


def through_the_helper(body: bytes) -> Any:
    """What the official stream helper makes of the bytes."""
    with client_of(body) as client, client.chat.completions.stream(**TALK) as stream:
        for _ in stream:
            pass
        return stream.current_completion_snapshot


def chunks_of(body: bytes) -> list[Any]:
    frames = [frame.removeprefix(b"data: ") for frame in body.split(b"\n\n") if frame]
    return [msgspec.json.decode(frame) for frame in frames if frame != b"[DONE]"]


def answer(*parts: Any, stop: Stop | None = None) -> list[Event]:
    """Events of a whole answer."""
    listed = [Text(text=part) if isinstance(part, str) else part for part in parts]
    return list(unfold(Reply(candidates=[Candidate(parts=listed, stop=stop or Stop(reason="stop"))], id="x")))


def whole_choice(events: list[Event], about: Asked | None = None) -> Any:
    return msgspec.json.decode(DIALECT.write_reply(fold(events), about or asked()))["choices"][0]
