"""Streams in bad weather: odd framing, silence, cuts, callers who leave. Each scene has credentials of its own."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest
from google.genai import errors as google

from tests.end_to_end.conftest import Clients
from tests.end_to_end.scenery import (
    CLIENTS,
    MODELS,
    UPSTREAMS,
    ask,
    ended_well,
    error_of,
    payloads,
    provider,
    request,
    text_in,
)
from tests.end_to_end.talk import Prompt
from tests.proxy import proxy
from tests.upstreams import Answer, Call, FakeUpstream, Gate, Play

TEXT = "Grüße, 世界 🙂: a text that is cut in many places."
MANNERS: dict[str, dict[str, Any]] = {
    "byte-by-byte": {"chunk": 1},
    "gzip": {"coding": "gzip"},
    "gzip-byte-by-byte": {"coding": "gzip", "chunk": 1},
    "br": {"coding": "br"},
    "crlf": {"crlf": True},
    "content-length": {"framing": "length"},
    "until-eof": {"framing": "eof"},
}
SCENES = ("good", "cut", "silent", "left", "page", "empty", "garbage")
COMMENT = b": keep-alive"
FILLER = {
    "claude": b'event: ping\ndata: {"type":"ping"}',
    "openai-chat": COMMENT,
    "openai-responses": COMMENT,
    "gemini": b"",
}
"""What stands on the wire, but for line ends, while there is nothing to say."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as server:
        yield server


@pytest.fixture(scope="module")
def clients(upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    config: dict[str, Any] = {"request-retry": 0, "disable-cooling": True, "streaming": {"keepalive-seconds": 1}}
    for kind in UPSTREAMS:
        for scene in SCENES:
            provider(config, kind, key(scene, kind), upstream.url, [(MODELS[kind], f"{scene}-{kind}")])
    with proxy(config, tmp_path_factory.mktemp("streams")) as running:
        made = Clients(running.url)
        yield made
        made.close()


@pytest.fixture(autouse=True)
def fresh(upstream: FakeUpstream) -> Iterator[None]:
    upstream.reset()
    yield
    upstream.check()


def key(scene: str, kind: str) -> str:
    """The key of a scene."""
    return f"sk-{scene}-{kind}"


@pytest.mark.parametrize("kind", UPSTREAMS)
@pytest.mark.parametrize("manner", MANNERS)
def test_any_framing_says_the_same(clients: Clients, upstream: FakeUpstream, manner: str, kind: str) -> None:
    answer = Answer(TEXT, "Thought.", (Call("weather", {"city": "Tromsø"}),), pieces=7)
    place = list(MANNERS).index(manner) + UPSTREAMS.index(kind)
    for step, way in enumerate(("events", "whole")):
        upstream.play(key("good", kind), Play(answer, **MANNERS[manner]))
        heard = clients.talker(CLIENTS[(place + step) % 4], way).ask(Prompt(f"good-{kind}", tools=True))
        upstream.check()
        assert (heard.text, heard.stop) == (TEXT, "tool")
        assert heard.calls == [("weather", {"city": "Tromsø"})]


@pytest.mark.parametrize("kind", UPSTREAMS)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_cut_is_never_an_end(clients: Clients, upstream: FakeUpstream, client: str, kind: str) -> None:
    answer = Answer("One two three four five six.", pieces=14)
    scenes: list[dict[str, Any]] = [
        {"cut_at": 8, "cut": "eof"},
        {"cut_at": 8, "cut": "reset"},
        {"cut_at": 8, "cut": "eof", "framing": "eof"},
        {"cut_at": 8, "cut": "eof", "framing": "length"},
        {"error_at": 8},
    ]
    for scene in scenes:
        upstream.play(key("cut", kind), Play(answer, **scene))
        raw = ask(clients.plain, client, f"cut-{kind}", stream=True)
        assert raw.status_code == 200
        said = payloads(raw.content)
        assert text_in(client, said).startswith("One "), scene
        assert not ended_well(client, raw.content), scene
        assert _is_failure(client, said[-1]), (scene, raw.text[-500:])


@pytest.mark.parametrize("client", CLIENTS)
def test_the_library_raises_on_a_cut(clients: Clients, upstream: FakeUpstream, client: str) -> None:
    upstream.play(key("cut", "claude"), Play(Answer("One two three four.", pieces=9), cut_at=7))
    way = "helper" if client == "openai-responses" else "events"
    errors = (anthropic.APIError, openai.OpenAIError, google.APIError, RuntimeError)
    with pytest.raises(errors):
        clients.talker(client, way).ask(Prompt("cut-claude"))


@pytest.mark.parametrize("kind", UPSTREAMS)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_cut_whole_answer_is_an_error(clients: Clients, upstream: FakeUpstream, client: str, kind: str) -> None:
    for scene in ({"cut_at": 0, "cut_inside": True}, {"cut_at": 0, "cut": "reset", "framing": "length"}):
        upstream.play(key("cut", kind), Play(Answer("One two three."), **scene))
        answer = ask(clients.plain, client, f"cut-{kind}")
        assert answer.status_code == 502
        assert error_of(client, answer.json())


def _is_failure(client: str, last: dict[str, Any]) -> bool:
    if client == "openai-responses":
        return last["type"] in ("response.failed", "error")
    return bool(error_of(client, last))


@pytest.mark.parametrize("scene", ["page", "empty", "garbage"])
@pytest.mark.parametrize("kind", UPSTREAMS)
def test_a_200_that_is_no_answer(clients: Clients, upstream: FakeUpstream, kind: str, scene: str) -> None:
    plays = {
        "page": Play(raw=b"<html>Sign in</html>", content_type="text/html"),
        "empty": Play(raw=b"", content_type="application/json"),
        "garbage": Play(raw=b"\x00\x01 no answer \xff", content_type="application/json"),
    }
    for stream in (False, True):
        client = CLIENTS[(UPSTREAMS.index(kind) + stream) % 4]
        upstream.play(key(scene, kind), plays[scene])
        answer = ask(clients.plain, client, f"{scene}-{kind}", stream)
        assert answer.status_code == 502, answer.text
        message = error_of(client, answer.json())
        assert scene != "page" or "text/html" in message


@pytest.mark.parametrize("kind", UPSTREAMS)
@pytest.mark.parametrize("when", [-1, 8])
def test_who_leaves_takes_the_upstream_along(clients: Clients, upstream: FakeUpstream, kind: str, when: int) -> None:
    upstream.play(key("left", kind), Play(Answer("Never heard to its end. " * 9, pieces=30), hold_at=when))
    asked = request(CLIENTS[UPSTREAMS.index(kind) - 1], f"left-{kind}", stream=True)
    if when == -1:
        with pytest.raises(httpx.ReadTimeout):
            clients.plain.request(**asked, timeout=0.3)
    else:
        with clients.plain.stream(**asked) as answer:
            assert next(answer.iter_bytes())
    left = time.monotonic()
    assert upstream.asked(key=key("left", kind))[0].cancelled.wait(1.0)
    assert time.monotonic() - left < 1.0


@pytest.mark.parametrize("client", CLIENTS)
def test_silence_is_filled(clients: Clients, upstream: FakeUpstream, client: str) -> None:
    gate = Gate()
    upstream.play(key("silent", "claude"), Play(Answer("Before. After.", pieces=2), hold_at=4, gate=gate))
    raw, fillers = b"", []
    with clients.plain.stream(**request(client, "silent-claude", stream=True)) as answer:
        for chunk in answer.iter_raw():
            raw += chunk
            if chunk.strip(b"\n") == FILLER[client]:
                fillers.append(chunk)
                gate.open()
    assert fillers
    assert text_in(client, payloads(raw)) == "Before. After."
    assert ended_well(client, raw)


@pytest.mark.parametrize("client", CLIENTS)
def test_the_library_survives_silence(clients: Clients, upstream: FakeUpstream, client: str) -> None:
    gate = Gate()
    upstream.play(key("silent", "openai-chat"), Play(Answer("Before. After.", pieces=2), hold_at=2, gate=gate))
    timer = threading.Timer(1.3, gate.open)
    timer.start()
    heard = clients.talker(client, "helper").ask(Prompt("silent-openai-chat"))
    timer.join()
    assert (heard.text, heard.stop) == ("Before. After.", "end")
