"""A file of recorded flows answers in the place of upstreams; what it does not know is a loud error."""

import time
from pathlib import Path
from typing import Any

import anthropic
import httpx
import msgspec
import pytest
from mitmproxy.flow import Flow
from mitmproxy.http import HTTPFlow
from mitmproxy.io import FlowWriter
from mitmproxy.test import tflow, tutils

from addons import playback
from addons.authorize import Authorize
from addons.cassette import BadCassette, Cassette, load
from addons.exchanges import Exchange
from addons.inspection.hiding import Hider
from addons.inspection.likeness import MEMBERS, WORDINGS, mark, normal
from addons.inspection.recorded import recorded
from tests.addons.recordings import ASK, CHAT, recording
from tests.addons.scene import LAB, Scene, scene
from tests.proxy import free_port, proxy
from translators.routes import Call

GENERATE = Call("claude", "generate")


def write(path: Path, *flows: Flow) -> Path:
    with path.open("wb") as file:
        for flow in flows:
            FlowWriter(file).add(flow)
    return path


def said(words: str) -> bytes:
    """An answer of the upstream with other words."""
    return CHAT.replace(b"Hel", words.encode())


def emitted(flow: HTTPFlow) -> bytes:
    found = recorded(flow)
    assert found is not None
    return found.emitted


def body(**changes: Any) -> bytes:
    return msgspec.json.encode(ASK | changes)


# --- what is the same request ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "one", "other"),
    [
        ("claude", ASK, dict(reversed(list(ASK.items())))),
        ("claude", ASK, ASK | {"metadata": {"user_id": "another"}}),
        (
            "claude",
            ASK | {"system": [{"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.330.1; a"}]},
            ASK | {"system": [{"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.331.7; b"}]},
        ),
        (
            "claude",
            ASK | {"system": "Today's date is 2026-11-22. Go"},
            ASK | {"system": "Today's date is 2026-11-23. Go"},
        ),
        ("openai-responses", {"input": [{"id": "msg_1", "x": 1}]}, {"input": [{"id": "msg_2", "x": 1}]}),
        ("openai-responses", {"prompt_cache_key": "a"}, {"prompt_cache_key": "b", "client_metadata": {"t": 1}}),
        ("openai-chat", {"user": "a"}, {"safety_identifier": "b", "metadata": {}}),
        ("gemini", {"labels": {"a": "b"}}, {}),
    ],
)
def test_what_clients_make_up_anew_is_no_difference(dialect: str, one: Any, other: Any) -> None:
    forms = [normal(dialect, msgspec.json.encode(each)) for each in (one, other)]
    assert forms[0] == forms[1]
    assert mark(GENERATE, forms[0]) == mark(GENERATE, forms[1])


@pytest.mark.parametrize(
    ("dialect", "one", "other"),
    [
        ("claude", ASK, ASK | {"max_tokens": 10}),
        ("claude", ASK, ASK | {"stream": False}),
        ("claude", {"metadata": {"other": 1}}, {"metadata": {"other": 2}}),
        ("claude", {"system": "Today's date is fine: buy 3"}, {"system": "Today's date is fine: buy 4"}),
        ("claude", {"user": "a"}, {"user": "b"}),
        ("openai-responses", {"input": [{"call_id": "1"}]}, {"input": [{"call_id": "2"}]}),
    ],
)
def test_what_is_asked_is_a_difference(dialect: str, one: Any, other: Any) -> None:
    assert mark(GENERATE, normal(dialect, msgspec.json.encode(one))) != mark(
        GENERATE, normal(dialect, msgspec.json.encode(other))
    )


def test_the_tables_say_why() -> None:
    assert all(member.why for members in MEMBERS.values() for member in members)
    assert all(wording.why for wording in WORDINGS)
    assert normal("claude", b"\xff no json") == "\\xff no json"


# --- the file -------------------------------------------------------------------------------------------------------


def test_repeated_requests_walk_through_the_recordings_and_stay_on_the_last(tmp_path: Path) -> None:
    first, second = recording(reply=said("One")), recording(reply=said("Two"))
    tape = load(write(tmp_path / "a.mitm", first, recording(ASK | {"max_tokens": 1}), second))
    numbers = []
    for _ in range(4):
        found = tape.next(GENERATE, body(metadata={"user_id": "somebody else"}))
        assert not isinstance(found, str)
        numbers.append(found.number)
    assert numbers == [1, 3, 3, 3]


def test_a_miss_tells_the_nearest(tmp_path: Path) -> None:
    near = recording(ASK | {"system": "Be brief", "temperature": 1})
    tape = load(write(tmp_path / "a.mitm", recording(ASK | {"max_tokens": 1, "top_k": 1, "tools": []}), near))
    why = tape.next(GENERATE, body(system="Be long", temperature=1))
    assert why == (
        "a.mitm (2 recordings) has no answer to this request; the nearest is flow 2 (- recorded, + asked, ~ both, and "
        'other):\n~ $.system  "Be brief" → "Be long"'
    )
    hidden = tape.next(GENERATE, body(system="Be long", temperature=1), quoting=False)
    assert isinstance(hidden, str)
    assert hidden.endswith("other):\n$.system")
    other = tape.next(Call("claude", "count_tokens"), body())
    assert isinstance(other, str)
    assert '~ operation  "generate" → "count_tokens"' in other
    assert "has no answer" in str(Cassette(tmp_path, []).next(GENERATE, body()))


def test_what_another_program_recorded_is_played_too(tmp_path: Path) -> None:
    flow = tflow.tflow(resp=tutils.tresp(content=b'{"from":"the vendor"}'))
    flow.request.method, flow.request.path, flow.request.content = "POST", "/v1/messages?beta=true", body()
    found = load(write(tmp_path / "a.mitm", tflow.tflow(resp=True), tflow.ttcpflow(), flow)).next(GENERATE, body())
    assert not isinstance(found, str)
    assert (found.number, found.said) == (3, b'{"from":"the vendor"}')


def test_what_is_not_whole_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    left, cut, refused, unread = (recording(ASK | {"max_tokens": number}) for number in range(1, 5))
    hidden = recording()
    hidden.request.content = Hider(b"salt").body(hidden.request.content or b"")
    left.error = tflow.terr("the client left")
    cut.metadata["cliproxy"]["emitted"] += b"\n\n[\xe2\x80\xa6 9 bytes not kept \xe2\x80\xa6]\n\n"
    refused.metadata["cliproxy"] = {"client": "claude", "operation": "generate", "refusal": ["cliproxy", "auth", "no"]}
    unread.request.content = b"not json"
    file = write(tmp_path / "a.mitm", left, cut, refused, unread, recording(), hidden)
    with scene():  # mitmproxy's logging wants a loop that runs
        tape = load(file)
    assert [one.number for one in tape.recordings] == [5]
    assert "5 flows without a whole answer" in caplog.text


def test_a_file_that_cannot_be_played(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for path in (tmp_path / "nowhere.mitm", write(tmp_path / "empty.mitm"), write(tmp_path / "x.mitm", tflow.tflow())):
        with pytest.raises(BadCassette, match=path.name):
            load(path)
    file = write(tmp_path / "a.mitm", recording(), recording())
    file.write_bytes(file.read_bytes()[:-100])
    with scene():
        assert len(load(file).recordings) == 1
    assert "as far as it goes" in caplog.text


# --- in the proxy ---------------------------------------------------------------------------------------------------


def played(here: Scene, request: Any = ASK) -> Exchange:
    """The exchange of a request, decided."""
    exchange = here.open("/v1/messages", request)
    Authorize(here.exchanges, here.memory).choose(exchange)
    return exchange


async def test_an_exchange_is_answered_from_the_file(tmp_path: Path) -> None:
    stream, whole = recording(), recording(ASK | {"stream": False})
    refused = recording(ASK | {"max_tokens": 5}, b'{"error":{"message":"no"}}', status=429, kind="application/json")
    file = write(tmp_path / "a.mitm", stream, whole, refused)
    with scene(f"{LAB}\ncassette: {{file: '{file}'}}") as here:
        exchange = played(here)
        assert exchange.wire is not None
        assert exchange.wire.chunks is not None
        pump = exchange.wire.make_pump(True)
        got = [pump.feed(chunk) async for chunk in exchange.wire.chunks]
        assert b"".join(got) + pump.finish() == emitted(stream)
        assert pump.ended

        flow = played(here, ASK | {"stream": False}).flow
        assert flow.response is not None
        assert flow.response.content == emitted(whole)
        flow = played(here, ASK | {"max_tokens": 5}).flow
        assert flow.response is not None
        assert (flow.response.status_code, flow.response.content) == (429, emitted(refused))

        missed = played(here, ASK | {"max_tokens": 6})
        assert missed.refusal is not None
        assert (missed.refusal.code, missed.wire, missed.attempts) == (playback.MISS, None, [])
        assert "~ $.max_tokens  9 → 6" in missed.refusal.message or "~ $.max_tokens  5 → 6" in missed.refusal.message


async def test_the_pace_of_the_recording_is_kept_where_it_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = recording()
    size = len(emitted(flow))
    flow.metadata["cliproxy"]["emitted_marks"] = [0, 10, 250, 20, 1000, size - 30]
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(playback.asyncio, "sleep", sleep)
    file = write(tmp_path / "a.mitm", flow)
    for pace, sizes in ((True, [10, 20, size - 30]), (False, [size])):
        with scene(f"{LAB}\ncassette: {{file: '{file}', pace: {str(pace).lower()}}}") as here:
            exchange = played(here)
            assert exchange.wire is not None
            assert exchange.wire.chunks is not None
            assert [len(chunk) async for chunk in exchange.wire.chunks] == sizes
    assert slept == [0.0, 0.25, 1.0]


def test_a_file_that_goes_bad_asks_no_upstream(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with scene(f"{LAB}\ncassette: {{file: '{tmp_path / 'nowhere.mitm'}'}}") as here:
        exchange = played(here)
        assert exchange.refusal is not None
        assert exchange.wire is None
    assert "nowhere.mitm: No such file" in caplog.text


def test_a_cassette_in_a_real_proxy(tmp_path: Path) -> None:
    """Recorded with the offline demo, played with a host that is not there; the official library reads it."""
    ask: dict[str, Any] = {"model": "demo-tools", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]}
    ask["tools"] = [{"name": "look", "input_schema": {"type": "object", "properties": {}}}]
    with proxy({"demo": True}, tmp_path / "one", record=True) as running:
        client = anthropic.Anthropic(base_url=running.url, api_key="x", max_retries=0, timeout=20)
        first = client.messages.create(**ask)
        with client.messages.stream(**ask) as stream:
            streamed = stream.get_final_message()
        client.close()
    nowhere = {"name": "lab", "base-url": f"http://127.0.0.1:{free_port()}/v1", "models": [{"name": "demo-tools"}]}
    nowhere["api-key-entries"] = [{"api-key": "a-key-of-nobody"}]
    config = {"cassette": {"file": "../one/flows.mitm"}, "openai-compatibility": [nowhere]}
    with proxy(config, tmp_path / "two", record=True) as running:
        assert "2 recorded): no upstream is asked" in running.log
        client = anthropic.Anthropic(base_url=running.url, api_key="x", max_retries=2, timeout=20)
        began = time.monotonic()
        assert client.messages.create(**ask) == first
        with client.messages.stream(**ask) as stream:
            assert stream.get_final_message() == streamed
        assert httpx.post(f"{running.url}/v1/messages", json=ask | {"stream": True}).content.count(b"message_stop") == 2
        with pytest.raises(anthropic.NotFoundError, match=r"nearest is flow"):
            client.messages.create(**ask, extra_body={"top_k": 3})
        with pytest.raises(anthropic.NotFoundError):
            client.messages.count_tokens(model="demo-tools", messages=ask["messages"])
        assert time.monotonic() - began < 20
        client.close()
        assert "+ $.top_k  3" in running.log
