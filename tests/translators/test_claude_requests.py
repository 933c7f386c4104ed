"""The Claude dialect's requests: read, written, and read again."""

import copy
import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw
from msgspec.structs import replace

from translators import seals
from translators.claude import DIALECT
from translators.dialect import Aim, Levels, Outgoing, Traits
from translators.errors import Unreadable, Unwritable
from translators.losses import Ledger
from translators.model import (
    CacheHints,
    FunctionTool,
    HostedTool,
    Identity,
    OutputFormat,
    Reasoning,
    Request,
    Sampling,
    ServerState,
    ToolChoice,
)
from translators.parts import (
    Audio,
    Blocks,
    CacheMark,
    Document,
    File,
    FileRef,
    Image,
    Inline,
    Part,
    PlainText,
    Refusal,
    Seal,
    SearchResult,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    Unknown,
    Url,
    Video,
)

PNG = "iVBORw0KGgoAAAANSUhEUg=="
JPEG = "/9j/4AAQSkZJRgABAQAAAQ=="
MAXIMAL: dict[str, Any] = {
    "model": "claude-x",
    "max_tokens": 2000,
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Weather?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                {"type": "image", "source": {"type": "url", "url": "https://a.example/x.png"}},
                {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "d"},
                    "title": "T",
                    "context": "C",
                    "citations": {"enabled": True},
                },
                {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "in"}]}},
                {
                    "type": "search_result",
                    "source": "s",
                    "title": "t",
                    "content": [{"type": "text", "text": "hit"}],
                    "citations": {"enabled": False},
                },
                {"type": "container_upload", "file_id": "file_2"},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Two cities.", "signature": "c2lnLTE="},
                {"type": "redacted_thinking", "data": "RED"},
                {"type": "thinking", "thinking": "", "signature": "b21pdA=="},
                {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
                {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
                {"type": "text", "text": "Checking."},
                {"type": "tool_use", "id": "toolu_a1", "name": "wx", "input": {"n": 9007199254740993, "b": 1.0}},
                {"type": "tool_use", "id": "toolu_a2", "name": "wx", "input": {}, "caller": {"type": "direct"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_a1", "content": "3 C"},
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_a2",
                    "content": [
                        {"type": "text", "text": "see"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                    ],
                    "is_error": True,
                },
                {"type": "text", "text": "Go on.", "cache_control": {"type": "ephemeral", "ttl": "5m"}},
            ],
        },
    ],
    "system": [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.330.abc; cc_entrypoint=sdk-cli;"},
        {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ],
    "stop_sequences": ["END"],
    "stream": True,
    "metadata": {"user_id": '{"device_id":"d"}'},
    "tools": [
        {
            "name": "wx",
            "description": "Weather",
            "input_schema": {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1.0}}},
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
        },
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 8},
    ],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "thinking": {"type": "adaptive", "display": "omitted"},
    "output_config": {"effort": "medium", "format": {"type": "json_schema", "schema": {"type": "string"}}},
    "container": "ctr_1",
    "service_tier": "standard_only",
    "speed": "fast",
    "mcp_servers": [{"type": "url", "name": "m", "url": "https://m.example"}],
}
AIM = Aim(model="claude-up", provider="claude", vendor="anthropic", stream=True)
KNOWN = Traits(known=True, max_output=64000, thinking=Levels(1024, 128000, zero=True))
ADAPTIVE = Traits(known=True, thinking=Levels(zero=True, names=("low", "medium", "high")), adaptive=True)


def packed(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def read(body: object, ledger: Ledger | None = None) -> Request:
    return DIALECT.read_request(body if isinstance(body, bytes) else packed(body), "", None, ledger or Ledger())


def sent(request: Request, aim: Aim = AIM, ledger: Ledger | None = None) -> dict[str, Any]:
    body = DIALECT.write_request(request, aim, ledger or Ledger()).body
    found: dict[str, Any] = json.loads(body)
    return found


def said(*parts: Part, role: str = "user") -> Turn:
    return Turn(role=role, parts=list(parts))  # type: ignore[arg-type]


def chat(*turns: Turn, **settings: Any) -> Request:
    return Request(model="m", turns=list(turns) or [said(Text(text="hi"))], dialect="openai-chat", **settings)


def reasons(ledger: Ledger, semantic: bool | None = None) -> list[str]:
    return [loss.reason for loss in ledger.losses if semantic is None or loss.semantic is semantic]


def rules(ledger: Ledger) -> list[str]:
    return [applied.rule for applied in ledger.applied]


# --- read -----------------------------------------------------------------------------------------------------------


def test_everything_a_client_can_say_survives():
    """Read and written: the same body but for the model, and nothing in the ledger."""
    ledger = Ledger()
    request = read(MAXIMAL, ledger)
    out = DIALECT.write_request(request, AIM, ledger)
    expected = copy.deepcopy(MAXIMAL) | {"model": "claude-up"}
    assert json.loads(out.body) == expected
    assert ledger.losses == []
    assert b'"input":{"n":9007199254740993,"b":1.0}' in out.body
    assert out.headers["anthropic-beta"].split(",") == [
        "extended-cache-ttl-2025-04-11",
        "structured-outputs-2025-12-15",
        "effort-2025-11-24",
        "fast-mode-2026-02-01",
        "mcp-client-2025-04-04",
    ]
    assert read(out.body).at == request.at
    assert DIALECT.write_request(read(out.body), AIM, Ledger()) == out


def test_paths_lead_back_to_the_clients_body():
    request = read(MAXIMAL)
    assert request.dialect == "claude"
    assert request.at["max_output"] == "$.max_tokens"
    assert request.at["reasoning"] == "$.output_config.effort"
    assert request.turns[1].at == "$.messages[1]"
    assert request.turns[1].parts[5].at == "$.messages[1].content[5]"
    result = request.turns[2].parts[1]
    assert isinstance(result, ToolResult)
    assert result.parts[1].at == "$.messages[2].content[1].content[1]"
    assert request.tools[1].at == "$.tools[1]"


def test_the_meaning_of_settings():
    request = read(MAXIMAL)
    assert request.reasoning == Reasoning(mode="effort", effort="medium", adaptive=True, show="none")
    assert request.parallel_tools is False
    assert request.state.container == Raw(b'"ctr_1"')
    assert isinstance(request.tools[1], HostedTool)
    assert (request.tools[1].kind, request.tools[2].kind) == ("web_search", "mcp")  # type: ignore[union-attr]
    assert request.format is not None
    assert request.identity.user == '{"device_id":"d"}'


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"thinking": {"type": "disabled"}}, Reasoning(mode="off")),
        ({"thinking": {"type": "enabled", "budget_tokens": 4000}}, Reasoning(mode="budget", budget=4000)),
        ({"thinking": {"type": "enabled"}}, Reasoning(mode="auto")),
        ({"thinking": {"type": "adaptive"}}, Reasoning(mode="auto", adaptive=True)),
        ({"output_config": {"effort": "low"}}, Reasoning(mode="effort", effort="low")),
        ({}, None),
    ],
)
def test_how_much_to_think(fields, expected):
    assert read({"model": "m", "messages": [], **fields}).reasoning == expected


def test_a_count_has_no_limit_and_zero_is_a_value():
    assert read({"model": "m", "messages": []}).max_output is None
    assert sent(replace(chat(), max_output=0))["max_tokens"] == 0


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "none"}, ToolChoice(mode="none")),
        ({"type": "any"}, ToolChoice(mode="required")),
        ({"type": "tool", "name": "f"}, ToolChoice(mode="required", only=["f"])),
        ({"type": "tool", "name": "web_search"}, ToolChoice(mode="required", hosted="web_search")),
    ],
)
def test_a_choice_among_tools(choice, expected):
    tools = [{"name": "f", "input_schema": {"type": "object"}}, {"type": "web_search_20250305", "name": "web_search"}]
    request = read(
        {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": tools, "tool_choice": choice}
    )
    assert request.tool_choice == expected
    assert sent(request)["tool_choice"] == choice


def test_unknown_fields_and_blocks_are_losses():
    body = copy.deepcopy(MAXIMAL)
    body |= {"context_management": {"edits": []}, "safeguards": []}
    body["messages"][0]["content"][0]["flavour"] = 1
    body["messages"][0]["content"].append({"type": "hologram", "x": 1e400})
    body["tools"][0]["input_examples"] = []
    body["system"][0]["cache_control"] = {"type": "ephemeral", "scope": "global"}
    ledger = Ledger()
    request = read(packed(body).replace(b"Infinity", b"1e400"), ledger)
    assert {(loss.path, loss.reason) for loss in ledger.losses} == {
        ("$.context_management", "unknown field"),
        ("$.safeguards", "unknown field"),
        ("$.messages[0].content[0].flavour", "unknown field"),
        ("$.messages[0].content[8]", "unknown block `hologram`"),
        ("$.tools[0].input_examples", "unknown field"),
        ("$.system[0].cache_control.scope", "unknown field"),
    }
    last = request.turns[0].parts[-1]
    assert isinstance(last, Unknown)
    assert bytes(last.raw) == b'{"type":"hologram","x":1e400}'


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (b"{", "$"),
        (b"\xff", "$"),
        (b"[]", "$"),
        ({"messages": []}, "$"),
        ({"model": "m"}, "$"),
        ({"model": "m", "messages": [{"role": "critic", "content": "x"}]}, "$.messages[0].role"),
        ({"model": "m", "messages": [{"role": "user"}]}, "$.messages[0]"),
        ({"model": "m", "messages": [{"role": "user", "content": [{"type": "text"}]}]}, "$.messages[0].content[0]"),
        ({"model": "m", "messages": [{"role": "user", "content": [{"text": "x"}]}]}, "$.messages[0].content[0]"),
        (
            {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]},
            "$.messages[0].content[0].text",
        ),
        (
            {"model": "m", "messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url"}}]}]},
            "$.messages[0].content[0].source",
        ),
        ({"model": "m", "messages": [], "tools": [{"name": 1}]}, "$.tools[0].name"),
        ({"model": "m", "messages": [], "tools": [{}]}, "$.tools[0]"),
        ({"model": "m", "messages": [], "tool_choice": {"type": "tool"}}, "$.tool_choice.name"),
        ({"model": "m", "messages": [], "thinking": {"type": "deep"}}, "$.thinking.type"),
    ],
)
def test_a_wrong_shape_is_refused_with_its_place(change, path):
    with pytest.raises(Unreadable) as caught:
        read(change)
    assert caught.value.path == path
    assert caught.value.message


def test_a_thread_is_refused_by_code():
    with pytest.raises(Unwritable) as caught:
        read({"model": "m", "messages": [], "thread": {"type": "create"}})
    assert (caught.value.code, caught.value.path) == ("thread_unsupported_request", "$.thread")
    assert read({"model": "m", "messages": [], "thread": None}).turns == []


def test_tool_references_become_text_and_deferred_tools_are_sent():
    """What Claude Code's tool search gives: foreign models are told the name, and get the tool."""
    ledger = Ledger()
    request = read(
        {
            "model": "m",
            "messages": [
                {"role": "user", "content": "x"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "ToolSearch", "input": {}}]},
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "t",
                            "content": [{"type": "tool_reference", "tool_name": "WebSearch"}],
                        },
                        {"type": "text", "text": "Tool loaded."},
                    ],
                },
            ],
            "tools": [{"name": "WebSearch", "input_schema": {"type": "object"}, "defer_loading": True}],
        },
        ledger,
    )
    result = request.turns[2].parts[0]
    assert isinstance(result, ToolResult)
    assert result.parts == [Text(text="tool available: WebSearch", at="$.messages[2].content[0].content[0]")]
    assert rules(ledger) == ["tool-reference-as-text"]
    tool = request.tools[0]
    assert isinstance(tool, FunctionTool)
    assert tool.deferred
    assert "defer_loading" not in sent(request)["tools"][0]  # nobody here could find it


def test_system_turns_may_stand_anywhere():
    request = read(
        {
            "model": "m",
            "messages": [
                {"role": "user", "content": "x"},
                {"role": "system", "content": "S"},
                {"role": "assistant", "content": "y"},
                {"role": "user", "content": "z"},
            ],
        }
    )
    newest = Aim("m", "claude", "anthropic", stream=False, traits=Traits(system_turns=True))
    out = DIALECT.write_request(request, newest, Ledger())
    assert [each["role"] for each in json.loads(out.body)["messages"]] == ["user", "system", "assistant", "user"]
    assert out.headers == {"anthropic-beta": "mid-conversation-system-2026-04-07"}
    ledger = Ledger()
    older = sent(request, ledger=ledger)["messages"]
    assert [each["role"] for each in older] == ["user", "assistant", "user"]
    assert older[0]["content"][1]["text"] == "<system-reminder>\nS\n</system-reminder>"
    assert rules(ledger) == ["system-in-the-middle"]


def test_envelopes_go_back_to_their_authors_only():
    google = seals.wrap(Seal("signature", "Z29v", "google", place="next"))
    openai = seals.wrap(Seal("encrypted", "gA", "openai", item="rs_1"))
    own = seals.wrap(Seal("signature", "sig", "anthropic"))
    content = [
        {"type": "thinking", "thinking": "a", "signature": openai},
        {"type": "thinking", "thinking": "b", "signature": own},
        {"type": "thinking", "thinking": "c"},
        {"type": "redacted_thinking", "data": google},
        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
    ]
    ledger = Ledger()
    request = read(
        {"model": "m", "messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": content}]}
    )
    parts = request.turns[1].parts
    assert isinstance(parts[0], Thinking)
    assert parts[0].item == "rs_1"
    assert isinstance(parts[3], ToolCall)
    assert parts[3].seal == Seal("signature", "Z29v", "google")
    written = sent(request, ledger=ledger)["messages"][1]["content"]
    assert written[:-1] == [{"type": "thinking", "thinking": "b", "signature": "sig"}]
    assert reasons(ledger, semantic=False) == ["thinking of openai", "thinking without a signature", "seal of google"]


def test_a_seal_without_its_part_is_a_loss():
    ledger = Ledger()
    lone = [
        {"type": "redacted_thinking", "data": seals.wrap(Seal("signature", "x", "google", place=place))}
        for place in ("prev", "next")
    ]
    assert read({"model": "m", "messages": [{"role": "assistant", "content": lone}]}, ledger).turns[0].parts == []
    assert len(ledger.losses) == 2
    ahead = seals.wrap(Seal("signature", "x", "anthropic", place="ahead", text="t"))
    content = [{"type": "redacted_thinking", "data": ahead}]
    part = read({"model": "m", "messages": [{"role": "assistant", "content": content}]}).turns[0].parts[0]
    assert isinstance(part, Thinking)
    assert (part.text, part.seal) == ("t", Seal("signature", "x", "anthropic"))


# --- turns, written -------------------------------------------------------------------------------------------------


def call(identifier: str, name: str = "f", arguments: str = "{}", **more: Any) -> ToolCall:
    return ToolCall(id=identifier, name=name, arguments=arguments, **more)


def test_results_stand_first_in_the_order_of_their_calls():
    request = chat(
        said(Text(text="q")),
        said(call("a"), call("b"), role="assistant"),
        said(Text(text="first"), ToolResult(call="b", parts=[Text(text="B")])),
        said(ToolResult(call="a", parts=[Text(text="A")])),
        said(Text(text="go on")),
    )
    ledger = Ledger()
    messages = sent(request, ledger=ledger)["messages"]
    assert [each["role"] for each in messages] == ["user", "assistant", "user"]
    assert [block.get("content", block.get("text")) for block in messages[2]["content"]] == ["A", "B", "first", "go on"]
    assert ledger.losses == []


def test_ids_are_made_legal_and_unique():
    request = chat(
        said(Text(text="q")),
        said(call("call:1/ä"), call("call_0"), call("call_0"), role="assistant"),
        said(
            *(
                ToolResult(call=each, parts=[Text(text=str(i))])
                for i, each in enumerate(["call:1/ä", "call_0", "call_0"])
            )
        ),
        said(call("call_0"), role="assistant"),
        said(ToolResult(call="call_0", parts=[Text(text="3")])),
    )
    messages = sent(request)["messages"]
    ids = [block["id"] for block in messages[1]["content"]]
    assert ids[1:] == ["call_0", "call_0_2"]
    assert ids[0].startswith("call_")
    assert ids[0].isascii()
    assert [(block["tool_use_id"], block["content"]) for block in messages[2]["content"]] == [
        (ids[0], "0"),
        ("call_0", "1"),
        ("call_0_2", "2"),
    ]
    assert messages[3]["content"][0]["id"] == messages[4]["content"][0]["tool_use_id"] == "call_0_3"


def test_what_the_vendor_refuses_is_repaired_and_a_loss_of_meaning():
    request = chat(
        said(Text(text="I begin"), role="assistant"),
        said(Text(text="q"), ToolResult(call="lost", parts=[Text(text="r")])),
        said(call("a"), role="assistant"),
        said(Text(text="never mind")),
        said(call("b"), role="assistant"),
    )
    ledger = Ledger()
    messages = sent(request, ledger=ledger)["messages"]
    assert messages[0]["content"] == [{"type": "text", "text": "."}]
    assert [block["text"] for block in messages[2]["content"]] == ["q", "[tool result lost]", "r"]
    missing = {"type": "tool_result", "tool_use_id": "a", "content": "no result was provided", "is_error": True}
    assert messages[4]["content"] == [missing, {"type": "text", "text": "never mind"}]
    assert messages[6]["content"][0]["tool_use_id"] == "b"
    assert len(reasons(ledger, semantic=True)) == 4
    assert set(rules(ledger)) >= {"user-turn-in-front", "result-without-call", "no-result"}


def test_a_second_result_joins_the_first():
    request = chat(
        said(Text(text="q")),
        said(call("a"), role="assistant"),
        said(ToolResult(call="a", parts=[Text(text="1")]), ToolResult(call="a", parts=[Text(text="2")], failed=True)),
    )
    ledger = Ledger()
    [result] = sent(request, ledger=ledger)["messages"][2]["content"]
    assert [each["text"] for each in result["content"]] == ["1", "2"]
    assert result["is_error"] is True
    assert rules(ledger)[0] == "results-merged"


@pytest.mark.parametrize(
    ("raw", "content", "failed"),
    [
        (b'{"output":"3 C"}', "3 C", None),
        (b'{"result":"x"}', "x", None),
        (b'{"error":"off"}', "off", True),
        (b'{"a":1,"b":2}', '{"a":1,"b":2}', None),
        (b'{"output":{"a":1}}', '{"output":{"a":1}}', None),
    ],
)
def test_result_objects_are_unwrapped(raw, content, failed):
    request = chat(said(Text(text="q")), said(call("a"), role="assistant"), said(ToolResult(call="a", raw=Raw(raw))))
    [result] = sent(request)["messages"][2]["content"]
    assert (result["content"], result.get("is_error")) == (content, failed)


@pytest.mark.parametrize(
    ("arguments", "form", "expected"),
    [
        ("", "json", {}),
        ('{"a":', "json", {"_raw": '{"a":'}),
        ("[1]", "json", {"value": [1]}),
        ("free", "text", {"input": "free"}),
    ],
)
def test_arguments_in_history_are_objects(arguments, form, expected):
    part = call("a", arguments=arguments, form=form)
    request = chat(said(Text(text="q")), said(part, role="assistant"), said(ToolResult(call="a")))
    messages = sent(request)["messages"]
    assert messages[1]["content"][0]["input"] == expected
    assert messages[2]["content"] == [{"type": "tool_result", "tool_use_id": "a"}]


def test_empty_texts_and_turns_disappear():
    request = chat(
        said(Text(text="q"), Text(text="  ")),
        said(Text(text=""), role="assistant"),
        said(Text(text=""), Image(source=Inline("image/png", PNG))),
    )
    ledger = Ledger()
    [message] = sent(request, ledger=ledger)["messages"]
    assert [block["type"] for block in message["content"]] == ["text", "image"]
    assert reasons(ledger) == ["empty text"] * 3


def test_nothing_to_answer_is_refused():
    for turns in (
        [said(Text(text=""))],
        [said(Text(text="q")), said(Text(text="a"), role="assistant"), said(Text(text=" "))],
    ):
        with pytest.raises(Unwritable):
            sent(chat(*turns))


def test_a_request_without_turns_still_has_settings():
    request = Request(model="m", turns=[], reasoning=Reasoning(mode="effort", effort="high"))
    assert sent(request)["output_config"] == {"effort": "high"}
    assert sent(request)["messages"] == []


def test_system_text_alone_is_said_by_the_user():
    body = sent(chat(said(Text(text="S"), role="system"), said(Text(text="D"), role="developer")))
    assert "system" not in body
    assert [block["text"] for block in body["messages"][0]["content"]] == ["S", "D"]


def test_leading_system_turns_go_to_the_top_in_order():
    request = chat(said(Text(text="B"), role="system"), said(Text(text="C"), role="developer"), said(Text(text="q")))
    request.system = [Text(text="A")]
    body = sent(request)
    assert [block["text"] for block in body["system"]] == ["A", "B", "C"]


def test_a_prefill_stays_where_it_is_taken():
    request = chat(said(Text(text="q")), said(Text(text="So \n"), role="assistant"))
    request.reasoning = Reasoning(mode="budget", budget=2000)
    body = sent(request)
    assert body["messages"][-1]["content"] == [{"type": "text", "text": "So"}]
    assert "thinking" not in body
    ledger = Ledger()
    newer = Aim(model="m", provider="claude", vendor="anthropic", stream=True, traits=Traits(prefill=False))
    [message] = sent(request, newer, ledger)["messages"]
    assert [block["text"] for block in message["content"]] == ["q", "Continue from: So"]
    assert "the model takes no beginning of its answer" in reasons(ledger, semantic=True)


def test_the_next_turn_begins_with_this_one():
    """Same request, same bytes; a longer conversation extends the shorter one."""
    turns = [
        said(Text(text="q")),
        said(call("a:1", "very long tool name " * 9), role="assistant"),
        said(ToolResult(call="a:1", parts=[Text(text="r")])),
        said(Text(text="done"), role="assistant"),
        said(Text(text="S"), role="system"),
        said(Text(text="more")),
    ]
    first = sent(chat(*turns[:3]))["messages"]
    later = sent(chat(*turns))["messages"]
    assert later[: len(first)] == first
    assert DIALECT.write_request(chat(*turns), AIM, Ledger()) == DIALECT.write_request(chat(*turns), AIM, Ledger())


def test_media():
    ledger = Ledger()
    request = chat(
        said(
            Image(source=Inline("image/png", JPEG), detail="high"),
            Image(source=Inline("image/bmp", "Qk0=")),
            Image(source=FileRef("f", "openai")),
            Image(source=Url("gs://x")),
            Document(source=Inline("application/pdf", "JVBERg=="), filename="a.pdf"),
            Document(source=Inline("text/markdown", "IyBo")),
            Document(source=Inline("application/msword", "AA==")),
            Document(source=Url("https://a.example/x.pdf")),
            Document(source=Blocks([Text(text="in"), Image(source=Url("https://a.example/i.png"))])),
            File(source=Inline("image/gif", "R0lGODlh")),
            File(source=FileRef("f", "openai")),
            SearchResult(source="s", title="t", parts=[Text(text="x")]),
            Audio(id="audio_1"),
            Audio(transcript="spoken"),
            Video(source=Url("https://a.example/v")),
        ),
        said(Refusal(text="no"), Image(source=Inline("image/png", PNG)), role="assistant"),
        said(Text(text="q")),
    )
    messages = sent(request, ledger=ledger)["messages"]
    blocks = messages[0]["content"]
    assert [block["type"] for block in blocks] == ["image", *["document"] * 4, "image", "search_result", "text"]
    assert blocks[0]["source"]["media_type"] == "image/jpeg"
    assert blocks[1]["title"] == "a.pdf"
    assert blocks[2]["source"] == {"type": "text", "media_type": "text/plain", "data": "# h"}
    assert blocks[4]["source"]["content"][1]["type"] == "image"
    assert messages[1]["content"] == [{"type": "text", "text": "no"}]
    assert len(reasons(ledger, semantic=True)) == 8


def test_sound_is_refused_whatever_the_mode():
    with pytest.raises(Unwritable, match="sound"):
        sent(chat(said(Audio(source=Inline("audio/wav", "AA==")), Text(text="What is this?"))))


def test_images_in_results_are_nested():
    image = Image(source=Inline("image/png", PNG))
    request = chat(said(Text(text="q")), said(call("a"), role="assistant"), said(ToolResult(call="a", parts=[image])))
    assert sent(request)["messages"][2]["content"][0]["content"][0]["type"] == "image"


# --- tools and settings, written ------------------------------------------------------------------------------------


def function(name: str, schema: str | None = '{"type":"object"}', **more: Any) -> FunctionTool:
    return FunctionTool(name=name, schema=None if schema is None else Raw(schema.encode()), **more)


def test_tools_of_other_dialects():
    ledger = Ledger()
    long = "mcp__server__" + "x" * 140
    request = chat(
        tools=[
            function("plain", '{ "type":"object", "x-n":1.0 }'),
            function("none", None),
            function(
                "union",
                '{"anyOf":[{"properties":{"a":{}},"required":["a"]},{"properties":{"a":{},"b":{}},"required":["a"]}]}',
            ),
            function("strict", '{"type":"object","properties":{"n":{"type":"integer","minimum":1}}}', strict=True),
            function(
                "gem", '{"type":"OBJECT","properties":{"s":{"type":"STRING","nullable":true}}}', gemini_schema=True
            ),
            function("inner", namespace="ns"),
            function(long),
            FunctionTool(
                name="patch", form="text", description="d", grammar=Raw(b'{"syntax":"lark","definition":"G"}')
            ),
            HostedTool(
                kind="web_search", vendor="openai", native=Raw(b'{"filters":{"allowed_domains":["a.example"]}}')
            ),
            HostedTool(kind="file_search", vendor="openai", native=Raw(b"{}")),
        ]
    )
    out = DIALECT.write_request(request, AIM, ledger)
    tools = json.loads(out.body)["tools"]
    by_name = {tool["name"]: tool for tool in tools}
    assert b'"input_schema":{ "type":"object", "x-n":1.0 }' in out.body
    assert by_name["none"]["input_schema"] == {"type": "object", "properties": {}}
    assert by_name["union"]["input_schema"] == {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"]}
    assert by_name["strict"]["strict"] is True
    assert by_name["strict"]["input_schema"]["properties"]["n"] == {"type": "integer", "description": "minimum: 1"}
    assert by_name["strict"]["input_schema"]["additionalProperties"] is False
    assert by_name["gem"]["input_schema"]["properties"]["s"]["type"] == ["string", "null"]
    assert out.tools["ns__inner"].namespace == "ns"
    assert by_name["patch"]["input_schema"]["required"] == ["input"]
    assert by_name["patch"]["description"].endswith("G")
    assert out.tools["patch"].form == "text"
    assert all(len(tool["name"]) <= 128 for tool in tools)
    assert tools[-1] == {"type": "web_search_20250305", "name": "web_search", "allowed_domains": ["a.example"]}
    assert reasons(ledger, semantic=True) == ["file_search tool of openai"]
    assert out.headers["anthropic-beta"] == "structured-outputs-2025-12-15"


def test_empty_domain_lists_are_left_out():
    native = Raw(b'{"type":"web_search_20250305","name":"web_search","allowed_domains":[],"blocked_domains":["b"]}')
    request = chat(tools=[HostedTool(kind="web_search", vendor="anthropic", native=native, name="web_search")])
    assert sent(request)["tools"] == [{"type": "web_search_20250305", "name": "web_search", "blocked_domains": ["b"]}]


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        (None, None, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice(mode="none"), False, {"type": "none"}),
        (ToolChoice(mode="validated"), None, {"type": "auto"}),
        (ToolChoice(mode="required"), False, {"type": "any", "disable_parallel_tool_use": True}),
        (ToolChoice(mode="required", only=["f"]), None, {"type": "tool", "name": "f"}),
        (ToolChoice(mode="required", hosted="image_gen"), None, {"type": "auto"}),
    ],
)
def test_choices_are_written(choice, parallel, expected):
    body = sent(chat(tools=[function("f")], tool_choice=choice, parallel_tools=parallel))
    assert body.get("tool_choice") == expected


def test_a_choice_among_some_filters_the_tools():
    tools = [function("f"), function("g"), function("h")]
    body = sent(chat(tools=tools, tool_choice=ToolChoice(mode="required", only=["f", "h"])))
    assert [tool["name"] for tool in body["tools"]] == ["f", "h"]
    assert body["tool_choice"] == {"type": "any"}
    ledger = Ledger()
    assert "tool_choice" not in sent(chat(tool_choice=ToolChoice(mode="required")), ledger=ledger)
    assert reasons(ledger) == ["a tool choice without tools"]


@pytest.mark.parametrize(
    ("wanted", "limit", "traits", "expected"),
    [
        (
            Reasoning(mode="effort", effort="high"),
            None,
            KNOWN,
            ({"type": "enabled", "budget_tokens": 24576}, None, 64000),
        ),
        (
            Reasoning(mode="effort", effort="high"),
            4000,
            KNOWN,
            ({"type": "enabled", "budget_tokens": 3000}, None, 4000),
        ),
        (
            Reasoning(mode="effort", effort="minimal"),
            4000,
            KNOWN,
            ({"type": "enabled", "budget_tokens": 1024}, None, 4000),
        ),
        (Reasoning(mode="budget", budget=1024), 1024, KNOWN, (None, None, 1024)),
        (Reasoning(mode="off"), 99999, KNOWN, ({"type": "disabled"}, None, 64000)),
        (Reasoning(mode="effort", effort="minimal"), 9, ADAPTIVE, ({"type": "adaptive"}, "low", 9)),
        (Reasoning(mode="budget", budget=8192), 9, ADAPTIVE, ({"type": "adaptive"}, "medium", 9)),
        (
            Reasoning(mode="effort", effort="max", show="auto"),
            9,
            ADAPTIVE,
            ({"type": "adaptive", "display": "summarized"}, "high", 9),
        ),
        (
            Reasoning(mode="budget", budget=40000),
            None,
            Traits(),
            ({"type": "enabled", "budget_tokens": 40000}, None, 72000),
        ),
        (Reasoning(mode="effort", effort="xhigh"), None, Traits(), ({"type": "adaptive"}, "xhigh", 32000)),
        (Reasoning(mode="effort", effort="high"), 9, Traits(known=True), (None, None, 9)),
        (None, None, Traits(), (None, None, 32000)),
    ],
)
def test_thinking_and_limit_fit_each_other(wanted, limit, traits, expected):
    aim = Aim(model="m", provider="claude", vendor="anthropic", stream=True, traits=traits)
    body = sent(chat(reasoning=wanted, max_output=limit), aim)
    assert (body.get("thinking"), body.get("output_config", {}).get("effort"), body["max_tokens"]) == expected


def test_an_unstreamed_answer_is_kept_under_ten_minutes():
    aim = Aim(model="m", provider="claude", vendor="anthropic", stream=False)
    body = sent(chat(), aim)
    assert body["max_tokens"] == 21333
    assert "stream" not in body


def test_thinking_excludes_a_forced_tool():
    forced = {"tools": [function("f")], "tool_choice": ToolChoice(mode="required")}
    from_level = sent(chat(reasoning=Reasoning(mode="effort", effort="high"), **forced))
    assert "thinking" not in from_level
    assert from_level["tool_choice"] == {"type": "any"}
    ledger = Ledger()
    asked_for = sent(chat(reasoning=Reasoning(mode="budget", budget=2000), **forced), ledger=ledger)
    assert asked_for["thinking"]["type"] == "enabled"
    assert asked_for["tool_choice"] == {"type": "auto"}
    assert reasons(ledger, semantic=True) == ["a forced tool excludes thinking"]


@pytest.mark.parametrize(
    ("sampling", "thinks", "traits", "expected"),
    [
        (Sampling(temperature=1.7), False, Traits(), {"temperature": 1}),
        (Sampling(temperature=0, top_k=0), False, Traits(), {"temperature": 0, "top_k": 0}),
        (Sampling(temperature=0.5, top_p=0.9), False, Traits(), {"temperature": 0.5}),
        (Sampling(temperature=0.5, top_p=0.9, top_k=4), False, Traits(sampling=False), {}),
        (Sampling(temperature=0.5, top_p=0.9, top_k=4), True, Traits(), {}),
        (Sampling(temperature=1), True, Traits(), {"temperature": 1}),
        (Sampling(top_p=0.97), True, Traits(), {"top_p": 0.97}),
    ],
)
def test_sampling(sampling, thinks, traits, expected):
    aim = Aim(model="m", provider="claude", vendor="anthropic", stream=True, traits=traits)
    wanted = Reasoning(mode="budget", budget=2000) if thinks else None
    ledger = Ledger()
    body = sent(chat(sampling=sampling, reasoning=wanted), aim, ledger)
    assert {key: body[key] for key in ("temperature", "top_p", "top_k") if key in body} == expected


def test_what_has_no_place_is_a_loss():
    ledger = Ledger()
    request = chat(
        sampling=Sampling(frequency_penalty=0, seed=0, logit_bias=Raw(b"{}")),
        stops=["\n", "END"],
        verbosity="low",
        modalities=["text", "audio"],
        identity=Identity(safety="u", metadata={"a": "b"}),
        cache=CacheHints(key="k"),
        service_tier="flex",
        state=ServerState(store=True, container=Raw(b'"c"')),
        at={"modalities": "$.modalities"},
    )
    body = sent(request, ledger=ledger)
    assert body["stop_sequences"] == ["END"]
    assert body["metadata"] == {"user_id": "u"}
    assert "service_tier" not in body
    assert ("$.modalities", True) in {(loss.path, loss.semantic) for loss in ledger.losses}
    assert len(ledger.losses) == 10
    assert DIALECT.write_request(request, AIM, Ledger()).stops == ("\n",)


def test_several_answers_are_refused():
    with pytest.raises(Unwritable, match=r"\$\.n: "):
        sent(chat(n=3, at={"n": "$.n"}))


def test_state_at_another_vendor_is_refused():
    for state in (ServerState(previous_response="r"), ServerState(cached_content="c"), ServerState(background=True)):
        with pytest.raises(Unwritable) as caught:
            sent(chat(state=state, at={"state.previous_response": "$.previous_response_id"}))
        assert caught.value.code == "unsupported_state"


def test_output_formats():
    schema = OutputFormat(
        kind="schema", schema=Raw(b'{"type":"object","properties":{"s":{"type":"string","maxLength":3}}}')
    )
    config = sent(chat(format=schema))["output_config"]["format"]
    assert config["schema"]["properties"]["s"] == {"type": "string", "description": "maxLength: 3"}
    ledger = Ledger()
    assert "JSON object" in sent(chat(format=OutputFormat(kind="json")), ledger=ledger)["system"][0]["text"]
    choices = OutputFormat(kind="enum", schema=Raw(b'{"enum":["a","b"]}'))
    out = DIALECT.write_request(chat(format=choices), AIM, ledger)
    wrapped = json.loads(out.body)["output_config"]["format"]["schema"]
    assert (wrapped["properties"], out.wrapped) == ({"value": {"enum": ["a", "b"]}}, True)
    assert not DIALECT.write_request(chat(format=OutputFormat(kind="enum")), AIM, ledger).wrapped
    assert len(reasons(ledger, semantic=True)) == 2
    assert "output_config" not in sent(chat(format=OutputFormat(kind="text")))


# --- prompt cache ---------------------------------------------------------------------------------------------------


def marks(out: Outgoing) -> list[str | None]:
    found: list[str | None] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            for value in node.values():
                walk(value)
            if "cache_control" in node:
                found.append(node["cache_control"].get("ttl"))
        elif isinstance(node, list):
            for value in node:
                walk(value)

    body = json.loads(out.body)
    walk([body.get("tools"), body.get("system"), body["messages"]])
    return found


def test_the_last_four_marks_stay():
    parts: list[Part] = [Text(text=str(i), cache=CacheMark("1h" if i == 5 else "")) for i in range(6)]
    ledger = Ledger()
    out = DIALECT.write_request(chat(said(*parts)), AIM, ledger)
    assert marks(out) == [None] * 4
    assert rules(ledger) == ["cache-marks", "cache-marks", "cache-ttl"]


def test_foreign_clients_get_automatic_caching_at_the_vendor_only():
    assert sent(chat())["cache_control"] == {"type": "ephemeral"}
    host = Aim(model="m", provider="kimi", vendor="kimi", stream=True, official=False)
    assert "cache_control" not in sent(chat(), host)
    assert "cache_control" not in sent(chat(said(Text(text="q", cache=CacheMark()))))
    assert "cache_control" not in sent(read({"model": "m", "messages": [{"role": "user", "content": "x"}]}))
    own = read(
        {
            "model": "m",
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
            "messages": [{"role": "user", "content": "x"}],
        }
    )
    assert sent(own)["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


def test_compatible_hosts_get_their_own_seals_and_no_server_tools():
    host = Aim(model="m", provider="kimi", vendor="kimi", stream=True, official=False)
    request = chat(
        said(Text(text="q")),
        said(
            Thinking(text="t", seal=Seal("signature", "", "kimi")),
            Thinking(text="u", seal=Seal("signature", "s", "anthropic")),
            Text(text="a"),
            role="assistant",
        ),
        said(Text(text="q")),
        tools=[HostedTool(kind="web_search", vendor="anthropic", native=Raw(b"{}"))],
        reasoning=Reasoning(mode="effort", effort="low", show="auto"),
    )
    body = sent(request, host)
    assert body["messages"][1]["content"][0] == {"type": "thinking", "thinking": "t", "signature": ""}
    assert len(body["messages"][1]["content"]) == 2
    assert "tools" not in body
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 1024}


def test_documents_of_plain_text_keep_their_words():
    request = chat(said(Document(source=PlainText("d", "text/markdown"), title="T", citations=True)))
    block = sent(request)["messages"][0]["content"][0]
    assert block["source"] == {"type": "text", "media_type": "text/plain", "data": "d"}
    assert msgspec.json.decode(packed(block))["citations"] == {"enabled": True}
