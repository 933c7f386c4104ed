"""Every field of the model is said by every writer, or its loss is told: none may be read and then forgotten."""

from typing import Any

import pytest
from msgspec import Raw, Struct
from msgspec.structs import replace

from translators import model, parts
from translators.dialect import Aim, Outgoing
from translators.errors import TranslationError
from translators.losses import Ledger
from translators.model import FunctionTool, Request
from translators.parts import Text, ToolCall, ToolResult, Turn
from translators.registry import DIALECTS

WRITERS = ("claude", "gemini", "openai-chat", "openai-responses")

PNG = parts.Inline("image/png", "iVBORw0KGgo=")
SCHEMA = Raw(b'{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}')
TOOL = FunctionTool(name="wx", description="d", schema=SCHEMA, at="$.tool", schema_at="$.tool.schema")

SAMPLES: dict[str, Any] = {
    "Request.system": [Text(text="be brief", at="$.system")],
    "Request.tools": [TOOL],
    "Request.tool_choice": model.ToolChoice(mode="required", only=["wx"]),
    "Request.parallel_tools": False,
    "Request.max_output": 77,
    "Request.sampling": model.Sampling(temperature=0.5),
    "Request.stops": ["END"],
    "Request.n": 2,
    "Request.logprobs": model.Logprobs(wanted=True),
    "Request.reasoning": model.Reasoning(mode="effort", effort="high"),
    "Request.format": model.OutputFormat(kind="schema", schema=SCHEMA),
    "Request.verbosity": "low",
    "Request.modalities": ["text", "audio"],
    "Request.audio": Raw(b'{"voice":"a"}'),
    "Request.image": Raw(b'{"aspectRatio":"1:1"}'),
    "Request.speech": Raw(b'{"languageCode":"de"}'),
    "Request.prediction": Raw(b'{"type":"content","content":"x"}'),
    "Request.safety": Raw(b'{"model":"m"}'),
    "Request.identity": model.Identity(user="u"),
    "Request.cache": model.CacheHints(key="k"),
    "Request.service_tier": "flex",
    "Request.speed": "fast",
    "Request.state": model.ServerState(store=True),
    "Sampling.temperature": 0.25,
    "Sampling.top_p": 0.99,
    "Sampling.top_k": 7,
    "Sampling.frequency_penalty": 0.5,
    "Sampling.presence_penalty": 0.5,
    "Sampling.seed": 7,
    "Sampling.logit_bias": Raw(b'{"1":2}'),
    "Identity.user": "u",
    "Identity.safety": "s",
    "Identity.metadata": {"k": "v"},
    "Identity.labels": {"k": "v"},
    "CacheHints.key": "k",
    "CacheHints.retention": "24h",
    "CacheHints.mode": "explicit",
    "CacheHints.automatic": parts.CacheMark("1h"),
    "ServerState.previous_response": "resp_1",
    "ServerState.conversation": Raw(b'{"id":"conv_1"}'),
    "ServerState.container": Raw(b'{"id":"c"}'),
    "ServerState.cached_content": "cachedContents/x",
    "ServerState.store": True,
    "ServerState.background": True,
    "FunctionTool.name": "other",
    "FunctionTool.description": "another",
    "FunctionTool.schema": Raw(b'{"type":"object","properties":{"b":{"type":"string"}}}'),
    "FunctionTool.strict": True,
    "FunctionTool.form": "text",
    "FunctionTool.namespace": "ns",
    "FunctionTool.deferred": True,
    "FunctionTool.cache": parts.CacheMark("1h"),
    "Text.text": "another",
    "Text.citations": [parts.Citation(url="https://a.test", title="t", start=0, end=1, vendor="elsewhere")],
    "Text.seal": parts.Seal("signature", "c2ln", "elsewhere"),
    "Text.cache": parts.CacheMark("1h"),
    "Image.source": parts.Url("https://a.test/b.png"),
    "Image.detail": "high",
    "Image.cache": parts.CacheMark("1h"),
    "Document.source": parts.PlainText("words"),
    "Document.title": "T",
    "Document.context": "C",
    "Document.filename": "f.pdf",
    "Document.citations": True,
    "Document.cache": parts.CacheMark("1h"),
    "Audio.source": parts.Inline("audio/wav", "UklGRgAA"),
    "Audio.transcript": "said",
    "Audio.id": "audio_1",
    "Video.source": parts.Url("https://a.test/c.mp4"),
    "Video.meta": Raw(b'{"fps":1}'),
    "File.source": parts.Inline("application/zip", "UEsDBAAA"),
    "File.filename": "f.zip",
    "SearchResult.source": "https://b.test",
    "SearchResult.title": "Other",
    "SearchResult.parts": [Text(text="hit 2")],
    "SearchResult.citations": True,
    "SearchResult.cache": parts.CacheMark("1h"),
    "Thinking.text": "other thoughts",
    "Thinking.seal": parts.Seal("signature", "c2ln", "elsewhere"),
    "ToolCall.name": "other",
    "ToolCall.arguments": '{"b":1}',
    "ToolCall.namespace": "ns",
    "ToolCall.seal": parts.Seal("signature", "c2ln", "elsewhere"),
    "ToolCall.caller": Raw(b'{"type":"x"}'),
    "ToolCall.cache": parts.CacheMark("1h"),
    "ToolResult.parts": [Text(text="other")],
    "ToolResult.failed": True,
    "ToolResult.cache": parts.CacheMark("1h"),
    "HostedCall.native": Raw(b'{"type":"server_tool_use","id":"x"}'),
    "HostedResult.native": Raw(b'{"type":"x_tool_result","id":"x"}'),
    "Unknown.raw": Raw(b'{"type":"hologram","a":1}'),
}
"""A value for each field, unlike that of the object below it is tried in."""

BASES: dict[str, Struct] = {
    "Sampling": model.Sampling(),
    "Identity": model.Identity(),
    "CacheHints": model.CacheHints(),
    "ServerState": model.ServerState(),
    "FunctionTool": TOOL,
    "Text": Text(text="hello", at="$.part"),
    "Image": parts.Image(source=PNG, at="$.part"),
    "Document": parts.Document(source=parts.Inline("application/pdf", "JVBERi0="), at="$.part"),
    "Audio": parts.Audio(at="$.part"),
    "Video": parts.Video(source=parts.Url("https://a.test/a.mp4"), at="$.part"),
    "File": parts.File(source=parts.Inline("application/zip", "UEsD"), at="$.part"),
    "SearchResult": parts.SearchResult(source="https://a.test", title="T", parts=[Text(text="hit")], at="$.part"),
    "Thinking": parts.Thinking(text="thoughts", at="$.part"),
    "ToolCall": ToolCall(id="call_1", name="wx", arguments="{}", at="$.part"),
    "ToolResult": ToolResult(call="call_1", parts=[Text(text="ok")], at="$.part"),
    "HostedCall": parts.HostedCall(
        id="x", kind="web_search", name="web_search", vendor="elsewhere", native=Raw(b"{}"), at="$.part"
    ),
    "HostedResult": parts.HostedResult(call="x", kind="web_search", vendor="elsewhere", native=Raw(b"{}"), at="$.part"),
    "Unknown": parts.Unknown(dialect="elsewhere", tag="hologram", raw=Raw(b"{}"), at="$.part"),
}

BESIDE = (
    "Request.model Request.turns Request.stream Request.stream_usage Request.dialect Request.at "  # the frame
    "FunctionTool.grammar FunctionTool.gemini_schema FunctionTool.at FunctionTool.schema_at "
    "Text.logprobs Text.item Text.phase ToolCall.vendor Image.seal ServerState.references "
    "Thinking.summaries Thinking.redacted Thinking.full Thinking.item "  # of answers; forms of the text
    "ToolCall.id ToolCall.form ToolCall.item ToolCall.complete "  # what binds, how it is written
    "ToolResult.call ToolResult.name ToolResult.raw ToolResult.form "
    "HostedCall.id HostedCall.kind HostedCall.name HostedCall.vendor HostedCall.input "  # all of it is in `native`
    "HostedResult.call HostedResult.kind HostedResult.vendor Unknown.dialect Unknown.tag "
    "Audio.cache Video.cache File.cache Thinking.cache HostedCall.cache HostedResult.cache Unknown.cache "
    "Refusal.text"
)
"""Fields that say nothing by themselves, or that the generated requests (test_conservation.py) are the test of."""

_IN_ASSISTANT = ("Thinking", "ToolCall", "HostedCall")


def request_with(name: str, value: Any) -> Request:
    """A request in which an object of the model stands where it belongs."""
    turns = [Turn(role="user", parts=[Text(text="hi")], at="$.turn")]
    request = Request(model="m", turns=turns, tools=[TOOL], dialect="elsewhere", at={})
    match name:
        case "Sampling" | "Identity":
            setattr(request, name.lower(), value)
        case "CacheHints":
            request.cache = value
        case "ServerState":
            request.state = value
        case "FunctionTool":
            request.tools = [value]
        case "ToolResult":
            call = ToolCall(id="call_1", name="wx", arguments="{}", at="$.call")
            request.turns = [*turns, Turn(role="assistant", parts=[call]), Turn(role="user", parts=[value])]
        case _ if name in _IN_ASSISTANT:
            request.turns = [
                *turns,
                Turn(role="assistant", parts=[Text(text="hm"), value], at="$.said"),
                Turn(role="user", parts=[ToolResult(call="call_1", parts=[Text(text="ok")]), Text(text="go on")]),
            ]
        case _:
            request.turns = [*turns, Turn(role="user", parts=[value], at="$.said")]
    return request


def written(request: Request, upstream: str) -> tuple[Outgoing | str, list[str]]:
    """What the upstream gets, or why nothing; and what the ledger says."""
    dialect = DIALECTS[upstream]
    ledger = Ledger()
    try:
        aim = Aim(model="up", provider="p", vendor=dialect.vendor, stream=False)
        outgoing: Outgoing | str = dialect.write_request(request, aim, ledger)
    except TranslationError as error:
        outgoing = str(error)
    told = [f"{loss.path} {loss.reason}" for loss in ledger.losses]
    return outgoing, told + [f"{rule.path} {rule.rule} {rule.to}" for rule in ledger.applied]


@pytest.mark.parametrize("upstream", WRITERS)
@pytest.mark.parametrize("field", sorted(SAMPLES))
def test_no_field_is_forgotten(field: str, upstream: str) -> None:
    name, _, attribute = field.partition(".")
    if name == "Request":
        before = request_with("Text", BASES["Text"])
        before.tools = []
        after = replace(before, **{attribute: SAMPLES[field]})
        if attribute in ("tool_choice", "parallel_tools"):
            before.tools = after.tools = [TOOL]
    else:
        before = request_with(name, BASES[name])
        after = request_with(name, replace(BASES[name], **{attribute: SAMPLES[field]}))
    said, told = written(after, upstream)
    if not any(line.startswith("$.part ") for line in told):  # else the whole part is lost, and that is told
        assert (said, told) != written(before, upstream)


def test_every_field_of_the_model_is_tried() -> None:
    named = {name: type(base) for name, base in BASES.items()} | {"Request": Request}
    fields = {f"{name}.{field}" for name, cls in named.items() for field in cls.__struct_fields__}
    missing = {
        field for field in fields - SAMPLES.keys() - set(BESIDE.split()) if not field.endswith((".at", ".places"))
    }
    assert not missing
