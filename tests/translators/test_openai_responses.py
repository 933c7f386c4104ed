"""OpenAI Responses: requests, both ways."""

import json

import msgspec
import pytest

from tests.upstreams.dialects import Asked as Received
from tests.upstreams.openai_responses import check
from translators.dialect import Aim, Asked, Levels, Traits
from translators.errors import Unreadable, Unwritable
from translators.losses import Ledger
from translators.model import FunctionTool, HostedTool, OutputFormat, Reasoning, Request, Sampling, ToolChoice, Usage
from translators.openai_responses import DIALECT
from translators.parts import (
    Audio,
    CacheMark,
    Document,
    FileRef,
    Image,
    Inline,
    PlainText,
    Refusal,
    Seal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    Unknown,
)

OFFICIAL = Aim("gpt-x", "openai", "openai", stream=True)
HOST = Aim("m", "lab", "lab", stream=False, official=False)
ASKED = Asked("client-model", stream=True, now=1795000000, seed="ab12")
CLAUDE = Seal("signature", "c2lnLTE=", "anthropic", "claude-x")
GEMINI = Seal("signature", "Z2Vt", "google", "gemini-x")
NUMBERS = Usage(input=100, cache_read=80, cache_write=8, output=40, thinking=15)


def read_request(body: object, ledger: Ledger | None = None) -> Request:
    return DIALECT.read_request(json.dumps(body).encode(), "", None, ledger or Ledger())


def written(request: Request, aim: Aim = OFFICIAL, ledger: Ledger | None = None) -> dict:
    body = json.loads(DIALECT.write_request(request, aim, ledger or Ledger()).body)
    if aim.official:
        faults = check(Received("openai-responses", "generate", "gpt-x", aim.stream, {}, {}, body))
        assert [fault for fault in faults if "could not be verified" not in fault] == []  # seals here are made up
    return body


def conversation(*turns: Turn, **fields: object) -> Request:
    return Request(model="m", turns=list(turns), **fields)


# --- requests, read -------------------------------------------------------------------------------------------------

STRICT = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}

MAXIMAL = {
    "model": "gpt-x",
    "instructions": "Be brief.",
    "input": [
        {"role": "developer", "content": "Dev."},
        {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "Look.", "prompt_cache_breakpoint": {"mode": "explicit"}},
            {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo", "detail": "low"},
            {"type": "input_image", "file_id": "file-1", "detail": "auto"},
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="},
            {"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain;base64,aGk="},
            {"type": "input_file", "file_url": "https://a.example/b.pdf"},
        ]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "One."},
         {"type": "summary_text", "text": "Two."}], "content": None, "encrypted_content": "gAAAA"},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "phase": "commentary",
         "content": [{"type": "output_text", "text": "Checking.", "annotations": []},
                     {"type": "refusal", "refusal": "No."}]},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "wx", "arguments": "{\"n\": 1.0}"},
        {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_2", "name": "exec", "namespace": "functions",
         "input": "ls"},
        {"type": "function_call_output", "call_id": "call_1", "output": [{"type": "input_text", "text": "3 C"},
         {"type": "input_image", "image_url": "https://a.example/c.png", "detail": "auto"}]},
        {"type": "custom_tool_call_output", "call_id": "call_2", "output": "ok"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}},
        {"type": "compaction", "id": "cmp_1", "encrypted_content": "x"},
        {"type": "additional_tools", "role": "developer", "tools": [{"type": "namespace", "name": "functions",
         "tools": [{"type": "custom", "name": "exec", "format": {"type": "grammar", "syntax": "lark",
                    "definition": "start: X"}}]}]},
    ],
    "tools": [
        {"type": "function", "name": "wx", "description": "Weather", "strict": True, "parameters": STRICT},
        {"type": "web_search", "search_context_size": "low"},
        {"type": "mcp", "server_label": "d"},
    ],
    "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "wx"},
                    {"type": "custom", "name": "exec"}]},
    "parallel_tool_calls": False, "max_output_tokens": 100, "temperature": 1, "top_p": 0.5, "top_logprobs": 2,
    "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
    "reasoning": {"effort": "high", "summary": "detailed"},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": STRICT, "strict": True},
             "verbosity": "low"},
    "previous_response_id": "resp_0", "conversation": {"id": "conv_1"}, "store": True, "background": True,
    "stream": True, "service_tier": "flex", "safety_identifier": "s", "user": "u", "metadata": {"k": "v"},
    "prompt_cache_key": "key", "prompt_cache_retention": "24h",
}  # fmt: skip


def test_everything_a_client_can_say_is_read():
    ledger = Ledger()
    got = read_request(MAXIMAL, ledger)
    assert ledger.losses == []
    assert [(turn.role, type(turn.parts[0]).__name__) for turn in got.turns] == [
        ("developer", "Text"), ("user", "Text"), ("assistant", "Thinking"), ("assistant", "Text"),
        ("assistant", "ToolCall"), ("assistant", "ToolCall"), ("user", "ToolResult"), ("user", "ToolResult"),
        ("assistant", "HostedCall"), ("assistant", "Unknown"),
    ]  # fmt: skip
    text, image, stored, pdf, plain, linked = got.turns[1].parts
    assert text.cache == CacheMark()
    assert image.source == Inline("image/png", "iVBORw0KGgo=")
    assert stored.source == FileRef("file-1", "openai")
    assert (pdf.filename, pdf.source) == ("a.pdf", Inline("application/pdf", "JVBERg=="))
    assert plain.source == PlainText("hi")
    assert linked.at == "$.input[1].content[5]"
    assert got.turns[2].parts[0].seal == Seal("encrypted", "gAAAA", "openai", item="rs_1")
    assert got.turns[2].parts[0].summaries == ["One.", "Two."]
    assert (got.turns[3].id, got.turns[3].phase) == ("msg_1", "commentary")
    assert got.turns[4].parts[0].arguments == '{"n": 1.0}'
    assert (got.turns[5].parts[0].form, got.turns[5].parts[0].namespace) == ("text", "functions")
    assert [type(part) for part in got.turns[6].parts[0].parts] == [Text, Image]
    assert [tool.name if isinstance(tool, FunctionTool) else tool.kind for tool in got.tools] == [
        "wx", "web_search", "mcp", "exec",
    ]  # fmt: skip
    assert got.tools[3].namespace == "functions"
    assert got.tool_choice == ToolChoice(mode="required", only=["wx", "exec"])
    assert got.reasoning == Reasoning(mode="effort", effort="high", show="detailed")
    assert got.state.previous_response == "resp_0"
    assert got.state.background
    assert isinstance(got.sampling.temperature, int)
    assert got.at["sampling.top_p"] == "$.top_p"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"model": "m", "input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "$.input[0].content[0]"),
        ({"model": "m", "input": [{"type": "function_call", "call_id": 7}]}, "$.input[0].call_id"),
        ({"model": "m", "input": "x", "temperature": "hot"}, "$.temperature"),
        ({"model": "m", "input": "x", "tools": [{"type": "function"}]}, "$.tools[0]"),
        ({"model": "m", "input": "x", "tool_choice": "perhaps"}, "$.tool_choice"),
        ({"model": "m", "input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "$.input[0].content[0]"),
        ({"model": "m", "input": [{}]}, "$.input[0]"),
        ({"model": "m"}, "$.input"),
        ({"input": "x"}, "$.model"),
    ],
)
def test_what_is_wrong_is_named_with_its_path(body, path):
    with pytest.raises(Unreadable) as raised:
        read_request(body)
    assert raised.value.path == path


def test_what_is_no_json_is_unreadable():
    for body in (b"", b"{", b'{"model":"\xff"}', b"[" * 100_000):
        with pytest.raises(Unreadable):
            DIALECT.read_request(body, "", None, Ledger())


def test_what_nobody_reads_is_a_loss():
    ledger = Ledger()
    item = {"role": "user", "content": [{"type": "input_hologram", "x": 1}], "colour": "red"}
    got = read_request({"model": "m", "input": [item, {"type": "dream"}], "prompt": {"id": "p"}, "mood": 1}, ledger)
    assert [loss.path for loss in ledger.losses] == [
        "$.prompt", "$.mood", "$.input[0].colour", "$.input[0].content[0].type", "$.input[1].type",
    ]  # fmt: skip
    assert [loss.semantic for loss in ledger.losses] == [True, False, False, False, False]
    assert all(isinstance(turn.parts[0], Unknown) for turn in got.turns)


def test_a_string_is_one_user_turn():
    assert read_request({"model": "m", "input": "hi"}).turns == [
        Turn(role="user", parts=[Text(text="hi", at="$.input")], at="$.input")
    ]


# --- requests, written ----------------------------------------------------------------------------------------------


def test_what_was_read_is_written_again():
    first = read_request({**MAXIMAL, "previous_response_id": None, "conversation": None, "background": None})
    again = read_request(written(first))
    for turn, other in zip(first.turns, again.turns, strict=True):
        assert bare(turn) == bare(other)
    for name in ("system", "max_output", "sampling", "reasoning", "format", "verbosity", "identity", "service_tier"):
        assert bare(getattr(first, name)) == bare(getattr(again, name))
    assert again.tool_choice == first.tool_choice


def bare(value: object) -> object:
    """Without the places where things stood, and cache marks, which are not written."""

    def strip(node):
        if isinstance(node, dict):
            return {name: strip(member) for name, member in node.items() if name not in ("at", "cache")}
        return [strip(member) for member in node] if isinstance(node, list) else node

    return strip(json.loads(msgspec.json.encode(value)))


def history() -> list[Turn]:
    return [
        Turn(role="user", parts=[Text(text="Look."), Image(source=Inline("image/png", "iVBORw0KGgo="))]),
        Turn(
            role="assistant",
            parts=[
                Thinking(text="Hm.", seal=CLAUDE),
                Text(text="Checking."),
                ToolCall(id="toolu_a", name="wx", arguments='{"city":"Oslo"}'),
                ToolCall(id="toolu_b", name="wx", arguments=""),
                Text(text="Wait."),
            ],
        ),
        Turn(
            role="user",
            parts=[
                ToolResult(call="toolu_a", parts=[Text(text="3 C"), Image(source=Inline("image/png", "iVBORw0KGgo="))]),
                ToolResult(call="toolu_b", parts=[Text(text="off")], failed=True, at="$.x"),
                Text(text="Go on."),
            ],
        ),
    ]


def test_a_conversation_becomes_items_in_its_order():
    ledger = Ledger()
    body = written(
        conversation(
            *history(),
            system=[Text(text="A"), Text(text="B")],
            tools=[FunctionTool(name="wx"), HostedTool(kind="code", vendor="google", native=msgspec.Raw(b"{}"))],
            tool_choice=ToolChoice(mode="required", only=["wx"]),
            max_output=5,
        ),
        ledger=ledger,
    )
    assert [item.get("type") for item in body["input"]] == [
        "message", "message", "message", "message", "function_call", "function_call", "message",
        "function_call_output", "function_call_output", "message",
    ]  # fmt: skip
    assert [item["content"] for item in body["input"][:2]] == ["A", "B"]
    assert body["input"][4]["arguments"] == '{"city":"Oslo"}'
    assert body["input"][5]["arguments"] == "{}"
    assert body["input"][7]["output"][1]["type"] == "input_image"
    assert body["tools"][0] == {
        "type": "function", "name": "wx", "parameters": {"type": "object", "properties": {}}, "strict": False,
    }  # fmt: skip
    assert body["tools"][1] == {"type": "code_interpreter", "container": {"type": "auto"}}
    assert body["tool_choice"] == {"type": "function", "name": "wx"}
    assert (body["max_output_tokens"], body["store"]) == (16, False)
    assert body["include"] == ["reasoning.encrypted_content"]
    assert {loss.reason for loss in ledger.losses} >= {"thinking of anthropic"}
    assert any(loss.path == "$.x" and "failed" in loss.reason for loss in ledger.losses)


def test_a_longer_conversation_begins_with_the_same_bytes():
    turns = history()
    short = DIALECT.write_request(conversation(*turns), OFFICIAL, Ledger()).body
    more = [Turn(role="assistant", parts=[Text(text="Done.")]), Turn(role="user", parts=[Text(text="Thanks.")])]
    longer = DIALECT.write_request(conversation(*turns, *more), OFFICIAL, Ledger()).body
    cut = short.index(b'],"store"')
    assert longer.startswith(short[:cut])


def test_what_cannot_be_said_is_a_loss():
    ledger = Ledger()
    request = conversation(
        Turn(role="user", name="bob", parts=[Audio(id="audio_1", at="$.a"), Text(text="x")]),
        sampling=Sampling(top_k=3, seed=1),
        stops=["END"],
        format=OutputFormat(kind="enum"),
        modalities=["audio"],
        tools=[HostedTool(kind="memory", vendor="anthropic", native=msgspec.Raw(b"{}"), at="$.tools[0]")],
        at={"stops": "$.stop"},
    )
    body = written(request, ledger=ledger)
    assert "tools" not in body
    lost = {loss.path: loss.semantic for loss in ledger.losses}
    assert lost == {
        ".name": False, "$.a": True, "$.tools[0]": True, "$.format": True, "$.sampling.top_k": False,
        "$.sampling.seed": False, "$.modalities": True,
    }  # fmt: skip
    assert [(one.rule, one.path) for one in ledger.applied] == [("stop-cut", "$.stop")]


def test_several_answers_are_refused():
    with pytest.raises(Unwritable, match=r"\$\.n: "):
        written(conversation(Turn(role="user", parts=[Text(text="x")]), n=2))


def test_only_its_own_vendor_gets_a_seal_back():
    own = Thinking(text="Hm.", seal=Seal("encrypted", "gAAAA", "openai", item="rs_9"))
    turn = Turn(role="assistant", parts=[own, Text(text="Hi.", seal=GEMINI)])
    body = written(conversation(Turn(role="user", parts=[Text(text="x")]), turn))
    assert body["input"][1] == {
        "type": "reasoning", "id": "rs_9", "summary": [{"type": "summary_text", "text": "Hm."}],
        "encrypted_content": "gAAAA",
    }  # fmt: skip
    open_weight = Turn(role="assistant", parts=[Thinking(text="I think.", full=True), Text(text="Hi.")])
    assert written(conversation(open_weight), HOST)["input"][0]["content"][0]["text"] == "I think."
    assert len(written(conversation(open_weight))["input"]) == 1


def test_other_hosts_get_plain_functions():
    tools = [
        FunctionTool(name="exec", form="text", namespace="functions", grammar=msgspec.Raw(b'{"type":"text"}')),
        FunctionTool(name="read file", schema=msgspec.Raw(b'{"type":"object"}')),
    ]
    call = ToolCall(id="c" * 90, name="exec", namespace="functions", arguments='say "hi"', form="text")
    turns = [
        Turn(role="assistant", parts=[call]),
        Turn(role="user", parts=[ToolResult(call="c" * 90, parts=[Text(text="ok")])]),
    ]
    out = DIALECT.write_request(conversation(*turns, tools=tools), HOST, Ledger())
    body = json.loads(out.body)
    assert [tool["type"] for tool in body["tools"]] == ["function", "function"]
    name = body["tools"][0]["name"]
    assert (out.tools[name].name, out.tools[name].form) == ("exec", "text")
    assert json.loads(body["input"][0]["arguments"]) == {"input": 'say "hi"'}
    assert body["input"][0]["call_id"] == body["input"][1]["call_id"]
    assert len(body["input"][0]["call_id"]) <= 64
    assert "store" not in body
    official = written(conversation(*turns, tools=tools))
    assert official["tools"][0]["tools"][0]["type"] == "custom"
    assert [item["type"] for item in official["input"]] == ["custom_tool_call", "custom_tool_call_output"]
    assert official["input"][0]["namespace"] == "functions"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Reasoning(mode="off"), {"effort": "none"}),
        (Reasoning(mode="effort", effort="max"), {"effort": "high"}),
        (Reasoning(mode="budget", budget=9000), {"effort": "high", "summary": "auto"}),
        (Reasoning(mode="effort", effort="low", show="concise"), {"effort": "low", "summary": "concise"}),
        (Reasoning(mode="budget", budget=500, show="none"), {"effort": "low"}),
    ],
)
def test_how_much_to_think(wanted, expected):
    levels = Levels(names=("none", "low", "medium", "high"))
    aim = Aim("m", "openai", "openai", stream=False, traits=Traits(known=True, thinking=levels))
    user = Turn(role="user", parts=[Text(text="x")])
    assert written(conversation(user, reasoning=wanted), aim)["reasoning"] == expected


def test_documents_are_files_or_text():
    parts = [
        Document(source=Inline("application/pdf", "JVBERg=="), title="Plan"),
        Document(source=PlainText("body"), title="Note", context="ctx"),
        Document(source=FileRef("f", "google"), at="$.d"),
    ]
    ledger = Ledger()
    content = written(conversation(Turn(role="user", parts=parts)), ledger=ledger)["input"][0]["content"]
    assert content == [
        {"type": "input_file", "filename": "Plan.pdf", "file_data": "data:application/pdf;base64,JVBERg=="},
        {"type": "input_text", "text": "Note\nctx\nbody"},
    ]
    assert [(loss.path, loss.semantic) for loss in ledger.losses] == [("$.d", True)]


def test_refusals_keep_their_place():
    parts = [Text(text="Well."), Refusal(text="No.")]
    body = written(conversation(Turn(role="user", parts=[Text(text="x")]), Turn(role="assistant", parts=parts)))
    assert [part["type"] for part in body["input"][1]["content"]] == ["output_text", "refusal"]
