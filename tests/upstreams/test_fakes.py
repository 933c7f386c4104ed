"""The fakes against the official libraries, without a proxy: what is refused later is then the proxy's fault."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest
from google import genai

from tests.end_to_end.claude_client import ClaudeTalker
from tests.end_to_end.gemini_client import GeminiTalker
from tests.end_to_end.openai_clients import ChatTalker, ResponsesTalker
from tests.end_to_end.talk import PNG, Prompt, Talker
from tests.upstreams import Answer, Call, FakeUpstream, Play, certificates
from tests.upstreams.dialects import seal

CALLS = (Call("weather", {"city": "Oslo"}), Call("weather", {"city": "Rome"}))
VENDORS = {"claude": "anthropic", "openai-responses": "openai", "gemini": "google"}


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream(keys={"sk-fake"}) as server:
        yield server


@pytest.fixture(scope="module")
def talkers(upstream: FakeUpstream) -> Iterator[dict[str, Talker]]:
    with (
        anthropic.Anthropic(base_url=upstream.url, api_key="sk-fake", max_retries=0) as claude,
        openai.OpenAI(base_url=upstream.url + "/v1", api_key="sk-fake", max_retries=0) as chatgpt,
        genai.Client(api_key="sk-fake", http_options={"base_url": upstream.url}) as gemini,
    ):
        makers: list[tuple[str, Callable[[Any, str], Talker], Any]] = [
            ("claude", ClaudeTalker, claude),
            ("openai-chat", ChatTalker, chatgpt),
            ("openai-responses", ResponsesTalker, chatgpt),
            ("gemini", GeminiTalker, gemini),
        ]
        yield {
            f"{name}/{way}": make(client, way) for name, make, client in makers for way in ("whole", "events", "helper")
        }


@pytest.mark.parametrize("way", ["whole", "events", "helper"])
@pytest.mark.parametrize("dialect", ["claude", "openai-chat", "openai-responses", "gemini"])
def test_a_conversation_with_tools_thinking_and_an_image(
    upstream: FakeUpstream, talkers: dict[str, Talker], dialect: str, way: str
) -> None:
    model = f"{dialect}-{way}"
    upstream.play(model, Answer("Looking.", "Two cities.", CALLS), Answer("Rain and sun."))
    talker = talkers[f"{dialect}/{way}"]
    first = talker.ask(Prompt(model, system="Be brief.", tools=True, image=True, think=True))
    second = talker.answer(["rain", "sun"])
    upstream.check()
    assert (first.text, first.thinking, first.stop) == ("Looking.", "Two cities.", "tool")
    assert first.calls == [(call.name, call.arguments) for call in CALLS]
    assert first.counts == (100, 80, 40)
    assert (second.text, second.stop) == ("Rain and sun.", "end")
    said = upstream.seen[-1].said
    assert (said.system, said.images) == (["Be brief."], [PNG])
    assert [text for _, text in said.results] == ["rain", "sun"]
    if dialect in VENDORS:
        assert said.seals == [seal(VENDORS[dialect], "Two cities.")]


def test_tls_and_http2(tmp_path: Path) -> None:
    authority, context = certificates.make(tmp_path)
    with FakeUpstream(tls=context) as server:
        server.always("m", Answer("hello"))
        trust = ssl.create_default_context(cafile=str(authority))
        with httpx.Client(http2=True, verify=trust) as client:
            body = {"model": "m", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "x"}]}
            headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
            answer = client.post(server.url + "/v1/messages", json=body, headers=headers)
        assert answer.http_version == "HTTP/2"
        assert "message_stop" in answer.text
        server.check()


BAD = [
    ("/v1/messages", {"model": "m", "max_tokens": 9, "messages": [], "zz": 1}, "$.zz"),
    (
        "/v1/chat/completions",
        {"model": "m", "messages": [{"role": "tool", "tool_call_id": "x", "content": ""}]},
        "answers no",
    ),
    ("/v1/responses", {"model": "m", "input": "x", "tools": [{"type": "function", "name": "x"}]}, "strict"),
    ("/v1beta/models/m:generateContent", {"contents": [{"parts": [{"text": "x"}]}], "model": "m"}, "model"),
    ("/v1internal:generateContent", {"model": "m", "request": {"contents": []}}, "project is missing"),
    ("/v1internal:countTokens", {"model": "m", "request": {"contents": []}}, "Unknown name 'model'"),
]


@pytest.mark.parametrize(("path", "body", "word"), BAD)
def test_a_bad_request_is_refused_and_kept(upstream: FakeUpstream, path: str, body: dict[str, Any], word: str) -> None:
    name = "x-goog-api-key" if "beta" in path else "authorization"
    headers = {name: "Bearer sk-fake", "anthropic-version": "2023-06-01"}
    answer = httpx.post(upstream.url + path, json=body, headers=headers)
    assert answer.status_code == 400
    assert word in answer.text
    with pytest.raises(AssertionError, match="refused"):
        upstream.check()


def test_breaking_off(upstream: FakeUpstream) -> None:
    body = {"model": "broken", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "x"}]}
    headers = {"x-api-key": "sk-fake", "anthropic-version": "2023-06-01"}
    for play, error in (
        (Play(Answer("x"), cut_at=-1), httpx.RemoteProtocolError),
        (Play(Answer("x"), cut_at=-1, cut="reset"), httpx.ReadError),
        (Play(Answer("x"), cut_at=3, cut="eof"), httpx.RemoteProtocolError),
        (Play(Answer("x"), cut_at=3, cut="reset"), httpx.ReadError),
        (Play(Answer("x"), hold_at=-1), httpx.ReadTimeout),
        (Play(Answer("x"), hold_at=2), httpx.ReadTimeout),
    ):
        upstream.play("broken", play)
        with pytest.raises(error):
            httpx.post(upstream.url + "/v1/messages", json=body, headers=headers, timeout=0.2)
    assert upstream.seen[-1].cancelled.wait(5)
    for port in (upstream.refusing(), upstream.closing()):
        with pytest.raises(httpx.TransportError):
            httpx.post(f"http://127.0.0.1:{port}/v1/messages", json=body, headers=headers, timeout=2)
