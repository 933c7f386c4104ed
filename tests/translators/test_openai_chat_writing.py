"""The model → Chat Completions requests."""

from typing import Any

import msgspec
import pytest
from msgspec import Raw

from tests.translators.chat_talk import (
    HOST,
    MAXIMAL,
    OFFICIAL,
    PNG,
    asking,
    assistant,
    call,
    read,
    result,
    semantic,
    user,
    write,
)
from translators.dialect import Aim, Levels, Traits
from translators.errors import Unwritable
from translators.losses import Ledger
from translators.model import (
    CacheHints,
    FunctionTool,
    HostedTool,
    Identity,
    OutputFormat,
    Reasoning,
    Sampling,
    ServerState,
    ToolChoice,
)
from translators.openai_chat import DIALECT
from translators.parts import (
    Audio,
    Blocks,
    Document,
    FileRef,
    HostedCall,
    Image,
    Inline,
    PlainText,
    Seal,
    SearchResult,
    Text,
    Thinking,
    Turn,
    Unknown,
    Url,
    Video,
)


def test_a_maximal_request_survives_the_model():
    """What the dialect can say, it says again: read, written and read once more, nothing has changed."""
    request, _ = read(MAXIMAL)
    ledger = Ledger()
    outgoing = DIALECT.write_request(request, OFFICIAL, ledger)
    again, _ = read(outgoing.body.decode())
    lost = {loss.path for loss in ledger.losses}
    assert lost == {
        "$.messages[2].content[0].cache_control.ttl",
        "$.messages[2].content[6]",  # OpenAI takes no video
        "$.messages[3].annotations",
        "$.messages[3].reasoning_content",
    }
    for name in request.__struct_fields__:
        if name not in ("turns", "system", "at", "tools"):
            assert getattr(again, name) == getattr(request, name), name
    assert [strip(tool) for tool in again.tools] == [strip(tool) for tool in request.tools]
    for one, other in zip(again.turns[1].parts[-2:], request.turns[1].parts[-2:], strict=True):
        assert msgspec.structs.replace(one, at="") == msgspec.structs.replace(other, at="")
    assert [turn.role for turn in again.turns] == [turn.role for turn in request.turns]
    assert DIALECT.write_request(request, OFFICIAL, Ledger()).body == outgoing.body


def strip(tool: Any) -> Any:
    """A tool without its spaces and its place."""
    plain = {name: getattr(tool, name) for name in tool.__struct_fields__ if name not in ("at", "schema", "native")}
    schema = getattr(tool, "schema", None) or getattr(tool, "native", None)
    return plain, msgspec.json.decode(schema) if schema else None


def test_one_conversation_as_openai_wants_it():
    request = asking(
        user("Weather in Oslo and Rome? Map attached.", Image(source=Inline("image/png", PNG))),
        assistant(
            Thinking(text="Two cities.", seal=Seal("signature", "c2lnLTE=", "anthropic")),
            "Checking both.",
            call("toolu_a1", arguments='{"city":"Oslo"}'),
            call("toolu_a2", arguments='{"city":"Rome"}'),
        ),
        user(result("toolu_a1", "3 C"), result("toolu_a2", "station offline", failed=True), "Go on."),
        system=[Text(text="Be brief.")],
        tools=[FunctionTool(name="wx", description="Current weather", schema=Raw(b'{"type":"object"}'))],
        tool_choice=ToolChoice(mode="auto"),
        parallel_tools=True,
        max_output=2000,
        reasoning=Reasoning(mode="effort", effort="medium"),
    )
    body, ledger = write(request)
    assert body["messages"] == [
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Weather in Oslo and Rome? Map attached."},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            ],
        },
        {
            "role": "assistant",
            "content": "Checking both.",
            "tool_calls": [
                {"id": "toolu_a1", "type": "function", "function": {"name": "wx", "arguments": '{"city":"Oslo"}'}},
                {"id": "toolu_a2", "type": "function", "function": {"name": "wx", "arguments": '{"city":"Rome"}'}},
            ],
        },
        {"role": "tool", "tool_call_id": "toolu_a1", "content": "3 C"},
        {"role": "tool", "tool_call_id": "toolu_a2", "content": "Error: station offline"},
        {"role": "user", "content": "Go on."},
    ]
    assert body["max_completion_tokens"] == 2000
    assert body["reasoning_effort"] == "medium"
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})
    assert not semantic(ledger)


def test_a_compatible_host_gets_what_all_hosts_understand():
    request = asking(
        assistant(Thinking(text="mine"), "x", call("c", "run", "free", form="text")),
        user(result("c", "one", "two")),
        Turn(role="developer", parts=[Text(text="mid")]),
        system=[Text(text="S")],
        max_output=5,
        tools=[FunctionTool(name="run", form="text"), FunctionTool(name="bare")],
        tool_choice=ToolChoice(mode="required", only=["run", "bare"]),
        identity=Identity(safety="s", user="u"),
        cache=CacheHints(key="k"),
    )
    outgoing = DIALECT.write_request(request, HOST, ledger := Ledger())
    body = msgspec.json.decode(outgoing.body)
    assert body["max_tokens"] == 5
    assert [message["role"] for message in body["messages"]] == ["system", "assistant", "tool", "system"]
    assert body["messages"][1]["reasoning_content"] == "mine"
    assert body["messages"][1]["tool_calls"][0]["function"] == {"name": "run", "arguments": '{"input":"free"}'}
    assert body["messages"][2]["content"] == "one\ntwo"
    assert body["tools"][0]["function"]["parameters"]["required"] == ["input"]
    assert body["tools"][1]["function"]["parameters"] == {"type": "object", "properties": {}}
    assert outgoing.tools["run"].form == "text"
    assert (body["tool_choice"], body["user"]) == ("required", "u")
    assert "stream" not in body
    assert semantic(ledger) == ["a choice among some of the tools"]
    assert {"identity.safety", "cache.key"} <= {loss.path for loss in ledger.losses}


def test_reasoning_goes_back_only_to_the_host_that_made_it():
    host = Seal("signature", "s1", "deep", "deep-v1", item="i")
    mine = Thinking(text="a", seal=host)
    hidden = Thinking(text="", seal=Seal("encrypted", "e1", "deep"))
    foreign = Thinking(text="c", seal=Seal("signature", "s3", "anthropic"))
    sealed_call = call("c", seal=Seal("signature", "s4", "google"))
    request = asking(user("x"), assistant(mine, hidden, foreign, "t", sealed_call), user(result("c", "r")))
    body, ledger = write(request, HOST)
    message = body["messages"][1]
    about = {"id": "i", "format": "deep-v1", "index": 0}
    assert message["reasoning_details"] == [
        {"type": "reasoning.text", "text": "a", "signature": "s1", **about},
        {"type": "reasoning.encrypted", "data": "e1", "index": 1},
    ]
    assert "extra_content" not in message["tool_calls"][0]
    assert [loss.reason for loss in ledger.losses] == ["thinking of anthropic", "seal of google"]
    body, ledger = write(request)
    assert "reasoning_details" not in body["messages"][1]


def test_images_of_results_follow_the_last_tool_message():
    request = asking(
        assistant(call("a"), call("b")),
        user(result("a", "see", Image(source=Inline("image/png", PNG)))),
        user(result("b", Image(source=Url("https://x/y.png")))),
        user("and?"),
    )
    body, ledger = write(request)
    messages = body["messages"]
    assert [message["role"] for message in messages] == ["assistant", "tool", "tool", "user", "user"]
    assert messages[1]["content"] == [
        {"type": "text", "text": "see"},
        {"type": "text", "text": "(image attached below)"},
    ]
    assert messages[2]["content"] == "(image attached below)"
    assert [part["type"] for part in messages[3]["content"]] == ["text", "image_url", "text", "image_url"]
    assert "tool call a" in messages[3]["content"][0]["text"]
    assert messages[4]["content"] == "and?"
    assert not semantic(ledger)


def test_results_stand_directly_after_their_calls():
    """Text before a result, and system text between call and result, wait until the results are said."""
    request = asking(
        assistant(call("a")),
        Turn(role="system", parts=[Text(text="S-MID")]),
        user("before", result("a", "r")),
    )
    body, _ = write(request)
    assert [(m["role"], m["content"]) for m in body["messages"]] == [
        ("assistant", None),
        ("tool", "r"),
        ("developer", "S-MID"),
        ("user", "before"),
    ]


def test_calls_without_results_and_results_without_calls_are_reported():
    body, ledger = write(asking(assistant(call("a")), user(result("z", "r"), "next")))
    assert body["messages"][1] == {"role": "tool", "tool_call_id": "a", "content": "Error: no result was provided"}
    assert body["messages"][2]["content"][0]["text"] == "[tool result z]"
    assert len(semantic(ledger)) == 2


def test_assistant_turns_of_one_step_are_one_message_and_others_stay_apart():
    request = asking(user("q"), assistant("A"), assistant("B"), user("q"), assistant("C"), assistant(call("a")))
    request.turns.append(user(result("a", "r")))
    body, _ = write(request)
    said_by = [(m["role"], m["content"]) for m in body["messages"]]
    assert said_by[1:3] == [("assistant", "A"), ("assistant", "B")]
    assert said_by[4] == ("assistant", "C")
    assert body["messages"][4]["tool_calls"][0]["id"] == "a"


def test_long_and_illegal_ids_and_names_are_replaced_alike():
    identifier, name = "x" * 41, "mcp__" + "long" * 30 + "/ä"
    request = asking(
        user("q"),
        assistant(call(identifier, name)),
        user(result(identifier, "r")),
        tools=[FunctionTool(name=name)],
        tool_choice=ToolChoice(mode="required", only=[name]),
    )
    outgoing = DIALECT.write_request(request, OFFICIAL, Ledger())
    body = msgspec.json.decode(outgoing.body)
    called = body["messages"][1]["tool_calls"][0]
    assert called["id"] == body["messages"][2]["tool_call_id"]
    assert len(called["id"]) <= 40
    legal = called["function"]["name"]
    assert len(legal) <= 64
    assert body["tools"][0]["function"]["name"] == legal == body["tool_choice"]["function"]["name"]
    assert outgoing.tools[legal].name == name


@pytest.mark.parametrize(
    ("part", "written", "lost"),
    [
        (Document(source=Inline("application/pdf", "JVBERg=="), title="T"), ["T.pdf"], []),
        (Document(source=Inline("application/pdf", "JVBERg==")), ["document.pdf"], []),
        (Document(source=PlainText("body"), title="T", context="C"), "T\nC\nbody", []),
        (Document(source=Blocks([Text(text="x")]), title="T"), ["T", "x"], []),
        (Document(source=Url("https://x/a.pdf")), "", ["a document by address"]),
        (Document(source=FileRef("f", "anthropic")), "", ["a file stored at anthropic"]),
        (Image(source=FileRef("f", "openai")), "", ["Image that this dialect cannot carry"]),
        (Audio(source=Inline("audio/ogg", "QQ==")), "", ["Audio that this dialect cannot carry"]),
        (Audio(source=Inline("audio/wav", "QQ==")), ["wav"], []),
        (Video(source=Url("https://x/v.mp4")), "", ["Video that this dialect cannot carry"]),
        (SearchResult(source="https://s", title="T", parts=[Text(text="b")]), "T\nhttps://s\nb", []),
        (Unknown(dialect="claude", tag="x", raw=Raw(b"{}")), "", ["Unknown that this dialect cannot carry"]),
    ],
)
def test_media_and_documents(part: Any, written: Any, lost: list[str]):
    body, ledger = write(asking(user(part)))
    content = body["messages"][0]["content"]
    if isinstance(content, list):
        named = [
            p.get("text") or p.get("file", {}).get("filename") or p.get("input_audio", {}).get("format")
            for p in content
        ]
        assert named == written
    else:
        assert content == written
    assert semantic(ledger) == lost


def test_hosted_calls_and_foreign_state_change_the_meaning():
    hosted = HostedCall(id="s", kind="web_search", name="web_search", vendor="anthropic", native=Raw(b"{}"))
    request = asking(user("x"), assistant(hosted, "y"), user("z"))
    request.tools = [HostedTool(kind="web_fetch", vendor="anthropic", native=Raw(b"{}"))]
    request.tool_choice = ToolChoice(mode="auto")
    request.state = ServerState(container=Raw(b"{}"))
    body, ledger = write(request)
    assert "tools" not in body
    assert "tool_choice" not in body
    assert len(semantic(ledger)) == 3
    request.state = ServerState(previous_response="resp_1")
    with pytest.raises(Unwritable):
        write(request)


def test_a_web_search_of_another_vendor_becomes_the_setting():
    native = Raw(
        b'{"type":"web_search_20250305","name":"web_search","user_location":{"type":"approximate","city":"Oslo"}}'
    )
    body, ledger = write(asking(user("x"), tools=[HostedTool(kind="web_search", vendor="anthropic", native=native)]))
    assert body["web_search_options"] == {"user_location": {"type": "approximate", "approximate": {"city": "Oslo"}}}
    assert not semantic(ledger)
    _, ledger = write(asking(user("x"), tools=[HostedTool(kind="web_search", vendor="anthropic", native=native)]), HOST)
    assert semantic(ledger)


@pytest.mark.parametrize(
    ("wanted", "traits", "effort"),
    [
        (Reasoning(mode="off"), Traits(), "none"),
        (Reasoning(mode="auto", adaptive=True), Traits(), None),
        (Reasoning(mode="budget", budget=8192), Traits(), "medium"),
        (Reasoning(mode="budget", budget=8193), Traits(), "high"),
        (Reasoning(mode="effort", effort="xhigh"), Traits(known=True, thinking=Levels(names=("low", "high"))), "high"),
        (Reasoning(mode="effort", effort="high"), Traits(known=True), None),
    ],
)
def test_efforts(wanted: Reasoning, traits: Traits, effort: str | None):
    aim = Aim(model="m", provider="p", vendor="openai", stream=False, traits=traits)
    assert write(asking(user("x"), reasoning=wanted), aim)[0].get("reasoning_effort") == effort


def test_settings_a_reasoning_model_refuses_are_left_out():
    traits = Traits(known=True, reasoning=True, sampling=False, thinking=Levels(names=("low",)))
    aim = Aim(model="m", provider="p", vendor="openai", stream=False, traits=traits)
    body, ledger = write(asking(user("x"), stops=["END"], sampling=Sampling(temperature=0, top_k=0)), aim)
    assert not {"stop", "temperature", "top_k"} & set(body)
    assert [loss.path for loss in ledger.losses] == ["sampling.temperature", "sampling.top_k"]
    body, ledger = write(asking(user("x"), stops=list("abcde"), sampling=Sampling(temperature=0, seed=0)))
    assert (body["stop"], body["temperature"], body["seed"]) == (list("abcd"), 0, 0)
    assert [(one.rule, one.path) for one in ledger.applied] == [("stop-cut", "stops")]


def test_output_formats():
    schema = Raw(
        b'{"type":"OBJECT","properties":{"type":{"type":"STRING","nullable":true,"enum":["a"]},'
        b'"b":{"type":"ARRAY","minItems":"1","items":{"type":"INTEGER","example":1}}},"propertyOrdering":["b","type"]}'
    )
    wanted = OutputFormat(kind="schema", schema=schema, gemini_schema=True)
    body, _ = write(asking(user("x"), format=wanted))
    assert body["response_format"]["json_schema"] == {
        "name": "response",
        "schema": {
            "type": "object",
            "properties": {
                "b": {"type": "array", "minItems": 1, "items": {"type": "integer", "examples": [1]}},
                "type": {"type": ["string", "null"], "enum": ["a", None]},
            },
        },
    }
    assert list(body["response_format"]["json_schema"]["schema"]["properties"]) == ["b", "type"]
    _, ledger = write(asking(user("x"), format=OutputFormat(kind="enum")))
    assert semantic(ledger)


def test_the_next_turn_extends_the_last():
    """Prompt caches need the messages of a longer conversation to begin with those of the shorter one."""
    turns = [
        user("q"),
        assistant("A", call("a")),
        user(result("a", "r", Image(source=Inline("image/png", PNG)))),
        assistant("done"),
        user("more"),
    ]
    short, _ = write(asking(*turns[:3]))
    long, _ = write(asking(*turns))
    assert long["messages"][: len(short["messages"])] == short["messages"]
