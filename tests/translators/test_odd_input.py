"""What is odd, but can be parsed, gets a sensible answer or a clear refusal: never another exception, never no end."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import casefile
from translators import exchange
from translators.dialect import Aim, Asked
from translators.errors import UNDECODABLE, TranslationError, Unreadable
from translators.events import MOST_CANDIDATES, BlockClosed, Finished, Order, TextDelta
from translators.losses import Ledger
from translators.registry import DIALECTS

ODD = (None, True, 0, -1, 2**63, 10**40, 1.5, "", "a", "\ud83d", [], {}, [None], [{}], {"type": None}, [[[]]])


def sent(request: object, client: str, upstream: str) -> tuple[object, Ledger]:
    ledger = Ledger()
    dialect = DIALECTS[client]
    read = dialect.read_request(json.dumps(request).encode(), "" if dialect.model_in_body else "m", None, ledger)
    written = DIALECTS[upstream].write_request(read, Aim("m", "p", DIALECTS[upstream].vendor, stream=False), ledger)
    return json.loads(written.body), ledger


def test_a_call_that_a_user_makes_is_lost_and_told():
    contents = [
        {"role": "user", "parts": [{"text": "x"}, {"functionCall": {"name": "f", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "y"}}}]},
    ]
    body, ledger = sent({"contents": contents}, "gemini", "claude")
    assert "tool_use" not in json.dumps(body)
    assert ("$.contents[0].parts[1]", "ToolCall cannot stand here") in [(e.path, e.reason) for e in ledger.losses]
    sent({"contents": [contents[0] | {"parts": contents[0]["parts"][1:]}, contents[1]]}, "gemini", "claude")


@pytest.mark.parametrize("upstream", ["claude", "gemini", "openai-responses"])
@pytest.mark.parametrize("schema", [{"properties": []}, {"anyOf": 1}, {"type": "object", "required": [{}]}])
def test_a_tool_whose_schema_is_none_is_refused_with_its_path(upstream, schema):
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    with pytest.raises(Unreadable) as refused:
        sent({"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [tool]}, "openai-chat", upstream)
    assert refused.value.path.startswith("$.tools[0]")
    assert "a schema that is none: expected" in refused.value.message


def claude(*events: dict[str, object]) -> bytes:
    return b"".join(b"event: %s\ndata: %s\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in events)


CALL = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
OPEN = {"type": "content_block_start", "index": 0, "content_block": CALL}
HALF = {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"a":'}}
END = {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}}, {"type": "message_stop"}


@pytest.mark.parametrize(
    "events",
    [
        (OPEN, HALF, *END),
        (OPEN, HALF, OPEN | {"content_block": CALL | {"id": "u"}}, *END),
        (OPEN, HALF, OPEN | {"content_block": {"type": "text", "text": "x"}}, *END),
    ],
)
def test_half_a_call_whose_end_was_not_told_is_closed_as_cut(events):
    reader, order = DIALECTS["claude"].stream_reader(), Order()
    read = [*reader.feed(claude({"type": "message_start", "message": {}}, *events)), *reader.finish()]
    for event in read:
        order.check(event)
    assert order.state == "over"
    assert next(e for e in read if isinstance(e, BlockClosed)).complete is False


CHAT = b'data: {"id":"x","choices":[{"index":%s,"delta":{"content":"a"},"finish_reason":"stop"%s}]}\n\ndata: [DONE]\n\n'
GEMINI = b'data: {"candidates":[{"index":%s,"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}\n\n'


@pytest.mark.parametrize("index", [-1, MOST_CANDIDATES, 10**9])
@pytest.mark.parametrize(("upstream", "wire"), [("openai-chat", CHAT.replace(b"%s}]}", b"}]}")), ("gemini", GEMINI)])
def test_an_index_out_of_range_is_none(upstream, wire, index):
    reader = DIALECTS[upstream].stream_reader()
    read = [*reader.feed(wire % str(index).encode()), *reader.finish()]
    if upstream == "openai-chat":
        whole = b'{"choices":[{"index":%d,"message":{"content":"a"}}]}' % index
        assert [e.candidate for e in DIALECTS[upstream].read_reply(whole) if isinstance(e, Finished)] == [0]
    assert [e.candidate for e in read if isinstance(e, Finished)] == [0]
    pump = exchange.pump(
        DIALECTS["openai-chat"], DIALECTS[upstream], Asked("m", True, 1, "5eed"), {}, streamed=True
    )  # fmt: skip
    assert len(pump.feed(wire % str(index).encode()) + pump.finish()) < 2000


@pytest.mark.parametrize("odd", [b"1", b"[1]", b'"a"', b'[{"token":1}]', b"{}"])
def test_log_probabilities_that_are_none_are_left_out(odd):
    reader = DIALECTS["openai-chat"].stream_reader()
    read = reader.feed(CHAT % (b"0", b',"logprobs":{"content":' + odd + b"}"))
    assert [(e.text, e.logprobs) for e in read if isinstance(e, TextDelta)] == [("a", None)]


# --- anything -------------------------------------------------------------------------------------------------------


def fixtures(section: str) -> list[tuple[str, bytes]]:
    """The JSON given in the crossings, each with its dialect."""
    found = []
    for path in sorted((Path(casefile.FOLDER) / "crossings").rglob("*.case")):
        case = casefile.load(path)
        side = "client" if section == "client request" else "upstream"
        names = [name for name in case.names(side) if name in DIALECTS]
        if section in case.sections and names:
            found.append((names[0], case.sections[section].strip().encode()))
    return found


REQUESTS, REPLIES = fixtures("client request"), fixtures("upstream reply")


def mutated(wire: bytes, chance: random.Random) -> bytes:
    """One of the frames, or the one object, with up to three of its nodes replaced by something odd."""
    frames = wire.split(b"\n\n")
    where = chance.randrange(len(frames))
    start = max(frames[where].find(b"{"), 0)
    try:
        tree = json.loads(frames[where][start:])
    except ValueError:
        del frames[where]
        return b"\n\n".join(frames)
    for _ in range(chance.randrange(1, 4)):
        node = chance.choice(list(containers(tree)) or [[None]])
        if node:
            key = chance.choice(list(node) if isinstance(node, dict) else range(len(node)))
            node[key] = json.loads(json.dumps(chance.choice(ODD)))
    frames[where] = frames[where][:start] + json.dumps(tree).encode()
    return b"\n\n".join(frames)


def containers(tree):
    if isinstance(tree, dict | list):
        yield tree
        for inner in tree.values() if isinstance(tree, dict) else tree:
            yield from containers(inner)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(REQUESTS), st.integers(0, 2**32))
def test_any_request_is_written_or_refused(fixture, seed):
    name, wire = fixture
    try:
        ledger = Ledger()
        dialect = DIALECTS[name]
        body = mutated(wire, random.Random(seed))
        read = dialect.read_request(body, "" if dialect.model_in_body else "m", None, ledger)
    except TranslationError:
        return
    for other in DIALECTS.values():
        try:
            sent = other.write_request(read, Aim("m", "p", other.vendor, stream=read.stream), ledger.copy())
        except TranslationError:
            continue
        assert isinstance(json.loads(sent.body), dict)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(REPLIES), st.integers(0, 2**32), st.sampled_from(sorted(DIALECTS)), st.booleans())
def test_any_answer_comes_to_its_end(fixture, seed, client, streamed):
    name, wire = fixture
    wire = mutated(wire, random.Random(seed))
    order = Order()
    try:
        for event in DIALECTS[name].read_reply(wire):
            order.check(event)
    except (Unreadable, *UNDECODABLE):
        pass
    asked = Asked("m", streamed, 1, "5eed")
    pump = exchange.pump(DIALECTS[client], DIALECTS[name], asked, {}, streamed=b"data:" in wire)
    said = pump.feed(wire[: seed % 50]) + pump.feed(wire[seed % 50 :]) + pump.finish()
    assert pump.ended or pump.failure is not None
    assert pump.failure is None or pump.failure.origin != "cliproxy", pump.failure.message
    assert len(said) <= (1 << 16) + 64 * len(wire)
