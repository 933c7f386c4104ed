"""Code Assist's envelopes, around requests and answers: opened whatever way they come, and nothing else is touched."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators import antigravity, exchange, gemini_cli
from translators.dialect import Asked, Traits
from translators.events import Ended, Failed, Sealed, Started, TextDelta
from translators.losses import Ledger
from translators.pump import Pump
from translators.registry import DIALECTS
from translators.seals import GEMINI_BYPASS

GEMINI, CLAUDE = DIALECTS["gemini"], DIALECTS["claude"]
VARIANTS = [DIALECTS["gemini-cli"], DIALECTS["antigravity"]]
INNER = [
    b'{"candidates":[{"content":{"role":"model","parts":[{"text":"a \\"response\\": {"}]}}],"modelVersion":"m"}',
    b'{ "usageMetadata": {"promptTokenCount": 3} }',
    b'{"candidates":[{"content":{"parts":[{"text":"b\\u2028"}]},"finishReason":"STOP"}],"responseId":"r1","z":1.50}',
]


def enveloped(inner: bytes) -> bytes:
    return b'{"response": ' + inner + b', "traceId": "t1", "consumedCredits": []}'


STREAM = b"".join(b"data: " + enveloped(inner) + b"\n\n" for inner in INNER)
OPENED = b"".join(b"data: " + inner + b"\n\n" for inner in INNER)


def pump(client: Any, upstream: Any, stream: bool, streamed: bool) -> Pump:
    return exchange.pump(client, upstream, Asked("m", stream, 1, "5eed"), {}, streamed=streamed)


def said(made: Pump, raw: bytes, size: int) -> bytes:
    return b"".join(made.feed(raw[at : at + size]) for at in range(0, len(raw), size)) + made.finish()


@given(size=st.integers(1, 500), crlf=st.booleans())
def test_a_gemini_client_gets_what_is_inside(size: int, crlf: bool) -> None:
    raw = STREAM.replace(b"\n", b"\r\n") if crlf else STREAM
    made = pump(GEMINI, VARIANTS[0], True, True)
    assert said(made, raw, size) == OPENED
    assert (made.failure, made.ended) == (None, True)


@given(size=st.integers(1, 500), form=st.sampled_from(["events", "array", "lines"]))
def test_every_form_of_an_answer_is_read_alike(size: int, form: str) -> None:
    objects = [enveloped(inner) for inner in INNER]
    raw = {"events": STREAM, "array": b"[" + b",\n".join(objects) + b"]", "lines": b"\n".join(objects)}[form]
    for dialect in VARIANTS:
        reader, plain = dialect.stream_reader(), GEMINI.stream_reader()
        events = [event for at in range(0, len(raw), size) for event in reader.feed(raw[at : at + size])]
        wanted = plain.feed(OPENED) + plain.finish()
        found = events + reader.finish()
        assert [e for e in found if type(e) is not Started] == [e for e in wanted if type(e) is not Started]
        assert dialect.read_reply(raw)[1:] == wanted[1:]


@pytest.mark.parametrize("dialect", VARIANTS, ids=lambda dialect: dialect.name)
def test_the_trace_names_an_answer_without_a_name(dialect: Any) -> None:
    assert dialect.read_reply(enveloped(INNER[2]))[0].id == "r1"
    assert dialect.read_reply(enveloped(INNER[0]))[0].id == "t1"
    assert dialect.read_reply(INNER[0])[0].id == ""


def test_an_answer_cut_short_is_an_error() -> None:
    for client in (GEMINI, CLAUDE):
        made = pump(client, VARIANTS[0], True, True)
        assert b"error" in said(made, STREAM[: STREAM.rindex(b"data:")], 7)
        assert made.failure is not None
        assert made.failure.kind == "truncated"


@pytest.mark.parametrize("array", [False, True])
@pytest.mark.parametrize("client", [GEMINI, CLAUDE], ids=lambda dialect: dialect.name)
def test_an_error_as_the_first_word_is_a_failure(client: Any, array: bool) -> None:
    error = b'{"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED"}}'
    made = pump(client, VARIANTS[0], True, True)
    out = said(made, b"[" + error + b"]" if array else b"data: " + error + b"\n\n", 5)
    assert (out, made.committed) == (b"", False)
    assert made.failure is not None
    if not (array and client is GEMINI):  # what is no frame says nothing to who only passes frames on
        assert made.failure.status == 429


def test_an_error_under_way_reaches_the_client() -> None:
    error = b'data: {"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}\n\n'
    for client in (GEMINI, CLAUDE):
        made = pump(client, VARIANTS[0], True, True)
        out = said(made, STREAM[: STREAM.index(b"data:", 5)] + error, 9)
        assert b"busy" in out
        assert made.failure is not None


def test_data_over_several_lines_becomes_one_frame() -> None:
    raw = b'data: {"response":\ndata: {"candidates":\ndata: [{"finishReason":"STOP"}]}}\n\n'
    made = pump(GEMINI, VARIANTS[0], True, True)
    assert said(made, raw, 4) == b'data: {"candidates": [{"finishReason":"STOP"}]}\n\n'


@pytest.mark.parametrize("streamed", [False, True])
def test_one_body_for_a_gemini_client(streamed: bool) -> None:
    made = pump(GEMINI, VARIANTS[0], False, streamed)
    out = said(made, STREAM if streamed else b" " + enveloped(INNER[2]) + b"\n", 11)
    if streamed:
        assert json.loads(out)["candidates"][0]["content"]["parts"][0]["text"].startswith('a "response"')
    else:
        assert out == INNER[2]


def test_whole_answers_that_are_none() -> None:
    for raw in (b'{"response":{}}', b'{"error":{"code":500,"message":"x"}}', b"<html>", b""):
        made = pump(GEMINI, VARIANTS[0], False, False)
        assert said(made, raw, 3) == b""
        assert made.failure is not None


# --- requests -------------------------------------------------------------------------------------------------------

THOUGHT = {"text": "hm", "thought": True, "thoughtSignature": "c2VhbA=="}
CALL = {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c2VhbA=="}
SAID = [
    {"role": "user", "parts": [{"text": "x"}]},
    {"role": "model", "parts": [THOUGHT, CALL]},
    {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]},
    {"role": "model", "parts": [THOUGHT]},
    {"role": "user", "parts": [{"text": "y"}]},
]


def test_signatures_are_found_in_the_envelope() -> None:
    bare = json.dumps({"contents": SAID}).encode()
    body = gemini_cli.wrap(bare, "m", "p", Ledger())
    for dialect in VARIANTS:
        assert dialect.unseal is not None
        found, paths = dialect.unseal(body, lambda data, current: True)
        inside, _ = GEMINI.unseal(bare, lambda data, current: True)
        assert json.loads(found) == {"model": "m", "project": "p", "request": json.loads(inside)}
        assert paths[0] == "$.request.contents[1].parts[0]"
        assert GEMINI_BYPASS in found.decode()
        assert dialect.unseal(body, lambda data, current: False) == (body, [])
        assert dialect.unseal(bare, lambda data, current: True)[0] == inside


def test_what_is_counted() -> None:
    body = json.dumps({"contents": SAID, "generationConfig": {"seed": 1}, "safetySettings": [], "toolConfig": {}})
    for raw in (body, json.dumps({"generateContentRequest": {"model": "models/m", **json.loads(body)}})):
        request = json.loads(gemini_cli.wrap_count(raw.encode(), "m"))["request"]
        assert request.keys() == {"model", "contents"}
        assert [len(content["parts"]) for content in request["contents"]] == [1, 1, 1, 1]


def agent(body: dict[str, Any], model: str, **traits: Any) -> tuple[dict[str, Any], Ledger]:
    ledger = Ledger()
    raw = json.dumps({"contents": SAID[:1]} | body).encode()
    return json.loads(antigravity.wrap(raw, model, "p", Traits(**traits), "5eed", 1_760_000_000, ledger)), ledger


@pytest.mark.parametrize(
    ("schema", "filled"),
    [
        (None, {"properties": ["reason"], "required": ["reason"]}),
        ({"type": "object"}, {"properties": ["reason"], "required": ["reason"]}),
        ({"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}, {"properties": ["a"], "required": []}),
    ],
)
def test_no_object_is_empty(schema: Any, filled: dict[str, Any]) -> None:
    function = {"name": "f"} | ({"parameters": schema} if schema else {})
    found, _ = agent({"tools": [{"functionDeclarations": [function]}]}, "claude-x")
    told = found["request"]["tools"][0]["functionDeclarations"][0]["parameters"]
    assert {"properties": list(told["properties"]), "required": told.get("required", [])} == filled


def test_inner_objects_want_something_but_properties_named_like_keywords_are_data() -> None:
    inner = {"type": "object", "properties": {"type": {"type": "string"}}}
    schema = {"type": "object", "properties": {"properties": {"type": "array", "items": inner}, "required": inner}}
    function = {"name": "f", "parameters": schema}
    found, _ = agent({"tools": [{"functionDeclarations": [function]}]}, "gemini-3.1-pro-low")
    told = found["request"]["tools"][0]["functionDeclarations"][0]["parameters"]["properties"]
    assert told["properties"]["items"]["required"] == ["_"]
    assert told["required"]["required"] == ["_"]
    assert told["required"]["properties"].keys() == {"type", "_"}


@pytest.mark.parametrize(
    ("mode", "sent"), [(None, "VALIDATED"), ("AUTO", "VALIDATED"), ("ANY", "VALIDATED"), ("NONE", "NONE")]
)
def test_claude_models_validate(mode: str | None, sent: str) -> None:
    choice = {"toolConfig": {"functionCallingConfig": {"mode": mode}}} if mode else {}
    found, ledger = agent({"tools": [{"functionDeclarations": [{"name": "f"}]}]} | choice, "claude-x")
    assert found["request"]["toolConfig"]["functionCallingConfig"]["mode"] == sent
    assert any(loss.semantic for loss in ledger.losses) is (mode == "ANY")


def test_ids_are_made_of_what_comes_in() -> None:
    first, _ = agent({}, "gemini-3-flash")
    assert agent({}, "gemini-3-flash")[0] == first
    assert first["requestId"].startswith("agent-")
    assert "userAgent" not in first
    other, _ = agent({"labels": {"a": "b"}}, "gemini-3-flash")
    assert other["requestId"] != first["requestId"]
    assert other["request"]["sessionId"] == first["request"]["sessionId"]
    image, _ = agent({}, "gemini-3.1-flash-image")
    assert image["requestId"].startswith("image_gen/1760000000000/")
    assert "sessionId" not in image["request"]


def test_snake_case_in_answers() -> None:
    text = b'{"text":"say \\"thought_signature\\": x","thought_signature":"c2VhbA=="}'
    parts = b"[" + text + b',{"inline_data":{"mimeType":"image/png","data":"AA=="}}]'
    raw = enveloped(b'{"candidates":[{"content":{"parts":' + parts + b'},"finishReason":"STOP"}]}')
    events = VARIANTS[1].read_reply(raw)
    assert [event.text for event in events if isinstance(event, TextDelta)] == ['say "thought_signature": x']
    assert any(isinstance(event, Sealed) for event in events)
    assert any(getattr(event, "kind", "") == "image" for event in events)


def test_a_refusal_told_as_an_answer_is_a_failure_only_where_it_is_all() -> None:
    def answer(text: str) -> list[Any]:
        said = {"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}]}
        return VARIANTS[1].read_reply(enveloped(json.dumps(said).encode()))

    gone = "This version of Antigravity is no longer supported."
    [failed] = answer(gone)
    assert isinstance(failed, Failed)
    assert failed.failure.kind == "policy"
    assert isinstance(answer(f"It says: {gone}")[-1], Ended)
