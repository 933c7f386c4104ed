"""The Gemini dialect: its requests, both ways. Answers and errors: test_gemini.py."""

import base64
import json
from typing import Any

import pytest
from msgspec import Raw
from msgspec.structs import replace

from translators import seals
from translators.dialect import Aim, Levels, Traits
from translators.errors import Unreadable, Unwritable
from translators.gemini import DIALECT
from translators.losses import Ledger
from translators.model import (
    CacheHints,
    FunctionTool,
    HostedTool,
    Identity,
    Logprobs,
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
    Citation,
    Document,
    File,
    FileRef,
    HostedCall,
    Image,
    Inline,
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

THREE = Traits(known=True, signatures=True, max_output=65536, thinking=Levels(names=("low", "medium", "high")))
TWO = Traits(known=True, json_schema=False, thinking=Levels(minimum=0, maximum=24576, zero=True, dynamic=True))
PNG = Inline("image/png", "iVBORw0KGgo=")
OWN = Seal("signature", "c2ln", "google")
CLAUDES = Seal("signature", "Y2xhdWRl", "anthropic")


def aim(traits: Traits = THREE) -> Aim:
    return Aim(model="gemini-x", provider="gemini", vendor="google", stream=False, traits=traits)


def read(body: Any, ledger: Ledger | None = None) -> Request:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return DIALECT.read_request(raw, "gemini-x", True, ledger or Ledger())


def write(request: Request, traits: Traits = THREE, ledger: Ledger | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DIALECT.write_request(request, aim(traits), ledger or Ledger()).body)
    return found


def ask(*turns: Turn, **more: Any) -> Request:
    return Request(model="m", turns=list(turns), **more)


def user(*parts: Any) -> Turn:
    return Turn(role="user", parts=[Text(text=part) if isinstance(part, str) else part for part in parts])


def model(*parts: Any) -> Turn:
    return Turn(role="assistant", parts=[Text(text=part) if isinstance(part, str) else part for part in parts])


def contents(*turns: Turn, traits: Traits = THREE, ledger: Ledger | None = None, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = write(ask(*turns, **more), traits, ledger)["contents"]
    return found


def reasons(ledger: Ledger, *, semantic: bool | None = None) -> list[str]:
    return [loss.reason for loss in ledger.losses if semantic is None or loss.semantic is semantic]


def rules(ledger: Ledger) -> list[str]:
    return [applied.rule for applied in ledger.applied]


# --- reading --------------------------------------------------------------------------------------------------------

CAMEL = {
    "systemInstruction": {"role": "user", "parts": [{"text": "Be brief."}]},
    "contents": [
        {"role": "user", "parts": [{"text": "Look."}, {"inlineData": {"mimeType": "image/png", "data": "_-8"}}]},
        {
            "role": "model",
            "parts": [
                {"text": "Hm.", "thought": True, "thoughtSignature": "c2ln"},
                {"functionCall": {"id": "a", "name": "wx", "args": {"mime_type": 1.10}}, "thoughtSignature": "c2ln"},
            ],
        },
        {"role": "user", "parts": [{"functionResponse": {"id": "a", "name": "wx", "response": {"output": "3 C"}}}]},
    ],
    "tools": [
        {"functionDeclarations": [{"name": "wx", "parametersJsonSchema": {"properties": {"mime_type": {}}}}]},
        {"googleSearch": {"timeRangeFilter": {"start_time": "x"}}},
    ],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["wx"]}},
    "generationConfig": {
        "temperature": 1,
        "topP": 0.5,
        "topK": 40,
        "maxOutputTokens": 100,
        "stopSequences": ["END"],
        "candidateCount": 2,
        "seed": 7,
        "responseLogprobs": True,
        "logprobs": 3,
        "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 512},
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT"},
        "responseModalities": ["TEXT"],
        "speechConfig": {"languageCode": "en"},
    },
    "safetySettings": [{"category": "X", "threshold": "Y"}],
    "cachedContent": "cachedContents/1",
    "labels": {"team_name": "a"},
    "serviceTier": "STANDARD",
}

KEPT = {"args", "response", "parametersJsonSchema", "googleSearch", "labels", "speechConfig"}


def snaked(value: Any) -> Any:
    """The same body in snake_case, data left alone."""
    if isinstance(value, dict):
        return {
            "".join(f"_{c.lower()}" if c.isupper() else c for c in key): member if key in KEPT else snaked(member)
            for key, member in value.items()
        }
    return [snaked(each) for each in value] if isinstance(value, list) else value


def test_a_request_is_read():
    ledger = Ledger()
    found = read(CAMEL, ledger)
    assert ledger.losses == []
    assert found.model == "gemini-x"
    assert found.stream
    assert found.system == [Text(text="Be brief.", at="$.systemInstruction.parts[0]")]
    assert found.turns[0].parts[1] == Image(source=Inline("image/png", "/+8="), at="$.contents[0].parts[1]")
    thought, call = found.turns[1].parts
    assert thought == Thinking(text="Hm.", seal=OWN, at="$.contents[1].parts[0]")
    assert call == ToolCall(id="a", name="wx", arguments='{"mime_type": 1.1}', seal=OWN, at="$.contents[1].parts[1]")
    (result,) = found.turns[2].parts
    assert isinstance(result, ToolResult)
    assert (result.call, result.name, result.failed) == ("a", "wx", None)
    assert [part.text for part in result.parts if isinstance(part, Text)] == ["3 C"]
    declared, hosted = found.tools
    assert isinstance(declared, FunctionTool)
    assert not declared.gemini_schema
    assert isinstance(hosted, HostedTool)
    assert (hosted.kind, hosted.vendor) == ("web_search", "google")
    assert found.tool_choice == ToolChoice(mode="required", only=["wx"])
    assert found.sampling == Sampling(temperature=1, top_p=0.5, top_k=40, seed=7)
    assert (found.max_output, found.n, found.stops) == (100, 2, ["END"])
    assert found.logprobs == Logprobs(wanted=True, top=3)
    assert found.reasoning == Reasoning(mode="budget", budget=512, show="auto")
    assert found.format is not None
    assert (found.format.kind, found.format.gemini_schema) == ("schema", True)
    assert found.service_tier == "default"
    assert found.identity.labels == {"team_name": "a"}
    assert found.state.cached_content == "cachedContents/1"
    assert found.at["sampling.top_k"] == "$.generationConfig.topK"


def test_both_spellings_say_the_same():
    camel, ledger = read(CAMEL), Ledger()
    snake = read(snaked(CAMEL), ledger)
    assert ledger.losses == []
    assert snake.at["sampling.top_k"] == "$.generation_config.top_k"

    def told(request: Request) -> dict[str, Any]:
        return json.loads(DIALECT.write_request(request, aim(), Ledger()).body)

    assert told(camel) == told(snake)


def test_unknown_fields_are_reported_as_spelt():
    ledger = Ledger()
    read(
        {
            "contents": [{"parts": [{"text": "x", "part_metadata": {}}, {"newThing": {"a": 1}}]}],
            "generation_config": {"new_knob": 1, "thinking_config": {"x": 1}},
            "tool_config": {"retrieval_config": {}},
        },
        ledger,
    )
    assert {loss.path for loss in ledger.losses} == {
        "$.generation_config.new_knob",
        "$.generation_config.thinking_config.x",
        "$.tool_config.retrieval_config",
        "$.contents[0].parts[0].part_metadata",
        "$.contents[0].parts[1].newThing",
    }


def test_an_unknown_part_stays_for_its_own_dialect():
    found = read({"contents": [{"parts": [{"newThing": {"a": 1}}]}]})
    (part,) = found.turns[0].parts
    assert isinstance(part, Unknown)
    assert (part.dialect, part.tag, json.loads(bytes(part.raw))) == ("gemini", "newThing", {"newThing": {"a": 1}})
    assert write(found)["contents"][0]["parts"] == [{"newThing": {"a": 1}}]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"{", "$"),
        (b"[]", "$"),
        (b'{"contents":5}', "$.contents"),
        (b'{"contents":[{"parts":[{"text":1}]}]}', "$.contents[0].parts[0].text"),
        (b'{"contents":[{"parts":[{"inline_data":{"mime_type":5}}]}]}', "$.contents[0].parts[0].inline_data.mime_type"),
        (b'{"generation_config":{"top_k":"x"}}', "$.generation_config.top_k"),
        (
            b'{"generationConfig":{"thinkingConfig":{"thinkingBudget":1,"thinkingLevel":"LOW"}}}',
            "$.generationConfig.thinkingConfig",
        ),
        (b'{"contents":' + b"[" * 50_000, "$"),
    ],
)
def test_what_cannot_be_read_names_its_place(body, path):
    with pytest.raises(Unreadable) as caught:
        read(body)
    assert caught.value.path == path


def test_loose_forms_are_understood():
    found = read(
        {
            "systemInstruction": "S",
            "contents": {"parts": {"text": "hi"}},
            "generationConfig": {"topK": "64", "seed": None},
        }
    )
    assert [part.text for part in found.system if isinstance(part, Text)] == ["S"]
    assert [(turn.role, len(turn.parts)) for turn in found.turns] == [("user", 1)]
    assert found.sampling == Sampling(top_k=64)
    assert read({"contents": "hi"}).turns[0].parts == [Text(text="hi", at="$.contents")]


def test_a_count_request_holds_a_whole_one():
    found = read({"generateContentRequest": {"model": "models/g", "contents": [{"parts": [{"text": "x"}]}]}})
    assert found.turns[0].parts[0].at == "$.generateContentRequest.contents[0].parts[0]"


def ids(body_contents: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """(id of the call, its name) that each response was bound to, in order."""
    found = read({"contents": body_contents})
    calls = {part.id: part.name for turn in found.turns for part in turn.parts if isinstance(part, ToolCall)}
    return [
        (part.call, calls[part.call]) for turn in found.turns for part in turn.parts if isinstance(part, ToolResult)
    ]


def call(name: str, identifier: str | None = None) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": {}} | ({"id": identifier} if identifier else {})}


def answer(name: str, identifier: str | None = None) -> dict[str, Any]:
    return {
        "functionResponse": {"name": name, "response": {"output": "x"}} | ({"id": identifier} if identifier else {})
    }


def test_responses_without_ids_follow_names_and_order():
    same = [{"role": "model", "parts": [call("wx", "i1"), call("wx", "i2")]}, {"parts": [answer("wx"), answer("wx")]}]
    assert [bound for bound, _ in ids(same)] == ["i1", "i2"]
    swapped = [
        {"role": "model", "parts": [call("f"), call("g")]},
        {"role": "function", "parts": [answer("g"), answer("f")]},
    ]
    assert [name for _, name in ids(swapped)] == ["g", "f"]
    by_id = [
        {"role": "model", "parts": [call("f", "1"), call("f", "2")]},
        {"parts": [answer("f", "2"), answer("f", "1")]},
    ]
    assert [bound for bound, _ in ids(by_id)] == ["2", "1"]


def test_made_ids_are_stable_and_unlike_each_other():
    history = [
        {"role": "model", "parts": [call("f"), call("f")]},
        {"parts": [answer("f"), answer("f")]},
        {"role": "model", "parts": [call("f")]},
        {"parts": [answer("f")]},
    ]
    found = [bound for bound, _ in ids(history)]
    assert found == [bound for bound, _ in ids(history)]
    assert len(set(found)) == 3
    assert [bound for bound, _ in ids(history[:2])] == found[:2]


@pytest.mark.parametrize(
    ("response", "text", "failed"),
    [
        ({"output": "3 C"}, "3 C", None),
        ({"result": "x"}, "x", None),
        ({"error": "off"}, "off", True),
        ({"error": {"code": 5}}, '{"code":5}', True),
        ({"output": {"a": 1}}, '{"output":{"a":1}}', None),
        ({"a": 1, "b": 2}, '{"a":1,"b":2}', None),
        ({"output": ""}, "", None),
    ],
)
def test_what_a_response_says(response, text, failed):
    found = read({"contents": [{"parts": [{"functionResponse": {"name": "f", "response": response}}]}]})
    (result,) = found.turns[0].parts
    assert isinstance(result, ToolResult)
    assert "".join(part.text for part in result.parts if isinstance(part, Text)) == text
    assert result.failed is failed


def test_a_content_for_each_chunk_is_one_turn_of_talk():
    envelope = seals.wrap_base64(replace(CLAUDES, place="ahead", text="Two cities."))
    found = read(
        {
            "contents": [
                {"role": "model", "parts": [{"text": "Two ", "thought": True}]},
                {"role": "model", "parts": [{"text": "cities.", "thought": True}]},
                {"role": "model", "parts": [{"text": "A", "thoughtSignature": envelope}]},
                {"role": "model", "parts": [{"text": ""}]},
                {"role": "model", "parts": [{"text": "mine", "thought": True}]},
                {"role": "model", "parts": [{"text": "", "thought": True, "thoughtSignature": "c2ln"}]},
                {"role": "model", "parts": [call("f")]},
                {"role": "user", "parts": [answer("f")]},
            ]
        }
    )
    parts = [part for turn in found.turns for part in turn.parts]
    assert [(type(part).__name__, getattr(part, "text", "")) for part in parts] == [
        ("Thinking", "Two cities."),
        ("Text", "A"),
        ("Thinking", "mine"),
        ("ToolCall", ""),
        ("ToolResult", ""),
    ]
    first, third = parts[0], parts[2]
    assert isinstance(first, Thinking)
    assert first.seal == CLAUDES
    assert isinstance(third, Thinking)
    assert third.seal == OWN


def test_signatures_are_understood_or_reported():
    ledger = Ledger()
    found = read(
        {
            "contents": [
                {
                    "role": "model",
                    "parts": [
                        call("a") | {"thoughtSignature": "a-_b"},
                        call("b") | {"thoughtSignature": seals.GEMINI_BYPASS},
                        call("c") | {"thoughtSignature": "?"},
                    ],
                }
            ]
        },
        ledger,
    )
    calls = [part for part in found.turns[0].parts if isinstance(part, ToolCall)]
    assert [part.seal.data if part.seal else None for part in calls] == ["a+/b", None, None]
    assert [loss.path for loss in ledger.losses] == ["$.contents[0].parts[2].thoughtSignature"]


def test_media_of_all_kinds_is_read():
    text = base64.b64encode("né".encode()).decode()
    listed = [
        {"inlineData": {"mimeType": "application/pdf", "data": "JVBE"}},
        {"inlineData": {"mimeType": "text/plain", "data": text}},
        {"inlineData": {"mimeType": "audio/x-wav", "data": "UklG"}},
        {"inlineData": {"mimeType": "application/zip", "data": "UEsD"}},
        {"inlineData": {"mimeType": "text/plain", "data": "/w=="}},
        {"fileData": {"fileUri": "https://youtu.be/x"}, "videoMetadata": {"fps": 1}},
        {
            "fileData": {"fileUri": "gs://b/x.png", "mimeType": "image/png"},
            "mediaResolution": {"level": "MEDIA_RESOLUTION_HIGH"},
        },
        {"fileData": {"fileUri": "https://a.example/x.pdf?y"}},
        {"inlineData": {"mimeType": "image/png", "data": "???"}},
    ]
    ledger = Ledger()
    found = read(
        {"contents": [{"parts": listed}], "generationConfig": {"mediaResolution": "MEDIA_RESOLUTION_LOW"}}, ledger
    )
    parts = [replace(part, at="") for part in found.turns[0].parts]
    assert parts == [
        Document(source=Inline("application/pdf", "JVBE")),
        Document(source=PlainText("né", "text/plain")),
        Audio(source=Inline("audio/wav", "UklG")),
        File(source=Inline("application/zip", "UEsD")),
        File(source=Inline("text/plain", "/w==")),
        Video(  # type: ignore[union-attr]
            source=Url("https://youtu.be/x"),
            meta=parts[5].meta,
            places={"meta": "$.contents[0].parts[5].videoMetadata"},
        ),
        Image(source=FileRef("gs://b/x.png", "google", "image/png"), detail="high"),
        Document(source=Url("https://a.example/x.pdf?y")),
    ]
    assert reasons(ledger, semantic=True) == ["not base64"]


def test_hosted_parts_keep_their_bytes():
    part = {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "c2ln"}
    result = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}}
    search = {"toolCall": {"id": "t", "tool_type": "GOOGLE_SEARCH_WEB", "args": {"queries": ["q"]}}}
    found = read({"contents": [{"role": "model", "parts": [part, result, search]}]})
    code, outcome, hosted = found.turns[0].parts
    assert isinstance(code, HostedCall)
    assert (code.kind, outcome.call) == ("code", code.id)  # type: ignore[union-attr]
    assert isinstance(hosted, HostedCall)
    assert (hosted.id, hosted.kind) == ("t", "web_search")
    assert write(found)["contents"] == [{"role": "model", "parts": [part, result, search]}]


# --- writing --------------------------------------------------------------------------------------------------------


def test_one_conversation_in_full():
    """The reference conversation: reasoning, text, two calls of which one failed, a further text."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    request = ask(
        user("Weather?", Image(source=PNG)),
        model(
            Thinking(text="Two cities.", seal=CLAUDES),
            "Checking ",
            "both.",
            ToolCall(id="a1", name="wx", arguments='{"city":"Oslo","n":1.10}', seal=OWN),
            ToolCall(id="a2", name="wx", arguments='{"city":"Rome"}'),
        ),
        user(
            "Go on.",
            ToolResult(call="a2", parts=[Text(text="station offline")], failed=True),
            ToolResult(call="a1", parts=[Text(text="3 C"), Image(source=PNG)]),
        ),
        system=[Text(text="Be brief.")],
        tools=[FunctionTool(name="wx", description="Weather", schema=Raw(json.dumps(schema).encode()))],
        tool_choice=ToolChoice(mode="auto"),
        max_output=2000,
        reasoning=Reasoning(mode="effort", effort="medium", show="auto"),
    )
    ledger = Ledger()
    out = DIALECT.write_request(request, aim(), ledger)
    assert b'"n":1.10' in out.body
    assert json.loads(out.body) == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {
                "role": "user",
                "parts": [{"text": "Weather?"}, {"inlineData": {"mimeType": "image/png", "data": PNG.data}}],
            },
            {
                "role": "model",
                "parts": [
                    {"text": "Checking both."},
                    {
                        "functionCall": {"id": "a1", "name": "wx", "args": {"city": "Oslo", "n": 1.1}},
                        "thoughtSignature": "c2ln",
                    },
                    {"functionCall": {"id": "a2", "name": "wx", "args": {"city": "Rome"}}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {
                        "functionResponse": {
                            "id": "a1",
                            "name": "wx",
                            "response": {"output": "3 C"},
                            "parts": [{"inlineData": {"mimeType": "image/png", "data": PNG.data}}],
                        }
                    },
                    {"functionResponse": {"id": "a2", "name": "wx", "response": {"error": "station offline"}}},
                ],
            },
            {"role": "user", "parts": [{"text": "Go on."}]},
        ],
        "tools": [{"functionDeclarations": [{"name": "wx", "description": "Weather", "parametersJsonSchema": schema}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
        "generationConfig": {
            "maxOutputTokens": 2000,
            "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "MEDIUM"},
        },
    }
    assert reasons(ledger) == ["thinking of anthropic"]


def test_reading_what_was_written_gives_the_same():
    """What the dialect can say survives it."""
    request = read(CAMEL)
    again = json.loads(DIALECT.write_request(request, aim(Traits()), Ledger()).body)
    expected = json.loads(json.dumps(CAMEL))
    expected["systemInstruction"].pop("role")
    expected["contents"][0]["parts"][1]["inlineData"]["data"] = "/+8="
    expected["serviceTier"] = "standard"
    assert again == expected


def test_media_of_a_result_follows_where_it_cannot_be_inside():
    turns = (
        model(ToolCall(id="1", name="f", arguments="{}"), ToolCall(id="2", name="f", arguments="")),
        user(ToolResult(call="2", parts=[Image(source=PNG)]), ToolResult(call="1"), "Go."),
    )
    found = contents(user("x"), *turns, traits=TWO)
    assert [part["functionResponse"]["id"] for part in found[2]["parts"]] == ["1", "2"]
    assert found[2]["parts"][0]["functionResponse"]["response"] == {"output": ""}
    assert found[3]["parts"] == [
        {"text": "From the result of f (2):"},
        {"inlineData": {"mimeType": "image/png", "data": PNG.data}},
        {"text": "Go."},
    ]


def steps(*, last_user: bool, seal: Seal | None = None) -> tuple[list[Any], Ledger]:
    """The signatures of two steps of two calls, and the ledger."""
    turns = [
        user("q"),
        model(ToolCall(id="1", name="f", arguments="{}", seal=seal), ToolCall(id="2", name="f", arguments="{}")),
        user(ToolResult(call="1"), ToolResult(call="2")),
        model(ToolCall(id="3", name="f", arguments="{}")),
        user(ToolResult(call="3")),
    ]
    ledger = Ledger()
    found = contents(*turns, *([model("done"), user("next")] if last_user else []), ledger=ledger)
    return [
        part.get("thoughtSignature") for content in found for part in content["parts"] if "functionCall" in part
    ], ledger


def test_the_bypass_stands_on_each_step_and_stays_there():
    found, ledger = steps(last_user=False)
    assert found == [seals.GEMINI_BYPASS, None, seals.GEMINI_BYPASS]
    assert rules(ledger) == ["thought-signature-bypass"] * 2
    assert steps(last_user=True)[0] == found  # what was sent once does not change when the turn is over
    assert steps(last_user=False, seal=OWN)[0] == ["c2ln", None, seals.GEMINI_BYPASS]
    found, ledger = steps(last_user=False, seal=CLAUDES)
    assert found[0] == seals.GEMINI_BYPASS
    assert reasons(ledger) == ["a seal of anthropic"]


def test_older_models_get_no_bypass():
    found = contents(
        user("q"), model(ToolCall(id="1", name="f", arguments="{}")), user(ToolResult(call="1")), traits=TWO
    )
    assert "thoughtSignature" not in found[1]["parts"][0]


def test_signed_texts_are_never_merged():
    found = contents(user("q"), model("a", Text(text="b", seal=OWN), "c", "d", Text(text="", seal=OWN)))
    assert found[1]["parts"] == [
        {"text": "a"},
        {"text": "b", "thoughtSignature": "c2ln"},
        {"text": "cd"},
        {"text": "", "thoughtSignature": "c2ln"},
    ]


@pytest.mark.parametrize(
    ("arguments", "form", "args", "rule"),
    [
        ("", "json", {}, ""),
        ('{"a":9007199254740993}', "json", {"a": 9007199254740993}, ""),
        ("[1]", "json", {"value": [1]}, "arguments-no-object"),
        ('{"a":', "json", {"_raw": '{"a":'}, "arguments-not-json"),
        ("free", "text", {"input": "free"}, "freeform-as-json"),
    ],
)
def test_arguments_become_an_object(arguments, form, args, rule):
    ledger = Ledger()
    call = ToolCall(id="1", name="f", arguments=arguments, form=form)
    found = contents(user("q"), model(call), user(ToolResult(call="1")), traits=TWO, ledger=ledger)
    assert found[1]["parts"][0]["functionCall"]["args"] == args
    assert rules(ledger) == ([rule] if rule else [])


def test_calls_and_results_that_do_not_meet():
    ledger = Ledger()
    found = contents(
        model(ToolCall(id="1", name="f", arguments="{}"), ToolCall(id="2", name="f", arguments="{}")),
        user(
            ToolResult(call="1", parts=[Text(text="a")]),
            ToolResult(call="1", parts=[Text(text="b")]),
            ToolResult(call="9", parts=[Text(text="lost")], name="g"),
        ),
        model(ToolCall(id="1", name="f", arguments="{}")),
        traits=TWO,
        ledger=ledger,
    )
    assert found[0] == {"role": "user", "parts": [{"text": "."}]}
    assert [part["functionResponse"]["response"] for part in found[2]["parts"]] == [
        {"output": "a\nb"},
        {"error": "no result was provided"},
    ]
    assert found[3]["parts"] == [{"text": "Result of g:\nlost"}]
    assert found[4]["parts"][0]["functionCall"]["id"] == "1_2"
    assert found[5]["parts"][0]["functionResponse"]["id"] == "1_2"
    assert rules(ledger) == ["leading-assistant", "duplicate-result", "call-id"]
    assert sorted(reasons(ledger, semantic=True)) == [
        "a call without a result",
        "a call without a result",
        "a result without its call",
        "the conversation begins with a call",
    ]


def test_system_text_stands_on_top_or_at_its_place():
    ledger = Ledger()
    request = ask(
        Turn(role="system", parts=[Text(text="A")]),
        Turn(role="developer", parts=[Text(text="B")]),
        user("q"),
        Turn(role="developer", parts=[Text(text="mid")]),
        user("r"),
    )
    found = write(request, ledger=ledger)
    assert found["systemInstruction"] == {"parts": [{"text": "A"}, {"text": "B"}]}
    assert [part["text"] for part in found["contents"][0]["parts"]] == [
        "q",
        "<system-reminder>\nmid\n</system-reminder>",
        "r",
    ]
    assert rules(ledger) == ["system-in-the-middle"]
    alone = write(ask(system=[Text(text="S")]))
    assert alone["contents"] == [{"role": "user", "parts": [{"text": "S"}]}]
    assert "systemInstruction" not in alone


def test_attachments():
    ledger = Ledger()
    (content,) = contents(
        user(
            Image(source=PNG, detail="low"),
            Image(source=Url("https://a.example/b.webp")),
            Document(source=Inline("application/pdf", "JVBE"), title="T"),
            Document(source=PlainText("body"), title="T", context="C"),
            Document(source=PlainText("é")),
            Document(source=Blocks([Text(text="in"), Image(source=PNG)])),
            Audio(source=Inline("audio/wav", "UklG")),
            Video(source=Url("https://youtu.be/x"), meta=Raw(b'{"fps":1}')),
            SearchResult(source="https://s.example", title="S", parts=[Text(text="hit")]),
            File(source=FileRef("gs://b/x", "google", "text/csv")),
            "  ",
        ),
        ledger=ledger,
    )
    png = {"mimeType": "image/png", "data": PNG.data}
    assert content["parts"] == [
        {"inlineData": png, "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}},
        {"fileData": {"mimeType": "image/webp", "fileUri": "https://a.example/b.webp"}},
        {"text": "T"},
        {"inlineData": {"mimeType": "application/pdf", "data": "JVBE"}},
        {"text": "T\nC\n\nbody"},
        {"inlineData": {"mimeType": "text/plain", "data": "w6k="}},
        {"text": "in"},
        {"inlineData": png},
        {"inlineData": {"mimeType": "audio/wav", "data": "UklG"}},
        {"fileData": {"fileUri": "https://youtu.be/x"}, "videoMetadata": {"fps": 1}},
        {"text": "S\nhttps://s.example\n\nhit"},
        {"fileData": {"mimeType": "text/csv", "fileUri": "gs://b/x"}},
    ]
    assert reasons(ledger) == ["empty text"]


@pytest.mark.parametrize(
    "part",
    [
        Image(source=Inline("image/gif", "R0lG")),
        Image(source=FileRef("file-1", "openai")),
        Audio(id="audio_1"),
        Thinking(text="x"),
    ],
)
def test_what_gemini_cannot_see_is_a_loss_that_counts(part):
    ledger = Ledger()
    contents(user("q", part), ledger=ledger)
    assert len(reasons(ledger, semantic=True)) == 1


def test_history_of_others_is_left_out_and_told():
    ledger = Ledger()
    foreign = HostedCall(id="1", kind="web_search", name="web_search", vendor="anthropic", native=Raw(b"{}"))
    found = contents(
        user("q"),
        model(
            Thinking(text="x"),
            foreign,
            Unknown(dialect="claude", tag="new", raw=Raw(b"{}")),
            Refusal(text="no"),
            Text(text="!", citations=[Citation(url="u")], cache=CacheMark()),
        ),
        Turn(role="user", parts=[Text(text="x")], name="bob"),
        ledger=ledger,
    )
    assert found[1]["parts"] == [{"text": "no!"}]
    assert sorted(reasons(ledger)) == [
        "cache breakpoints are not known",
        "citations in history",
        "new: unknown to this version",
        "no names of speakers",
        "thinking without a seal",
        "web_search: run by anthropic",
    ]


def test_tools_and_names():
    ledger = Ledger()
    own = HostedTool(kind="maps", vendor="google", native=Raw(b'{"googleMaps":{}}'))
    request = ask(
        user("q"),
        model(ToolCall(id="1", name="2 fast", arguments="{}")),
        user(ToolResult(call="1")),
        tools=[
            FunctionTool(name="2 fast", strict=True),
            FunctionTool(name="say", form="text", grammar=Raw(b'{"type":"text"}')),
            FunctionTool(name="own", schema=Raw(b'{"type":"OBJECT"}'), gemini_schema=True),
            FunctionTool(name="f", namespace="ns", schema=Raw(b'{"type":"object"}')),
            HostedTool(kind="web_search", vendor="anthropic", native=Raw(b"{}")),
            HostedTool(kind="computer", vendor="openai", native=Raw(b"{}"), at="$.tools[5]"),
            own,
        ],
        tool_choice=ToolChoice(mode="auto", only=["2 fast"]),
        parallel_tools=False,
    )
    out = DIALECT.write_request(request, aim(), ledger)
    found = json.loads(out.body)
    declared = found["tools"][0]["functionDeclarations"]
    fast = declared[0]["name"]
    assert fast.startswith("__fast_")
    assert out.tools[fast].name == "2 fast"
    assert out.tools["say"].form == "text"
    assert declared[1]["parametersJsonSchema"]["required"] == ["input"]
    assert declared[2]["parameters"] == {"type": "OBJECT"}
    assert declared[3]["name"] == "ns__f"
    assert found["tools"][1:] == [{"googleSearch": {}}, {"googleMaps": {}}]
    assert found["toolConfig"] == {
        "functionCallingConfig": {"mode": "VALIDATED", "allowedFunctionNames": [fast]},
        "includeServerSideToolInvocations": True,
    }
    assert found["contents"][1]["parts"][0]["functionCall"]["name"] == fast
    assert found["contents"][2]["parts"][0]["functionResponse"]["name"] == fast
    assert reasons(ledger, semantic=True) == ["computer: a tool of openai without an equivalent"]
    assert "calls cannot be limited to one at a time" in reasons(ledger)


@pytest.mark.parametrize(
    ("mode", "word"), [("none", "NONE"), ("auto", "AUTO"), ("required", "ANY"), ("validated", "VALIDATED")]
)
def test_tool_choice(mode, word):
    request = ask(user("q"), tools=[FunctionTool(name="f")], tool_choice=ToolChoice(mode=mode))
    assert write(request)["toolConfig"] == {"functionCallingConfig": {"mode": word}}
    config = {"functionCallingConfig": {"mode": word}}
    assert read({"contents": [], "toolConfig": config}).tool_choice == ToolChoice(mode=mode)


def test_a_choice_without_tools_is_dropped():
    ledger = Ledger()
    assert "toolConfig" not in write(ask(user("q"), tool_choice=ToolChoice(mode="required")), ledger=ledger)
    write(ask(user("q"), tool_choice=ToolChoice(mode="required", hosted="web_search")), ledger=ledger)
    assert reasons(ledger, semantic=True) == ["a hosted tool cannot be forced"]


@pytest.mark.parametrize(
    ("reasoning", "traits", "config"),
    [
        (Reasoning(mode="off"), TWO, {"thinkingBudget": 0}),
        (Reasoning(mode="off"), THREE, {"thinkingLevel": "LOW"}),
        (Reasoning(mode="auto"), TWO, {"thinkingBudget": -1, "includeThoughts": True}),
        (Reasoning(mode="effort", effort="max"), THREE, {"thinkingLevel": "HIGH", "includeThoughts": True}),
        (
            Reasoning(mode="effort", effort="high", show="none"),
            TWO,
            {"thinkingBudget": 24576, "includeThoughts": False},
        ),
        (Reasoning(mode="budget", budget=99999, show="auto"), TWO, {"thinkingBudget": 24576, "includeThoughts": True}),
        (Reasoning(mode="effort", effort="max"), Traits(), {"thinkingLevel": "XHIGH", "includeThoughts": True}),
        (Reasoning(mode="auto", show="auto"), Traits(), {"includeThoughts": True}),
        (Reasoning(mode="auto", show="auto"), Traits(known=True), None),
    ],
)
def test_thinking(reasoning, traits, config):
    found = write(ask(user("q"), reasoning=reasoning), traits)
    assert found.get("generationConfig", {}).get("thinkingConfig") == config


@pytest.mark.parametrize(
    ("config", "reasoning"),
    [
        ({"thinkingBudget": 0}, Reasoning(mode="off")),
        ({"thinkingBudget": -1, "includeThoughts": False}, Reasoning(mode="auto", show="none")),
        ({"thinkingLevel": "HIGH"}, Reasoning(mode="effort", effort="high")),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, None),
        ({"includeThoughts": True}, Reasoning(mode="auto", show="auto")),
        ({"includeThoughts": False}, None),
    ],
)
def test_thinking_is_read(config, reasoning):
    assert read({"contents": [], "generationConfig": {"thinkingConfig": config}}).reasoning == reasoning


@pytest.mark.parametrize(
    ("wanted", "traits", "config"),
    [
        (OutputFormat(kind="json"), THREE, {"responseMimeType": "application/json"}),
        (OutputFormat(kind="text"), THREE, None),
        (
            OutputFormat(kind="schema", schema=Raw(b'{"type":"object","properties":{"a":{"const":1}}}')),
            THREE,
            {
                "responseMimeType": "application/json",
                "responseJsonSchema": {"type": "object", "properties": {"a": {"enum": [1]}}},
            },
        ),
        (
            OutputFormat(kind="schema", schema=Raw(b'{"type":"array","items":{"type":"string"}}')),
            TWO,
            {
                "responseMimeType": "application/json",
                "responseSchema": {"type": "ARRAY", "items": {"type": "STRING"}},
            },
        ),
        (
            OutputFormat(kind="enum", schema=Raw(b'{"type":"STRING","enum":["a"]}'), gemini_schema=True),
            THREE,
            {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a"]}},
        ),
    ],
)
def test_output_formats(wanted, traits, config):
    assert write(ask(user("q"), format=wanted), traits).get("generationConfig") == config


def test_older_models_take_a_format_or_tools():
    ledger = Ledger()
    request = ask(
        user("q"),
        tools=[FunctionTool(name="f"), HostedTool(kind="code", vendor="openai", native=Raw(b"{}"))],
        format=OutputFormat(kind="json"),
    )
    found = write(request, TWO, ledger)
    assert found["tools"] == [{"functionDeclarations": [{"name": "f"}]}]
    assert "generationConfig" not in found
    assert len(reasons(ledger, semantic=True)) == 2


def test_settings_without_a_place_are_reported():
    ledger = Ledger()
    request = ask(
        user("q"),
        max_output=0,
        sampling=Sampling(temperature=0.5, logit_bias=Raw(b"{}")),
        stops=list("abcdefg"),
        verbosity="low",
        speed="fast",
        prediction=Raw(b"{}"),
        audio=Raw(b"{}"),
        image=Raw(b"{}"),
        safety=Raw(b"{}"),
        identity=Identity(user="u", safety="s", metadata={"a": "b"}),
        cache=CacheHints(key="k", retention="24h", automatic=CacheMark()),
        service_tier="standard_only",
        state=ServerState(cached_content="c", container=Raw(b'"c"'), store=True),
        at={"stops": "$.stop"},
    )
    found = write(request, Traits(known=True, sampling=False), ledger)
    assert found["generationConfig"] == {"stopSequences": list("abcde"), "maxOutputTokens": 1}
    assert found["serviceTier"] == "standard"
    semantic = [loss.path for loss in ledger.losses if loss.semantic]
    assert sorted(semantic) == ["$.max_output", "$.state.cached_content", "$.state.container"]
    assert rules(ledger) == ["stop-cut"]
    assert len(ledger.losses) == 18


@pytest.mark.parametrize(
    "state",
    [ServerState(previous_response="r"), ServerState(conversation=Raw(b'"c"')), ServerState(background=True)],
)
def test_state_of_another_vendor_is_refused(state):
    with pytest.raises(Unwritable):
        write(ask(user("q"), state=state))


def test_the_limit_of_the_model_is_kept():
    ledger = Ledger()
    found = write(ask(user("q"), max_output=1_000_000), THREE, ledger)
    assert found["generationConfig"]["maxOutputTokens"] == 65536
    assert rules(ledger) == ["max-output"]


def test_the_next_turn_extends_the_last():
    turns = [
        user("q"),
        model("a", ToolCall(id="1", name="f", arguments="{}")),
        user(ToolResult(call="1"), "and?"),
        model("b"),
        user("c"),
    ]
    shorter, longer = contents(*turns[:3]), contents(*turns)
    assert longer[: len(shorter)] == shorter
    once = DIALECT.write_request(ask(*turns), aim(), Ledger()).body
    assert once == DIALECT.write_request(ask(*turns), aim(), Ledger()).body
