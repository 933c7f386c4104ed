"""The rest of the surface: model lists, token counts, the guard, keys, the demo models, HTTP/2 and TLS upstreams."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest
from google import genai

from tests.end_to_end.conftest import Clients
from tests.end_to_end.scenery import (
    ALIASES,
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
from tests.proxy import Proxy, proxy
from tests.upstreams import Answer, FakeUpstream, Play, certificates
from tests.upstreams.server import COUNTED


def test_banner_and_health(clients: Clients) -> None:
    assert clients.plain.get("/").json()["message"]
    assert clients.plain.get("/healthz").json() == {"status": "ok"}


def test_models_as_openai_lists_them(clients: Clients) -> None:
    listed = [model.id for model in clients.openai.models.list()]
    assert set(ALIASES.values()) <= set(listed)


def test_models_as_anthropic_lists_them(clients: Clients) -> None:
    listed = {model.id: model for model in clients.claude.models.list()}
    assert set(ALIASES.values()) <= set(listed)
    assert all(model.type == "model" and model.display_name for model in listed.values())


def test_models_as_google_lists_them(clients: Clients) -> None:
    listed = [model.name for model in clients.gemini.models.list()]
    assert {f"models/{alias}" for alias in ALIASES.values()} <= set(listed)
    beta = clients.plain.get("/v1beta/models").json()
    assert {f"models/{alias}" for alias in ALIASES.values()} <= {model["name"] for model in beta["models"]}
    one = clients.plain.get(f"/v1beta/models/{ALIASES['gemini']}").json()
    assert one["name"] == f"models/{ALIASES['gemini']}"


def test_models_as_codex_lists_them(clients: Clients) -> None:
    listed = clients.plain.get("/v1/models", params={"client_version": "0.169.0"}).json()
    assert set(ALIASES.values()) <= {model["slug"] for model in listed["models"]}


@pytest.mark.parametrize("kind", UPSTREAMS)
def test_token_counts(clients: Clients, upstream: FakeUpstream, kind: str) -> None:
    upstream.play(MODELS[kind], *[Answer()] * 3)
    message: Any = {"role": "user", "content": "How many tokens are in this sentence?"}
    counted = [
        clients.claude.messages.count_tokens(model=ALIASES[kind], messages=[message]).input_tokens,
        clients.gemini.models.count_tokens(model=ALIASES[kind], contents=message["content"]).total_tokens,
        clients.openai.responses.input_tokens.count(model=ALIASES[kind], input=[message]).input_tokens,
    ]
    if kind == "openai-chat":  # with OpenAI's own tables: a host that speaks its dialect has nothing to ask
        assert all(5 <= count <= 30 for count in counted if count is not None)
    else:
        assert counted == [COUNTED] * 3


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", UPSTREAMS)
async def test_the_asynchronous_libraries(gateway: Proxy, upstream: FakeUpstream, kind: str, stream: bool) -> None:
    upstream.play(MODELS[kind], *[Answer("At once.")] * 4)
    model, said = ALIASES[kind], "What is new?"
    messages: Any = [{"role": "user", "content": said}]
    async with (
        anthropic.AsyncAnthropic(base_url=gateway.url, api_key="k", max_retries=0) as claude,
        openai.AsyncOpenAI(base_url=gateway.url + "/v1", api_key="k", max_retries=0) as chatgpt,
        genai.Client(api_key="k", http_options={"base_url": gateway.url}).aio as gemini,
    ):
        if stream:
            asking = (
                _claude(claude, model, messages),
                _chat(chatgpt, model, messages),
                _responses(chatgpt, model, said),
                _gemini(gemini, model, said),
            )
            texts: list[Any] = list(await asyncio.gather(*asking))
        else:
            message = await claude.messages.create(model=model, max_tokens=99, messages=messages)
            completion = await chatgpt.chat.completions.create(model=model, messages=messages)
            response = await chatgpt.responses.create(model=model, input=said)
            reply = await gemini.models.generate_content(model=model, contents=said)
            spoken: Any = message.content[0]
            texts = [spoken.text, completion.choices[0].message.content, response.output_text, reply.text]
    assert texts == ["At once."] * 4


async def _claude(client: anthropic.AsyncAnthropic, model: str, messages: Any) -> str:
    async with client.messages.stream(model=model, max_tokens=99, messages=messages) as stream:
        return "".join([text async for text in stream.text_stream])


async def _chat(client: openai.AsyncOpenAI, model: str, messages: Any) -> str:
    async with client.chat.completions.stream(model=model, messages=messages) as stream:
        return (await stream.get_final_completion()).choices[0].message.content or ""


async def _responses(client: openai.AsyncOpenAI, model: str, said: str) -> str:
    async with client.responses.stream(model=model, input=said) as stream:
        return (await stream.get_final_response()).output_text


async def _gemini(client: Any, model: str, said: str) -> str:
    chunks = await client.models.generate_content_stream(model=model, contents=said)
    return "".join([chunk.text or "" async for chunk in chunks])


FOREIGN = [
    {"host": "evil.example"},
    {"host": "evil.example:8317"},
    {"host": "127.0.0.1.evil.example"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_web_pages_are_kept_out(clients: Clients, upstream: FakeUpstream, headers: dict[str, str]) -> None:
    for dialect in CLIENTS:
        answer = ask(clients.plain, dialect, ALIASES["claude"], headers=dict(headers))
        assert answer.status_code == 403
        assert error_of(dialect, answer.json())
        assert "access-control-allow-origin" not in answer.headers
    assert upstream.seen == []


@pytest.mark.parametrize("headers", [{"host": "localhost"}, {"origin": "http://localhost:3000"}], ids=str)
def test_this_machine_is_let_in(clients: Clients, upstream: FakeUpstream, headers: dict[str, str]) -> None:
    upstream.play(MODELS["claude"], Answer("welcome"))
    assert ask(clients.plain, "openai-chat", ALIASES["claude"], headers=headers).status_code == 200


def test_a_body_too_large(gateway: Proxy) -> None:
    """Refused by its announced length: nobody needs to send or hold it."""
    head = f"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1:{gateway.port}\r\ncontent-length: {10**12}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as line:
        line.sendall(head.encode() + b'{"model":')
        assert b" 413 " in line.recv(4096).split(b"\r\n")[0]


KEY = "sk-of-a-client"
PLACES: dict[str, dict[str, Any]] = {
    "bearer": {"headers": {"authorization": f"Bearer {KEY}"}},
    "bare": {"headers": {"authorization": KEY}},
    "x-api-key": {"headers": {"x-api-key": KEY}},
    "x-goog-api-key": {"headers": {"x-goog-api-key": KEY}},
    "key": {"params": {"key": KEY}},
    "auth_token": {"params": {"auth_token": KEY}},
    "wrong-and-right": {"headers": {"authorization": "Bearer wrong", "x-api-key": KEY}},
}


@pytest.fixture(scope="module")
def keyed(shared_upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A proxy that wants a key of its clients."""
    config: dict[str, Any] = {"api-keys": [KEY], "request-retry": 0}
    provider(config, "claude", "sk-upstream-claude", shared_upstream.url, [(MODELS["claude"], "keyed")])
    with (
        proxy(config, tmp_path_factory.mktemp("keyed")) as running,
        httpx.Client(base_url=running.url, timeout=20) as plain,
    ):
        yield plain


@pytest.mark.parametrize("place", PLACES)
def test_a_key_in_every_place(keyed: httpx.Client, upstream: FakeUpstream, place: str) -> None:
    given = PLACES[place]
    for dialect in CLIENTS:
        upstream.play(MODELS["claude"], Answer("let in"))
        asked = request(dialect, "keyed", stream=False)
        asked["headers"] |= given.get("headers", {})
        answer = keyed.request(**asked, params=given.get("params"))
        assert answer.status_code == 200, answer.text
        assert KEY not in str(upstream.seen[-1].asked.headers) + upstream.seen[-1].path


def test_no_key_or_a_wrong_one(keyed: httpx.Client, upstream: FakeUpstream) -> None:
    for dialect in CLIENTS:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"x-api-key": "wrong"}):
            answer = ask(keyed, dialect, "keyed", headers=dict(headers))
            assert answer.status_code == 401
            assert error_of(dialect, answer.json())
            assert "wrong" not in answer.text
    assert keyed.get("/v1/models").status_code == 401
    assert keyed.get("/healthz").status_code == 200
    assert upstream.seen == []


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """A proxy without any credential."""
    with proxy({}, tmp_path_factory.mktemp("demo")) as running:
        made = Clients(running.url)
        yield made
        made.close()


@pytest.mark.parametrize("way", ["whole", "events", "helper"])
@pytest.mark.parametrize("client", CLIENTS)
def test_without_credentials_the_demo_answers(demo: Clients, client: str, way: str) -> None:
    names = [model.id for model in demo.openai.models.list()]
    assert names
    heard = demo.talker(client, way).ask(Prompt(names[0]))
    assert heard.text
    assert heard.stop == "end"


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeUpstream, httpx.Client]]:
    """An HTTP/2 upstream behind TLS, a proxy that trusts it, and a client of that proxy."""
    folder: Path = tmp_path_factory.mktemp("secure")
    authority, context = certificates.make(folder)
    config: dict[str, Any] = {"request-retry": 0, "disable-cooling": True}
    with FakeUpstream(tls=context) as server:
        for kind in UPSTREAMS:
            models = [(MODELS[kind], f"secure-{kind}")]
            provider(config, kind, f"sk-first-{kind}", server.url, models, priority=5)
            provider(config, kind, f"sk-second-{kind}", server.url, models)
        trust = ("--set", f"ssl_verify_upstream_trusted_ca={authority}")
        with (
            proxy(config, folder / "proxy", args=trust) as running,
            httpx.Client(base_url=running.url, timeout=20) as plain,
        ):
            yield server, plain


@pytest.mark.parametrize("kind", UPSTREAMS)
def test_http2_upstreams(secure: tuple[FakeUpstream, httpx.Client], kind: str) -> None:
    server, plain = secure
    for stream in (False, True):
        server.reset()
        server.play(f"sk-first-{kind}", Answer("Over two."))
        answer = ask(plain, "openai-chat", f"secure-{kind}", stream)
        server.check()
        assert answer.status_code == 200, answer.text
        assert (text_in("openai-chat", payloads(answer.content)) if stream else answer.text).count("Over two.") == 1


@pytest.mark.parametrize("kind", UPSTREAMS)
@pytest.mark.parametrize("cut", ["reset", "eof"])
def test_http2_streams_break_too(secure: tuple[FakeUpstream, httpx.Client], kind: str, cut: Any) -> None:
    server, plain = secure
    server.reset()
    server.play(f"sk-first-{kind}", Play(Answer("lost"), cut_at=-1, cut=cut))
    server.play(f"sk-second-{kind}", Answer("found"))
    answer = ask(plain, "claude", f"secure-{kind}", stream=True)
    assert text_in("claude", payloads(answer.content)) == "found"
    server.play(f"sk-first-{kind}", Play(Answer("a b c d e f g", pieces=13), cut_at=7, cut=cut))
    answer = ask(plain, "claude", f"secure-{kind}", stream=True)
    assert not ended_well("claude", answer.content)
    assert error_of("claude", payloads(answer.content)[-1])
    server.check()


def test_http2_cancel(secure: tuple[FakeUpstream, httpx.Client]) -> None:
    server, plain = secure
    server.reset()
    server.play("sk-first-claude", Play(Answer("a b c d e f g", pieces=6), hold_at=5))
    with plain.stream(**request("openai-chat", "secure-claude", stream=True)) as answer:
        assert next(answer.iter_bytes())
    assert server.seen[0].cancelled.wait(1.0)


def test_an_upstream_nobody_vouches_for(secure: tuple[FakeUpstream, httpx.Client], tmp_path: Path) -> None:
    config: dict[str, Any] = {"request-retry": 0}
    provider(config, "claude", "sk-x", secure[0].url, [(MODELS["claude"], "untrusted")])
    with proxy(config, tmp_path / "wary") as running, httpx.Client(base_url=running.url, timeout=20) as plain:
        secure[0].reset()
        answer = ask(plain, "openai-chat", "untrusted", stream=True)
        assert answer.status_code == 502
        assert "certificate" in error_of("openai-chat", answer.json()).lower()
        assert secure[0].seen == []
